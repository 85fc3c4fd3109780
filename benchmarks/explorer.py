"""Time from a click to the drawn picture: on exported pages, and live in JupyterLab beside bertviz's head_view.

Use, in the project's environment and a folder for bertviz's:

    python -m venv BERTVIZ && BERTVIZ/bin/pip install torch transformers bertviz ipython
    npm pack d3@5.7.0 jquery@2.2.4 requirejs@2.3.6, each unpacked into a folder of that name under SCRIPTS
    python benchmarks/explorer.py [--bertviz BERTVIZ/bin/python --scripts SCRIPTS] [TOKENS ...]

Random weights of ViT-B's size (12 layers, 12 heads, width 768), class token and joint attention over all tokens.
Exported pages are of the embedded models and a real clip; --pages measures those alone. They run the model themselves.
head_view gets random attention of one layer and as many heads, since its page holds every weight.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import nbformat
from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from browser.conftest import CHROME_ARGS  # noqa: E402
from browser.jupyterlab import jupyterlab, run_all  # noqa: E402

import vivit_edu as ve  # noqa: E402

PATIENCE = 90  # seconds until head_view, its page or its drawing, is said to have failed
CLIPS = {64: (8, 42, 64), 256: (8, 128, 128), 512: (16, 128, 128), 3137: (32, 224, 224)}  # (frames, height, width)
CELL = """
import numpy as np
from flax import nnx
import vivit_edu as ve
config = ve.named("ViViT-B/16x2", classes=400, frames={frames}, size=({height}, {width}))
model = ve.ViViT(config, rngs=nnx.Rngs(0))
frames = np.random.default_rng(0).integers(0, 255, ({frames}, {height}, {width}, 3), dtype=np.uint8)
explorer = ve.explain.Explorer(model, frames, autoplay=False)
explorer
"""
# Resolves when what was asked with a press of a token has been drawn and the browser has painted.
CLICK = """([tile, x, y]) => new Promise(done => {
    const canvas = document.querySelectorAll('.vivit-x-tile > canvas')[tile], box = canvas.getBoundingClientRect();
    const { session } = document.querySelector('.vivit-x-root'), from = performance.now();
    const point = { clientX: box.left + x * box.width, clientY: box.top + y * box.height, bubbles: true };
    for (const kind of ['pointerdown', 'pointerup', 'click']) canvas.dispatchEvent(new PointerEvent(kind, point));
    const look = () => session.phase === 'here'
        ? requestAnimationFrame(() => done(performance.now() - from)) : setTimeout(look, 1);
    look(); })"""
# Resolves when the first whole picture is there: milliseconds since the page began to open.
FIRST = """() => new Promise(done => {
    const look = () => document.querySelector('.vivit-x-root')?.session.phase === 'here'
        ? requestAnimationFrame(() => done(performance.now())) : setTimeout(look, 1);
    look(); })"""
EMBEDDED = ["ViT-nano/8", "ViViT-nano/8x2", *(f"ViViT-nano/8x2 {suffix}" for suffix in ("FE", "FSA", "FDP", "AP"))]
VIEW = """
import sys, torch
from bertviz import head_view
n = int(sys.argv[1])
attention = [torch.rand(1, 12, n, n).softmax(-1)]
page = head_view(attention, [str(i) for i in range(n)], html_action="return").data
head = "<script src='https://cdnjs.cloudflare.com/ajax/libs/require.js/2.3.6/require.min.js'></script>"
open(sys.argv[2], "w").write("<!DOCTYPE html><meta charset=utf-8><body>" + head + page)
"""


def page_times(browser, name, clicks=31):
    """Milliseconds until the first picture, median of five; of each click but the first; and the page's size in kB."""
    model, example = ve.pretrained.load(name), ve.data.clips.examples("test")[7]
    clip = ve.data.read_clip(example.path, frames=16, stride=1)[: model.config.frames]
    with tempfile.TemporaryDirectory() as folder:
        path = ve.explain.Explorer(model, clip, autoplay=False).export(pathlib.Path(folder) / "page.html")
        first = []
        for _ in range(5):
            page = browser.new_page()
            page.goto(path.as_uri(), wait_until="commit")
            page.wait_for_selector(".vivit-x-root")
            first.append(page.evaluate(FIRST))
            tiles = page.locator(".vivit-x-tile").count()
            taken = [page.evaluate(CLICK, [n % tiles, (0.13 * n) % 1, (0.37 * n) % 1]) for n in range(clicks)]
            page.close()
        return statistics.median(first), taken[1:], path.stat().st_size / 1e3


