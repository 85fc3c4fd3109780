"""A page of the explorer that needs nothing else: the widget's script and style, its state, every row as bytes."""

import base64
import html
import re
import zlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from vivit_edu.config import ViViTConfig
from vivit_edu.data.cache import write_whole
from vivit_edu.explain.explorer.rows import CLASS_TOKEN, ROLLOUT, Rows
from vivit_edu.explain.watch.sound import as_json, is_whole

STATIC = Path(__file__).parent / "static"
# A widget is one module, and no file is long: so the files are joined, in the order in which they build on each other.
SCRIPT = "\n".join((STATIC / f"explorer{part}.js").read_text() for part in ("_data", "_paint", "_controls", ""))
STYLE = (STATIC / "explorer.css").read_text()
SHIM = (STATIC / "saved.js").read_text() + (STATIC / "page.js").read_text()
LIMIT = 5_000_000  # bytes of a page
DEFLATED = 4  # times: rows deflate to a third or so, never to less than this
TOO_LARGE = "the page would hold {:.1f} MB, more than {:.0f}: choose fewer layers or heads, or every=2"
PIXELS = 112  # of a frame's height, that a page shows
HELD = 4_000_000  # bytes of rows that a live widget holds beside its kernel
SMALL = 2e10  # multiplications: a page holds no knock-outs where trying each head alone takes more


def check(
    rows: Sequence[Rows],
    *,
    layers: Collection[str] | None = None,
    heads: Collection[str] | None = None,
    every: int = 1,
) -> None:
    """Refuses what no page can hold, before anything is computed for one.

    Args:
      every: of the queries, the rows and columns of the grid kept: 2 keeps every other, a quarter in all.

    Raises:
      KeyError, ValueError: where there is nothing of that name, or far too much for a page.
    """
    names = [name for one in rows for name in one.names]
    known = [head for one in rows for name in one.names for head in one.heads(name)]
    for what, chosen, there in (("layer", layers, names), ("head", heads, known)):
        if unknown := sorted(set(chosen or ()) - set(there), key=str):
            raise KeyError(
                f"there is no {what} {', '.join(map(str, unknown))}; choose from {', '.join(dict.fromkeys(there))}"
            )
    for one in rows:
        if not _pairs(one, layers, heads):
            raise ValueError(f"{one.config.name} has none of the heads chosen in the layers chosen")
    if not is_whole(every) or not 1 <= every <= min(rows[0].config.grid[1:]):
        _, nh, nw = rows[0].config.grid
        raise ValueError(
            f"every must be from 1 to {min(nh, nw)}, the smaller side of the grid ({nh}, {nw}); got {every}"
        )
    if (size := _size(rows, layers, heads) / every**2) > DEFLATED * LIMIT:
        raise ValueError(TOO_LARGE.format(size / 1e6, LIMIT / 1e6))


def state(
    live: Mapping,
    rows: Sequence[Rows],
    *,
    layers: Collection[str] | None = None,
    heads: Collection[str] | None = None,
    every: int = 1,
    knocked: Mapping | None = None,
) -> dict:
    """The widget's traits with the rows of all queries, of the layers and heads chosen, in place of a kernel.

    Args:
      layers, heads, every: as `check` has let them pass.
    """
    chosen, stored, blobs, tops = [], {}, [], []
    for number, one in enumerate(rows):
        for name, head in _pairs(one, layers, heads):
            first, others = _rows_of(one, name, head, every)
            stored[f"{number}|{name}|{head}"] = {
                "offset": sum(map(len, blobs)),
                "top": sum(map(len, tops)),
                "first": len(first[0]) if len(first) else 0,
                "length": others.shape[1] if len(others) else 0,
            }
            for part in (first, others):
                blob, top = _as_bytes(part)
                blobs.append(blob)
                tops.append(top)
        chosen.append(_kept_layers(live["meta"]["models"][number], stored, number))
    meta = live["meta"] | {
        "every": every,
        "live": False,
        "models": chosen,
        "stored": stored,
        "knocked": dict(knocked or {}),
    }
    panels = [_panel(panel, chosen) for panel in live["panels"]]
    return {
        **live,
        "meta": meta,
        "query": _kept_query(live["query"], rows[0].config.grid, every),
        "panels": panels,
        "blob": b"".join(blobs),
        "tops": np.concatenate(tops).astype(np.float32).tobytes(),
        "rows": b"",
        "told": {},
        "off": [],
        "notice": "",
    }


def is_small(config: ViViTConfig) -> bool:
    """Whether each head can be switched off alone in a second or two."""
    layers = config.depth + config.temporal_depth
    return 12 * config.tokens * config.width**2 * layers * config.heads * layers <= SMALL


def can_be_held(rows: Sequence[Rows]) -> bool:
    """Whether a live widget may hold all rows and knock-outs, and so live on where its state is saved."""
    return all(is_small(one.config) for one in rows) and _size(rows, None, None) <= HELD


