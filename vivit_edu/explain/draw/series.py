"""Numbers along a run made fit to be drawn: smoothed, their gaps kept, their names apart."""

from collections.abc import Mapping

import numpy as np


def apart(heights: Mapping[str, float], least: float) -> dict[str, float]:
    """The same heights, those closer together than `least` moved up, from the lowest."""
    moved, floor = {}, -np.inf
    for name, height in sorted(heights.items(), key=lambda item: item[1]):
        moved[name] = floor = max(height, floor + least)
    return moved


def running_mean(values: np.ndarray, fraction: int = 30) -> np.ndarray:
    """The mean over the last thirtieth of the run, at each step; at the start, over what there is.

    A number that is not finite is nan, and left out of its neighbours' means.
    """
    window = max(1, len(values) // fraction)
    values = with_gaps(values)
    known = np.isfinite(values)
    total, count = (np.concatenate([[0.0], np.cumsum(x)]) for x in (np.where(known, values, 0), known))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return np.where(known, (total[ends] - total[starts]) / np.maximum(count[ends] - count[starts], 1), np.nan)


def last_number(values) -> float:
    """The last that is finite; 0 where none is."""
    known = [float(value) for value in values if np.isfinite(value)]
    return known[-1] if known else 0.0


def with_gaps(values) -> np.ndarray:
    """The numbers, nan where they are not finite."""
    values = np.asarray(values, float)
    return np.where(np.isfinite(values), values, np.nan)
