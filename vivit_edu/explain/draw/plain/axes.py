"""From numbers to pixels: the axes of a still picture, and where their ticks are."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vivit_edu.explain.draw.plain.spec import array, lines

Span = tuple[float, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis on paper.

    Attributes:
      settings: plotly's own.
      names: of the places 0, 1, … on an axis of names, () on one of numbers.
      ends: the numbers at its beginning and end; exponents on a logarithmic axis.
      pixels: where these two are; the second is less for an axis that runs up.
    """

    settings: Mapping[str, Any]
    names: tuple[str, ...]
    ends: Span
    pixels: Span

    def __call__(self, values: Any) -> np.ndarray:
        """Pixels of values on this axis, NaN where there are none."""
        values = self.numbers(values)
        share = (values - self.ends[0]) / ((self.ends[1] - self.ends[0]) or 1)
        return np.asarray(self.pixels[0] + share * (self.pixels[1] - self.pixels[0]))

    def numbers(self, values: Any) -> np.ndarray:
        """The values as numbers that lie evenly on the axis."""
        return placed(values, self.names, self.settings)

    def ticks(self) -> list[tuple[float, str]]:
        """The pixel and the marked-up text of each tick."""
        if not (self.settings.get("visible", True) and self.settings.get("showticklabels", True)):
            return []
        if (values := self.settings.get("tickvals")) is not None:
            labels = self.settings.get("ticktext") or [f"{value:g}" for value in array(values)]
            found = zip(self(values), labels, strict=False)
        elif self.names:
            found = zip(self(np.arange(len(self.names))), self.names, strict=True)
        elif self.settings.get("type") == "log":
            found = ((float(self(10.0**e)), f"{10.0**e:g}") for e in range(*_whole(self.ends)))
        else:
            found = ((float(self(value)), f"{value:,.10g}") for value in _round(self.ends))
        low, high = sorted(self.pixels)
        return [(float(at), str(label)) for at, label in found if low - 1 <= at <= high + 1]


def placed(values: Any, names: Sequence[str], settings: Mapping[str, Any]) -> np.ndarray:
    """Numbers that lie evenly on an axis: the places of names, exponents where it is logarithmic."""
    values = values if isinstance(values, np.ndarray) else array(values)
    if values.dtype == object:
        known = {name: place for place, name in enumerate(names)}
        return np.array([known.get(value, np.nan) for value in values.ravel()], np.float64)
    if settings.get("type") == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(values > 0, np.log10(values), np.nan))
    return values


def ends_of(settings: Mapping[str, Any], data: Sequence[np.ndarray], names: Sequence[str], *, rim: float) -> Span:
    """Where an axis begins and ends: as it says itself, else a little beyond its numbers."""
    if given := settings.get("range"):
        return float(given[0]), float(given[1])
    found = np.concatenate([placed(values, names, settings).ravel() for values in data] or [np.zeros(1)])
    found = found[np.isfinite(found)]
    low, high = (found.min(), found.max()) if found.size else (0.0, 1.0)
    if names:
        low, high, rim = -0.5, len(names) - 0.5, 0
    if settings.get("rangemode") == "tozero":
        low, high = min(low, 0), max(high, 0)
    beyond = rim * ((high - low) or 1)
    low, high = (low if low == 0 and rim and settings.get("rangemode") else low - beyond), high + beyond
    return (high, low) if settings.get("autorange") == "reversed" else (float(low), float(high))


def squared(x: Axis, y: Axis) -> tuple[Axis, Axis]:
    """Both axes in the middle of their place, a unit as long on one as on the other."""
    unit = min(abs((a.pixels[1] - a.pixels[0]) / ((a.ends[1] - a.ends[0]) or 1)) for a in (x, y))

    def narrowed(axis):
        middle, half = sum(axis.pixels) / 2, unit * abs(axis.ends[1] - axis.ends[0]) / 2
        sign = 1 if axis.pixels[1] > axis.pixels[0] else -1
        return dataclasses.replace(axis, pixels=(middle - sign * half, middle + sign * half))

    return narrowed(x), narrowed(y)


def names_of(data: Sequence[np.ndarray]) -> tuple[str, ...]:
    """The names on an axis, in the order in which traces first use them; () where it has numbers."""
    return tuple(dict.fromkeys(name for values in data if values.dtype == object for name in values.ravel()))


def widest(ticks: Sequence[tuple[float, str]], size: float) -> float:
    """Pixels that the longest label of ticks needs."""
    return max((len(line) for _, label in ticks for line in lines(label)), default=0) * size * 0.56


def _round(ends, count=6):
    """Round numbers between two."""
    low, high = sorted(ends)
    raw = (high - low) / count or 1
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    return [round(step * n, 10) + 0.0 for n in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _whole(ends):
    low, high = sorted(ends)
    return int(np.ceil(low)), int(np.floor(high)) + 1
