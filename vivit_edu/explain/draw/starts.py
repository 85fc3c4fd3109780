"""Figures of how a model starts: filters stretched over time, the pull at each parameter, runs side by side."""

import re
from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from vivit_edu.arrays import Array
from vivit_edu.explain.draw import theme
from vivit_edu.explain.draw.canvas import Film, label, on_canvas, picture, slider
from vivit_edu.explain.draw.series import accuracies, apart, last_number, running_mean, styled
from vivit_edu.explain.watch.fit import count_of, fits, some, within
from vivit_edu.explain.watch.sound import Index, finite, is_whole

PROJECTIONS = ("query", "key", "value", "out")
KERNEL = re.compile(rf"blocks/layers/(\d+)/(\w+)/({'|'.join(PROJECTIONS)})/kernel$")


def stretched(
    rows: Mapping[str, Mapping[int, Float[Array, "t h w C"]]], *, title: str | None = None, columns: int = 8
) -> go.Figure:
    """Filters of several lengths, a row for each rule; a slider chooses the length t. Grey is 0.

    Args:
      rows: rule -> {t: one filter (t, h, w, C)}, the same lengths for every rule; all share one scale.
      columns: frames for which there is room, at least the longest t.

    Raises:
      ValueError: where there is no filter, or one is not as long or as large as it should be, or not finite.
    """
    lengths, size = _check_rows(rows, columns)
    top = max(np.abs(finite(k, rule)).max() for rule, kernels in rows.items() for k in kernels.values()) or 1
    strip = Film(count=columns * len(rows), size=size, columns=columns)
    pictures = [picture(_strip(strip, [kernels[t] / top for kernels in rows.values()])) for t in lengths]
    steps = [(str(t), "restyle", [{"source": [image.source]}, [0]]) for t, image in zip(lengths, pictures, strict=True)]
    notes = []
    for row, rule in enumerate(rows):
        x, y = strip.corner(row * columns)
        notes.append(label(x, y + size[0], rule, xanchor="left"))
    start = len(lengths) - 1
    sliders = slider(steps, prefix="t = ")
    sliders[0]["active"] = start
    layout = {"annotations": notes, "sliders": sliders}
    return on_canvas([pictures[start]], strip.shape, title=title, below=90, **layout)


