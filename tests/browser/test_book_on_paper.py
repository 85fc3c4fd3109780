"""The book on paper: a page that is printed the moment it has loaded is whole, and light whatever the screen is."""

import re
import zlib

import pytest
from browser.built import check

pytestmark = pytest.mark.slow

SEEN = """() => {
  const ink = (figure) => getComputedStyle(figure.querySelector(".gtitle, .xtick text, .annotation-text")).fill;
  const figures = [...document.querySelectorAll(".plotly-figure")].filter((figure) => figure.clientWidth);
  const marks = ".main-svg :is(.trace, .bars, .im image[href^=data], .im image[*|href^=data], .hm image)";
  const drawn = figures.filter((figure) => figure.querySelector(marks));
  const clips = [...document.querySelectorAll("video")].filter((clip) => clip.clientWidth);
  return {
    theme: document.documentElement.dataset.theme,
    blank: figures.length - drawn.length,
    blankClips: clips.filter((clip) => !clip.previousElementSibling?.naturalWidth).length,
    widest: Math.max(0, ...drawn.map((figure) => figure.querySelector(".main-svg").clientWidth)),
    inks: [...new Set(drawn.map(ink))],
  };
}"""
# The last of all that listens, so it sees what goes to paper.
WATCH = f"addEventListener('load', () => addEventListener('beforeprint', () => (window.printed = ({SEEN})())))"
SETTLED = (
    "() => [...document.querySelectorAll('.plotly-figure')].every((f) => !f.clientWidth || f.querySelector('svg'))"
)
CUT = """() => {
  const wide = (part) => part.clientWidth && part.scrollWidth > part.clientWidth + 1;
  const shut = (part) =>
    getComputedStyle(part).overflowX !== "visible" && !part.closest("mjx-container, .plotly-figure");
  const cut = [...document.querySelectorAll("main *")].filter((part) => wide(part) && shut(part));
  if (document.documentElement.scrollWidth > innerWidth + 1) cut.push(document.body);
  return cut.map((part) => `${part.tagName}.${part.className}: ${part.textContent.trim().slice(0, 60)}`);
}"""
A4 = 718  # pixels between margins of 1 cm


def chapters(book):
    return [page for page in check.pages(book) if page.startswith("notebooks/")]


def colours(pdf):
    """The colours, (red, green, blue) of 0 to 255, with which the pages of a PDF are painted."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, flags=re.DOTALL)
    found = set()
    for stream in streams:
        try:
            text = zlib.decompress(stream)
        except zlib.error:
            continue  # a font's or a picture's
        for numbers in re.findall(rb"([\d.]+ [\d.]+ [\d.]+) rg\b", text):
            found.add(tuple(round(255 * float(number)) for number in numbers.split()))
    return found


def test_a_page_printed_at_once_holds_all_its_figures(open_page, book, address):
    for chapter in chapters(book):
        page = open_page()
        page.add_init_script(WATCH)
        page.goto(f"{address}/{chapter}", wait_until="load")
        page.pdf()
        printed = page.evaluate("printed")
        assert printed["blank"] == printed["blankClips"] == 0, (chapter, printed)
        assert printed["widest"] <= A4, (chapter, printed)
        page.context.close()


@pytest.mark.parametrize("chosen", ["by the system", "by the reader"])
def test_a_dark_page_is_printed_light_and_is_dark_again(open_page, address, chosen):
    page = open_page(color_scheme="dark" if chosen == "by the system" else "light")
    page.add_init_script(WATCH)
    if chosen == "by the reader":
        page.add_init_script("localStorage.setItem('mode', 'dark'); localStorage.setItem('theme', 'dark')")
    page.goto(f"{address}/notebooks/13_attention_maps.html", wait_until="load")
    page.wait_for_function(SETTLED)
    before = page.evaluate(SEEN)
    assert before["theme"] == "dark"
    pdf = page.pdf()
    printed = page.evaluate("printed")
    assert printed["theme"] == "light"
    assert printed["inks"] == ["rgb(77, 84, 92)"], "figures are drawn in the grey of the light page"
    assert (195, 200, 206) not in colours(pdf), "some text is in the grey of the dark page"
    assert (77, 84, 92) in colours(pdf)
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg="dark")
    page.wait_for_timeout(300)  # for whatever would turn it light again
    assert page.evaluate(SEEN) == before


def test_nothing_is_cut_at_the_edge_of_the_paper(open_page, book, address):
    page = open_page(viewport={"width": A4, "height": 1000})
    page.emulate_media(media="print")
    cut = {}
    for path in check.pages(book):
        page.goto(f"{address}/{path}", wait_until="load")
        page.evaluate("document.querySelectorAll('details').forEach((part) => (part.open = true))")
        cut[path] = page.evaluate(CUT)
    assert {path: parts for path, parts in cut.items() if parts} == {}
