"""The built book as a reader opens it: every page, in light, in dark and on a phone, with no network."""

import pytest
from browser.built import ROOT, check

pytestmark = pytest.mark.slow

FIGURES = ".plotly-figure .main-svg"
TEXT = "() => getComputedStyle(document.querySelector('.plotly-figure .xtick text')).fill"


@pytest.fixture
def tour(open_page, address):
    """Opens the tour and waits until its first figure is drawn."""

    def show(**options):
        page = open_page(**options)
        page.goto(f"{address}/notebooks/00_tour.html")
        page.evaluate(check.LOOK)
        page.evaluate("look.settle()")
        page.wait_for_selector(FIGURES)
        return page

    return show


@pytest.mark.parametrize("window", check.WINDOWS)
def test_no_page_has_a_fault(chromium, book, address, window):
    found = {page: check.faults(chromium, address, page, window) for page in check.pages(book)}
    assert {page: sentences for page, sentences in found.items() if sentences} == {}


def test_a_folder_without_pages_is_no_book_without_faults(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no page of the book"):
        check.pages(tmp_path)


def test_every_chapter_of_the_contents_is_a_page(book):
    toc = (ROOT / "book" / "_toc.yml").read_text()
    named = [line.split("file:")[1].strip() for line in toc.splitlines() if "file:" in line]
    assert [name for name in named if not (book / f"{name}.html").exists()] == []


def test_figures_change_colour_with_the_page(tour):
    page = tour(color_scheme="light")
    before = page.evaluate(TEXT)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(f"before => ({TEXT})() !== before", arg=before)


def test_figures_follow_the_width_of_the_window(tour):
    page = tour(viewport={"width": 1280, "height": 900})
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function(f"() => document.querySelector('{FIGURES}').getBoundingClientRect().width < 390")


def test_clips_stand_still_for_those_who_ask(tour):
    page = tour(reduced_motion="reduce")
    assert page.evaluate("[...document.querySelectorAll('video')].every((video) => video.paused)")
