"""A page of the explorer that needs nothing else: the widget's script and style, its state, what is long deflated."""

import base64
import datetime
import html
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import vivit_edu
from vivit_edu.data.cache import write_whole
from vivit_edu.explain.explorer import engine, stored
from vivit_edu.explain.explorer.layers import Layers
from vivit_edu.explain.explorer.rows import Rows
from vivit_edu.explain.watch.sound import as_json, is_whole, listed

STATIC = Path(__file__).parent / "static"
# A widget is one module, and no file is long: so the files are joined, in the order in which they build on each other.
PARTS = ("data", "paint", "stamps", "film", "source", "session", "reading", "controls", "panel", "heads", "explorer")
SCRIPT = engine.SCRIPT + "\n" + "\n".join((STATIC / f"{part}.js").read_text() for part in PARTS)
STYLE = (STATIC / "explorer.css").read_text()
SHIM = "".join((STATIC / "page" / name).read_text() for name in ("saved.js", "page.js"))
PIXELS = 112  # of a frame's height, that a page shows


def state(
    live: Mapping,
    models: Sequence[Layers],
    rows: Callable[[], Sequence[Rows]] | None,
    *,
    layers: Iterable[str] | None = None,
    heads: Iterable[str] | None = None,
    every: int = 1,
) -> dict:
    """The traits that a page without a kernel starts from: those of the live widget with what was chosen alone.

    Args:
      rows: where the models do not run in the page, what records the rows that it then holds.

    Raises:
      KeyError, ValueError: where there is nothing of that name, or far too much for a page.
    """
    layers = None if layers is None else listed(layers, "layers")
    heads = None if heads is None else listed(heads, "heads")
    _check(models, layers, heads, every)
    chosen = offered(live["meta"]["models"], layers=layers, heads=heads)
    panels = [panel(one, chosen) for one in live["panels"]]
    state = {**live, "meta": live["meta"] | {"models": chosen}, "panels": panels, "off": [], "told": {}, "rows": b""}
    if rows is None:
        return state
    state |= {"clip": live["clip"] | {"pixels": "frames"}, "video": b""}  # which nobody sees there
    stored.check(models, chosen, every=every)
    query = stored.kept_query(live["query"], models[0].config.grid, every)
    return state | stored.held(rows(), chosen, every=every) | {"query": query, "every": every}


def _check(models, layers, heads, every):
    names = [name for one in models for name in one.names]
    known = [head for one in models for name in one.names for head in one.heads(name)]
    for what, chosen, there in (("layer", layers, names), ("head", heads, known)):
        if unknown := sorted(set(chosen or ()) - set(there), key=str):
            raise KeyError(
                f"there is no {what} {', '.join(map(str, unknown))}; choose from {', '.join(dict.fromkeys(there))}"
            )
    _, nh, nw = models[0].config.grid
    if not is_whole(every) or not 1 <= every <= min(nh, nw):
        raise ValueError(
            f"every must be from 1 to {min(nh, nw)}, the smaller side of the grid ({nh}, {nw}); got {every}"
        )


def offered(
    models: Sequence[Mapping], *, layers: Collection[str] | None = None, heads: Collection[str] | None = None
) -> list[dict]:
    """The facts of each model with the layers and heads chosen alone.

    Raises:
      ValueError: where nothing is left of a model.
    """
    chosen = []
    for model in models:
        kept = [one for one in model["layers"] if layers is None or one["name"] in layers]
        kept = [one | {"heads": [h for h in one["heads"] if heads is None or h in heads]} for one in kept]
        kept = [one for one in kept if one["heads"]]
        if not kept:
            raise ValueError(f"{model['name']} has none of the heads chosen in the layers chosen")
        chosen.append(model | {"layers": kept})
    return chosen


