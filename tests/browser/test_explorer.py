"""The explorer in a browser: in a page with no kernel and no network, and live in JupyterLab."""

import json
import pathlib

import nbformat
import numpy as np
import pytest
from browser.jupyterlab import ASK, lab_with, run_all, shoot
from flax import nnx
from toys import randomise

import vivit_edu as ve

PIXELS = """selector => [...document.querySelectorAll(selector)].map(canvas => {
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let sum = 0;
    for (let i = 0; i < data.length; i++) sum = (sum * 31 + data[i]) % 1000000007;
    return sum; })"""
THUMBS = ".vve-thumb"
CELLS = """
import numpy as np, sys
from flax import nnx
import vivit_edu as ve
sys.path.insert(0, {tests!r})
from toys import randomise
model = randomise(ve.ViViT(ve.named("ViViT-nano/8x2 FE"), rngs=nnx.Rngs(0)))
frames = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), np.uint8)
ve.data.write_clip("own.mp4", frames.repeat(2, 1).repeat(3, 2))
open("bad.mp4", "w").write("no video")
explorer = ve.explain.Explorer(model, frames, keep={keep})
explorer
"""


@pytest.fixture(scope="module")
def model():
    return randomise(ve.ViViT(ve.named("ViViT-nano/8x2 FE"), rngs=nnx.Rngs(0)))


@pytest.fixture(scope="module")
def frames():
    return np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module")
def exported(model, frames, tmp_path_factory):
    return ve.explain.export_html(model, frames, tmp_path_factory.mktemp("page") / "explorer.html")


@pytest.fixture
def explore(open_page):
    """Opens a page of an explorer; `page.faults` lists what went wrong in it."""

    def show(path, **options):
        page = open_page(**options)
        page.faults = faults_of(page)
        page.goto(f"file://{path}")
        page.wait_for_selector(".vve-said:not(:empty)")
        return page

    return show


def faults_of(page):
    faults = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    return faults


def changes(page, act, selector=THUMBS):
    """Whether an action changes the pixels of the canvases."""
    before = page.evaluate(PIXELS, selector)
    act()
    page.wait_for_function(f"before => JSON.stringify(({PIXELS})('{selector}')) !== before", arg=json.dumps(before).replace(" ", ""))
    return True


def test_a_click_moves_the_query_with_no_kernel_and_no_network(explore, exported):
    page = explore(exported)
    assert changes(page, lambda: page.locator(THUMBS).nth(2).click(position={"x": 5, "y": 5}))
    assert page.locator(".vve-said").inner_text().startswith("Query time 2, row 0, column 0 looks most at time 2")
    assert page.faults == [] and page.outside == []


@pytest.mark.parametrize("key", ["ArrowRight", ".", "L", "h", "a", "c", "o", "s"])
def test_every_key_changes_what_is_seen(explore, exported, key):
    page = explore(exported)
    page.locator(".vve-explorer").focus()
    assert changes(page, lambda: page.keyboard.press(key)), key
    assert page.faults == []


def test_sliders_and_choices_change_what_is_seen(explore, exported):
    page = explore(exported)
    layer = page.get_by_role("slider", name="layer")
    assert changes(page, lambda: layer.press("ArrowRight"))
    assert changes(page, lambda: page.get_by_role("combobox", name="head").select_option("2"))
    assert changes(page, lambda: page.get_by_role("slider", name="strength").press("ArrowLeft"))
    assert changes(page, lambda: page.get_by_role("slider", name="frame").press("ArrowLeft"), ".vve-stage")
    assert page.faults == []


def test_the_clip_plays_and_pauses(explore, exported):
    page = explore(exported)
    assert changes(page, lambda: page.get_by_role("button", name="play").click(), ".vve-stage")
    page.get_by_role("button", name="pause").click()
    before = page.evaluate(PIXELS, ".vve-stage")
    page.wait_for_timeout(400)
    assert page.evaluate(PIXELS, ".vve-stage") == before


def test_a_page_tells_what_one_head_does_to_the_prediction(explore, exported, model, frames):
    page = explore(exported)
    page.get_by_role("combobox", name="head").select_option("1")
    before = page.locator(".vve-prediction").inner_text()
    page.get_by_role("button", name="switch space/0 head 1 off").click()
    page.wait_for_function("before => document.querySelector('.vve-prediction').innerText !== before", arg=before)
    zeroed = lambda name, w: w.at[..., 1, :, :].set(0) if name == "space/0" else w  # noqa: E731
    expected = 100 * nnx.softmax(model(ve.data.normalise(frames)[None], tap=zeroed)["noun"][0]).max()
    assert f"→ {expected:.1f} %" in page.locator(".vve-prediction").inner_text()
    assert page.faults == []


