"""The words for what functions take: an array of jax or of numpy, and a number of any library's."""

from collections.abc import Iterable
from typing import SupportsFloat, SupportsIndex

import jax
import numpy as np

Array = jax.Array | np.ndarray
Real = float | int
AnyWhole = int | SupportsIndex  # Python's, numpy's, or an array without axes
AnyReal = Real | SupportsFloat


def plain(value):
    """A number of any array library, `np.int64(3)` or an array without axes, as Python's own; all else as it is."""
    if getattr(value, "ndim", None) == 0 and value.dtype.kind in "iuf":
        return value.item()
    return value


def axes(value, *, count: int = 1) -> tuple:
    """A size for each axis: those given, or one for `count` of them."""
    value = plain(value)
    return tuple(map(plain, value)) if isinstance(value, Iterable) else (value,) * count
