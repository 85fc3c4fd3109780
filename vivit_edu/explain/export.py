"""An explorer as one HTML file: script, style, clip and weights within it, no kernel and no other host needed."""

import base64
import html
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template

from vivit_edu.arrays import Array
from vivit_edu.data.cache import write_whole
from vivit_edu.explain.scene import PIXELS, Keep, Scene
from vivit_edu.model import ViViT

SCRIPTS = ("rows", "paint", "dom", "bars", "knock", "upload", "keys", "player", "panel", "explorer")
MAIL = 5_000_000  # bytes: what may be e-mailed
PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>$title</title>
<style>
:root { color-scheme: light dark; }
body { margin: 1rem auto; max-width: 63rem; padding: 0 0.6rem; background: Canvas; color: CanvasText; }
h1 { font: 600 1.3rem/1.3 system-ui, sans-serif; margin: 0 0.5rem; }
$style</style>
</head>
<body>
<h1>$title</h1>
<div id="explorer"></div>
<noscript>This page needs JavaScript; it asks no other host for anything.</noscript>
<script id="state" type="application/json">$state</script>
<script type="module">
$script
const state = JSON.parse(document.getElementById("state").textContent);
await render({ model: savedModel(state), el: document.getElementById("explorer") });
</script>
</body>
</html>
""")


def script(*names: str) -> str:
    """The ES module of the widget: its files one after the other, without the imports that join them.

    A widget's code travels as one text, in which no file can import another; the files stay short and can be
    run and read one by one.
    """
    files = (_file(f"{name}.js") for name in names or SCRIPTS)
    return "\n".join(re.sub(r"^import .*\n|^export (?!default)", "", text, flags=re.MULTILINE) for text in files)


def style() -> str:
    """The widget's CSS."""
    return _file("explorer.css")


def export_html(
    model: ViViT | Mapping[str, ViViT],
    video: Array | str | Path,
    path: str | Path,
    *,
    keep: Keep | None = None,
    labels: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
    fps: float = 8,
    title: str | None = None,
) -> Path:
    """The path of an HTML file in which a reader explores one clip; written whole or not at all.

    Args:
      keep: the attentions that the page holds, {"space/2": [0, 3]}, or names for all of their heads. None keeps
        all where they are small, as a nano model's are.

    Raises:
      ValueError: where the page would exceed 5 MB, with its size; or the clip does not fit.
      KeyError: where no attention has such a name.
    """
    scene = Scene(by_name(model), video, fps=fps, labels=labels)
    return write_page(path, page_state(scene, keep=keep), title=title)


def by_name(model: ViViT | Mapping[str, ViViT]) -> dict[str, ViViT]:
    """One model under its configuration's name, or several under those given."""
    return dict(model) if isinstance(model, Mapping) else {model.config.name: model}


def page_state(scene: Scene, *, keep: Keep | None = None) -> dict:
    """What a page without a kernel starts from.

    Raises:
      ValueError: where nothing is chosen and all is too much.
    """
    index, rows = scene.held(keep)
    if not index:
        names = ", ".join(scene.looks[0].attentions)
        raise ValueError(f"the weights of all layers are too many for a page: choose some with keep, of {names}")
    shape, film = scene.film(PIXELS)
    alone = scene.alone() if keep is None else []
    first = next(iter(index))
    return first_state(scene, index) | {
        "film_shape": shape,
        "film": film,
        "held": index,
        "held_rows": rows,
        "alone": alone,
        "live": False,
        "panels": [{"model": 0, "name": first.split(":")[1], "head": _first_head(index[first])}],
    }


def first_state(scene: Scene, index: Mapping) -> dict:
    """The traits that every explorer starts from: a query in the middle of the clip, the first attention's mean."""
    nt, nh, nw = scene.config.grid
    before = scene.probabilities()
    return {
        "about": scene.about(),
        "query": [nt // 2, nh // 2, nw // 2],
        "panels": [{"model": 0, "name": next(iter(scene.looks[0].attentions)), "head": "mean"}],
        "scale": "peak",
        "drawn": "overlay",
        "strength": 0.65,
        "version": 0,
        "rows_for": [],
        "rows": b"",
        "off": [],
        "before": before,
        "after": {},
        "message": "",
    }


def write_page(path: str | Path, state: Mapping, *, title: str | None = None) -> Path:
    """Writes the page of a state; its title names the model unless one is given.

    Raises:
      ValueError: where it would exceed 5 MB. FileNotFoundError: where the folder does not exist.
    """
    title = title or "Where " + " and ".join(model["name"] for model in state["about"]["models"]) + " looks"
    text = PAGE.substitute(
        title=html.escape(title),
        style=style(),
        state=json.dumps(state, default=_base64).replace("</", "<\\/"),
        script=script("page", *SCRIPTS).replace("</script", "<\\/script").replace("export default { render };", ""),
    )
    content = text.encode()
    if len(content) > MAIL:
        size = f"{len(content) / 1e6:.1f} MB, above {MAIL / 1e6:.0f} MB"
        raise ValueError(f"{path} would be {size}: keep fewer layers or heads, as in keep={{'space/0': [0]}}")
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} into")
    write_whole(path, content)
    return path


def _first_head(place):
    return "mean" if len(place["heads"]) > 1 else place["heads"][0]


def _base64(value):
    return base64.b64encode(value).decode()


def _file(name):
    return resources.files("vivit_edu.explain").joinpath("widget", name).read_text(encoding="utf-8")
