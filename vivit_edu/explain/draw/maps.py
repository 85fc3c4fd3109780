"""Figures of attention: who may see whom, and what was looked at."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float, UInt8

from vivit_edu.arrays import Array
from vivit_edu.config import ViViTConfig
from vivit_edu.explain.draw import theme
from vivit_edu.explain.draw.canvas import Film, label, line, on_canvas, slider
from vivit_edu.explain.draw.clips import QUERY, strip_of, times, token_name, under
from vivit_edu.explain.draw.inside import query_maps
from vivit_edu.explain.watch.fit import fits, frames_fit, some
from vivit_edu.explain.watch.record import AttentionRecord
from vivit_edu.explain.watch.sound import Index, finite, place
from vivit_edu.tokens import owned_frames

RELATIONS = {  # of a key to the query, in the colours of what one needs to get there
    "same frame": theme.COLOURS["space"],
    "same place": theme.COLOURS["time"],
    "elsewhere": theme.CATEGORIES[2],
}
SWATCHES = {name: f'<span style="color:{colour}">■</span> {name}' for name, colour in RELATIONS.items()}


def visibility(config: ViViTConfig) -> Bool[np.ndarray, "N N"]:
    """Which tokens (columns) each token (rows) can gather from within one layer of the model's main encoder.

    Class tokens are left out. Model 2's, and the average-pool baseline's, is the spatial encoder's.
    """
    return _relation(config)[1]


def sees(config: ViViTConfig, *, query: Index | None = None) -> go.Figure:
    """Who may look at whom within one layer: one query over the clip's frames, then all as an N x N mask.

    Args:
      query: the token that looks; by default one in the middle of the clip.

    Raises:
      IndexError: where there is no such token.
    """
    (nt, nh, nw), tokens = config.grid, config.tokens
    query = (nt // 2 * nh + nh // 2) * nw + nw // 2 if query is None else place(query, tokens, "tokens are")
    relation, visible = _relation(config)
    shown = np.where(visible, relation, 0)
    strip = Film(count=nt, size=(8 * nh, 8 * nw))
    traces = [_relations(strip.cells(shown[query].reshape(nt, nh, nw)), gap=1)]
    time, cell = divmod(query, nh * nw)
    traces.append(line(*strip.outline(time, (8 * (cell // nw), 8 * (cell % nw), 8, 8)), QUERY, 3))
    notes = [under(strip, i, f"time {i}" if i == 0 else str(i)) for i in range(nt)]
    (height, width), side = strip.shape, 0.62 * strip.shape[1]
    if tokens <= 512:  # a mask of ViViT-B/16x2 would be 9.8 million squares
        top, edges = height + 0.05 * width, np.linspace(0, side, tokens + 1)
        traces.append(_relations({"z": shown, "x": edges, "y": edges + top}, gap=0))
        notes.append(label(side / 2, top, f"all {tokens} keys, a row for each query", yanchor="bottom"))
        notes += _relation_notes(shown[query], x=side + 0.03 * width, y=top, step=0.07 * width)
        height = top + side
    else:
        notes += _relation_notes(shown[query], x=0, y=height, step=0.05 * width)
        height += 0.2 * width
    title = f"{config.name}: one layer lets a token see {visible[query].sum():,} of {tokens:,}"
    return on_canvas(traces, (height, width), title=title, annotations=notes)


def sees_side_by_side(configs: Sequence[ViViTConfig], *, title: str | None = None) -> go.Figure:
    """The masks of `sees`, one for each configuration: a row for each query, a column for each key.

    Raises:
      ValueError: where there is none.
    """
    some(configs, "configurations")
    side, gap, top, traces, notes = 100, 12, 14, [], []
    for i, config in enumerate(configs):
        (relation, visible), edges = _relation(config), np.linspace(0, side, config.tokens + 1)
        left = i * (side + gap)
        traces.append(_relations({"z": np.where(visible, relation, 0), "x": edges + left, "y": edges + top}, gap=0))
        notes.append(label(left, top, config.name.removeprefix("ViViT-"), xanchor="left", yanchor="bottom"))
    for i, text in enumerate(SWATCHES.values()):
        notes.append(label(i * side, side + top, text, xanchor="left", yanchor="top"))
    shape = (side + 2 * top, len(configs) * (side + gap) - gap)
    return on_canvas(traces, shape, title=title, annotations=notes)


def attention_over_frames(
    frames: UInt8[np.ndarray, "T H W C"],
    weights: Float[Array, "*queries nt nh nw"],
    config: ViViTConfig,
    *,
    fps: float,
    title: str | None = None,
    scale: str = "row",
    queries: Sequence[Index | None] = (),
    quantity: str = "attention weight",
) -> go.Figure:
    """Attention weights as an overlay on the middle frame of each time index; buttons set its strength.

    Args:
      weights: one map, or one for each of `queries`, and then a slider chooses. A raw weight shows on hover.
      scale: of the colours: "row" from 0 to the map's largest, "unit" from 0 to 1, "uniform" from 0 to the
        largest of all maps, in multiples of the weight 1 / N that looks at every token alike.
      queries: the token that looks, outlined, for each map; None for the class token.
      quantity: what a map holds, as its scale names it.

    Raises:
      ValueError: where weights do not fit the grid or are negative, NaN or infinite, frames do not fit the
        configuration, or scale is none of these.
      IndexError: where a query is no token.
    """
    weights = np.asarray(weights, np.float32).reshape(-1, *np.shape(weights)[-3:])
    frames_fit(frames, config)
    some(weights, "maps")
    _check_maps(weights, config, scale, queries)
    middle = [group[len(group) // 2] for group in owned_frames(config)]
    strip, traces = strip_of(frames[middle], None)
    ends = {
        "row": weights.max((1, 2, 3)),
        "unit": np.ones(len(weights)),
        "uniform": np.full(len(weights), weights.max()),
    }
    heats = [strip.cells(one) | {"zmin": 0, "zmax": float(end)} for one, end in zip(weights, ends[scale], strict=True)]
    outlines = [_query_outline(strip, config, query) for query in queries] or [([], [])]
    traces += [go.Heatmap(**heats[0], **_shades(scale, weights, quantity)), line(*outlines[0], QUERY, 3)]
    layout = {"updatemenus": _opacity_buttons(trace=1), "annotations": times(strip, middle, fps)}
    if len(weights) > 1:
        layout["sliders"] = slider(_query_steps(config, queries, heats, outlines), prefix="query ", below=60)
    return on_canvas(traces, strip.shape, title=title, below=124 if len(weights) > 1 else 64, **layout)


def attention_small_multiples(
    records: AttentionRecord | Sequence[AttentionRecord], *, clip: Index = 0, query: Index = 0
) -> go.Figure:
    """What one query looks at in every layer and head given: a row for each, time to the right, one scale.

    Args:
      query: index on the attention's own axis of queries, 0 the class token where there is one.

    Raises:
      IndexError, KeyError: where there is no such clip or query.
      ValueError: where there is nothing to show, grids differ, or weights are NaN or infinite.
    """
    records = [records] if isinstance(records, AttentionRecord) else list(records)
    some(records, "records to show")
    fits("the grids of all records", {record.grid for record in records}, {records[0].grid})
    maps = {(r.name, head): m for r in records for head, m in enumerate(query_maps(r, clip=clip, query=query))}
    nt, nh, nw = records[0].grid
    strip = Film(count=nt * len(maps), size=(8 * nh, 8 * nw), columns=nt, labels=False)
    values = np.concatenate(list(maps.values()))
    heat = go.Heatmap(**strip.cells(values), zmin=0, **_shades("row", values) | {"opacity": 1})
    top = float(values.max())
    heat.colorbar.update(tickvals=[0, top], ticktext=["0", f"{top:.2g}"])  # two, that never overlap
    several = len({record.over for record in records}) > 1
    names = [f"{name if several else name.split('/')[1]} · {head}" for name, head in maps]
    left = {"xanchor": "right", "yanchor": "middle"}
    notes = [label(-3, row * strip.pitch + 4 * nh, name, **left) for row, name in enumerate(names)]
    notes += [label(strip.corner(i)[0] + 4 * nw, -3, str(i), yanchor="bottom") for i in range(nt)]
    notes.append(label(-3, -3, "head", xanchor="right", yanchor="bottom", font={"size": 11}))
    (height, width), left, top = strip.shape, (0.26 if several else 0.2) * strip.shape[1], 4 * nh
    who = "the class token" if query == 0 and records[0].class_token else f"query {query}"
    title = f"What {who} looks at: rows are layer · head, columns time"
    shape = (height + top, width + left)
    return on_canvas([heat], shape, start=(-left, -top), title=title, below=64, annotations=notes)


def _relation(config):
    """(N, N): a key's relation to a query, 1 to 3 in the order of RELATIONS, and whether it is visible."""
    time, place = np.divmod(np.arange(config.tokens), config.grid[1] * config.grid[2])
    same_time, same_place = time[:, None] == time, place[:, None] == place
    relation = np.where(same_time, 1, np.where(same_place, 2, 3))
    if config.body == "spacetime":
        return relation, np.ones_like(same_time)
    if config.body in ("factorised_encoder", "average_pool"):
        return relation, same_time
    return relation, same_time | same_place


