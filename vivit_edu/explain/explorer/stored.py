"""Rows of a model too large to run in a page: of each query, layer and head that was chosen, as bytes in the page."""

from collections.abc import Mapping, Sequence

import numpy as np

from vivit_edu.explain.explorer.layers import CLASS_TOKEN, ROLLOUT, Layers
from vivit_edu.explain.explorer.rows import Rows

LIMIT = 6_000_000  # bytes of a page
DEFLATED = 4  # times: rows deflate to a third or so, never to less than this
TOO_LARGE = "the page would hold {:.1f} MB, more than {:.0f}: choose fewer layers (layers=), heads (heads=), or every=2"


def check(models: Sequence[Layers], chosen: Sequence[Mapping], *, every: int) -> None:
    """Refuses far too much for a page, before anything is computed for one.

    Args:
      chosen: of each model the layers and heads, as `page.offered` gives them.

    Raises:
      ValueError: where the rows are of more bytes than a page holds however well they deflate.
    """
    size = sum(_size(*pair) for pair in zip(models, chosen, strict=True)) / every**2
    if size > DEFLATED * LIMIT:
        raise ValueError(TOO_LARGE.format(size / 1e6, LIMIT / 1e6))


def held(rows: Sequence[Rows], chosen: Sequence[Mapping], *, every: int) -> dict:
    """What a page holds in place of a kernel: `stored`, where each row lies; `blob`, the rows; `tops`, their scales.

    Args:
      every: of the queries, the rows and columns of the grid kept: 2 keeps every other, a quarter in all.
    """
    stored, blobs, tops = {}, [], []
    for number, (one, model) in enumerate(zip(rows, chosen, strict=True)):
        for name, head in _pairs(model):
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
    return {"stored": stored, "blob": b"".join(blobs), "tops": np.concatenate(tops).astype(np.float32).tobytes()}


def kept_query(query: int, grid: tuple[int, int, int], every: int) -> int:
    """The query itself, or the nearest above and left of which the page holds the rows."""
    if query < 0:
        return query
    time, row, column = np.unravel_index(query, grid)
    return int(np.ravel_multi_index((time, row - row % every, column - column % every), grid))


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


def _as_bytes(rows):
    """Rows as bytes, 255 each row's largest weight, and those largest weights."""
    if not len(rows):
        return b"", np.zeros(0)
    top = rows.max(-1)
    return np.round(rows / np.maximum(top, 1e-30)[:, None] * 255).astype(np.uint8).tobytes(), top


def _pairs(model):
    return [(layer["name"], head) for layer in model["layers"] for head in layer["heads"]]


def _size(layers, model):
    """Bytes of all rows, before any is computed."""
    nt, nh, nw = layers.config.grid
    tokens = nt * nh * nw
    keys = {"all": (tokens, tokens), "frame": (tokens, nh * nw), "place": (tokens, nt), "time": (nt, nt)}
    lengths = [keys.get(layers.reach(name), (0, 0)) for name, _ in _pairs(model)]
    return sum(tokens + queries * (length + 5) for queries, length in lengths)