def panel(chosen: Mapping, models: Sequence[Mapping]) -> dict:
    """The panel as it was, or the nearest that the page can show."""
    layers = models[chosen["model"]]["layers"]
    layer = next((one for one in layers if one["name"] == chosen["layer"]), layers[0])
    heads = layer["heads"]
    head = chosen["head"] if chosen["head"] in heads else "mean" if "mean" in heads else heads[0]
    return {"model": chosen["model"], "layer": layer["name"], "head": head}


def page(state: Mapping) -> str:
    """The page's HTML, what is long in it deflated. No other host is asked for anything.

    Raises:
      ValueError: where a number in the state is NaN or infinite, which no JSON holds.
    """
    text = as_json(_deflated(state), "a page").replace("<", "\\u003c")
    title, told = _text(heading(state)), _made(state)
    parts = {"STYLE": STYLE, "STATE": text, "SCRIPT": SCRIPT, "SHIM": SHIM, "TITLE": title, "MADE": told}
    whole = re.sub("@([A-Z]+)@", lambda place: parts[place[1]], (STATIC / "page" / "page.html").read_text())
    return whole.encode(errors="replace").decode()  # names may be no Unicode


def heading(state: Mapping) -> str:
    """What the page is about: the models, what they answer, and of which clip."""
    names = " and ".join(model["name"] for model in state["meta"]["models"])
    return f"{names} on {state['clip']['name']}: {answer(state['probabilities'])}"


def answer(groups: Sequence[Mapping]) -> str:
    """The likeliest class of each classifier with its probability."""
    told = []
    for group in groups:
        best = max(range(len(group["names"])), key=group["before"].__getitem__)
        title = "" if group["title"] == "class" else f"{group['title']} "  # of the only one, which has no name
        told.append(f"{title}{group['names'][best]}, {100 * group['before'][best]:.1f} %")
    return "; ".join(told)


def _made(state):
    names = " and ".join(model["name"] for model in state["meta"]["models"])
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    clip = f"<span>{_text(state['clip']['name'])}</span>"
    return f"Model: {_text(names)}. Clip: {clip}. Made on {today} by vivit_edu {vivit_edu.__version__}."


def _text(words):
    """The words as HTML holds them: what can be in no page, halves of characters and control characters, as U+FFFD."""
    whole = words.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return html.escape(
        re.sub("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]", "\ufffd", whole), quote=True
    )


def _deflated(value):
    """The state as JSON takes it: bytes deflated, as {"deflated": base64}."""
    if isinstance(value, bytes):
        return {"deflated": base64.b64encode(zlib.compress(value, 9)).decode()}
    if isinstance(value, Mapping):
        return {name: _deflated(part) for name, part in value.items()}
    return value


def write_page(path: str | Path, state: Mapping) -> Path:
    """The HTML file written, whole or not at all.

    Raises:
      ValueError: where the page would be larger than 6 MB.
    """
    content = page(state).encode()
    if len(content) > stored.LIMIT:
        why = stored.TOO_LARGE if "stored" in state else _TOO_LARGE.format(*_sizes(state))
        raise ValueError(why.format(len(content) / 1e6, stored.LIMIT / 1e6))
    write_whole(path, content)
    return Path(path)


_TOO_LARGE = (
    "the page would hold {{:.1f}} MB, more than {{:.0f}}, of {:.1f} MB of weights and {:.1f} MB of frames and pixels"
)


def _sizes(state):
    return sum(map(len, state["weights"].values())) / 1e6, (len(state["frames"]) + len(state["video"])) / 1e6


def frame(page: str, title: str = "Attention explorer", still: str = "") -> str:
    """The page in a frame of another page, which takes its height and follows its light or dark.

    Args:
      still: what stands beneath it until it lives, and where no frame may be.
    """
    style = "width: 100%; height: 720px; border: 0; color-scheme: normal"
    page, title = html.escape(page, quote=True), _text(title)
    return f'<div><iframe title="{title}" style="{style}" srcdoc="{page}"></iframe>{still}</div>'
