"""What boxes say comes true: an edit of *Change one thing* is run, and an answer's numbers are those of the output.

Cells hold the proof in their metadata; `book/AUTHORING.md` has the convention (*Held boxes*).
"""

import ast
import contextlib
import io
import pathlib
import re

import nbformat
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]
NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
BOX = re.compile(r"^:::\{admonition\}[^\n]*\n:class: ([\w-]+)[^\n]*\n(.*?)^:::$", re.MULTILINE | re.DOTALL)
ANSWER = re.compile(r"^```\{dropdown\} Answer\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HELD = ("predict", "change-one-thing")
NUMBER = re.compile(r"(?<![\w.])[-−]?\d[\d,]*(?:\.\d+)?(?:e[-−]?\d+)?(?:\s?%)?")
# Where digits are no claim: code, formulas, links, and what is numbered.
NAMES = re.compile(
    r"`[^`]*`|\$[^$]*\$|\[[^]]*\]\([^)]*\)|\b(?:Chapter|Model|Models|Sec\.|Table|Eq\.|Eqs\.|Fig\.|Figs\.)\s[\d.–]+"
)


def cells(stem):
    return nbformat.read(NOTEBOOKS[stem], as_version=4).cells


def boxes(cell):
    """Pairs of a class and a text, of the boxes that are to be held."""
    found = BOX.findall(cell.source) if cell.cell_type == "markdown" else []
    return [(kind, text) for kind, text in found if kind in HELD]


def held(cell, kind):
    return cell.metadata.get("held", {}).get(kind)


def plain(text):
    return " ".join(text.split())


def numbers(phrase):
    """Triples (number, digits after its point, whether per cent); what is only numbered, as Model 1, is left out."""
    for match in NUMBER.findall(NAMES.sub("", phrase)):
        number, _, power = match.replace(",", "").replace("−", "-").rstrip("% ").partition("e")
        yield float(f"{number}e{power or 0}"), len(number.partition(".")[2]) - int(power or 0), match.endswith("%")


def agrees(phrase, value):
    """Whether a value is what the phrase says: true, or the phrase's numbers to the digits that it gives."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    told, values = list(numbers(phrase)), list(value) if hasattr(value, "__len__") else [value]
    return len(told) == len(values) > 0 and all(
        abs((100 if percent else 1) * float(v) - number) <= 0.5001 * 10.0**-digits
        for (number, digits, percent), v in zip(told, values, strict=True)
    )


def loose_ends(cell, kind, text):
    """What a box says and its metadata do not hold, or the other way round."""
    entry = held(cell, kind)
    if entry is None:
        return ["no metadata"]
    text, code = plain(text), plain(text.replace("`", ""))
    found = [phrase for phrase in entry["claims"] if phrase not in text]
    found += [new for _, _, new in entry.get("edits", []) if plain(new) not in code]
    if kind == "change-one-thing":
        return found + (["no edits"] if not entry.get("edits") else [])
    answer = plain(ANSWER.search(dict(boxes(cell))[kind])[1])
    for phrase in sorted(entry["claims"], key=len, reverse=True):
        answer = answer.replace(phrase, "")
    return found + NUMBER.findall(NAMES.sub("", answer))


class Run:
    """A notebook's cells, run here in a namespace of their own; `out` is what they printed."""

    def __init__(self):
        self.names, self.printed = {"__name__": "__main__"}, io.StringIO()

    def cell(self, cell, source=None):
        if "remove-cell" in cell.metadata.get("tags", []):  # what Colab installs
            return
        with contextlib.redirect_stdout(self.printed):
            exec(compile(source or cell.source, f"<{cell.id}>", "exec"), self.names)

    def wrong(self, claims):
        """The phrases that the run does not bear out, each with what came out."""
        names = self.names | {"out": self.printed.getvalue()}
        values = {phrase: eval(expression, names) for phrase, expression in claims.items()}
        return {phrase: value for phrase, value in values.items() if not agrees(phrase, value)}


def draws_only(cell):
    """Whether a cell binds nothing and prints nothing, so that no other needs it."""
    if "remove-cell" in cell.metadata.get("tags", []):
        return False
    return "print(" not in cell.source and all(isinstance(n, ast.Expr) for n in ast.parse(cell.source).body)


def edited(source, edits):
    for old, new in edits:
        assert source.count(old) == 1, f"{old!r} is there {source.count(old)} times"
        source = source.replace(old, new)
    return source


def marks(entries):
    return [pytest.mark.slow] * any(entry.get("slow", False) for entry in entries)


def with_answers():
    entries = {stem: [held(cell, "predict") for cell in cells(stem) if held(cell, "predict")] for stem in NOTEBOOKS}
    return [pytest.param(stem, id=stem, marks=marks(found)) for stem, found in entries.items() if found]


def with_edits():
    found = [(stem, cell) for stem in NOTEBOOKS for cell in cells(stem) if held(cell, "change-one-thing")]
    return [
        pytest.param(stem, cell.id, id=f"{stem}-{cell.id}", marks=marks([held(cell, "change-one-thing")]))
        for stem, cell in found
    ]


@pytest.mark.parametrize("stem", NOTEBOOKS)
def test_boxes_are_held(stem):
    """Every box has its metadata, with phrases and edits that stand in its text; no number of an answer is left out."""
    found = {}
    for cell in cells(stem):
        assert len(dict(boxes(cell))) == len(boxes(cell)), f"{cell.id}: a cell for each box"
        found |= {(cell.id, kind): ends for kind, text in boxes(cell) if (ends := loose_ends(cell, kind, text))}
    assert found == {}


@pytest.mark.optimised
@pytest.mark.parametrize("stem", with_answers())
def test_answers_are_what_comes_out(stem, clips):
    """Claims are looked at when the next code cell has run, or the one named `after`."""
    run, wrong, waiting = Run(), {}, []
    last = max(n for n, cell in enumerate(cells(stem)) if held(cell, "predict"))
    for n, cell in enumerate(cells(stem)):
        if entry := held(cell, "predict"):
            waiting.append((cell.id, entry))
        if cell.cell_type == "markdown" or (not waiting and (draws_only(cell) or n > last)):
            continue
        run.cell(cell)
        ripe = [pair for pair in waiting if pair[1].get("after", cell.id) == cell.id]
        waiting = [pair for pair in waiting if pair not in ripe]
        wrong |= {name: bad for name, entry in ripe if (bad := run.wrong(entry["claims"]))}
    assert (wrong, waiting) == ({}, [])


@pytest.mark.optimised
@pytest.mark.parametrize(("stem", "box"), with_edits())
def test_change_one_thing_runs_and_shows_what_it_says(stem, box, clips):
    """Only the cells that `run` names; all, where it is missing."""
    entry = next(held(cell, "change-one-thing") for cell in cells(stem) if cell.id == box)
    code = {cell.id: cell for cell in cells(stem) if cell.cell_type == "code"}
    assert {name for name, _, _ in entry["edits"]} <= set(entry.get("run", code)) <= set(code)
    run = Run()
    for name, cell in code.items():
        if name in entry.get("run", code):
            run.cell(cell, edited(cell.source, [edit[1:] for edit in entry["edits"] if edit[0] == name]))
    assert run.wrong(entry["claims"]) == {}


@pytest.mark.parametrize(
    ("phrase", "value", "yes"),
    [
        ("2.8 times", 2.84, True),
        ("2.8 times", 2.86, False),
        ("3,137² = 9.8 million", [3137, 9.84], True),
        ("3,137² = 9.8 million", [3137], False),
        ("a third, 33 %", 0.333, True),
        ("a third, 33 %", 0.34, False),
        ("about 2e-7", 2.4e-7, True),
        ("−3", -3.2, True),
        ("more than double", True, True),
        ("more than double", False, False),
        ("no number", 3.0, False),
        ("16 in Model 2", 16, True),
    ],
)
def test_a_phrase_is_held_to_the_digits_that_it_gives(phrase, value, yes):
    assert agrees(phrase, value) is yes
