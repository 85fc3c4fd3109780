"""Numbers along a run made fit to be drawn: smoothed, their gaps kept, their names apart."""

from collections.abc import Iterator, Mapping
from itertools import cycle

import numpy as np

from vivit_edu.explain.draw.theme import CATEGORIES
from vivit_edu.explain.watch.fit import fits, some, within

NO_ACCURACY = ("step", "loss", "learning_rate")  # of a history, what is drawn on an axis of its own, or not at all
MARKS = ("circle", "square", "diamond", "x")  # beside colour, for eyes that see few


def styled(series: Mapping, what: str) -> Iterator[tuple]:
    """(name, values, colour, mark) of each; there are seven colours to tell them by.

    Raises:
      ValueError: where there are none or more than that.
    """
    some(series, what, most=len(CATEGORIES))
    return ((*item, colour, mark) for item, colour, mark in zip(series.items(), CATEGORIES, cycle(MARKS), strict=False))


def heads_of(history: Mapping) -> list[str]:
    """The names of the heads whose accuracies a history has.

    Raises:
      ValueError: where it is without steps and losses, they are not as many, or an accuracy is not in [0, 1].
    """
    if missing := {"step", "loss"} - set(history):
        raise ValueError(f"a history has step and loss; got none of {', '.join(sorted(missing))}")
    heads = []
    for name, values in history.items():
        steps = "validation/step" if name.startswith("validation/") else "step"
        if steps not in history:
            raise ValueError(f"a history with {name} has {steps}")
        fits(f"the numbers of {name}", len(values), len(history[steps]))
        if name.split("/")[-1] not in NO_ACCURACY:
            accuracies(values, f"the numbers of {name}")
            heads.append(name.split("/")[-1])
    return list(dict.fromkeys(heads))


def accuracies(values, what: str) -> None:
    """Refuses accuracies that are not in [0, 1]; those that are NaN or infinite are gaps.

    Raises:
      ValueError: where one is not.
    """
    values = np.asarray(values, float)
    within(values[np.isfinite(values)], what)


def triple(accuracies: Mapping, model: str, name: str) -> np.ndarray:
    """(accuracy, lower, upper) of a model in a head.

    Raises:
      ValueError: where there is none, or it is not in [0, 1], lower to upper.
    """
    if name not in accuracies:
        raise ValueError(f"{model} has no accuracy of {name}")
    given = within(accuracies[name], f"the accuracies of {name}")
    found = np.broadcast_to(given, 3) if given.ndim == 0 else given
    if found.shape != (3,) or not found[1] <= found[0] <= found[2]:
        raise ValueError(f"an accuracy is one number, or (accuracy, lower, upper); got {given.tolist()} of {model}")
    return found


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