def gradients(norms: Mapping[str, Mapping[str, float]], *, layer: Index = 0, title: str | None = None) -> go.Figure:
    """Lengths of the gradients of one layer's attention kernels, a panel for each model; crosses are exact zeros.

    Args:
      norms: model -> what `training.gradient_norms` returns.

    Raises:
      IndexError: where a model has no such layer.
      ValueError: where there is no model, or a length is NaN or infinite.
    """
    some(norms, "models")
    found = {model: _kernels(values, layer) for model, values in norms.items()}
    for model, kernels in found.items():
        if not kernels:
            raise IndexError(f"{model} has no gradients of attention in layer {layer}")
        finite(list(kernels.values()), f"the gradients of {model}")
    seen = [norm for kernels in found.values() for norm in kernels.values() if norm > 0]
    low, high = np.floor(np.log10(min(seen, default=1))), np.ceil(np.log10(max(seen, default=1)))
    zero = 10.0 ** (low - 1)
    options = {"shared_yaxes": True, "subplot_titles": list(norms), "horizontal_spacing": 0.06}
    fig = make_subplots(cols=len(norms), **options)
    for column, kernels in enumerate(found.values(), start=1):
        for over in dict.fromkeys(over for over, _ in kernels):
            part = {f"{over}: {name}": norm for (other, name), norm in kernels.items() if other == over}
            fig.add_trace(_dots(part, theme.COLOURS.get(over, theme.COLOURS["ink"]), zero), row=1, col=column)
    exponents = np.arange(high, low - 1, -max(1, np.ceil((high - low) / 3)))[::-1]
    ticks = {"tickangle": 0} | {
        "tickvals": [zero, *10.0**exponents],
        "ticktext": ["0", *(f"10<sup>{e:.0f}</sup>" for e in exponents)],
    }
    fig.update_xaxes(type="log", range=[low - 1.4, high + 0.3], **ticks)
    fig.update_xaxes(title="length of the gradient", col=(len(norms) + 1) // 2)
    fig.update_yaxes(autorange="reversed")
    fig.update_layout(template=theme.TEMPLATE, title={"text": title}, showlegend=False)
    return fig.update_layout(height=130 + 26 * max(map(len, found.values())), margin={"t": 76, "b": 48})


def runs(
    curves: Mapping[str, Float[Array, "runs steps"]],
    *,
    chance: float | None = None,
    yaxis: str = "accuracy (%)",
    title: str | None = None,
) -> go.Figure:
    """Accuracies of several kinds of model against steps, a thin line for each run (running mean), named at its end.

    NaN and infinite ones are gaps in it.

    Args:
      curves: kind -> accuracies in [0, 1], one row for each run.
      chance: accuracy of a guess, dashed.

    Raises:
      ValueError: where there is no kind or more than seven, one has no runs, or an accuracy or chance is not in [0, 1].
    """
    fig, ends, colours = go.Figure(), {}, {}
    for kind, several, colour, _ in styled(curves, "kinds"):
        colours[kind] = colour
        some(several, f"the runs of {kind}")
        fits(f"the axes of a run of {kind}", np.ndim(several[0]), 1)
        accuracies(np.concatenate(several), f"the accuracies of {kind}")
        smooth = [100 * running_mean(np.asarray(run, float)) for run in several]
        for run in smooth:
            line = {"color": colours[kind], "width": 1.5}
            fig.add_scatter(x=np.arange(1, len(run) + 1), y=run, mode="lines", line=line, name=kind)
        ends[kind] = float(np.mean([last_number(run) for run in smooth]))
    if chance is not None:
        within(chance, "chance")
        fig.add_hline(100 * chance, line={"dash": "dash", "width": 1, "color": theme.COLOURS["ink"]})
    for kind, y in apart(ends, 6).items():
        where = {"x": 1, "xref": "paper", "xanchor": "left", "y": y, "showarrow": False}
        fig.add_annotation(text=kind.replace("_", "<br>"), font={"color": colours[kind]}, align="left", **where)
    fig.update_layout(template=theme.TEMPLATE, title={"text": title}, showlegend=False, height=340)
    fig.update_layout(margin={"r": 84, "l": 56, "b": 48})
    return fig.update_xaxes(title="steps").update_yaxes(title=yaxis, range=[-2, 104])


def _check_rows(rows, columns):
    """The lengths, and the (height, width) of a filter."""
    some(rows, "rules")
    lengths = list(next(iter(rows.values())))
    some(lengths, "lengths")
    size = np.shape(next(iter(rows.values()))[lengths[0]])[1:3]
    for rule, kernels in rows.items():
        fits(f"the lengths of {rule}", list(kernels), lengths)
        for t, kernel in kernels.items():
            fits(f"the length, height and width of {rule}", np.shape(kernel)[:3], (t, *size))
    if max(lengths) > count_of(columns, "columns"):
        raise ValueError(f"columns must be at least the longest t, {max(lengths)}; got {columns}")
    return lengths, size


def _strip(strip, filters):
    """RGBA: each filter in a row of its own, as many frames as it has; the rest is empty."""
    canvas = np.zeros((*strip.shape, 4), np.uint8)
    for row, frames in enumerate(filters):
        frames = np.asarray(frames)
        frames = frames if frames.shape[-1] == 3 else frames.mean(-1, keepdims=True)
        blank = np.zeros((strip.count, *frames.shape[1:]), np.float32)
        blank[row * strip.columns : row * strip.columns + len(frames)] = frames
        painted = strip.paint(blank)
        for frame in range(len(frames)):
            x, y = strip.corner(row * strip.columns + frame)
            place = np.s_[y : y + strip.size[0], x : x + strip.size[1]]
            canvas[place] = painted[place]
    return canvas


def _kernels(norms, layer):
    """(what it attends over, projection) -> norm, in the order in which a layer uses them."""
    found = {}
    for name, norm in norms.items():
        match = KERNEL.search(name)
        if match and is_whole(layer) and int(match[1]) == layer:
            found[match[2], match[3]] = float(norm)
    return dict(sorted(found.items(), key=lambda item: (item[0][0], PROJECTIONS.index(item[0][1]))))


def _dots(norms, colour, zero):
    values = np.array(list(norms.values()))
    marker = {
        "color": colour,
        "size": np.where(values > 0, 10, 8).tolist(),
        "symbol": ["circle" if value > 0 else "x" for value in values],
    }
    where = {"x": np.where(values > 0, values, zero).tolist(), "y": list(norms)}
    hover = {"customdata": values, "hovertemplate": "%{y}: %{customdata:.2e}<extra></extra>"}
    return go.Scatter(mode="markers", marker=marker, **where, **hover)
