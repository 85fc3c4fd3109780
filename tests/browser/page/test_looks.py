"""How the exported page looks: in forced colours, in print, with wide text, on a phone; and what axe-core says."""

import io
import pathlib
import re
import zlib

import av
import numpy as np
import pytest
from browser.page.pages import EMBEDDED, KNOCK, exported, opened, settle

pytest.importorskip("anywidget")
LONG = {
    "verb": [f"{'blink then slide and turn ' * 2}{i:08}" for i in range(19)],
    "noun": [f"{'数字' * 28}{i:04}" for i in range(10)],
}


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("page"), beside="ViViT-nano/8x2 AP", class_names=LONG)


def shown(page, heads=(1, 6)):
    """All there is to see, with some heads off."""
    page.locator(KNOCK).click()
    for head in heads:
        page.locator(".vivit-x-switch").nth(head).click()
    page.locator(KNOCK).hover()
    settle(page)
    page.wait_for_timeout(200)  # the bars' own move
    return page


def picture(page, selector):
    """The pixels of one thing on the page."""
    with av.open(io.BytesIO(page.locator(selector).first.screenshot())) as file:
        return next(file.decode(video=0)).to_ndarray(format="rgb24")


LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
    "forced dark": {"forced_colors": "active", "color_scheme": "dark"},
    "print": {"media": "print"},
}


def colours(pixels):
    """The colours that cover more than a fiftieth."""
    found, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    return [colour for colour, count in zip(found.astype(int), counts, strict=True) if count > pixels[..., 0].size / 50]


@pytest.mark.parametrize("look", LOOKS)
def test_bars_and_pressed_buttons_are_seen(open_page, page_file, look):
    page = shown(opened(open_page(reduced_motion="reduce"), page_file))
    page.emulate_media(**LOOKS[look])
    track = colours(picture(page, ".vivit-x-bar-row .vivit-x-track"))
    assert len(track) >= 3, "the ground, the bar before and the bar after"
    apart = [np.abs(a - b).sum() for n, a in enumerate(track) for b in track[:n]]
    assert min(apart) > 60
    pressed, other = (picture(page, f".vivit-x-switch[aria-pressed={value}]") for value in ("true", "false"))
    assert np.abs(pressed.astype(int) - other.astype(int)[:, : pressed.shape[1]]).mean() > 4 or look == "print"
    legend = colours(picture(page, ".vivit-x-colours")[:, :40])
    assert len(picture(page, ".vivit-x-colours").reshape(-1, 3)) and legend
    spread = picture(page, ".vivit-x-colours").reshape(-1, 3).astype(int)
    assert spread.max(0)[0] - spread.min(0)[0] > 200, "the scale keeps its colours"
    chosen, others = (page.locator(f".vivit-x-tile canvas{end}").first.evaluate(
        "one => getComputedStyle(one).outlineStyle") for end in (".vivit-x-now", ":not(.vivit-x-now)"))  # fmt: skip
    assert (chosen, others) == ("solid", "none")
    assert page.locator(".vivit-x-said").is_visible() and page.locator(".made").is_visible()
    assert page.locator(".vivit-x-bar").first.is_visible() == (look != "print")
    assert page.locator(".vivit-x-knock").is_visible()


def test_a_printed_page_names_what_was_chosen(open_page, page_file):
    page = shown(opened(open_page(), page_file))
    page.emulate_media(media="print")
    for label in ("layer", "head"):
        assert page.get_by_label(label, exact=True).first.is_visible()
    printed = page.pdf(print_background=False)
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", printed, re.DOTALL)
    ink = b"".join(map(inflated, streams))
    assert re.search(rb"\n?0 \.619\d* \.45\d* rg", ink), "the bars' green is printed, whatever a browser leaves out"
    assert page.errors == []


def inflated(stream):
    """A stream of a PDF, where it is deflated; else nothing."""
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


SPACING = """* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; }
p { margin-bottom: 2em !important; }"""


@pytest.mark.parametrize("width", [300, 390, 640, 1400])
def test_no_text_is_clipped_however_wide_it_is_set(open_page, page_file, width):
    page = shown(opened(open_page(viewport={"width": width, "height": 800}), page_file))
    page.evaluate("explorer.key('?')")
    page.add_script_tag(path=pathlib.Path(__file__).parent / "looks.js")
    for style in ("", SPACING):
        page.add_style_tag(content=style or "p {}")
        assert page.evaluate("clipped()") == []
        assert page.evaluate("overlapping()") == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    shown_names = page.locator(".vivit-x-class").all_inner_texts()
    assert all(len(name) >= 58 for name in shown_names)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_whole(open_page, page_file, scheme):
    page = opened(open_page(viewport={"width": 390, "height": 800}, color_scheme=scheme), page_file)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ink, ground = (page.evaluate(f"getComputedStyle(document.body).{part}") for part in ("color", "backgroundColor"))
    assert ink != ground and ("255" in ground) == (scheme == "light")


EXPERIMENTAL = {"label-content-name-mismatch": {"enabled": True}}  # WCAG 2.5.3 is none, but axe's check of it


def violations(page):
    """What axe-core finds: WCAG 2.2 A and AA, and best practices."""
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    page.evaluate(next(pathlib.Path(folder, "axe.min.js") for folder in axe.__path__).read_text())
    found = page.evaluate("(rules) => axe.run(document, { resultTypes: ['violations'], rules })", EXPERIMENTAL)
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]]


@pytest.mark.parametrize("name", EMBEDDED)
def test_axe_finds_nothing(open_page, tmp_path, name):
    page = opened(open_page(), exported(tmp_path, name, fps=8))
    assert violations(page) == []
    page.get_by_role("button", name="compare").click()
    page.evaluate("explorer.key('?')")
    shown(page)
    assert violations(page) == []
    if name == EMBEDDED[-1]:
        for look in ({"color_scheme": "dark"}, {"forced_colors": "active"}, {"media": "print"}):
            page.emulate_media(**look)
            assert violations(page) == [], look
