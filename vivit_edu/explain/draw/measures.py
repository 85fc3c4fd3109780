"""Figures of what maps are worth: scores with their intervals, curves of removal, looks against needs."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from vivit_edu.explain.draw import theme
from vivit_edu.explain.draw.series import styled
from vivit_edu.explain.judge.verdict import AIMS, Table
from vivit_edu.explain.watch.fit import fits, some, within

UNITS = {  # of a measure, as its axis says it
    "pointing": "share of clips",
    "overlap": "intersection over union",
    "time": "share of clips",
    "half": "share of clips",
    "deletion": "probability of the class",
    "insertion": "probability of the class",
    "redrawn": "rank correlation",
    "redrawn pointing": "share of clips",
    "redrawn half": "share of clips",
}


def measures(table: Table, names: Sequence[str], *, title: str) -> go.Figure:
    """The methods of a table in the measures named, a panel for each: means, 95 % intervals, chance dashed.

    Raises:
      KeyError: where the table has no such measure.
    """
    some(names, "measures")
    methods = [method for method in table.methods if method != "chance"][::-1]
    heads = [f"{name}: {AIMS.get(name, 'high')} is good" for name in names]
    fig = make_subplots(rows=len(names), subplot_titles=heads, vertical_spacing=0.34 / len(names) + 0.02)
    fig.update_annotations(font={"size": 12})  # a phone is narrow
    for row, name in enumerate(names, start=1):
        found = [table[method, name] for method in methods]
        means, ends = np.array([one.value for one in found]), np.array([one.interval for one in found])
        spread = {"symmetric": False, "array": ends[:, 1] - means, "arrayminus": means - ends[:, 0]}
        dots = {"mode": "markers", "marker": {"size": 10, "color": theme.COLOURS["space"]}, "showlegend": False}
        fig.add_scatter(x=means, y=methods, error_x=spread | {"thickness": 2}, **dots, row=row, col=1)
        dashed = {"dash": "dash", "width": 1.5, "color": theme.COLOURS["ink"]}
        fig.add_vline(table["chance", name].value, line=dashed, row=row, col=1)
        limits = [-1, 1] if name == "redrawn" else [0, 1.04]
        fig.update_xaxes(title=UNITS[name], range=limits, row=row, col=1)
    fig.update_layout(template=theme.TEMPLATE, title={"text": title}, height=90 + 255 * len(names))
    return fig.update_layout(margin={"t": 84, "b": 44})


def removal(curves: Mapping[str, Float[np.ndarray, "steps"]], *, title: str) -> go.Figure:
    """Probability of a class against the share of tokens taken away; a line for each way to choose them.

    Raises:
      ValueError: where there are no curves or more than seven, or a probability is not in [0, 1].
    """
    fig = go.Figure()
    curves = {name: within(curve, f"the curve of {name}") for name, curve in curves.items()}
    for name, curve, colour, mark in styled(curves, "curves"):
        fits(f"the axes of the curve of {name}", curve.ndim, 1)
        some(curve, f"the numbers of {name}")
        shares = np.linspace(0, 100, len(curve))
        style = {"line": {"color": colour}, "marker": {"symbol": mark, "color": colour}}
        fig.add_scatter(x=shares, y=curve, mode="lines+markers", name=name, **style)
    fig.update_layout(template=theme.TEMPLATE, title={"text": title}, height=380)
    fig.update_layout(margin={"t": 84, "l": 56, "r": 16, "b": 48})
    fig.update_xaxes(title="tokens taken away (%)")
    return fig.update_yaxes(title="probability of the class", range=[0, 1.04])


def needs(
    groups: Mapping[str, Sequence[tuple[float, float, float, float]]],
    *,
    title: str,
    what: str = "the object",
    chance: float | None = None,
) -> go.Figure:
    """Dots of heads: how often each points at something, and by how much the answer falls without it.

    Args:
      groups: a layer's name -> for each head (pointing, mean fall, lower end, upper end), shares in [0, 1].
      what: they point at, as the axis says it.
      chance: pointing of a map of noise, dashed.

    Raises:
      ValueError: where there are no groups or more than seven, a group has no heads or other numbers than four, or
        chance is not in [0, 1].
    """
    fig = go.Figure()
    for name, rows, colour, mark in styled(groups, "groups"):
        some(rows, f"the heads of {name}")
        shares = within(rows, f"the shares of {name}", low=-1)
        fits(f"the shape of {name}", shares.shape, (len(rows), 4))
        x, y, low, high = shares.T
        spread = {"symmetric": False, "array": high - y, "arrayminus": y - low, "thickness": 1.5, "color": colour}
        dots = {"mode": "markers", "marker": {"size": 11, "symbol": mark, "color": colour}}
        text = [f"{name} · {head}" for head in range(len(x))]
        hover = "%{text}: points %{x:.0%}, fall %{y:.2f}<extra></extra>"
        fig.add_scatter(x=x, y=y, error_y=spread, name=name, text=text, hovertemplate=hover, **dots)
    fig.update_layout(template=theme.TEMPLATE, title={"text": title}, height=400)
    fig.update_layout(margin={"t": 84, "l": 64, "r": 16, "b": 48})
    if chance is not None:
        dashed = {"dash": "dash", "width": 1.5, "color": theme.COLOURS["ink"]}
        fig.add_vline(float(within(chance, "chance")), line=dashed)
    fig.update_xaxes(title=f"maps whose peak lies on {what} (share)", range=[0, 1.05])
    return fig.update_yaxes(title="fall of the probability<br>without the head")
