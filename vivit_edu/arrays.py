"""The words for what functions take: an array of jax or of numpy, and a number of any library's."""

import contextlib
from collections.abc import Iterable
from typing import SupportsFloat, SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array | np.ndarray
Real = float | int
AnyWhole = int | SupportsIndex  # Python's, numpy's, or an array without axes
AnyReal = Real | SupportsFloat


def plain(value):
    """A number of any array library, `np.int64(3)` or an array without axes, as Python's own; all else as it is."""
    if isinstance(value, np.generic | np.ndarray | jax.Array) and value.ndim == 0:
        if jnp.issubdtype(value.dtype, np.integer) or jnp.issubdtype(value.dtype, np.floating):  # bfloat16 too
            return value.item()
    return value


def real(value):
    """A real number of any kind, `Fraction(1, 10)` too, as Python's own; truth values and all else as they are."""
    value = plain(value)
    if isinstance(value, SupportsFloat) and not isinstance(value, Real | np.generic | np.ndarray | jax.Array):
        with contextlib.suppress(TypeError, ValueError, OverflowError):  # `Decimal("sNaN")`, a fraction beyond floats
            return float(value)
    return value


def dtype_name(dtype):
    """The name of a dtype of any library, "float32" of `np.dtype("float32")`; what is none, as it is."""
    if dtype is None or isinstance(dtype, str):  # numpy takes None for float64
        return dtype
    try:
        return jnp.dtype(dtype).name
    except TypeError:
        return dtype


def is_whole(value, least: int = 1) -> bool:
    """Whether the value is a whole number of Python's, no truth value, of at least `least`."""
    return type(value) is int and value >= least


def axes(value, *, count: int = 1) -> tuple:
    """A size for each axis: those given, or one for `count` of them."""
    value = plain(value)
    return tuple(map(plain, value)) if isinstance(value, Iterable) else (value,) * count
