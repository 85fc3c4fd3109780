"""The book for those who hear it, go through it by key or see little contrast: axe's rules, names, keys, colours."""

import importlib.util
import pathlib

import pytest
from browser.built import check

pytestmark = pytest.mark.slow

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TURNED_ON = {"label-content-name-mismatch": {"enabled": True}}  # axe still calls it experimental
# What is not ours to mend: rule -> why. Nothing, today.
THEIRS = {}
DRAWN = "04_model1"  # elsewhere axe, which judges no words in a drawing, would walk through all their lines
CONTROLS = "/notebooks/04_model1.html"  # its last figure has buttons and a slider
ROLES = """(role) => [...document.querySelectorAll(`.plotly-figure [role="${role}"]`)].map((part) => part.tabIndex)"""
SLIDER = '.plotly-figure [role="slider"]'


@pytest.fixture(scope="module")
def axe():
    """The script of axe-core, as axe-playwright-python ships it."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None:
        pytest.skip("axe-playwright-python is not installed")
    return (pathlib.Path(found.origin).parent / "axe.min.js").read_text()


def opened(page, url):
    page.goto(url, wait_until="load")
    page.evaluate(check.LOOK)
    page.evaluate("look.unfold()")
    page.evaluate("look.settle()")
    return page


def violations(page, **options):
    """ "rule: target: what axe says" of each violation in the page."""
    result = page.evaluate("(options) => axe.run(document, options)", {"resultTypes": ["violations"]} | options)
    for rule in result["violations"]:
        if rule["id"] not in THEIRS:
            yield from (f"{rule['id']}: {node['target']}: {node['failureSummary']}" for node in rule["nodes"])


def test_no_page_breaks_a_rule_of_axe(open_page, book, address, axe):
    page, found = open_page(color_scheme="light", reduced_motion="reduce"), {}  # a colour on its way is none
    page.route(lambda url: url.endswith("plotly.min.js") and DRAWN not in page.url, lambda route: route.abort())
    for path in check.pages(book):
        page.goto(f"{address}/{path}", wait_until="load")
        page.evaluate("document.querySelectorAll('details').forEach((part) => (part.open = true))")
        page.evaluate(axe)
        found[path] = list(violations(page, runOnly=TAGS, rules=TURNED_ON))
        page.emulate_media(color_scheme="dark")
        found[path] += [
            f"in dark: {one}" for one in violations(page, runOnly={"type": "rule", "values": ["color-contrast"]})
        ]
        page.emulate_media(color_scheme="light")
    assert {path: sentences for path, sentences in found.items() if sentences} == {}


def test_every_figure_says_what_it_shows(open_page, book, address):
    page = open_page(java_script_enabled=False)
    for path in (path for path in check.pages(book) if path.startswith("notebooks/")):
        page.goto(f"{address}/{path}")
        for figure in page.locator(".plotly-figure").all():
            assert figure.get_attribute("role") in ("img", "figure"), path
            assert len(figure.get_attribute("aria-label").split()) >= 5, path


def test_buttons_of_a_figure_are_pressed_by_key(open_page, address):
    page = opened(open_page(), address + CONTROLS)
    assert page.evaluate(ROLES, "button") == [0, 0, 0]
    pressed = lambda: page.locator('.plotly-figure [aria-pressed="true"]').all_text_contents()  # noqa: E731
    assert pressed() == ["both"]
    page.locator('.plotly-figure [role="button"]').first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    for key, name in {"Enter": "maps", "Space": "maps"}.items():
        page.keyboard.press(key)
        page.wait_for_function(
            "name => document.querySelector('[aria-pressed=\"true\"]').textContent === name", arg=name
        )
    opacity = "() => [...document.querySelectorAll('.plotly-figure')].at(-1)._fullData.map((trace) => trace.opacity)"
    assert 1 in page.evaluate(opacity)
    assert page.evaluate("document.activeElement.textContent") == "maps", "the focus stays where it was"


def test_a_slider_of_a_figure_moves_by_key(open_page, address):
    page = opened(open_page(), address + CONTROLS)
    slider = page.locator(SLIDER)
    assert slider.count() == 1
    slider.focus()
    says = lambda: (slider.get_attribute("aria-valuenow"), slider.get_attribute("aria-valuetext"))  # noqa: E731
    before, first = page.evaluate(OUTLINE), says()
    page.keyboard.press("ArrowRight")
    assert says() != first
    assert page.evaluate(OUTLINE) != before, "the figure shows the step that the slider says"
    page.keyboard.press("End")
    assert int(says()[0]) == int(slider.get_attribute("aria-valuemax"))
    page.keyboard.press("Home")
    assert says() == first
    assert page.evaluate(OUTLINE) == before
    assert page.evaluate(f"document.activeElement === document.querySelector('{SLIDER}')"), "the focus stays"


OUTLINE = f"() => document.querySelector('{SLIDER}').closest('.plotly-figure')._fullData.at(-1).x.join()"