def page(state: Mapping) -> str:
    """The page's HTML, what is long in it deflated. No other host is asked for anything.

    Raises:
      ValueError: where a number in the state is NaN or infinite, which no JSON holds.
    """
    state = state | {name: zlib.compress(state[name], 9) for name in ("frames", "blob", "tops")}
    plain = {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in state.items()}
    text = as_json(plain, "a page").replace("<", "\\u003c")
    parts = {"STYLE": STYLE, "STATE": text, "SCRIPT": SCRIPT, "SHIM": SHIM}
    return re.sub("@([A-Z]+)@", lambda place: parts[place[1]], (STATIC / "page.html").read_text())


def write_page(path: str | Path, state: Mapping) -> Path:
    """The HTML file written, whole or not at all.

    Raises:
      ValueError: where the page would be larger than 5 MB.
    """
    content = page(state).encode()
    if len(content) > LIMIT:
        raise ValueError(TOO_LARGE.format(len(content) / 1e6, LIMIT / 1e6))
    write_whole(path, content)
    return Path(path)


def frame(page: str) -> str:
    """The page in a frame of another page, which takes its height and follows its light or dark."""
    style = "width: 100%; height: 720px; border: 0; color-scheme: normal"
    page = html.escape(page, quote=True)
    return f'<div><iframe title="Attention explorer" style="{style}" srcdoc="{page}"></iframe></div>'


def knocked(counts: Sequence[Mapping[str, int]], chances) -> dict[str, list[list[float]]]:
    """The probabilities with each head alone switched off, by the head's key: those of every classifier.

    Args:
      chances: the probabilities of a model, given by its number, with a list of heads off.
    """
    intact = [chances(number, ()) for number in range(len(counts))]
    found = {}
    for number, heads in enumerate(counts):
        for key in (f"{name}|{head}" for name, count in heads.items() for head in range(count)):
            now = [chances(number, [key]) if n == number else one for n, one in enumerate(intact)]
            found[f"{number}|{key}"] = [[round(float(x), 5) for x in v] for one in now for v in one.values()]
    return found


def _rows_of(rows, name, head, every):
    """The class token's row (1, ...), or none, and those of the others, one for each that is kept and differs."""
    whole = rows.reach(name) == "output"
    has_class = rows.class_token or name == ROLLOUT
    first = [rows.row(name, CLASS_TOKEN, head=head)] if has_class else []
    nt, nh, nw = rows.config.grid
    grid = np.arange(nt * nh * nw).reshape(nt, nh, nw)
    one_a_frame = rows.reach(name) == "time"
    queries = [] if whole else (grid[:, 0, 0] if one_a_frame else grid[:, ::every, ::every].ravel()).tolist()
    return np.array(first), np.array([rows.row(name, query, head=head) for query in queries])


def _kept_query(query, grid, every):
    """The query itself, or the nearest above and left of which the page holds the rows."""
    if query < 0:
        return query
    time, row, column = np.unravel_index(query, grid)
    return int(np.ravel_multi_index((time, row - row % every, column - column % every), grid))


def _as_bytes(rows):
    """Rows as bytes, 255 each row's largest weight, and those largest weights."""
    if not len(rows):
        return b"", np.zeros(0)
    top = rows.max(-1)
    return np.round(rows / np.maximum(top, 1e-30)[:, None] * 255).astype(np.uint8).tobytes(), top


def _pairs(rows, layers, heads):
    return [
        (n, h)
        for n in rows.names
        if layers is None or n in layers
        for h in rows.heads(n)
        if heads is None or h in heads
    ]


def _size(rows, layers, heads):
    """Bytes of all rows, before any is computed."""
    total = 0
    for one in rows:
        nt, nh, nw = one.config.grid
        tokens = nt * nh * nw
        keys = {
            "all": (tokens, tokens),
            "frame": (tokens, nh * nw),
            "place": (tokens, nt),
            "time": (nt, nt),
            "output": (0, 0),
        }
        for name, _ in _pairs(one, layers, heads):
            queries, length = keys[one.reach(name)]
            total += tokens + queries * (length + 5)
    return total


def _kept_layers(model, stored, number):
    """The model's layers and heads of which the page holds rows."""
    layers = []
    for layer in model["layers"]:
        heads = [head for head in layer["heads"] if f"{number}|{layer['name']}|{head}" in stored]
        if heads:
            layers.append(layer | {"heads": heads})
    return model | {"layers": layers}


def _panel(panel, models):
    """The panel as it was, or the nearest that the page can show."""
    layers = models[panel["model"]]["layers"]
    layer = next((one for one in layers if one["name"] == panel["layer"]), layers[0])
    heads = layer["heads"]
    head = panel["head"] if panel["head"] in heads else "mean" if "mean" in heads else heads[0]
    return {"model": panel["model"], "layer": layer["name"], "head": head}
