"""Charts of numbers: training curves, scores, costs, and what a model's parameters look like."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from vivit_edu import cost
from vivit_edu.arrays import Array
from vivit_edu.config import ViViTConfig
from vivit_edu.explain.draw import theme
from vivit_edu.explain.draw.canvas import Film, label, on_canvas, picture
from vivit_edu.explain.draw.series import apart, heads_of, last_number, running_mean, styled, triple, with_gaps
from vivit_edu.explain.watch.fit import count_of, fits, some, within
from vivit_edu.explain.watch.sound import finite

# What moves is time's colour, what is seen is space's.
HEADS = {"loss": theme.COLOURS["ink"], "verb": theme.COLOURS["time"], "noun": theme.COLOURS["space"]}
HEADS["action"] = theme.CATEGORIES[3]
PUBLISHED = {  # Arnab et al. 2021, Table 2: multiply-adds and parameters
    "ViViT-B/16x2": (455.2e9, 88.9e6),
    "ViViT-B/16x2 FE": (284.4e9, 115.1e6),
    "ViViT-B/16x2 FSA": (372.3e9, 117.3e6),
    "ViViT-B/16x2 FDP": (277.1e9, 88.9e6),
    "ViViT-B/16x2 AP": (283.9e9, 86.7e6),
}


def curves(
    history: Mapping[str, np.ndarray], *, chance: Mapping[str, float] | None = None, title: str | None = None
) -> go.Figure:
    """Loss above, accuracies below, against steps: lines in training (running mean), circles in validation.

    What is NaN or infinite is a gap; of a loss that diverged, the figure says at which step it first did.

    Args:
      history: what `training.fit` returns: "step", "loss", one array a head, and "validation/…" likewise.
      chance: accuracies of a guess, dashed.

    Raises:
      ValueError: where there are no steps and losses, numbers are not as many as steps, or one is not in [0, 1].
    """
    names = heads_of(history)
    within(list((chance or {}).values()), "chance")
    fig = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.38, 0.62], vertical_spacing=0.06)
    ends = {}
    for name in ["loss", *names]:
        for trace in _curve(history, name):
            fig.add_trace(trace, row=1 if name == "loss" else 2, col=1)
            ends[name] = last_number(trace.y)
        if name in (chance or {}):
            style = {"dash": "dash", "width": 1, "color": _colour(name)}
            fig.add_hline(100 * chance[name], line=style, row=2, col=1)
    for name, y in {"loss": ends.pop("loss"), **apart(ends, 7)}.items():
        where = {"x": 1, "xref": "paper", "y": y, "yref": "y" if name == "loss" else "y2", "xanchor": "left"}
        fig.add_annotation(text=name, showarrow=False, font={"color": _colour(name)}, **where)
    _tell_divergence(fig, history)
    fig.update_layout(template=theme.TEMPLATE, title={"text": title}, showlegend=False)
    fig.update_layout(height=460, margin={"r": 64, "l": 56, "b": 48})
    fig.update_xaxes(title="steps", row=2).update_yaxes(title="loss (nats)", row=1)
    return fig.update_yaxes(title="accuracy (%)", range=[-2, 102], row=2)


def scores(
    mapping: Mapping[str, Mapping[str, float | tuple[float, float, float]]],
    *,
    chance: Mapping[str, float],
    title: str | None = None,
) -> go.Figure:
    """Accuracies of several models, a panel for each head, with chance dashed.

    Args:
      mapping: model -> head -> accuracy in [0, 1], or (accuracy, lower, upper).
      chance: head -> accuracy of a guess.

    Raises:
      ValueError: where there is no model or head, or one has no accuracy, or it is not in [0, 1], lower to upper.
    """
    some(mapping, "models")
    some(chance, "heads")
    within(list(chance.values()), "chance")
    models, names = list(mapping)[::-1], list(chance)
    fig = make_subplots(cols=len(names), shared_yaxes=True, subplot_titles=names, horizontal_spacing=0.05)
    for col, name in enumerate(names, start=1):
        triples = 100 * np.array([triple(mapping[model], model, name) for model in models])
        spread = {"array": triples[:, 2] - triples[:, 0], "arrayminus": triples[:, 0] - triples[:, 1]}
        spread |= {
            "symmetric": False,
            "visible": bool(np.ptp(triples, axis=1).any()),
            "color": theme.COLOURS["ink"],
        }
        bars = go.Bar(x=triples[:, 0], y=models, orientation="h", marker={"color": _colour(name)}, error_x=spread)
        fig.add_trace(bars, row=1, col=col)
        text = {"mode": "text", "text": [f"{value:.0f}" for value in triples[:, 0]], "textposition": "middle right"}
        fig.add_scatter(x=triples[:, 2], y=models, hoverinfo="skip", **text, row=1, col=col)
        fig.add_vline(100 * chance[name], line={"dash": "dash", "width": 1.5, "color": theme.COLOURS["ink"]}, col=col)
    fig.update_layout(template=theme.TEMPLATE, title={"text": title}, showlegend=False)
    fig.update_layout(height=118 + 38 * len(models), margin={"t": 72, "b": 44}, bargap=0.35)
    fig.update_xaxes(title="accuracy (%)", col=(len(names) + 1) // 2)
    return fig.update_xaxes(range=[0, 118], tickvals=[0, 50, 100])


def costs(
    configs: Sequence[ViViTConfig],
    *,
    published: Mapping[str, tuple[float, float]] = PUBLISHED,
    title: str | None = None,
) -> go.Figure:
    """Multiply-adds and parameters of configurations, computed, with the paper's figures as diamonds.

    Args:
      published: a configuration's name -> (multiply-adds, parameters), at its default clip.
    """
    configs = list(configs)[::-1]
    names = [config.name.removeprefix("ViViT-") for config in configs]
    panels = {"multiply-adds (G)": (cost.flops, 1e9), "parameters (M)": (cost.parameters, 1e6)}
    fig = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.1)
    for col, (axis, (measure, unit)) in enumerate(panels.items(), start=1):
        values = [measure(config) / unit for config in configs]
        printed = [published.get(config.name, (np.nan, np.nan))[col - 1] / unit for config in configs]
        bars = go.Bar(x=values, y=names, orientation="h", marker={"color": theme.COLOURS["space"]})
        bars.update(text=[f"{value:.1f}" for value in values], textposition="inside", insidetextanchor="start")
        mark = {"symbol": "diamond-open", "size": 11, "color": theme.COLOURS["time"], "line": {"width": 2}}
        paper = go.Scatter(x=printed, y=names, mode="markers", marker=mark)
        paper.hovertemplate = "paper: %{x:.1f}<extra></extra>"
        fig.add_trace(bars, row=1, col=col).add_trace(paper, row=1, col=col)
        fig.update_xaxes(title={"text": axis, "font": {"size": 12}}, row=1, col=col)
    fig.update_layout(
        template=theme.TEMPLATE,
        title={"text": title or "Computed (bars) and printed in the paper (diamonds)"},
    )
    return fig.update_layout(height=110 + 44 * len(configs), showlegend=False, margin={"b": 44}, bargap=0.3)


def growth(
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    xaxis: str,
    yaxis: str,
    title: str | None = None,
) -> go.Figure:
    """Lines with their names at their ends, from zero.

    Args:
      xaxis, yaxis: names of the axes with their units.

    Raises:
      ValueError: where there is no line or more than seven, one is not as long as x, or a number is not finite.
    """
    fig = go.Figure()
    x = finite(list(x), "x").tolist()
    some(x, "x")
    series = {name: finite(list(values), f"the numbers of {name}") for name, values in series.items()}
    for name, values, colour, _ in styled(series, "lines"):
        fits(f"the count of {name}", len(values), len(x))
        fig.add_scatter(x=list(x), y=list(values), mode="lines+markers", line={"color": colour}, name=name)
        end = {"xanchor": "right", "yanchor": "bottom", "xshift": -6, "yshift": 4, "font": {"color": colour}}
        fig.add_annotation(x=x[-1], y=values[-1], text=name, showarrow=False, **end)
    fig.update_layout(template=theme.TEMPLATE, title={"text": title}, showlegend=False, height=380)
    fig.update_layout(margin={"l": 56, "r": 16, "b": 48})
    return fig.update_xaxes(title=xaxis, tickvals=list(x)).update_yaxes(title=yaxis, rangemode="tozero")


def position_similarity(
    positions: Float[Array, "places D"], grid: tuple[int, int, int], *, title: str | None = None
) -> go.Figure:
    """Cosines between learned positions: between time indices at the left, between places at the right.

    Args:
      positions: one for each token, nt nh nw; what comes before them (a class token's) is left out.
    """
    nt, nh, nw = grid
    p = finite(positions, "positions")[-nt * nh * nw :]
    p = (p / np.maximum(np.linalg.norm(p, axis=-1, keepdims=True), 1e-30)).reshape(nt, nh * nw, -1)
    panels = {
        "time index": np.einsum("tsd,usd->tu", p, p) / (nh * nw),
        "place": np.einsum("tsd,trd->sr", p, p) / nt,
    }
    fig = make_subplots(cols=2, subplot_titles=["times", "places"], horizontal_spacing=0.14)
    for col, (name, cosines) in enumerate(panels.items(), start=1):
        hover = f"{name}s %{{x}} and %{{y}}: %{{z:.2f}}<extra></extra>"
        fig.add_heatmap(z=cosines, coloraxis="coloraxis", hovertemplate=hover, row=1, col=col)
        fig.update_xaxes(title=name, constrain="domain", row=1, col=col)
        fig.update_yaxes(autorange="reversed", scaleanchor=f"x{col}", constrain="domain", row=1, col=col)
    shades = {"colorscale": "RdBu", "cmin": -1, "cmax": 1, "colorbar": {"title": {"text": "cosine"}}}
    shades["colorscale"] = theme.TEMPLATE.layout.colorscale.diverging
    fig.update_layout(template=theme.TEMPLATE, title={"text": title}, coloraxis=shades, height=380)
    return fig.update_layout(margin={"t": 72, "b": 44})


def filters(kernel: Float[Array, "t h w C D"], *, count: int = 16, title: str | None = None) -> go.Figure:
    """The embedding's strongest filters as small films, time to the right; grey is 0.

    Raises:
      ValueError: where count is no whole number of at least 1, or a number is NaN or infinite.
    """
    count = count_of(count, "count")
    fits("the axes of a kernel (t, h, w, C, D)", np.ndim(kernel), 5)
    kernel = np.moveaxis(finite(kernel, "kernel").astype(np.float32), -1, 0)  # (D, t, h, w, C)
    if kernel.shape[-1] != 3:
        kernel = kernel.mean(-1, keepdims=True)
    strongest = np.argsort(-np.square(kernel).sum(axis=(1, 2, 3, 4)))[:count]
    most = np.abs(kernel[strongest]).max(axis=(1, 2, 3, 4), keepdims=True)
    images = kernel[strongest] / np.where(most > 0, most, 1)  # in [-1, 1]
    t, (height, width) = kernel.shape[1], kernel.shape[2:4]
    strip = Film(count=len(images) * t, size=(height, width), columns=max(1, 8 // t) * t, together=t)
    notes = []
    for i, index in enumerate(strongest):
        x, y = strip.corner(i * t)
        notes.append(label(x + t * width / 2, y + height, str(int(index))))
    film = picture(strip.paint(images.reshape(-1, height, width, images.shape[-1])))
    title = title or f"The {len(images)} strongest of {len(kernel)} filters, {t} frames each"
    return on_canvas([film], strip.shape, title=title, annotations=notes)


def _colour(name):
    return HEADS.get(name, theme.CATEGORIES[4])


def _curve(history, name):
    """The traces of one quantity: training first, then validation."""
    percent, style = 1.0 if name == "loss" else 100.0, {"color": _colour(name)}
    if name in history:
        values = running_mean(np.asarray(history[name], float)) * percent
        yield go.Scatter(x=history["step"], y=values, mode="lines", line=style | {"width": 2}, name=name)
    if f"validation/{name}" in history:
        values, steps = with_gaps(history[f"validation/{name}"]) * percent, history["validation/step"]
        dots = {"mode": "lines+markers", "line": style | {"width": 1, "dash": "dot"}, "marker": style}
        yield go.Scatter(x=steps, y=values, name=f"validation {name}", **dots)


def _tell_divergence(fig, history):
    """Says at which step the loss was first no number."""
    wrong = ~np.isfinite(np.asarray(history.get("loss", ()), float))
    if wrong.any():
        text = f"from step {np.asarray(history['step'])[wrong.argmax()]:,} the loss is no number: the run diverged"
        where = {"x": 0, "xref": "paper", "xanchor": "left", "y": 1, "yref": "y domain", "yanchor": "top"}
        fig.add_annotation(text=text, showarrow=False, **where)