def test_two_views_share_one_query(explore, exported):
    page = explore(exported)
    page.get_by_role("button", name="compare").click()
    page.locator(".vve-panel").nth(1).locator(THUMBS).nth(3).click(position={"x": 5, "y": 5})
    said = page.locator(".vve-said").all_inner_texts()
    assert len(said) == 2 and all(text.startswith("Query time 3, row 0, column 0") for text in said)
    assert said[0] != said[1]


def test_what_is_seen_is_said(explore, exported):
    page = explore(exported)
    page.locator(".vve-explorer").focus()
    page.keyboard.press("ArrowDown")
    live = page.locator(".vve-spoken[aria-live=polite]")
    page.wait_for_function("() => document.querySelector('.vve-spoken').textContent.includes('row 3')")
    assert "space/0: Query time 4, row 3, column 2 looks most at time 4" in live.inner_text()


def test_the_pointer_reads_the_raw_weight(explore, exported, model, frames):
    page = explore(exported)
    page.get_by_role("combobox", name="head").select_option("2")
    box = page.locator(THUMBS).nth(4).bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.1)
    _, records = ve.explain.record_attention(model, ve.data.normalise(frames)[None], keep=["space/0"])
    weight = records[0].weights[0, 4, 2, 1 + 2 * 4 + 2, 1 + 3]
    told = float(page.locator(".vve-hover").inner_text().split("weight ")[1].split(",")[0])
    assert told == pytest.approx(weight, rel=0.05)  # a byte a weight, 4 % at a hundredth of the largest


LOOKS = {
    "light": {"viewport": {"width": 1100, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1100, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "has_touch": True},
}


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_is_cut_in_any_look(explore, exported, look):
    page = explore(exported, **LOOKS[look])
    for views in ("one", "two"):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shoot(page, f"explorer_{look}_{views}")
        page.get_by_role("button", name="compare").click()
    assert page.faults == [] and page.outside == []


def notebook_in(folder: pathlib.Path, keep: str) -> pathlib.Path:
    """A notebook that shows an explorer; `keep="[]"` holds no rows in the page, so that each is asked for."""
    tests = str(pathlib.Path(__file__).parents[1])
    cell = nbformat.v4.new_code_cell(CELLS.format(tests=tests, keep=keep).strip())
    path = folder / "work" / "explorer.ipynb"
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


@pytest.mark.slow
def test_in_jupyterlab_the_kernel_answers(tmp_path, open_page):
    notebook = notebook_in(tmp_path, keep="[]")
    with lab_with(notebook, tmp_path) as address:
        page = open_page()
        run_all(page, address, notebook)
        page.wait_for_selector(".vve-said:not(:empty)")
        page.faults = faults_of(page)
        page.locator(THUMBS).nth(2).scroll_into_view_if_needed()
        assert changes(page, lambda: page.locator(THUMBS).nth(2).click(position={"x": 5, "y": 5}))
        assert page.evaluate(ASK, "print(explorer.query)") == "[2, 0, 0]"
        shoot(page, "explorer_lab")
        page.locator(".vve-explorer").focus()
        for key in ("ArrowRight", "l", "h", "a", "c"):  # the lab has other uses for some of these keys
            assert changes(page, lambda key=key: page.keyboard.press(key))
        assert page.evaluate(ASK, "print(explorer.query, explorer.panels[0]['name'])") == "[2, -1, -1] time/1"
        switch_a_head(page)
        send_own_video(page)
        assert page.faults == [] and page.outside == []


def switch_a_head(page):
    page.get_by_role("combobox", name="head").select_option("1")
    before = page.locator(".vve-prediction").inner_text()
    page.get_by_role("button", name="switch time/1 head 1 off").click()
    page.wait_for_function("before => document.querySelector('.vve-prediction').innerText !== before", arg=before)
    assert page.evaluate(ASK, "print(explorer.off)") == "[[0, 'time/1', 1]]"
    assert "→" in page.locator(".vve-prediction").inner_text()


def send_own_video(page):
    folder = pathlib.Path(page.evaluate(ASK, "import os; print(os.getcwd())"))
    page.locator(".vve-file").set_input_files(folder / "bad.mp4")
    page.wait_for_function("() => document.querySelector('.vve-message').textContent.startsWith('bad.mp4 cannot be')")
    assert changes(page, lambda: page.locator(".vve-file").set_input_files(folder / "own.mp4"))
    shoot(page, "explorer_lab_own")
    page.wait_for_function("() => document.querySelector('.vve-message').textContent.startsWith('own.mp4: 16 frames')")
