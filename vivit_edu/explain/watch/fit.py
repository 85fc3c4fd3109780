"""What is given together must fit: sizes, counts and ranges, each refused in one sentence."""

import operator
from collections.abc import Sized

import numpy as np

from vivit_edu.arrays import plain
from vivit_edu.config import ViViTConfig
from vivit_edu.explain.watch.sound import finite, is_whole


def fits(what: str, got, wanted) -> None:
    """Refuses a size, count or shape that is not the one wanted.

    Raises:
      ValueError: where it is another.
    """
    if got != wanted:
        raise ValueError(f"{what} must be {wanted}; got {got}")


def count_of(number, what: str, *, most: int | None = None) -> int:
    """The number as an int, at least 1.

    Raises:
      ValueError: where it is no whole number from 1 to `most`.
    """
    if not is_whole(number) or number < 1 or (most is not None and number > most):
        limits = "of at least 1" if most is None else f"from 1 to {most}"
        raise ValueError(f"{what} must be a whole number {limits}; got {number!r}")
    return operator.index(number)


def rate(fps) -> float:
    """Frames a second as a float.

    Raises:
      ValueError: where it is no number above 0.
    """
    fps = plain(fps)
    if not isinstance(fps, int | float) or isinstance(fps, bool) or not 0 < fps < float("inf"):
        raise ValueError(f"fps must be a number above 0; got {fps!r}")
    return float(fps)


def some(given: Sized, what: str, *, most: int | None = None) -> None:
    """Refuses nothing at all, and more than there is room for.

    Raises:
      ValueError: where there is none, or more than `most`.
    """
    if not len(given) or (most is not None and len(given) > most):
        limits = "at least one" if most is None else f"from 1 to {most}"
        raise ValueError(f"expected {limits} of {what}; got {len(given)}")


def within(values, what: str, *, low: float = 0, high: float = 1) -> np.ndarray:
    """The values as an array.

    Raises:
      ValueError: where one is not finite, or not from `low` to `high`.
    """
    values = finite(values, what)
    if values.size and not (low - 1e-6 <= values.min() and values.max() <= high + 1e-6):  # float32 rounds
        raise ValueError(f"{what} must be from {low} to {high}; got {values.min():g} to {values.max():g}")
    return values


def frames_fit(frames, config: ViViTConfig | None = None) -> None:
    """Refuses what are no frames (T, H, W, C), or, where a configuration is given, not those of its clips.

    Raises:
      ValueError: where the shape is another.
    """
    shape = np.shape(frames)
    if len(shape) != 4 or 0 in shape or shape[-1] not in (1, 3, 4):
        raise ValueError(f"frames must be (T, H, W, C) with 1, 3 or 4 colours; got {shape}")
    if config is not None:
        fits("the frames' number, height and width", shape[:3], (config.frames, *config.size))
