"""The tour in JupyterLab, as `make lab` starts it, in a real browser: cells run, figures and clips show."""

import os
import pathlib
import re

import pytest
from browser.jupyterlab import ROOT, lab_with, run_all, shoot

TOUR = ROOT / "notebooks" / "00_tour.ipynb"
FIGURES = """() => [...document.querySelectorAll('.js-plotly-plot')].map(figure => ({
    traces: figure._fullData?.length ?? 0,
    drawn: [...figure.querySelectorAll('.main-svg')].some(svg => svg.getBoundingClientRect().width > 0)}))"""
CLIPS = "() => [...document.querySelectorAll('video')].map(video => video.videoWidth)"
ALL_SHOWN = f"() => ({CLIPS})().every(Boolean) && ({FIGURES})().every(f => f.traces && f.drawn)"


def _shortened(notebook):
    """The tour with 40 steps of training: another test, and the book's build, run all of them."""
    return re.sub(r"steps=\d+", "steps=40", notebook)


@pytest.fixture
def notebook(tmp_path):
    """A copy of the tour."""
    copy = tmp_path / "work" / TOUR.name
    copy.parent.mkdir()
    copy.write_text(_shortened(pathlib.Path(os.environ.get("VIVIT_EDU_TOUR", TOUR)).read_text()))
    return copy


@pytest.mark.slow
def test_tour_runs_in_jupyterlab_and_shows_figures_and_clips(tmp_path, notebook, clips, open_page):
    with lab_with(notebook, tmp_path) as address:
        page = open_page()
        run_all(page, address, notebook)  # the whole test took 212 s on busy cores
        shown = page.locator(".js-plotly-plot, video")
        for n in range(shown.count()):
            shown.nth(n).scroll_into_view_if_needed()
            shoot(page, f"lab_tour_{n:02}")
        figures, clips = page.evaluate(FIGURES), page.evaluate(CLIPS)
        assert figures and clips, "the tour shows at least one figure and one clip"
        page.wait_for_function(ALL_SHOWN, timeout=30_000)
        assert page.outside == []