def _relations(cells, gap):
    colours = ["rgba(128, 132, 138, 0.18)", *RELATIONS.values()]
    stops = [[(i + edge) / 4, colour] for i, colour in enumerate(colours) for edge in (0, 1)]
    options = {"colorscale": stops, "zmin": -0.5, "zmax": 3.5, "showscale": False, "hoverinfo": "skip"}
    return go.Heatmap(**cells, xgap=gap, ygap=gap, **options)


def _relation_notes(shown, *, x, y, step):
    notes = [label(x, y, f"{np.count_nonzero(shown):,} keys seen:", xanchor="left")]
    for kind, swatch in enumerate(SWATCHES.values(), start=1):
        if count := int((shown == kind).sum()):
            notes.append(label(x, y + len(notes) * step, f"{swatch}: {count:,}", xanchor="left"))
    return notes


def _check_maps(weights, config, scale, queries):
    finite(weights, "weights")
    for query in queries:
        if query is not None:
            place(query, config.tokens, "tokens are")
    if weights.shape[1:] != config.grid:
        raise ValueError(f"maps of {weights.shape[1:]} do not fit the model's grid {config.grid} (nt, nh, nw)")
    if weights.min(initial=0) < 0:
        raise ValueError(f"maps must be at least 0, where their colours begin; the least is {weights.min():.3g}")
    if (queries or len(weights) > 1) and len(queries) != len(weights):
        raise ValueError(f"{len(weights)} maps need as many queries; got {len(queries)}")
    if scale not in ("row", "unit", "uniform"):
        raise ValueError(f"scale must be one of row, unit, uniform; got {scale!r}")


