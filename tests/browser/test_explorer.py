"""The attention explorer in a real browser: as a page without a kernel, and live in JupyterLab."""

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


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    model = ve.pretrained.load("ViViT-nano/8x2 FE")
    frames = np.random.default_rng(0).integers(0, 255, (16, 32, 32, 3), dtype=np.uint8)
    explorer = ve.explain.Explorer(model, frames, autoplay=False)
    return explorer.export(tmp_path_factory.mktemp("page") / "page.html")


@pytest.fixture
def page(open_page, page_file):
    """The exported page, with its errors gathered."""

    def opened(**options):
        page = open_page(**options)
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda said: page.errors.append(said.text) if said.type == "error" else None)
        page.goto(page_file.as_uri())
        page.wait_for_selector(LARGE)
        return page

    return opened


def test_clicks_and_choices_change_the_page_without_a_kernel(page):
    page = page()
    seen = [pixels(page)]
    box = page.locator(TILES).nth(4).bounding_box()
    page.mouse.click(box["x"] + 0.1 * box["width"], box["y"] + 0.9 * box["height"])
    assert "time 4, row 3, column 0: in space, layer 2" in page.inner_text(SAID)
    seen.append(pixels(page))
    for label, value in (("layer", "time/0"), ("head", "3"), ("scale", "unit"), ("view", "contour")):
        page.get_by_label(label, exact=True).select_option(value)
        seen.append(pixels(page))
    assert len(set(seen)) == len(seen), "each click and each choice shows"
    large = pixels(page, LARGE, 0)
    page.get_by_label("frame", exact=True).fill("13")
    assert pixels(page, LARGE, 0) != large
    assert (page.errors, page.outside) == ([], [])


def test_every_control_has_a_key(page):
    page = page()
    page.locator(".vivit-x-root").focus()
    for key, sign in (
        ("ArrowRight", "time 4, row 2, column 3"),
        ("ArrowUp", "time 4, row 1, column 3"),
        (".", "time 5, row 1, column 3"),
        (",", "time 4, row 1, column 3"),
        ("h", "max of heads"),
        ("H", "mean of heads"),
        ("l", "time, layer 0"),
        ("L", "space, layer 2"),
        ("c", "The class token"),
    ):
        page.keyboard.press(key)
        assert sign in page.inner_text(SAID), key
    page.keyboard.press(" ")
    assert page.get_by_role("button", name="pause").count() == 1
    before = page.inner_text(".vivit-x-clock")
    page.wait_for_function("before => document.querySelector('.vivit-x-clock').innerText !== before", arg=before)
    assert page.errors == []


def test_the_number_under_the_pointer_is_said(page):
    page = page()
    page.locator(TILES).nth(4).hover(position={"x": 5, "y": 5})
    said = page.inner_text(".vivit-x-pointed")
    assert said.startswith("time 4, row 0, column 0: weight 0.")
    page.locator(TILES).nth(1).hover(position={"x": 5, "y": 5})
    assert page.inner_text(".vivit-x-pointed") == "time 1, row 0, column 0: out of the query's sight"


def test_a_second_panel_follows_the_same_query(page):
    page = page()
    page.get_by_text("compare").click()
    assert page.locator(LARGE).count() == 2
    page.get_by_label("layer", exact=True).nth(1).select_option("space/0")
    assert pixels(page, TILES, 4) != pixels(page, TILES, 12)
    assert page.inner_text(SAID).count("looks most at") == 2


def test_knocking_a_head_out_moves_the_answer_in_the_page(page):
    page = page()
    page.locator(".vivit-x-knock summary").click()
    before = page.inner_text(".vivit-x-bars")
    page.locator(".vivit-x-switch").first.click()
    assert page.inner_text(".vivit-x-bars") != before
    assert page.locator(".vivit-x-switch").first.get_attribute("aria-pressed") == "true"


def test_reduced_motion_is_respected(open_page, tmp_path):
    model = ve.pretrained.load("ViT-nano/8")
    explorer = ve.explain.Explorer(model, np.zeros((1, 32, 32, 3), np.uint8))
    path = explorer.export(tmp_path / "still.html")
    for motion, button in (("reduce", "play"), ("no-preference", "pause")):
        page = open_page(reduced_motion=motion)
        page.goto(path.as_uri())
        assert button in page.inner_text(".vivit-x-button >> nth=0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_whole(page, scheme):
    page = page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ink, ground = (page.evaluate(f"getComputedStyle(document.body).{part}") for part in ("color", "backgroundColor"))
    assert ink != ground and ("255" in ground) == (scheme == "light")


def test_the_twin_lives_within_another_page(open_page, tmp_path, page_file):
    from vivit_edu.explain.explorer import page as pages

    outer = tmp_path / "book.html"
    twin = pages.frame(page_file.read_text())
    outer.write_text(f'<!DOCTYPE html><html data-theme="dark"><body>{twin}</body></html>')
    page = open_page(color_scheme="light")
    page.goto(outer.as_uri())
    inner = page.frame_locator("iframe")
    inner.locator(TILES).nth(6).click(position={"x": 5, "y": 5})
    assert "time 6, row 0, column 0" in inner.locator(SAID).inner_text()
    assert inner.locator("body").evaluate("body => getComputedStyle(body).colorScheme") == "dark"
    assert page.locator("iframe").evaluate("f => f.offsetHeight > 300 && f.offsetHeight < 1200")
    assert page.outside == []


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
    code = (ROOT / "vivit_edu/explain/explorer/static/saved.js").read_text() + (ROOT / "book/widgets.js").read_text()
    (tmp_path / "widgets.js").write_text(f"(() => {{{code}}})();")
    page_of_book = tmp_path / "chapter.html"
    page_of_book.write_text(f"<!DOCTYPE html><body>{scripts}<script src='widgets.js' defer></script></body>")
    page, errors = open_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(page_of_book.as_uri())
    page.locator(TILES).nth(6).click(position={"x": 5, "y": 5})
    assert "time 6, row 0, column 0: in space, layer 2" in page.inner_text(SAID)
    page.locator(".vivit-x-knock summary").click()
    before = page.inner_text(".vivit-x-bars")
    page.locator(".vivit-x-switch").first.click()
    assert page.inner_text(".vivit-x-bars") != before
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
