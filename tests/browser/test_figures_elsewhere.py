"""A figure outside the book: live where plotly lives, and in words where it does not."""

import subprocess
import sys

import nbformat
import pytest
from browser.jupyterlab import jupyterlab, run_all

pytestmark = pytest.mark.slow

SOURCE = """import numpy as np
from vivit_edu.explain import figures, theme
theme.use()
figures.growth([1, 2, 4], {"work": [1.0, 4.0, 16.0]}, xaxis="frames", yaxis="products", title="Work grows")"""
WORDS = "Work grows. Across: frames. Up: products. Line work: 1 first, 16 last, from 1 to 16."


@pytest.fixture
def notebook():
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # Lab would ask for one
    return nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SOURCE)], metadata=kernel))


def test_nbconvert_tells_a_figure_in_words(tmp_path, notebook, open_page):
    (tmp_path / "figure.ipynb").write_text(notebook)
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--execute", "--to", "html", "figure.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = open_page()
    page.goto((tmp_path / "figure.html").as_uri(), wait_until="domcontentloaded")
    assert WORDS in page.locator(".jp-OutputArea-output figcaption").inner_text()


def test_jupyterlab_prefers_the_live_figure(tmp_path, notebook, open_page):
    with jupyterlab(tmp_path, "figure.ipynb", notebook) as address:
        page = open_page()
        run_all(page, address, "figure.ipynb", seconds=200)
        page.wait_for_selector(".jp-OutputArea-output.js-plotly-plot .main-svg", timeout=60_000)
        assert page.locator(".jp-OutputArea-output figcaption").count() == 0
        outputs = page.evaluate("() => jupyterapp.shell.currentWidget.content.model.cells.get(0).outputs.toJSON()")
        assert outputs[-1]["data"]["text/plain"] == WORDS
