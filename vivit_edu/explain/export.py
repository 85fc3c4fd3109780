"""A page of the explorer that needs nothing else: the widget's script and style, its state, every row as bytes."""

import base64
import html
import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from vivit_edu.data.cache import write_whole
from vivit_edu.explain.rows import CLASS_TOKEN, ROLLOUT, Rows

STATIC = Path(__file__).parent / "static"
# A widget is one module, and no file is long: so the files are joined, in the order in which they build on each other.
SCRIPT = "\n".join((STATIC / f"explorer{part}.js").read_text() for part in ("_data", "_paint", "_controls", ""))
STYLE = (STATIC / "explorer.css").read_text()
SHIM = (STATIC / "saved.js").read_text() + (STATIC / "page.js").read_text()
LIMIT = 5_000_000  # bytes of a page
SMALL = 512  # tokens: of a larger model, a page holds no knock-outs


def state(
    live: Mapping,
    rows: Sequence[Rows],
    *,
    layers: Collection[str] | None = None,
    heads: Collection[str] | None = None,
    knocked: Mapping | None = None,
) -> dict:
    """The widget's traits with the rows of all queries, of the layers and heads chosen, in place of a kernel."""
    _check_chosen(rows, layers, heads)
    chosen, stored, blobs, tops = [], {}, [], []
    size = _size(rows, layers, heads) + len(live["frames"])
    if size * 4 / 3 > LIMIT:
        raise ValueError(
            f"the page would hold {size * 4 / 3e6:.1f} MB, more than {LIMIT / 1e6:.0f}: choose fewer layers or heads"
        )
    for number, one in enumerate(rows):
        for name, head in _pairs(one, layers, heads):
            first, others = _rows_of(one, name, head)
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
    meta = live["meta"] | {"live": False, "models": chosen, "stored": stored, "knocked": dict(knocked or {})}
    panels = [_panel(panel, chosen) for panel in live["panels"]]
    return {
        **live,
        "meta": meta,
        "panels": panels,
        "blob": b"".join(blobs),
        "tops": np.concatenate(tops).astype(np.float32).tobytes(),
        "rows": b"",
        "told": {},
        "off": [],
        "notice": "",
    }


def page(state: Mapping) -> str:
    """The page's HTML. No other host is asked for anything."""
    plain = {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in state.items()}
    text = json.dumps(plain, separators=(",", ":")).replace("</", "<\\/")
    parts = {"STYLE": STYLE, "STATE": text, "SCRIPT": SCRIPT, "SHIM": SHIM}
    return re.sub("@([A-Z]+)@", lambda place: parts[place[1]], (STATIC / "page.html").read_text())


def write_page(path: str | Path, state: Mapping) -> Path:
    """The HTML file written, whole or not at all.

    Raises:
      ValueError: where the page would be larger than 5 MB.
    """
    content = page(state).encode()
    if len(content) > LIMIT:
        raise ValueError(
            f"the page holds {len(content) / 1e6:.1f} MB, more than {LIMIT / 1e6:.0f}: choose fewer layers or heads"
        )
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


def _rows_of(rows, name, head):
    """The class token's row (1, ...), or none, and those of the others, one for each that differs."""
    whole = rows.reach(name) == "output"
    has_class = rows.class_token or name == ROLLOUT
    first = [rows.row(name, CLASS_TOKEN, head=head)] if has_class else []
    nt, nh, nw = rows.config.grid
    queries = () if whole else range(0, nt * nh * nw, nh * nw) if rows.reach(name) == "time" else range(nt * nh * nw)
    return np.array(first), np.array([rows.row(name, query, head=head) for query in queries])


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


def _check_chosen(rows, layers, heads):
    names = [name for one in rows for name in one.names]
    known = [head for one in rows for name in one.names for head in one.heads(name)]
    for what, chosen, every in (("layer", layers, names), ("head", heads, known)):
        if unknown := sorted(set(chosen or ()) - set(every)):
            raise KeyError(f"there is no {what} {', '.join(unknown)}; choose from {', '.join(dict.fromkeys(every))}")
    for one in rows:
        if not _pairs(one, layers, heads):
            raise ValueError(f"{one.config.name} has none of the heads chosen in the layers chosen")
