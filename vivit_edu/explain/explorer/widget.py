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
from vivit_edu.explain.explorer import facts, page, scene, still
from vivit_edu.explain.explorer.engine import packed, runs_in_a_page
from vivit_edu.explain.explorer.layers import Layers
from vivit_edu.explain.explorer.rows import record_rows
from vivit_edu.explain.watch.knockout import Names, chances, head_counts, named_chances, names_of
from vivit_edu.model import ViViT

SCALES, VIEWS, MAPS, SPEEDS = ("row", "unit", "uniform"), ("overlay", "contour"), ("now", "intact"), (0.25, 0.5, 1, 2)


class Explorer(anywidget.AnyWidget):
    """A widget that plays the clip and shows where the token clicked looks, over all frames, in a layer and head.

    A model of at most `engine.LIMITS` runs in the page itself, which then needs no kernel; for a larger one the kernel
    is asked. Its traits are its whole state: `query` (-1 the class token), `panels` (one or two of {"model", "layer",
    "head"}), `frame`, `scale`, `view`, `strength`, `speed`, `off`, the heads switched off, "0|space/2|1" for head 1 of
    layer space/2 of the first model, and `maps`: "now" shows where the model looks without those heads, "intact" with
    them. `probabilities` follow `off`.

    Args:
      video: one clip as the model takes it, floats in [-1, 1] or uint8, with or without an axis of batch.
      beside: a second model of the same grid, shown in a second panel.
      frames: uint8 (T, H, W, 3), what is shown; None shows the video.
      fps: frames a second, where frames that come from a file do not bring their own times; None counts frames.
      class_names: of the classes, or of each head by its name; None knows those of the embedded clips and numbers
        others.
      name: what the clip is called.

    Raises:
      ValueError: where video, frames and models do not fit each other, or hold numbers that are NaN or infinite.
      KeyError, IndexError: where there is no such layer, head, query or frame; so, too, where a trait is set later.
      TypeError: where an option is none of these and no trait.
    """

    _esm, _css = page.SCRIPT, page.STYLE
    meta = traitlets.Dict().tag(sync=True)
    clip = traitlets.Dict().tag(sync=True)
    weights = traitlets.Dict().tag(sync=True)
    frames = traitlets.Bytes().tag(sync=True)
    video = traitlets.Bytes().tag(sync=True)
    query = traitlets.Int(0).tag(sync=True)
    panels = traitlets.List().tag(sync=True)
    told = traitlets.Dict().tag(sync=True)
    rows = traitlets.Bytes().tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)
    autoplay = traitlets.Bool(True).tag(sync=True)
    scale = traitlets.Enum(SCALES, "row").tag(sync=True)
    view = traitlets.Enum(VIEWS, "overlay").tag(sync=True)
    strength = traitlets.Float(0.6, min=0, max=1).tag(sync=True)
    speed = traitlets.Enum(SPEEDS, 1).tag(sync=True)
    off = traitlets.List().tag(sync=True)
    maps = traitlets.Enum(MAPS, "now").tag(sync=True)
    probabilities = traitlets.List().tag(sync=True)

    @on_numbers
    def __init__(
        self,
        model: ViViT,
        video: Shaped[Array, "..."],
        *,
        beside: ViViT | None = None,
        frames: np.ndarray | None = None,
        fps: Real | None = None,
        class_names: Names = None,
        name: str = "a clip",
        **state,
    ):
        self._models = [model] if beside is None else [model, beside]
        scene.check_beside(self._models)
        if unknown := [one for one in state if one not in _SET]:
            raise TypeError(f"an explorer has no option {', '.join(unknown)}; its state is {', '.join(_SET)}")
        self._in_page = all(runs_in_a_page(one.config) for one in self._models)
        seconds = scene.seconds_of(video if frames is None else frames, fps, model.config.frames)
        self._see(video, frames)
        self._layers = [
            Layers(config=one.config, counts=head_counts(one, clip))
            for one, clip in zip(self._models, self._videos, strict=True)
        ]
        self._class_names = names_of(class_names, [{k: len(v) for k, v in one.items()} for one in self._intact])
        self._pieces = []
        packs = [packed(one) for one in self._models] if self._in_page else []
        meta = facts.model_facts(self._layers, packs)
        panels = [facts.first_panel(number, one) for number, one in enumerate(self._layers)]
        super().__init__(
            meta=meta,
            weights={one["key"]: pack["weights"] for one, pack in zip(meta["models"], packs, strict=False)},
            probabilities=self._probabilities([]),
            **self._film(name, seconds),
            **({"query": facts.middle(model.config.grid), "panels": panels} | state),
        )
        if "frame" not in state and self.query >= 0:
            self.frame = self.clip["times"].index(self.query // self._layers[0].places)
        self.observe(self._answer, ["query", "panels", "maps"])
        self.observe(self._knock_out, ["off"])
        self.observe(self._follow_page, ["clip"])
        self.on_msg(self._receive)
        self._answer()

    @classmethod
    def from_file(cls, model: ViViT, path: str | Path, **options) -> "Explorer":
        """An explorer of a video file: frames spread evenly over it, resampled and cropped to the model's size.

        Raises:
          FileNotFoundError, ValueError: as `vivit_edu.data.read_clip`.
        """
        return cls(model, scene.read_for(model, path), **({"name": Path(path).name} | options))

    def export(self, path: str | Path, **chosen) -> Path:
        """The HTML file written, in which all of this works without a kernel and without a network.

        Args:
          chosen: `layers`, names of the attentions in the page, "space/2" or "rollout"; `heads`, "0", "1", ...,
            "mean", "max" or "min"; all unless given. `every`, for a model too large to run in the page, which then
            holds rows: 2 keeps those of every other patch in height and width as queries.

        Raises:
          KeyError: where there is no such layer or head.
          ValueError: where the page would be larger than 6 MB.
        """
        return page.write_page(path, self.state_of_page(**chosen))

    def twin(self, **chosen):
        """The exported page as the output of a cell (IPython HTML), which needs no kernel where it is read."""
        from IPython.display import HTML

        state = self.state_of_page(**chosen)
        return HTML(page.frame(page.page(state), page.heading(state)))

    def state_of_page(
        self, *, layers: Iterable[str] | None = None, heads: Iterable[str] | None = None, every: int = 1
    ) -> dict:
        """The traits that a page without a kernel starts from; of a model too large for one, rows of all queries."""
        live = {name: getattr(self, name) for name in _STATE} | {"probabilities": self._probabilities([])}
        live |= scene.small_frames(self.clip, self._shown, self.video, page.PIXELS)
        rows = None if self._in_page else (lambda: self._recorded(()))
        return page.state(live, self._layers, rows, layers=layers, heads=heads, every=every)

    def _see(self, video, frames):
        """Takes a clip in: what is shown of it, and what the models make of it."""
        pixels = scene.pixels_of(video)
        self._shown = scene.shown_frames(self._models[0], pixels, frames)
        floats = normalise(pixels) if np.issubdtype(pixels.dtype, np.integer) else pixels.astype(np.float32)
        self._videos = [scene.batch_of_one(model, floats) for model in self._models]
        self._rows = {}
        self._intact = [self._chances(number, ()) for number in range(len(self._models))]

    def _film(self, name, seconds):
        """The traits that are the clip's."""
        facts = scene.clip_facts(self._models[0].config, self._shown, name, seconds)
        return {"frames": self._shown.tobytes()} | scene.pixels_for_page(facts, self._shown, self._videos[0])

    @traitlets.validate("query", "panels", "off", "frame", "strength")
    def _is_there(self, proposal):
        """Refuses what there is not, before anything has changed."""
        scene.check_trait(proposal["trait"].name, proposal["value"], models=self._layers, count=len(self._shown))
        return proposal["value"]

    def _recorded(self, off):
        """The rows of every model with these heads off; those of the intact models are kept, and the last others."""
        off = tuple(sorted(off))
        if off not in self._rows:
            pairs = enumerate(zip(self._models, self._videos, strict=True))
            found = [record_rows(*pair, off=self._off_in(n, off)) for n, pair in pairs]
            self._rows = {key: rows for key, rows in self._rows.items() if not key} | {off: found}
        return self._rows[off]

    def _answer(self, change=None):
        """Sends the rows of the query in every panel, where the model does not run in the page."""
        if self._in_page:
            return
        recorded, rows = self._recorded(self.off if self.maps == "now" else ()), []
        for panel in self.panels:
            rows.append(recorded[panel["model"]].row(panel["layer"], self.query, head=panel["head"]))
        with self.hold_sync():
            self.rows = np.concatenate(rows).tobytes() if rows else b""
            asked = {name: getattr(self, name) for name in ("query", "panels", "off", "maps")}
            self.told = asked | {"film": self.clip["film"], "lengths": [len(row) for row in rows]}

    def _knock_out(self, change):
        with self.hold_sync():
            self.probabilities = self._probabilities(self.off)
            self._answer()

    def _off_in(self, number, off):
        return [key.split("|", 1)[1] for key in off if key.startswith(f"{number}|")]

    def _probabilities(self, off):
        groups = []
        for number, model in enumerate(self._models):
            now = self._chances(number, self._off_in(number, off)) if off else self._intact[number]
            title = model.config.name if len(self._models) > 1 else ""
            names = {head: known for head, known in self._class_names.items() if head in now}
            groups += named_chances(self._intact[number], now, names=names, title=title)
        return groups

    def _chances(self, number, off):
        return chances(self._models[number], self._videos[number], off)

    def _follow_page(self, change):
        """Takes in a video that the page has read and shows."""
        if self.frames == self._shown.tobytes():
            return
        shown = np.frombuffer(self.frames, np.uint8).reshape(len(self._shown), *self._models[0].config.size, 3)
        self._see(shown.copy(), None)
        self.probabilities = self._probabilities(self.off)
        self._answer()

    def _receive(self, widget, content, buffers):
        """A reader's own video, in pieces, each of which is acknowledged; it is shown when the last has come."""
        if content.get("start") == 0:
            self._pieces = []
        self._pieces.extend(map(bytes, buffers))
        said = {"reading": content.get("reading"), "taken": content.get("start")}
        if content.get("last"):
            whole, self._pieces = b"".join(self._pieces), []
            said["done"] = self._show_file(content["name"], whole)
        self.send(said)

    def _show_file(self, name, content):
        """Shows a video that came from the reader; or says in a sentence why not."""
        try:
            frames = scene.read_sent(self._models[0], name, content)
            seconds = scene.seconds_of(frames, None, len(frames))
        except ValueError as error:
            return str(error)
        self._see(frames, None)
        with self.hold_sync():
            self.off, self.frame = [], 0
            for trait, value in self._film(name, seconds).items():
                setattr(self, trait, value)
            self.probabilities = self._probabilities([])
            self._answer()
        return ""

    def __repr__(self):
        return f"Explorer({page.heading({'meta': self.meta, 'clip': self.clip, 'probabilities': self.probabilities})})"

    def _repr_mimebundle_(self, **kwargs):
        """The widget, and for where no widget can live a still picture and a sentence."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        rows = self._recorded(())[self.panels[0]["model"]]
        data |= {"text/plain": repr(self), "image/png": still.picture(self._shown, rows, self.query, self.panels[0])}
        return bundle


def export_html(model: ViViT, video: Shaped[Array, "..."] | str | Path, path: str | Path, **chosen) -> Path:
    """The HTML file written, in which a reader explores one clip, or a video file, with no kernel and no network.

    Args:
      chosen: `layers`, `heads` and `every`, as in `Explorer.export`.

    Raises:
      FileNotFoundError, KeyError, ValueError: as `Explorer.from_file` and `Explorer.export`.
    """
    make = Explorer.from_file if isinstance(video, str | Path) else Explorer
    return make(model, video).export(path, **chosen)


_SET = "query panels frame autoplay scale view strength speed off maps".split()
_STATE = "meta clip weights frames video query panels frame autoplay scale view strength speed maps".split()
