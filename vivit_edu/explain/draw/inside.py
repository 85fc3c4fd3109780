"""Inside a model: how far heads look, which positions are alike, how long the residual stream's vectors are."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from plotly.subplots import make_subplots

from vivit_edu.arrays import Array
from vivit_edu.compiled import on_numbers
from vivit_edu.config import ViViTConfig
from vivit_edu.encoder import Encoder
from vivit_edu.explain.draw import theme
from vivit_edu.explain.draw.canvas import Film, label, line, on_canvas
from vivit_edu.explain.draw.clips import QUERY, token_name
from vivit_edu.explain.watch.fit import some
from vivit_edu.explain.watch.genuine import several
from vivit_edu.explain.watch.record import AttentionRecord
from vivit_edu.explain.watch.sound import Index, finite, is_whole, place
from vivit_edu.tokens import owned_frames

UNITS = {"space": "pixels", "time": "frames"}


def attention_distance(record: AttentionRecord, config: ViViTConfig) -> dict[str, Float[np.ndarray, "A"]]:
    """How far each head looks: the mean distance from query to key, weighted by attention (Dosovitskiy et al. 2021).

    "space" is in pixels, between the centres of patches; "time" in frames, between the middles of tubelets. Only the
    one along which the attention runs is there, both for Model 1. Class tokens are left out, as those who look and
    as those looked at, and the rest of each row is scaled to sum to 1. The mean is over clips and queries.

    Raises:
      ValueError: where the record holds but some rows, or its grid is not the configuration's, or weights are NaN or
        infinite.
    """
    if record.queries is not None or record.grid != config.grid:
        raise ValueError(
            f"distances need every row on the grid {config.grid}; {record.name} has rows {record.queries or 'all'} "
            f"on the grid {record.grid}"
        )
    start = int(record.class_token)
    weights = finite(record.weights, f"the weights of {record.name}")[..., start:, start:]
    total = weights.sum(-1, keepdims=True)
    weights = weights / np.where(total > 0, total, 1)  # a query that looks at its class token alone counts for nothing
    before = tuple(range(weights.ndim - 3))  # of models with a time or place axis before the heads
    count = np.maximum((total > 0).sum((*before, -1, -2)), 1)
    weights = weights.sum(before)
    return {kind: (weights * far).sum((-1, -2)) / count for kind, far in _apart(record.over, config).items()}


def distances(records: Sequence[AttentionRecord], config: ViViTConfig, *, title: str | None = None) -> go.Figure:
    """How far each head of each layer looks, in pixels above, in frames below; dashed: if all were seen alike.

    Raises:
      ValueError: where there are no records, or as `attention_distance`.
    """
    records = several(records)
    some(records, "records")
    found = [(record, attention_distance(record, config)) for record in records]
    kinds = [kind for kind in UNITS if any(kind in one for _, one in found)]
    fig = make_subplots(rows=len(kinds), vertical_spacing=0.2)
    for row, kind in enumerate(kinds, start=1):
        mine = [(record, one[kind]) for record, one in found if kind in one]
        for record, far in mine:
            heads = record.heads or range(len(far))
            x = record.layer + (np.arange(len(far)) - (len(far) - 1) / 2) * 0.5 / max(len(far), 4)
            dots = go.Scatter(x=x, y=far, mode="markers", marker={"size": 10, "color": theme.COLOURS[kind]})
            dots.update(text=[f"{record.name} · {head}" for head in heads], showlegend=False)
            fig.add_trace(dots.update(hovertemplate="%{text}: %{y:.2f} " + UNITS[kind] + "<extra></extra>"), row, 1)
        alike = float(_apart(mine[0][0].over, config)[kind].mean())
        fig.add_hline(alike, line={"dash": "dash", "width": 1.5, "color": theme.COLOURS["ink"]}, row=row, col=1)
        fig.update_xaxes(title="layer", tickvals=sorted({r.layer for r, _ in mine}), row=row, col=1)
        top = 1.15 * max(alike, *(far.max() for _, far in mine))
        fig.update_yaxes(title=f"distance in {kind}<br>({UNITS[kind]})", range=[0, top], row=row, col=1)
    fig.update_layout(template=theme.TEMPLATE, title={"text": title or f"{config.name}: how far each head looks"})
    return fig.update_layout(height=110 + 190 * len(kinds), margin={"l": 64, "r": 16, "b": 48, "t": 56})


def position_likeness(
    positions: Float[Array, "places D"], grid: tuple[int, int, int], *, query: Index
) -> Float[np.ndarray, "nt nh nw"]:
    """The cosine of each learned position with that of token `query`, in [-1, 1]; a class token's is left out.

    Raises:
      ValueError: where there are fewer positions than places, query is none of them, or a number is NaN or infinite.
    """
    tokens = int(np.prod(grid))
    p = finite(positions, "positions").astype(np.float64).reshape(-1, np.shape(positions)[-1])
    if len(p) < tokens or not is_whole(query) or not 0 <= query < tokens:
        raise ValueError(f"expected {tokens} positions and a query below that; got {len(p)} and {query}")
    p = p[-tokens:]
    p = p / np.maximum(np.linalg.norm(p, axis=-1, keepdims=True), 1e-30)  # a position of zeros is like no other
    return (p @ p[query]).reshape(grid)


def positions_like(
    positions: Float[Array, "places D"], config: ViViTConfig, *, query: Index, title: str | None = None
) -> go.Figure:
    """The cosine of each position with the outlined one, over the places of every time index.

    Args:
      positions: of Model 1 or the spatial encoder of Model 2, whose places are the same at every time.
    """
    nh, nw = config.grid[1:]
    grid = config.grid if np.size(positions) // config.width >= config.tokens else (1, nh, nw)
    clip = grid[0] > 1
    strip = Film(count=grid[0], size=(8 * nh, 8 * nw), columns=min(4, grid[0]), labels=clip)
    heat = go.Heatmap(**strip.cells(position_likeness(positions, grid, query=query)), zmin=-1, zmax=1)
    heat.update(colorscale=theme.TEMPLATE.layout.colorscale.diverging, hoverongaps=False, colorbar=_bar("cosine"))
    heat.hovertemplate = "cosine %{z:.2f}<extra></extra>"
    time, row, column = (int(i) for i in np.unravel_index(query, grid))
    outline = line(*strip.outline(time, (8 * row, 8 * column, 8, 8)), QUERY, 3)
    notes = []
    for index in range(grid[0] if clip else 0):
        x, y = strip.corner(index)
        notes.append(label(x + 4 * nw, y + 8 * nh, f"time {index}"))
    place = token_name(query, config) if clip else f"row {row}, column {column}"
    title = title or f"Which positions are like that of {place}"
    shape = strip.shape if clip else (strip.shape[0], 2 * strip.shape[1])  # one frame would be as large as the page
    return on_canvas([heat, outline], shape, title=title, below=72, annotations=notes)


def query_maps(record: AttentionRecord, *, clip: Index, query: Index) -> Float[np.ndarray, "A nt nh nw"]:
    """One query's weights in each head, laid out on the grid; the class token as a key is left out.

    Attention over space has such a row for each time index; over time, in Models 3 and 4, for each place.
    """
    nt, nh, nw = record.grid
    clip = place(clip, len(record.weights), f"{record.name} has clips")
    weights = finite(record.row(query)[clip], f"the weights of {record.name}")
    weights = weights[..., int(record.class_token) :]  # (..., A, keys)
    if record.over == "time" and weights.ndim == 2:  # Model 2: one token a frame
        return np.broadcast_to(weights[:, :, None, None], (len(weights), *record.grid))
    if weights.ndim == 3:  # (nt, A, S) of space, (S, A, nt) of time
        weights = weights.transpose(1, 0, 2) if record.over == "space" else weights.transpose(1, 2, 0)
    return weights.reshape(-1, nt, nh, nw)


@on_numbers
def residual_norms(encoder: Encoder, z: Float[Array, "... D"]) -> Float[np.ndarray, "layers ..."]:
    """The length of each token's vector before the first layer and after each, the class token first.

    Args:
      z: what the encoder takes: tokens (B, N, D), or (B, nt, S, D) where it keeps space and time apart.
    """
    if encoder.class_token is not None:
        z = encoder.class_token(z)
    z = z + encoder.positions[...]
    norms = [np.linalg.norm(z, axis=-1)]
    for layer, block in enumerate(encoder.blocks.layers):
        z = block(z, layer=layer)
        norms.append(np.linalg.norm(z, axis=-1))
    return np.stack(norms)


def stream(norms: Float[np.ndarray, "layers ... N"], *, class_token: bool, title: str | None = None) -> go.Figure:
    """Norms of the residual stream by layer: the patches' median and middle 80 %, and the class token's median.

    Args:
      norms: as `residual_norms` gives them.
      class_token: whether index 0 of the tokens is a class token.

    Raises:
      ValueError: where there is not one layer passed and one patch, or a norm is NaN or infinite.
    """
    start = int(class_token)
    norms = finite(norms, "norms")
    if norms.ndim < 2 or len(norms) < 2 or norms.shape[-1] <= start or not norms.size:
        raise ValueError(f"norms must be of patches before the first layer and after each; got {norms.shape}")
    patches = norms[..., start:].reshape(len(norms), -1)
    layers = list(range(len(norms)))
    low, middle, high = np.percentile(patches, [10, 50, 90], axis=1)
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    fig = go.Figure([go.Scatter(x=layers, y=high, **band), go.Scatter(x=layers, y=low, fill="tonexty", **band)])
    fig.data[1].fillcolor = "rgba(63, 143, 210, 0.25)"
    lines, at = {"patches": (middle, theme.COLOURS["space"])}, layers[-1]
    if class_token:
        token = np.median(norms[..., 0].reshape(len(norms), -1), axis=1)
        lines["class token"] = (token, theme.COLOURS["class_token"])
        at = 1 + int(np.abs(middle - token)[1:].argmax())  # there the two names stand furthest apart
    for name, (values, colour) in lines.items():
        fig.add_scatter(x=layers, y=values, mode="lines+markers", line={"color": colour}, name=name)
        up = values[at] == max(one[at] for one, _ in lines.values())
        end = {"yanchor": "bottom" if up else "top", "yshift": 6 if up else -6, "font": {"color": colour}}
        fig.add_annotation(x=at, y=values[at], text=name, showarrow=False, **end)
    title = title or "The residual stream by layer: length of a token's vector"
    fig.update_layout(template=theme.TEMPLATE, title={"text": title}, showlegend=False, height=360)
    fig.update_layout(margin={"l": 56, "r": 16, "b": 48})
    fig.update_xaxes(title="layers passed", tickvals=layers)
    return fig.update_yaxes(title="norm of a token (no unit)", rangemode="tozero")


def _apart(over, config):
    """Distances (q, k) of what the attention runs over: pixels of space, frames of time."""
    (nt, nh, nw), (_, h, w) = config.grid, config.tubelet
    middle = np.array([np.mean(frames) for frames in owned_frames(config)])
    rows, columns = np.divmod(np.arange(nh * nw), nw)
    space = np.hypot(h * (rows[:, None] - rows), w * (columns[:, None] - columns))
    time = np.abs(middle[:, None] - middle)
    if over == "spacetime":
        same = np.ones((nh * nw, nh * nw))
        return {"space": np.tile(space, (nt, nt)), "time": np.kron(time, same)}
    return {over: {"space": space, "time": time}[over]}


def _bar(name):
    bar = {"orientation": "h", "x": 0, "xanchor": "left", "y": 0, "yanchor": "top", "len": 0.6, "ypad": 4}
    return bar | {"title": {"text": name, "side": "bottom"}, "tickvals": [-1, 0, 1], "tickangle": 0, "thickness": 10}
