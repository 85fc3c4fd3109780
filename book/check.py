"""Looks at every page of the built book as a reader would: `python book/check.py SCREENSHOTS`.

Each page is opened in headless Chromium with all other hosts blocked, in light, in dark and on a phone. What a reader
would stumble over is reported, one sentence each; a full-page picture of each is saved.
"""

import argparse
import contextlib
import functools
import http.server
import shutil
import threading
from pathlib import Path

HTML = Path(__file__).resolve().parent / "_build" / "html"
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True},
}
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Scrolls through the page, so that what is drawn late is drawn, then waits for maths, figures and clips.
SETTLE = """async () => {
  const rest = (ms) => new Promise((done) => setTimeout(done, ms));
  for (let y = 0; y < document.body.scrollHeight; y += 700) { scrollTo(0, y); await rest(60); }
  if (window.MathJax?.startup) await window.MathJax.startup.promise;
  const waiting = () => [...document.querySelectorAll(".plotly-figure > script")].some((s) => s.parentElement.offsetParent)
    || [...document.querySelectorAll("video")].some((v) => v.offsetParent && v.readyState < 2)
    || [...document.images].some((i) => i.offsetParent && !i.complete);
  for (let turn = 0; turn < 100 && waiting(); turn++) await rest(100);
  scrollTo(0, 0);
  await rest(300);
}"""

UNFOLD = '() => document.querySelectorAll("details").forEach((box) => (box.open = true))'

FAULTS = r"""() => {
  const faults = [], seen = (e) => e.offsetParent !== null;
  const name = (e) => e.id || e.closest("[id]")?.id || e.tagName.toLowerCase();
  document.querySelectorAll(".plotly-figure").forEach((box) => {
    if (!seen(box)) return;
    const svg = box.querySelector(".main-svg"), size = svg?.getBoundingClientRect();
    if (!box._fullData?.length) faults.push(`figure without traces near #${name(box)}`);
    else if (!size?.width || !size?.height) faults.push(`figure without size near #${name(box)}`);
    box.querySelectorAll(".gtitle").forEach((title) => {
      const t = title.getBoundingClientRect(), b = box.getBoundingClientRect();
      if (t.right > b.right + 1 || t.left < b.left - 1 || t.top < b.top - 1) faults.push(`figure title cut near #${name(box)}`);
    });
  });
  const light = (colour) => { const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    const [R, G, B] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return a < 0.5 ? null : 0.2126 * R + 0.7152 * G + 0.0722 * B; };
  document.querySelectorAll(".plotly-figure :is(.gtitle, .xtitle, .xtick text)").forEach((text) => {
    let at = text.closest(".plotly-figure"), ground = null;
    for (; at && ground === null; at = at.parentElement) ground = light(getComputedStyle(at).backgroundColor);
    const pair = [light(getComputedStyle(text).fill) ?? 1, ground ?? 1].sort((a, b) => b - a);
    const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (contrast < 3) faults.push(`figure text hardly seen near #${name(text)}: contrast ${contrast.toFixed(1)}`);
  });
  document.querySelectorAll("video").forEach((v) => {
    if (seen(v) && v.readyState === 0) faults.push(`clip that does not load near #${name(v)}`); });
  [...document.images].forEach((i) => {
    if (seen(i) && !i.naturalWidth) faults.push(`picture that does not load: ${i.src.slice(0, 80)}`); });
  document.querySelectorAll(".math").forEach((m) => {
    if (seen(m) && !m.querySelector("mjx-container")) faults.push(`maths not typeset: ${m.textContent.slice(0, 60)}`); });
  document.querySelectorAll("mjx-merror, [data-mml-node=merror]").forEach((m) => faults.push(`maths with an error near #${name(m)}`));
  document.querySelectorAll("mjx-container > svg").forEach((svg) => {
    const box = svg.closest("div.math, li, p, td, dd, .math"), left = box.getBoundingClientRect().left;
    if (seen(box) && svg.getBoundingClientRect().left < left - 2) faults.push(`maths cut on the left near #${name(box)}`); });
  const text = document.createTreeWalker(document.querySelector("main") ?? document.body, NodeFilter.SHOW_TEXT);
  while (text.nextNode()) {
    const { parentElement: at, data } = text.currentNode;
    if (/\$[^$\n]*\\[a-z]+[^$\n]*\$|^:::|\{(cite|eq|term|src|numref)[:}]/.test(data) && !at.closest("pre, code, script, svg"))
      faults.push(`markup left over: ${data.trim().slice(0, 60)}`);
  }
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 1) {
    const widest = [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 3);
    faults.push(`page scrolls sideways by ${wide} px: ${widest.map((e) => `${e.tagName}.${e.className}`.slice(0, 60)).join(", ")}`);
  }
  return faults;
}"""


@contextlib.contextmanager
def served(folder: Path):
    """The address at which `folder` is served on this machine."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def chromium():
    """A headless browser: the system's Chromium where there is one, else Playwright's own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=[*CHROMIUM_FLAGS])
        try:
            yield browser
        finally:
            browser.close()


def pages(folder: Path) -> list[str]:
    """Every page of the book, as paths below `folder`."""
    found = (str(page.relative_to(folder)) for page in sorted(folder.rglob("*.html")))
    return [page for page in found if not page.startswith("_")]


def faults(browser, address: str, page: str, look: str, picture: Path | None = None) -> list[str]:
    """What is wrong with one page in one look, a sentence each."""
    context = browser.new_context(**LOOKS[look])
    found = []
    try:
        context.route("**/*", functools.partial(_only_from, address, found))
        tab = context.new_page()
        tab.on("console", lambda m: found.append(f"console: {m.text[:200]}") if m.type == "error" else None)
        tab.on("pageerror", lambda error: found.append(f"error: {str(error)[:200]}"))
        tab.on("response", lambda r: found.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        tab.goto(f"{address}/{page}", wait_until="load")
        tab.evaluate(SETTLE)
        found += tab.evaluate(FAULTS)
        if picture:
            picture.parent.mkdir(parents=True, exist_ok=True)
            tab.screenshot(path=str(picture), full_page=True)
        tab.evaluate(UNFOLD)
        tab.evaluate(SETTLE)
        found += tab.evaluate(FAULTS)
    finally:
        context.close()
    return sorted(set(found))


def _only_from(address, found, route):
    url = route.request.url
    if url.startswith((address, "data:", "blob:")):
        route.continue_()
    else:
        found.append(f"asks another host: {url[:150]}")
        route.abort()


def check(folder: Path, pictures: Path | None = None) -> dict[tuple[str, str], list[str]]:
    """The faults of every page in every look: {(page, look): sentences}, without those that have none."""
    result = {}
    with served(folder) as address, chromium() as browser:
        for page in pages(folder):
            for look in LOOKS:
                picture = pictures and pictures / f"{page.removesuffix('.html').replace('/', '_')}_{look}.png"
                result[page, look] = faults(browser, address, page, look, picture)
    return {place: sentences for place, sentences in result.items() if sentences}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, help="folder for the full-page pictures")
    parser.add_argument("--book", type=Path, default=HTML, help="the built book")
    options = parser.parse_args()
    found = check(options.book, options.pictures)
    for (page, look), sentences in found.items():
        print(*(f"{page} ({look}): {sentence}" for sentence in sentences), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
