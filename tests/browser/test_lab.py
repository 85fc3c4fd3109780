"""The tour in JupyterLab, as `make lab` starts it, in a real browser: cells run, figures and clips show."""

import os
import pathlib
import re

import pytest
from browser.jupyterlab import ROOT, jupyterlab, run_all

TOUR = ROOT / "notebooks" / "00_tour.ipynb"
OUTPUTS = """() => [...jupyterapp.shell.currentWidget.content.model.cells].flatMap(
    cell => cell.type === 'code' ? cell.outputs.toJSON() : [])"""
FIGURES = """() => [...document.querySelectorAll('.js-plotly-plot')].map(figure => ({
    traces: figure._fullData?.length ?? 0,
    drawn: [...figure.querySelectorAll('.main-svg')].some(svg => svg.getBoundingClientRect().width > 0)}))"""
CLIPS = "() => [...document.querySelectorAll('video')].map(video => video.videoWidth)"
ALL_SHOWN = f"() => ({CLIPS})().every(Boolean) && ({FIGURES})().every(f => f.traces && f.drawn)"


def _shortened(notebook):
    """The tour with 20 steps of training and few clips to validate on: the book's build runs all of it."""
    loaded = "for split in clips.SPLITS)"
    few = notebook.replace(loaded, rf"{loaded}\nvalidation = validation[:96]")
    assert few != notebook, "the tour loads its clips in other words now: name them here"
    return re.sub(r"steps=\d+", "steps=20", few)


@pytest.fixture
def lab(tmp_path, clips):
    """The address of a JupyterLab on a copy of the tour."""
    text = _shortened(pathlib.Path(os.environ.get("VIVIT_EDU_TOUR", TOUR)).read_text())
    with jupyterlab(tmp_path, TOUR.name, text) as address:
        yield address


@pytest.mark.slow
def test_tour_runs_in_jupyterlab_and_shows_figures_and_clips(lab, open_page):
    page = open_page()
    run_all(page, lab, TOUR.name, seconds=480)  # the whole test took 212 s on busy cores
    shoot(page, "lab_tour_end")
    assert not [o["ename"] + ": " + o["evalue"] for o in page.evaluate(OUTPUTS) if o["output_type"] == "error"]
    shown = page.locator(".js-plotly-plot, video")
    n = 0
    while n < shown.count():  # plotly may still put one figure in another's place
        shown.nth(n).scroll_into_view_if_needed()
        shoot(page, f"lab_tour_{n:02}")
        n += 1
    figures, clips = page.evaluate(FIGURES), page.evaluate(CLIPS)
    assert figures and clips, "the tour shows at least one figure and one clip"
    page.wait_for_function(ALL_SHOWN, timeout=30_000)
    assert page.outside == []


def shoot(page, name):
    """A screenshot, where VIVIT_EDU_SHOTS names a folder."""
    if folder := os.environ.get("VIVIT_EDU_SHOTS"):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(pathlib.Path(folder) / f"{name}.png"))
