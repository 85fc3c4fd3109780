"""What a check returns, and how a student's answer is compared."""

import dataclasses
import html
from collections.abc import Callable, Mapping

import numpy as np

from vivit_edu.arrays import Array

SIGNS = {"pass": ("PASS", "#009e73"), "todo": ("not yet", "#e08214"), "fail": ("FAIL", "#d55e00")}


class Mistake(Exception):
    """What is wrong with an answer, in a sentence for the student."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """The outcome of a check; true where it passed.

    Attributes:
      name: of what was checked.
      status: "pass", "todo" or "fail".
      message: what is wrong, or what to do next.
      picture: HTML of the target, "" for none.
    """

    name: str
    status: str
    message: str = ""
    picture: str = ""

    def __bool__(self):
        return self.status == "pass"

    def __str__(self):
        return f"{SIGNS[self.status][0]}: {self.name}" + (f" – {self.message}" if self.message else "")

    __repr__ = __str__

    def _repr_html_(self):
        sign, colour = SIGNS[self.status]
        text = f"<b style='color:{colour}'>{sign}</b> <code>{html.escape(self.name)}</code>"
        message = f" – {html.escape(self.message)}" if self.message else ""
        style = f"border-left:4px solid {colour};padding:0.3em 0.8em;max-width:100%;overflow-x:auto"
        return f"<div role='status' style='{style}'>{text}{message}{self.picture}</div>"


def run(name: str, student: Callable, compare: Callable[[Callable], None], *, picture: str = "") -> Result:
    """The result of `compare(student)`, which raises Mistake where something is wrong.

    Args:
      picture: HTML of the target, shown until the check passes.
    """
    try:
        compare(student)
    except NotImplementedError:
        return Result(name=name, status="todo", message="the stub is still empty.", picture=picture)
    except Mistake as mistake:
        return Result(name=name, status="fail", message=str(mistake), picture=picture)
    except Exception as error:  # whatever a student's code may raise is an answer, not a crash
        message = f"your code stopped with {type(error).__name__}: {error}"
        return Result(name=name, status="fail", message=message, picture=picture)
    return Result(name=name, status="pass", message="equal to the library on every case.")


def compare_arrays(mine, library, *, case: str, habits: Mapping[str, Array] | None = None) -> None:
    """Raises Mistake unless the arrays are equal to 1e-4 in shape and value.

    Args:
      case: the sizes, for the message.
      habits: common wrong results by what to say about them; the first equal to `mine` is named.
    """
    if mine is None:
        raise Mistake(f"with {case} it returned None: is a return missing?")
    mine, library = np.asarray(mine), np.asarray(library)
    for sentence, wrong in (habits or {}).items():
        if _close(mine, np.asarray(wrong)) and not _close(mine, library):
            raise Mistake(f"with {case}: {sentence}")
    if mine.shape != library.shape:
        raise Mistake(f"with {case} the shape is {mine.shape}; {library.shape} is wanted")
    if not _close(mine, library):
        gaps = ~np.isclose(mine, library, rtol=1e-4, atol=1e-5)
        where = tuple(int(i) for i in np.argwhere(gaps)[0])
        raise Mistake(f"with {case} the shape is right, but {gaps.mean():.0%} of the values differ, first at {where}")


def compare_values(mine, library, *, case: str, habits: Mapping[str, object] | None = None) -> None:
    """Raises Mistake unless two whole numbers, or tuples of them, are the same."""
    if mine is None:
        raise Mistake(f"with {case} it returned None: is a return missing?")
    mine, library = _plain(mine), _plain(library)
    if mine == library:
        return
    for sentence, wrong in (habits or {}).items():
        if mine == _plain(wrong):
            raise Mistake(f"with {case}: {sentence}")
    raise Mistake(f"with {case} it returned {mine}, which is not right")


def _close(a, b):
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-5)


def _plain(value):
    value = np.asarray(value)
    return value.item() if value.ndim == 0 else tuple(value.tolist())
