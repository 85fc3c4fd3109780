"""A case: what a student's function is given, what it shall return, and what common mistakes return instead."""

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from vivit_edu.teach.marking.answers import numbers_of
from vivit_edu.teach.result import Mistake, shorten

CLOSE = {"rtol": 1e-4, "atol": 1e-5}  # float32 sums of toy sizes; atol is a share of the largest number
WHOLE = {"rtol": 1e-6, "atol": 0}  # float32 holds seven digits of a whole number


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One call of a student's function. The reference is there before the call, of arrays that no call sees.

    Attributes:
      about: the sizes, for the message.
      args: what the student's function is given, each time anew.
      wanted: the right answer, an array or a number; whole numbers are compared as such.
      habits: common wrong results by what to say about them, never what would be right.
    """

    about: str
    args: tuple
    wanted: Any
    habits: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def fresh(self) -> tuple:
        """Copies of the arguments, which the student may change."""
        return copy.deepcopy(self.args)

    def read(self, answer: Any) -> np.ndarray:
        """The answer as an array. Raises Mistake where it holds no numbers."""
        sizes = [np.size(known) for known in (self.wanted, *self.habits.values())]
        return numbers_of(answer, most=4 * max(sizes) + 64)

    def judge(self, mine: np.ndarray) -> None:
        """Raises Mistake unless the array is the one that is wanted."""
        wanted = np.asarray(self.wanted)
        if mine.dtype.kind == "b":
            if not np.isin(wanted, (0, 1)).all():
                raise Mistake("it returned truth values (bool); numbers are wanted")
            mine = mine.astype(float)
        if same(mine, wanted):
            return
        found = [sentence for sentence, wrong in self.habits.items() if same(mine, np.asarray(wrong))]
        if found:
            raise Mistake(" Or ".join(found))
        _same_shape(mine, wanted)
        _no_nan(mine)
        raise Mistake(_differing(mine, wanted))


def same(mine: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether two arrays are equal in shape and, as far as float32 goes, in value."""
    return mine.shape == wanted.shape and not _gaps(mine, wanted).any()


def _gaps(mine, wanted):
    """Where two arrays differ, bool."""
    if wanted.dtype.kind in "iu":
        return ~np.isclose(mine, wanted, **WHOLE)
    scale = np.abs(wanted).max(initial=0)
    with np.errstate(all="ignore"):  # the student's numbers may be infinite
        return ~np.isclose(mine, wanted, rtol=CLOSE["rtol"], atol=CLOSE["atol"] * scale)


def _same_shape(mine, wanted):
    if mine.shape == wanted.shape:
        return
    given, shape = (f"{one.shape}" if one.ndim else "() of a single number" for one in (mine, wanted))
    longer = "many" if mine.ndim > wanted.ndim else "few"
    hint = ""
    if [n for n in mine.shape if n != 1] == [n for n in wanted.shape if n != 1] and mine.ndim != wanted.ndim:
        hint = f": an axis of length 1 is too {longer}"
    elif sorted(mine.shape) == sorted(wanted.shape):
        hint = ": the axes stand in another order"
    raise Mistake(f"the shape is {given}; {shape} is wanted{hint}")


def _no_nan(mine):
    for name, wrong in (("NaN", np.isnan(mine)), ("infinite", np.isinf(mine))):
        if wrong.any():
            raise Mistake(f"{_count(wrong)} {name}{_first(wrong)}")


def _differing(mine, wanted):
    if mine.ndim == 0 or (wanted.dtype.kind in "iu" and mine.size <= 16):
        return f"it returned {shorten(str(_told(mine, wanted)), 200)}, which is not right"
    gaps = _gaps(mine, wanted)
    close = np.abs(mine - wanted).max() < 0.01 * np.abs(wanted).max()
    hint = "; all are within 1 %, so is it a small term, or too few digits?" if close else ""
    differ = "differs" if gaps.sum() == 1 else "differ"
    return f"the shape is right, but {gaps.sum():,} of {gaps.size:,} values {differ}{_first(gaps)}{hint}"


def _told(mine, wanted):
    """The numbers as Python's, whole ones as such where these are wanted; above 2**53 their digits are made up."""
    whole = lambda n: wanted.dtype.kind in "iu" and abs(n) < 2**53 and n % 1 == 0  # noqa: E731
    told = [int(n) if whole(n) else n for n in mine.ravel().tolist()]
    return tuple(told) if mine.ndim else told[0]


def _count(wrong):
    return f"{wrong.sum():,} of {wrong.size:,} values {'is' if wrong.sum() == 1 else 'are'}"


def _first(wrong):
    """Where the first one is, in words; nothing for a single number."""
    where = np.argwhere(wrong)[0].tolist() if wrong.ndim else []
    return f", the first at index {tuple(where) if len(where) > 1 else where[0]}" if where else ""
