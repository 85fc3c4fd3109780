"""The attention explorer in a real browser, as a page without a kernel."""

import base64
import hashlib

import numpy as np
import pytest

import vivit_edu as ve

pytest.importorskip("anywidget")
SAID, LARGE, TILES = ".vivit-x-said", ".vivit-x-side > .vivit-x-frame", ".vivit-x-tile > .vivit-x-frame"


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
