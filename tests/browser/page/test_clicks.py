"""The exported page in a browser: clicks, choices and panels, without a kernel; what is not there is not offered."""

import base64
import hashlib

import pytest
from browser.page.pages import EMBEDDED, KNOCK, LARGE, SAID, TILES, exported, opened, said, settle
from toys import toy_model

import vivit_edu as ve

pytest.importorskip("anywidget")


def pixels(page, selector=TILES, nth=4):
    """What a canvas shows, as a short digest."""
    url = page.locator(selector).nth(nth).evaluate("canvas => canvas.toDataURL()")
    return hashlib.sha1(base64.b64decode(url.split(",")[1])).hexdigest()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("page"))


@pytest.fixture
def page(open_page, page_file):
    """The exported page, with its errors gathered."""
    return lambda **options: opened(open_page(**options), page_file)


def test_clicks_and_choices_change_the_page_without_a_kernel(page):
    page = page()
    seen = [pixels(page)]
    box = page.locator(TILES).nth(4).bounding_box()
    page.mouse.click(box["x"] + 0.1 * box["width"], box["y"] + 0.9 * box["height"])
    assert "time 4, row 3, column 0: in space, layer 2" in said(page)
    seen.append(pixels(page))
    for label, value in (("layer", "time/0"), ("head", "3"), ("scale", "unit"), ("view", "contour")):
        page.get_by_label(label, exact=True).select_option(value)
        settle(page)
        seen.append(pixels(page))
    assert len(set(seen)) == len(seen), "each click and each choice shows"
    large = pixels(page, LARGE, 0)
    page.get_by_label("frame", exact=True).fill("13")
    assert pixels(page, LARGE, 0) != large
    assert (page.errors, page.outside) == ([], [])


def test_the_number_under_the_pointer_is_said(page):
    page = page()
    pointed = page.locator(".vivit-x-pointed .vivit-x-live")
    page.locator(TILES).nth(4).hover(position={"x": 5, "y": 5})
    weight = page.evaluate("explorer.shown().maps[0].weights[4 * 16]")
    assert pointed.inner_text() == f"time 4, row 0, column 0: weight {weight:.4f}"
    page.locator(TILES).nth(1).hover(position={"x": 5, "y": 5})
    assert pointed.inner_text() == "time 1, row 0, column 0: out of the query's sight"
    page.mouse.move(1, 1)
    assert pointed.inner_text() == "striped: out of the query's sight"


def test_a_second_panel_follows_the_same_query(page):
    page = page()
    page.get_by_role("button", name="compare").click()
    settle(page)
    assert page.locator(LARGE).count() == 2
    page.get_by_label("layer", exact=True).nth(1).select_option("space/0")
    settle(page)
    assert pixels(page, TILES, 4) != pixels(page, TILES, 12)
    assert page.inner_text(SAID).count("looks most at") == 2
    page.locator(".vivit-x-panel").nth(1).locator(TILES).nth(4).hover(position={"x": 5, "y": 5})
    weight, pointed = page.evaluate("explorer.shown().maps[1].weights[4 * 16]"), page.locator(".vivit-x-pointed > div")
    assert pointed.nth(2).inner_text() == f"time 4, row 0, column 0: weight {weight:.4f}"
    assert pointed.nth(0).inner_text() == "striped: out of the query's sight", "the other panel is not pointed at"
    page.evaluate("explorer.press(7, { panel: 1 })")
    assert said(page).startswith("The token at time 0, row 1, column 3: ")
    page.get_by_role("button", name="one panel").click()
    settle(page)
    assert page.locator(LARGE).count() == 1


def test_knocking_a_head_out_moves_the_answer_in_the_page(page):
    page = page()
    page.locator(KNOCK).click()
    before = page.inner_text(".vivit-x-bars")
    switch = page.locator(".vivit-x-switch").first
    switch.click()
    settle(page)
    assert page.inner_text(".vivit-x-bars") != before and switch.get_attribute("aria-pressed") == "true"
    assert " 1 head off, maps of the model without them: verb " in page.inner_text(SAID)
    page.get_by_role("button", name="all heads on").click()
    settle(page)
    assert page.inner_text(".vivit-x-bars") == before


