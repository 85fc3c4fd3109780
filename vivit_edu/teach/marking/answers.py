"""A student's answer as an array of numbers: whatever holds numbers will do, and what does not is named."""

import math
import numbers
import types
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from vivit_edu.teach.result import Mistake, type_name

DEEPEST = 12  # lists within lists
NO_NUMBERS = (str, bytes, bytearray, Mapping, set, frozenset, type, types.FunctionType, types.CoroutineType)


def numbers_of(answer: Any, most: int) -> np.ndarray:
    """The answer as an array of bool, int or float: a copy, of its own shape.

    Numbers, arrays of any library, lists, tuples and generators of these are read, and no more than `most` of them, so
    that an endless generator ends and a huge list stays where it is.

    Raises:
      Mistake: where these are no real numbers, or too many, or a list's entries have unlike shapes.
    """
    if answer is None:
        raise Mistake("it returned None: is a return missing?")
    array = _read(answer, most, DEEPEST)
    if array.dtype.kind == "c":
        raise Mistake("it returned complex numbers; real ones are wanted")
    if array.dtype.kind not in "biuf":
        raise Mistake(f"it returned values of type {array.dtype}; numbers are wanted")
    return array


def _read(value, most, deepest):
    if isinstance(value, types.CoroutineType):
        value.close()  # one that nobody awaits warns
    if value is None or isinstance(value, NO_NUMBERS):
        raise Mistake(f"it returned {kind(value)} where numbers are wanted")
    if hasattr(value, "__array__"):
        return _read_array(value, most, deepest)
    if isinstance(value, numbers.Number) or hasattr(value, "__float__"):
        return np.asarray(value if isinstance(value, bool | complex) else float(value))
    return _read_items(value, most, deepest)


def _read_array(value, most, deepest):
    shape = getattr(value, "shape", None)
    if not isinstance(shape, tuple) or np.prod(shape, dtype=float) <= most:  # else not copied: it may be a huge view
        _refuse_masked(value)
        value = np.array(value)
        shape = value.shape
    if np.prod(shape, dtype=float) > most:
        raise Mistake(f"the shape is {shape}: many more numbers than are wanted")
    if value.dtype.kind == "O":
        return _read_items(value, most, deepest) if value.ndim else _read(value.item(), most, deepest - 1)
    if value.dtype.kind == "V" and jnp.issubdtype(value.dtype, jnp.floating):  # bfloat16 and its kind
        return value.astype(np.float32)
    return value


def _refuse_masked(value):
    if issubclass(type(value), np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        raise Mistake("some of the numbers that it returned are masked: which ones are meant?")


def _read_items(value, most, deepest):
    if deepest == 0:
        raise Mistake("it returned lists within lists without end")
    try:
        items = iter(value)
    except TypeError:
        raise Mistake(f"it returned {kind(value)} where numbers are wanted") from None
    if hasattr(value, "__len__") and len(value) > most:
        raise Mistake(f"it returned {len(value):,} items: many more than are wanted")
    if type(value) in (list, tuple) and {*map(type, value)} <= {int, float}:
        return np.array(value, float)
    arrays, spent = [], 0
    for item in items:
        arrays.append(_read(item, most - spent, deepest - 1))
        spent += math.prod(n or 1 for n in arrays[-1].shape)  # an empty list too, lest they come without end
        if spent > most:
            raise Mistake("it returns more and more, and many more than is wanted: does it ever end?")
    shapes = list(dict.fromkeys(array.shape for array in arrays))
    if len(shapes) > 1:
        raise Mistake(f"its items have unlike shapes, such as {shapes[0]} and {shapes[1]}: they make no array")
    return np.stack(arrays) if arrays else np.zeros(0)


def kind(value: Any) -> str:
    """What the value is, in words: "a dict", "None", "an object of type Thing"."""
    if value is None:
        return "None"
    name = type_name(value)
    return f"a {name}" if isinstance(value, NO_NUMBERS) else f"an object of type {name}"