def _shades(scale, weights, quantity="attention weight"):
    shades = {"colorscale": theme.ATTENTION["dark"], "opacity": 0.6, "hoverongaps": False}
    bar = {"orientation": "h", "x": 0, "xanchor": "left", "y": 0, "yanchor": "top", "len": 0.4, "ypad": 4}
    bar |= {
        "title": {"text": quantity, "side": "bottom", "font": {"size": 12}},
        "nticks": 3,
        "tickangle": 0,
        "thickness": 10,
        "outlinewidth": 0,
    }
    if scale == "uniform":
        tokens = weights[0].size
        most = tokens * weights.max()
        times = [0, *(n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500) if most / 5 <= n <= most)]
        bar |= {"tickangle": 0, "tickvals": [n / tokens for n in times], "ticktext": [f"{n}×" for n in times]}
        bar["title"]["text"] = "multiples of 1 / N"
    return shades | {"colorbar": bar, "hovertemplate": quantity + " %{z:.4f}<extra></extra>"}


def _query_outline(strip, config, query):
    if query is None:
        return [], []
    time, row, column = (int(i) for i in np.unravel_index(query, config.grid))
    h, w = config.tubelet[1:]
    return strip.outline(time, (row * h, column * w, h, w))


def _query_steps(config, queries, heats, outlines):
    """The slider's steps: plotly's restyle of heatmap and outline, traces 1 and 2, for each query."""
    for query, heat, (xs, ys) in zip(queries, heats, outlines, strict=True):
        name = "class token" if query is None else token_name(query, config)
        values = {"z": [heat["z"], None], "x": [heat["x"], xs], "y": [heat["y"], ys], "zmax": [heat["zmax"], None]}
        yield name, "restyle", [values, [1, 2]]


def _opacity_buttons(trace):
    steps = {"frames": 0.0, "both": 0.6, "maps": 1.0}
    buttons = [{"label": k, "method": "restyle", "args": [{"opacity": v}, [trace]]} for k, v in steps.items()]
    at = {"x": 1, "xanchor": "right", "y": 0, "yanchor": "top", "pad": {"t": 8}}
    style = {"type": "buttons", "direction": "right", "active": 1, "font": {"color": theme.COLOURS["ink"]}}
    return [style | {"buttons": buttons} | at]
