"""Looks at every page of the built book as a reader would: `python book/check.py SCREENSHOTS`.

Each page is opened in headless Chromium with all other hosts blocked, in dark, in light and on a phone. What
a reader would stumble over is reported, one sentence each; a full-page picture of each is saved.
"""

import argparse
import contextlib
import functools
import http.server
import shutil
import threading
from pathlib import Path

HTML = Path(__file__).resolve().parent / "_build" / "html"
WINDOWS = {  # name: its options, and the looks that are taken in it, one after another; a page is loaded once in each
    "wide": ({"viewport": {"width": 1280, "height": 900}}, ("dark", "light")),
    "phone": ({"viewport": {"width": 390, "height": 844}, "has_touch": True}, ("light",)),
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

LOOK = (Path(__file__).parent / "look.js").read_text()  # defines look.settle, look.unfold and look.faults


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
    """Every page of the book, as paths below `folder`.

    Raises:
      FileNotFoundError: where there is none, which must not pass for a book without a fault.
    """
    found = (str(page.relative_to(folder)) for page in sorted(folder.rglob("*.html")))
    if not (kept := [page for page in found if not page.startswith("_")]):
        raise FileNotFoundError(f"{folder} holds no page of the book: `make book` builds it")
    return kept


def faults(browser, address: str, page: str, window: str, pictures: Path | None = None) -> list[str]:
    """What is wrong with one page in one window, a sentence each; full-page pictures go into `pictures`.

    The reader's system changes from dark to light while the page is open, and last of all what is folded is opened.
    """
    options, colours = WINDOWS[window]
    context = browser.new_context(**options, color_scheme=colours[0])
    found = []
    try:
        context.route("**/*", functools.partial(_only_from, address, found))
        tab = context.new_page()
        tab.on("console", lambda m: found.append(f"console: {m.text[:200]}") if m.type == "error" else None)
        tab.on("pageerror", lambda error: found.append(f"error: {str(error)[:200]}"))
        tab.on("response", lambda r: found.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        tab.goto(f"{address}/{page}", wait_until="load")
        tab.evaluate(LOOK)
        for colour in colours:
            tab.emulate_media(color_scheme=colour)
            found += _seen(tab, colour)
            if pictures:
                pictures.mkdir(parents=True, exist_ok=True)
                name = f"{page.removesuffix('.html').replace('/', '_')}_{window}_{colour}.png"
                tab.screenshot(path=str(pictures / name), full_page=True)
        if tab.evaluate("look.unfold()"):
            found += _seen(tab, colour)
    finally:
        context.close()
    return sorted(set(found))


def _seen(tab, colour):
    tab.evaluate("look.settle()")
    theme = tab.evaluate("document.documentElement.dataset.theme")
    wrong = [] if theme == colour else [f"{colour} is asked for, and the page is {theme}"]
    return wrong + [f"in {colour}, {fault}" for fault in tab.evaluate("look.faults()")]


def _only_from(address, found, route):
    url = route.request.url
    if url.startswith((address, "data:", "blob:")):
        route.continue_()
    else:
        found.append(f"asks another host: {url[:150]}")
        route.abort()


def check(folder: Path, pictures: Path | None = None) -> dict[tuple[str, str], list[str]]:
    """The faults of every page in every window: {(page, window): sentences}, without those that have none."""
    result = {}
    with served(folder) as address, chromium() as browser:
        for page in pages(folder):
            for window in WINDOWS:
                result[page, window] = faults(browser, address, page, window, pictures)
    return {place: sentences for place, sentences in result.items() if sentences}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, help="folder for the full-page pictures")
    parser.add_argument("--book", type=Path, default=HTML, help="the built book")
    options = parser.parse_args()
    try:
        found = check(options.book, options.pictures)
    except FileNotFoundError as error:
        parser.error(str(error))
    for (page, window), sentences in found.items():
        print(*(f"{page} ({window}): {sentence}" for sentence in sentences), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
