"""The built book as a reader opens it: every page, in light, in dark and on a phone, with no network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book"))
check = pytest.importorskip("check", reason="the book's check is not here")

pytestmark = pytest.mark.slow

FIGURES = ".plotly-figure .main-svg"
TEXT = "() => getComputedStyle(document.querySelector('.plotly-figure .xtick text')).fill"


@pytest.fixture(scope="session")
def book(tmp_path_factory, request):
    """The folder of the built book: $VIVIT_EDU_BOOK, or one built for this run with warnings as errors."""
    if given := os.environ.get("VIVIT_EDU_BOOK"):
        return Path(given)
    pytest.importorskip("myst_nb", reason="the book extra is not installed")
    folder = tmp_path_factory.mktemp("book")
    command = [sys.executable, str(ROOT / "book" / "build.py"), "--output", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    request.config.notebooks_have_run = True  # the build runs every one of them, and fails where a cell does
    return folder


@pytest.fixture(scope="session")
def address(book):
    with check.served(book) as address:
        yield address


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
