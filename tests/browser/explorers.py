"""What tests of the explorer share: a notebook with explorers, what its pages say, and what the library says."""

import functools
import pathlib

import nbformat
import numpy as np

import vivit_edu as ve

NAME = "ViViT-nano/8x2 FE"
HERE = pathlib.Path(__file__).parent
SCRIPT = (HERE / "explorers.js").read_text()
SMALL = f"""
import numpy as np
import vivit_edu as ve
model = ve.pretrained.load("{NAME}")
frames = np.random.default_rng(0).integers(0, 255, (16, 32, 32, 3), dtype=np.uint8)
explorer = ve.explain.Explorer(model, frames, autoplay=False)
explorer
"""
LARGE = """
from vivit_edu.explain.explorer import widget
widget.runs_in_a_page = lambda config: False  # a small model stands for one that only a kernel runs
large = ve.explain.Explorer(model, frames, autoplay=False)
large
"""


def notebook(*cells, **metadata):
    """A notebook as text, of code cells and a last one of words."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    words = nbformat.v4.new_markdown_cell("words")
    return nbformat.writes(nbformat.v4.new_notebook(cells=[*code, words], metadata=kernel | metadata))


def ask(page, what, *given):
    """An answer of explorers.js, which is put into the page first."""
    if not page.evaluate("'explorers' in globalThis"):
        page.evaluate(SCRIPT)
    return page.evaluate(f"given => explorers.{what}(...given)", list(given))


@functools.cache
def model():
    """The model of the notebook."""
    return ve.pretrained.load(NAME)


def clip_of(pixels):
    """Frames, as bytes, as the model takes them."""
    return ve.data.normalise(np.frombuffer(pixels, np.uint8).reshape(1, 16, 32, 32, 3))


@functools.cache
def library_chances(pixels):
    """For each head of the notebook's model off alone, and "" for none, the probabilities by classifier."""
    from vivit_edu.explain.watch.knockout import chances, head_counts

    video = clip_of(pixels)
    heads = [f"{name}|{head}" for name, count in head_counts(model(), video).items() for head in range(count)]
    return {f"0|{off}" if off else "": chances(model(), video, [off] if off else []) for off in ["", *heads]}


def chances_without(pixels, off):
    """The probabilities of each classifier without these heads."""
    from vivit_edu.explain.watch.knockout import chances

    return list(chances(model(), clip_of(pixels), off).values())


def library_map(pixels, question):
    """What the class token gets and the weights on the grid, as `Rows` has them, of each panel of a question."""
    from vivit_edu.explain.explorer.still import on_grid

    off = tuple(key.split("|", 1)[1] for key in question["off"]) if question["of"] == "now" else ()
    rows, found = _rows(pixels, off), []
    for panel in question["panels"]:
        row = rows.row(panel["layer"], question["query"], head=panel["head"])
        found.append(np.append(row[:1], on_grid(rows, panel["layer"], question["query"], row).ravel()))
    return found


@functools.cache
def _rows(pixels, off):
    from vivit_edu.explain.explorer.rows import record_rows

    return record_rows(model(), clip_of(pixels), off=off)
