"""The attention explorer: a clip that plays, and where each of its tokens looks; a widget, or a page of its own."""

from collections.abc import Iterable
from pathlib import Path

import anywidget
import numpy as np
import traitlets
from jaxtyping import Shaped

from vivit_edu.arrays import Array, Real
from vivit_edu.compiled import on_numbers
from vivit_edu.data import normalise
from vivit_edu.explain.explorer import page, scene
from vivit_edu.explain.explorer.rows import record_rows
from vivit_edu.explain.watch.knockout import Names, chances, head_counts, named_chances, names_of
from vivit_edu.explain.watch.sound import listed
from vivit_edu.model import ViViT

SCALES, VIEWS = ("row", "unit", "uniform"), ("overlay", "contour")


class Explorer(anywidget.AnyWidget):
    """A widget that plays the clip and shows where the token clicked looks, over all frames, in a layer and head.

    Its traits are its whole state: `query` (-1 the class token), `panels` (one or two of {"model", "layer",
    "head"}), `frame`, `scale`, `view`, `strength`, and `off`, the heads switched off, "0|space/2|1" for head 1 of
    layer space/2 of the first model. `probabilities` follow `off`; attention is shown of the intact model.

    Args:
      video: one clip as the model takes it, floats in [-1, 1] or uint8, with or without an axis of batch.
      beside: a second model of the same grid, shown in a second panel.
      frames: uint8 (T, H, W, 3), what is shown; None shows the video.
      fps: frames a second.
      class_names: of the classes, or of each head by its name; None knows those of the embedded clips and numbers
        others.

    Raises:
      ValueError: where video, frames and models do not fit each other, or hold numbers that are NaN or infinite.
      KeyError, IndexError: where there is no such layer, head, query or frame; so, too, where a trait is set later.
      TypeError: where an option is none of these and no trait.
    """

    _esm, _css = page.SCRIPT, page.STYLE
    meta = traitlets.Dict().tag(sync=True)
    clip = traitlets.Dict().tag(sync=True)
    frames = traitlets.Bytes().tag(sync=True)
    blob = traitlets.Bytes().tag(sync=True)
    tops = traitlets.Bytes().tag(sync=True)
    query = traitlets.Int(0).tag(sync=True)
    panels = traitlets.List().tag(sync=True)
    told = traitlets.Dict().tag(sync=True)
    rows = traitlets.Bytes().tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)
    autoplay = traitlets.Bool(True).tag(sync=True)
    scale = traitlets.Enum(SCALES, "row").tag(sync=True)
    view = traitlets.Enum(VIEWS, "overlay").tag(sync=True)
    strength = traitlets.Float(0.6, min=0, max=1).tag(sync=True)
    off = traitlets.List().tag(sync=True)
    probabilities = traitlets.List().tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)

    @on_numbers
    def __init__(
        self,
        model: ViViT,
        video: Shaped[Array, "..."],
        *,
        beside: ViViT | None = None,
        frames: np.ndarray | None = None,
        fps: Real = 8,
        class_names: Names = None,
        **state,
    ):
        self._models = [model] if beside is None else [model, beside]
        scene.check_beside(self._models)
        if unknown := [name for name in state if name not in self.class_trait_names()]:
            raise TypeError(f"an explorer has no option {', '.join(unknown)}; its state is {', '.join(_SET)}")
        self._see(video, frames)
        self._class_names = names_of(class_names, [{k: len(v) for k, v in one.items()} for one in self._intact])
        self._pieces = []
        panels = [scene.first_panel(number, rows) for number, rows in enumerate(self._rows)]
        super().__init__(
            meta=scene.model_facts(self._rows),
            frames=self._shown.tobytes(),
            clip=scene.clip_facts(self._models[0].config, self._shown, fps),
            probabilities=self._probabilities([]),
            **({"query": scene.middle(model.config.grid), "panels": panels} | state),
        )
        if "frame" not in state and self.query >= 0:
            self.frame = self.clip["times"].index(self.query // (self._rows[0].places))
        self.observe(self._answer, ["query", "panels"])
        self.observe(self._knock_out, ["off"])
        self.on_msg(self._receive)
        self._hold()
        self._answer()

    @classmethod
    def from_file(cls, model: ViViT, path: str | Path, **options) -> "Explorer":
        """An explorer of a video file: frames spread evenly over it, resampled and cropped to the model's size.

        Raises:
          FileNotFoundError, ValueError: as `vivit_edu.data.read_clip`.
        """
        return cls(model, scene.read_for(model, path), **options)

    def export(self, path: str | Path, **chosen) -> Path:
        """The HTML file written, in which all of this works without a kernel and without a network.

        Args:
          chosen: `layers`, names of the attentions in the page, "space/2" or "rollout"; `heads`, "0", "1", ...,
            "mean", "max" or "min"; all unless given. `every`: 2 keeps the rows of every other patch in height and
            width as queries, so that a large model's fit.

        Raises:
          KeyError: where there is no such layer or head.
          ValueError: where the page would be larger than 5 MB.
        """
        return page.write_page(path, self.state_of_page(**chosen))

    def twin(self, **chosen):
        """The exported page as the output of a cell (IPython HTML), which stays alive in a page of the book."""
        from IPython.display import HTML

        return HTML(page.frame(page.page(self.state_of_page(**chosen))))

    def state_of_page(
        self, *, layers: Iterable[str] | None = None, heads: Iterable[str] | None = None, every: int = 1
    ) -> dict:
        """The traits that a page without a kernel starts from, with the rows of all queries in them."""
        layers = None if layers is None else listed(layers, "layers")
        heads = None if heads is None else listed(heads, "heads")
        page.check(self._intact_rows, layers=layers, heads=heads, every=every)
        live = {name: getattr(self, name) for name in _STATE}
        frames = scene.reduced(self._shown, page.PIXELS)
        live["clip"] = live["clip"] | {"height": frames.shape[1], "width": frames.shape[2]}
        live |= {"frames": frames.tobytes(), "probabilities": self._probabilities([])}
        counts = [head_counts(*pair) for pair in zip(self._models, self._videos, strict=True)]
        small = all(page.is_small(model.config) for model in self._models)
        knocked = page.knocked(counts, self._chances) if small else {}
        return page.state(live, self._intact_rows, layers=layers, heads=heads, every=every, knocked=knocked)

    def _see(self, video, frames):
        """Takes a clip in: what is shown of it, and what the models make of it."""
        pixels = scene.pixels_of(video)
        self._shown = scene.shown_frames(self._models[0], pixels, frames)
        floats = normalise(pixels) if np.issubdtype(pixels.dtype, np.integer) else pixels.astype(np.float32)
        self._videos = [scene.batch_of_one(model, floats) for model in self._models]
        self._rows = [record_rows(*pair) for pair in zip(self._models, self._videos, strict=True)]
        self._intact_rows = self._rows
        self._intact = [self._chances(number, ()) for number in range(len(self._models))]

    @traitlets.validate("query", "panels", "off", "frame", "strength")
    def _is_there(self, proposal):
        """Refuses what there is not, before anything has changed."""
        scene.check_trait(proposal["trait"].name, proposal["value"], rows=self._rows, count=len(self._shown))
        return proposal["value"]

    def _answer(self, change=None):
        """Sends the rows of the query in every panel."""
        rows, panels, start = [], [], 0
        for panel in self.panels:
            row = self._rows[panel["model"]].row(panel["layer"], self.query, head=panel["head"])
            key = "|".join(str(panel[part]) for part in ("model", "layer", "head"))
            panels.append({"key": key, "start": start, "length": len(row)})
            start += len(row)
            rows.append(row)
        with self.hold_sync():
            self.rows = np.concatenate(rows).tobytes() if rows else b""
            self.told = {"query": self.query, "panels": panels, "off": self.off}

    def _hold(self):
        """Puts every row of a small model into the traits."""
        if page.can_be_held(self._intact_rows):
            held = self.state_of_page()
            self.blob, self.tops, self.meta = held["blob"], held["tops"], held["meta"] | {"live": True}

    def _knock_out(self, change):
        """The answer first, which is soon there; then what the layers look at now."""
        self.probabilities = self._probabilities(self.off)
        pairs = enumerate(zip(self._models, self._videos, strict=True))
        self._rows = [record_rows(*pair, off=self._off_in(n)) for n, pair in pairs] if self.off else self._intact_rows
        self._answer()

    def _off_in(self, number):
        return [key.split("|", 1)[1] for key in self.off if key.startswith(f"{number}|")]

    def _probabilities(self, off):
        groups = []
        for number, model in enumerate(self._models):
            now = self._chances(number, self._off_in(number) if off else ())
            title = model.config.name if len(self._models) > 1 else ""
            names = {head: known for head, known in self._class_names.items() if head in now}
            groups += named_chances(self._intact[number], now, names=names, title=title)
        return groups

    def _chances(self, number, off):
        return chances(self._models[number], self._videos[number], off)

    def _receive(self, widget, content, buffers):
        """A reader's own video, in pieces; it is shown when the last has come."""
        if content.get("start") == 0:
            self._pieces = []
        self._pieces.extend(map(bytes, buffers))
        if content.get("last"):
            self._show_file(content["name"], b"".join(self._pieces))

    def _show_file(self, name, content):
        """Shows a video that came from the reader, or says in a sentence why not."""
        try:
            frames = scene.read_sent(self._models[0], name, content)
        except ValueError as error:
            self.notice = str(error)
            return
        self._see(frames, None)
        with self.hold_sync():
            self.off = []
            self.frames, self.notice = self._shown.tobytes(), f"Showing {name}"
            self.frame = 0
            self.clip = scene.clip_facts(self._models[0].config, self._shown, self.clip["fps"]) | {"name": name}
            self.probabilities = self._probabilities([])
            self._hold()
            self._answer()


def export_html(model: ViViT, video: Shaped[Array, "..."] | str | Path, path: str | Path, **chosen) -> Path:
    """The HTML file written, in which a reader explores one clip, or a video file, with no kernel and no network.

    Args:
      chosen: `layers`, `heads` and `every`, as in `Explorer.export`.

    Raises:
      FileNotFoundError, KeyError, ValueError: as `Explorer.from_file` and `Explorer.export`.
    """
    make = Explorer.from_file if isinstance(video, str | Path) else Explorer
    return make(model, video).export(path, **chosen)


_SET = "query panels frame autoplay scale view strength off".split()
_STATE = "meta clip frames query panels frame autoplay scale view strength probabilities".split()
