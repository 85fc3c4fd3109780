"""A figure in words: for those who hear the page, and wherever no picture can be shown."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from vivit_edu.explain.draw.plain.spec import lines, read, text

MOST = 6  # traces told one by one; a sentence of more is not listened to


def describe(figure: Mapping[str, Any]) -> str:
    """What the JSON of a figure shows: title, axes, traces with their numbers, and what can be moved in it."""
    spec = read(figure)
    said = [spec.title or "A figure", *_axes(spec), *_marks(spec.traces), *_controls(spec.layout)]
    return " ".join(part if part[-1] in ".?!" else f"{part}." for part in said)


def _axes(spec):
    for letter, direction in {"x": "Across", "y": "Up"}.items():
        axes = [axis for axis in spec.axes(letter).values() if axis.get("visible", True)]
        names = dict.fromkeys(" ".join(lines(text(axis.get("title")))) for axis in axes)
        if named := [name for name in names if name]:
            yield f"{direction}: {', '.join(named)}"


def _marks(traces):
    """A sentence for each kind of trace, or for each trace where they are few."""
    if pictures := [trace for trace in traces if trace["type"] == "image"]:
        yield f"{len(pictures)} pictures" if len(pictures) > 1 else "A picture"
    yield from (_map(trace) for trace in traces if trace["type"] == "heatmap")
    drawn = [t for t in traces if t["type"] in ("scatter", "bar") and (t.get("hoverinfo") != "skip" or t.get("name"))]
    for trace in drawn[:MOST]:
        yield from filter(None, [_bars(trace) if trace["type"] == "bar" else _line(trace)])
    if len(drawn) > MOST:
        yield f"{len(drawn) - MOST} more like these"
    others = dict.fromkeys(t["type"] for t in traces if t["type"] not in ("image", "heatmap", "scatter", "bar"))
    yield from (f"A {kind}" for kind in others)


def _map(trace):
    values = np.asarray(trace["z"], np.float64)
    quantity = text((trace.get("colorbar") or {}).get("title")) or "values"
    size = " × ".join(map(str, values.shape))
    if trace.get("showscale") is False or not np.isfinite(values).any():  # its numbers stand for kinds
        return f"A map of {size}"
    return f"A map of {size}, {quantity} from {_number(np.nanmin(values))} to {_number(np.nanmax(values))}"


def _line(trace):
    """First, last, least and largest value; of points among names, the names too."""
    values = np.atleast_1d(trace.get("y", ()))
    if values.dtype == object and np.ndim(trace.get("x")) == 1:
        return _bars(trace | {"orientation": "h"})
    values = values[np.isfinite(values)] if values.dtype != object else values[:0]
    if not values.size:
        return None
    kind = "Line" if "lines" in trace.get("mode", "lines") else "Points"
    name = f" {trace['name']}" if trace.get("name") else ""
    spread = f", from {_number(values.min())} to {_number(values.max())}"
    return f"{kind}{name}: {_number(values[0])} first, {_number(values[-1])} last{spread}"


def _bars(trace):
    names, values = (trace.get(k) for k in ("yx" if trace.get("orientation") == "h" else "xy"))
    if names is None or values is None or values.dtype == object:
        return None
    told = [f"{' '.join(lines(str(name)))} {_number(value)}" for name, value in zip(names, values, strict=False)]
    more = f" and {len(told) - 2 * MOST} more" if len(told) > 2 * MOST else ""
    return f"{trace.get('name') or 'Values'}: {', '.join(told[: 2 * MOST])}{more}"


def _controls(layout):
    for slider in layout.get("sliders") or ():
        if steps := [step.get("label", "") for step in slider.get("steps") or ()]:
            prefix = (slider.get("currentvalue") or {}).get("prefix", "")
            yield f"A slider, {prefix}{steps[0]} to {steps[-1]}"
    for menu in layout.get("updatemenus") or ():
        yield f"Buttons: {', '.join(button.get('label', '') for button in menu.get('buttons') or ())}"


def _number(value):
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
