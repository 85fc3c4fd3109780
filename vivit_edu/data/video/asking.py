"""What a caller may ask for; each error is one sentence that names the argument."""

import math
import numbers
import operator

import numpy as np
from jaxtyping import Int

from vivit_edu.arrays import axes, plain


def whole(name: str, value: object, *, least: int = 1) -> int:
    """The number as Python's own.

    Raises:
      ValueError: where it is not whole, or below `least`.
    """
    try:
        number = operator.index(value)
    except TypeError as error:
        raise ValueError(f"{name} must be a whole number; got {value!r}") from error
    if number < least:
        raise ValueError(f"{name} must be at least {least}; got {value}")
    return number


def seconds(name: str, value: object) -> numbers.Real:
    """The number, Python's own where it was an array's.

    Raises:
      ValueError: where it is no number.
    """
    number = plain(value)
    if not isinstance(number, numbers.Real) or math.isnan(number):
        raise ValueError(f"{name} must be a number of seconds; got {value!r}")
    return number


def pixels(name: str, value: object) -> tuple[int, int]:
    """(height, width), which are the same where one number is given.

    Raises:
      ValueError: where there are not two whole numbers of at least 1.
    """
    try:
        height, width = (operator.index(side) for side in axes(value, count=2))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be whole numbers (height, width); got {value!r}") from error
    if min(height, width) < 1:
        raise ValueError(f"{name} must be at least 1 pixel high and wide; got {value}")
    return height, width


def indices(name: str, chosen: object, count: int) -> Int[np.ndarray, "n"]:
    """The chosen ones of `count` frames.

    Raises:
      ValueError: where they are none, not whole, or not there.
    """
    array = np.asarray(chosen)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{name} must give a row of one index or more; got {chosen}")
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= count:
        raise ValueError(f"{name} must give indices of its {count} frames, 0 to {count - 1}; got {chosen}")
    return array.astype(np.int64)