def test_reduced_motion_is_respected(open_page, tmp_path):
    path = exported(tmp_path, autoplay=True)
    for motion, button in (("reduce", "▶ play"), ("no-preference", "❚❚ pause")):
        page = opened(open_page(reduced_motion=motion), path)
        assert page.inner_text(".vivit-x-button >> nth=0") == button


def test_the_twin_lives_within_another_page(open_page, tmp_path, page_file):
    from vivit_edu.explain.explorer import page as pages

    outer = tmp_path / "book.html"
    outer.write_text(
        f'<!DOCTYPE html><html data-theme="dark"><body>{pages.frame(page_file.read_text(), "a <twin>")}</body></html>'
    )
    page = open_page(color_scheme="light")
    page.goto(outer.as_uri())
    inner = page.frame_locator('iframe[title="a <twin>"]')
    inner.locator(TILES).nth(6).click(position={"x": 5, "y": 5})
    inner.get_by_text("time 6, row 0, column 0: in space, layer 2").wait_for()
    assert inner.locator("body").evaluate("body => getComputedStyle(body).colorScheme") == "dark"
    assert page.locator("iframe").evaluate("f => f.offsetHeight > 300 && f.offsetHeight < 1200")
    assert page.outside == []


OFFERED = """() => [...document.querySelectorAll('.vivit-x-root > .vivit-x-bar > *')].map(
    (one) => one.querySelector('.vivit-x-name')?.textContent || one.getAttribute('aria-label') || one.textContent)"""
MOVING, TOKEN = ["▶ play", "frame", "frame 2", "speed"], ["class token"]
ALWAYS = ["read weights", "scale", "view", "strength", "compare", "keys"]
NOT_THERE = {
    "one picture": ({"frames": 1, "tubelet": (1, 3, 4)}, [*TOKEN, *ALWAYS], {"play", "time"}),
    "a film": ({"frames": 4}, [*MOVING, *TOKEN, *ALWAYS], set()),
    "one time": ({"frames": 2}, ["▶ play", "frame", "frame 0", "speed", *TOKEN, *ALWAYS], {"time"}),
    "no class token": ({"frames": 4, "pool": "mean"}, [*MOVING, *ALWAYS], {"token"}),
}
IN_HELP = {"play": "space plays", "time": ", and . in time", "token": "c class token"}


@pytest.mark.parametrize("case", NOT_THERE)
def test_what_a_model_or_clip_does_not_have_is_not_offered(open_page, tmp_path, case):
    fields, there, missing = NOT_THERE[case]
    model = toy_model(classes=5, **fields)
    page = opened(open_page(), exported(tmp_path, "toy", model=model))
    assert page.evaluate(OFFERED) == there
    page.evaluate("explorer.key('?')")
    assert {name for name, words in IN_HELP.items() if words not in page.inner_text(".vivit-x-help")} == missing
    page.locator(KNOCK).click()
    assert {one.split()[0] for one in page.locator(".vivit-x-class").all_inner_texts()} == {"class"}
    before = page.evaluate("explorer.shown()")
    for key in [*(" " if "play" in missing else ""), *("c" if "token" in missing else "")]:
        page.evaluate("key => explorer.key(key)", key)
    settle(page)
    assert page.evaluate("explorer.shown()") == before and page.errors == []


def test_the_page_is_small(tmp_path, clips):
    clip = ve.data.read_clip(ve.data.clips.examples("test", clips)[7].path, frames=16, stride=1)
    for name in EMBEDDED:
        model = ve.pretrained.load(name)
        size = exported(tmp_path, model=model, video=clip[: model.config.frames]).stat().st_size
        assert size <= 650_000, f"{name}: {size} bytes"