def print_pages(browser):
    """A table, one row for each embedded model."""
    print("| exported page | size (kB) | first picture (ms) | click to drawn, median (ms) | slowest (ms) |")
    print("|---|---|---|---|---|")
    for name in EMBEDDED:
        first, taken, size = page_times(browser, name)
        print(f"| {name} | {size:.0f} | {first:.0f} | {statistics.median(taken):.0f} | {max(taken):.0f} |", flush=True)


def explorer_times(browser, tokens, clicks=31):
    """Milliseconds of each click but the first, and the page's heap in MB."""
    frames, height, width = CLIPS[tokens]
    cell = CELL.format(frames=frames, height=height, width=width)
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)], metadata=metadata)
    with tempfile.TemporaryDirectory() as folder:
        with jupyterlab(pathlib.Path(folder), "explorer.ipynb", nbformat.writes(notebook)) as address:
            page = browser.new_page()
            run_all(page, address, "explorer.ipynb", seconds=420)
            page.wait_for_selector(".vivit-x-panel[aria-busy=false]", timeout=60_000)
            tiles = page.locator(".vivit-x-tile").count()
            taken = [page.evaluate(CLICK, [n % tiles, (0.13 * n) % 1, (0.37 * n) % 1]) for n in range(clicks)]
            session = page.context.new_cdp_session(page)
            heap = session.send("Runtime.getHeapUsage")
            page.close()
    return taken[1:], (heap["usedSize"] + heap.get("backingStorageSize", 0)) / 1e6


def bertviz_time(browser, tokens, options):
    """Milliseconds until head_view has drawn its lines, and the page's size in MB."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "view.html"
        subprocess.run([options.bertviz, "-c", VIEW, str(tokens), str(path)], check=True, timeout=PATIENCE)
        page = browser.new_page()
        page.route("https://**/*", lambda route: route.fulfill(path=_script(options.scripts, route.request.url)))
        start = time.perf_counter()
        page.goto(path.as_uri(), timeout=1000 * PATIENCE)
        page.wait_for_function("document.querySelectorAll('svg line').length >= 12", timeout=1000 * PATIENCE)
        page.evaluate("() => new Promise(requestAnimationFrame)")
        taken, size = 1000 * (time.perf_counter() - start), path.stat().st_size / 1e6
        page.close()
    return taken, size


def _script(folder, url):
    names = {
        "d3": "d3/package/dist/d3.min.js",
        "jquery": "jquery/package/dist/jquery.min.js",
        "require": "requirejs/package/require.js",
    }
    return folder / next(path for name, path in names.items() if name in url)


def main():
    """Prints both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tokens", nargs="*", type=int, default=list(CLIPS))
    parser.add_argument("--bertviz", help="the Python of an environment that holds it")
    parser.add_argument("--scripts", type=pathlib.Path, help="the folder of d3, jquery and requirejs")
    parser.add_argument("--pages", action="store_true", help="exported pages alone")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROME_ARGS)
        print_pages(browser)
        if not options.pages:
            print_live(browser, options)
        browser.close()


def print_live(browser, options):
    """A table, one row for each number of tokens."""
    print(
        "\n| tokens | click to drawn, median (ms) | slowest (ms) | heap (MB) | head_view drawn (ms) | its page (MB) |"
    )
    print("|---|---|---|---|---|---|")
    for tokens in options.tokens or CLIPS:
        taken, heap = explorer_times(browser, tokens)
        theirs = ("not run", "not run")
        if options.bertviz:
            try:
                theirs = tuple(f"{x:.1f}" for x in bertviz_time(browser, tokens, options))
            except Exception as error:
                theirs = (f"failed: {type(error).__name__}", "")
        middle = statistics.median(taken)
        print(f"| {tokens} | {middle:.0f} | {max(taken):.0f} | {heap:.0f} | {theirs[0]} | {theirs[1]} |", flush=True)


if __name__ == "__main__":
    main()
