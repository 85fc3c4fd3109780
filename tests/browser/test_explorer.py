"""The attention explorer in a real browser: in a page of the book, and live in JupyterLab."""

import base64
import hashlib
import json
import pathlib
import time

import nbformat
import numpy as np
import pytest
from browser.jupyterlab import ROOT, jupyterlab, run_all

import vivit_edu as ve

pytest.importorskip("anywidget")
SAID, LARGE, TILES = ".vivit-x-said", ".vivit-x-side > .vivit-x-frame", ".vivit-x-tile > .vivit-x-frame"
LIVE = """
import numpy as np
import vivit_edu as ve
model = ve.pretrained.load("ViViT-nano/8x2 FE")
frames = np.random.default_rng(0).integers(0, 255, (16, 32, 32, 3), dtype=np.uint8)
explorer = ve.explain.Explorer(model, frames, autoplay=False)
large = np.random.default_rng(1).integers(0, 255, (48, 240, 320, 3), dtype=np.uint8)  # noise: more than one piece
print(len(ve.data.write_clip("mine.mp4", large, crf=4)))
open("notes.mp4", "w").write("these are words")
explorer
"""


def pixels(page, selector=TILES, nth=4):
    """What a canvas shows, as a short digest."""
    url = page.locator(selector).nth(nth).evaluate("canvas => canvas.toDataURL()")
    return hashlib.sha1(base64.b64decode(url.split(",")[1])).hexdigest()


def test_a_saved_state_lives_in_a_page_of_the_book(open_page, tmp_path):
    embed = pytest.importorskip("ipywidgets.embed")
    model = ve.pretrained.load("ViViT-nano/8x2 FE")
    frames = np.random.default_rng(0).integers(0, 255, (16, 32, 32, 3), dtype=np.uint8)
    explorer = ve.explain.Explorer(model, frames, autoplay=False)
    saved = embed.embed_data(views=[explorer], drop_defaults=False)
    parts = {"state": saved["manager_state"], "view": saved["view_specs"][0]}
    scripts = "".join(
        f'<script type="application/vnd.jupyter.widget-{kind}+json">{json.dumps(part)}</script>'
        for kind, part in parts.items()
    )
    code = (ROOT / "vivit_edu/explain/explorer/static/page/saved.js").read_text() + (
        ROOT / "book/widgets.js"
    ).read_text()
    (tmp_path / "widgets.js").write_text(f"(() => {{{code}}})();")
    page_of_book = tmp_path / "chapter.html"
    page_of_book.write_text(f"<!DOCTYPE html><body>{scripts}<script src='widgets.js' defer></script></body>")
    page, errors = open_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(page_of_book.as_uri())
    page.locator(TILES).nth(6).click(position={"x": 5, "y": 5})
    page.get_by_text("The token at time 6, row 0, column 0: in space, layer 2").wait_for()
    page.locator(".vivit-x-knock summary").click()
    before = page.inner_text(".vivit-x-bars")
    page.locator(".vivit-x-switch").first.click()
    page.wait_for_function("before => document.querySelector('.vivit-x-bars').innerText !== before", arg=before)
    assert (errors, page.outside) == ([], [])


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab on a notebook with one explorer."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(LIVE)], metadata=kernel)
    with jupyterlab(tmp_path, "explorer.ipynb", nbformat.writes(notebook)) as address:
        yield address


@pytest.mark.slow
def test_live_in_jupyterlab_a_click_asks_the_kernel(lab, open_page):
    page, errors = open_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    run_all(page, lab, "explorer.ipynb", seconds=120)
    page.wait_for_selector(LARGE, timeout=120_000)
    before, said = pixels(page), page.inner_text(SAID)
    page.locator(TILES).nth(4).click(position={"x": 5, "y": 5})
    page.wait_for_function("s => document.querySelector('.vivit-x-said').innerText !== s", arg=said)
    page.wait_for_function("document.querySelector('.vivit-x-panel').getAttribute('aria-busy') === 'false'")
    assert pixels(page) != before and kernel_says(page, "explorer.query", expected="64") == "64"
    page.get_by_label("head", exact=True).select_option("2")
    page.wait_for_function("document.querySelector('.vivit-x-panel').getAttribute('aria-busy') === 'false'")
    assert kernel_says(page, "explorer.panels[0]['head']", expected="2") == "2"
    page.locator(".vivit-x-knock summary").click()
    bars = page.inner_text(".vivit-x-bars")
    page.locator(".vivit-x-switch").first.click()
    page.wait_for_function("b => document.querySelector('.vivit-x-bars').innerText !== b", arg=bars)
    assert json.loads(kernel_says(page, "__import__('json').dumps(explorer.off)")) == ["0|space/0|0"]
    use_keys(page)
    send_own_videos(page)
    assert (errors, page.outside) == ([], [])


def use_keys(page):
    """Letters that mean other things to a notebook."""
    page.locator(".vivit-x-root").focus()
    for key in ("l", "h", ".", "c", "v"):
        page.keyboard.press(key)
    page.wait_for_function("document.querySelector('.vivit-x-said').innerText.startsWith('The class token')")
    layer = kernel_says(page, "explorer.panels[0]['layer']", expected="time/0")
    assert layer == "time/0" and page.locator(".jp-Cell").count() == 1 and page.locator(".jp-Dialog").count() == 0


def send_own_videos(page):
    """A file that is none is named; one of several pieces is shown."""
    assert int(kernel_says(page, "len(open('mine.mp4', 'rb').read())")) > 4e6
    folder = pathlib.Path(kernel_says(page, "__import__('os').getcwd()"))
    said = "text => document.querySelector('.vivit-x-said').innerText.includes(text)"
    page.set_input_files(".vivit-x-file", folder / "notes.mp4")
    page.wait_for_function(said, arg="notes.mp4 cannot be read as video")
    before = pixels(page)
    page.set_input_files(".vivit-x-file", folder / "mine.mp4")
    page.wait_for_function(said, arg="Showing mine.mp4")
    assert pixels(page) != before and kernel_says(page, "explorer.off") == "[]"


ASK = """async (code) => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({ code });
    let said = '';
    future.onIOPub = message => { if (message.header.msg_type === 'stream') said += message.content.text; };
    await future.done;
    return said.trim(); }"""


def kernel_says(page, expression, *, expected=None, seconds=20):
    """What the kernel prints; where something is expected, it may take its time, as the page's news do."""
    end = time.monotonic() + seconds
    while (said := page.evaluate(ASK, f"print({expression})")) != expected and expected and time.monotonic() < end:
        time.sleep(0.2)
    return said
