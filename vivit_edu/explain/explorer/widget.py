"""The attention explorer: a clip that plays, and where each of its tokens looks; a widget, or a page of its own."""

from collections.abc import Iterable
from pathlib import Path

import anywidget
import numpy as np
import traitlets
from jaxtyping import Shaped

from vivit_edu.arrays import Array, Real, plain
from vivit_edu.compiled import on_numbers
from vivit_edu.explain.explorer import facts, page, scene, still
from vivit_edu.explain.explorer.engine import packed, runs_in_a_page
from vivit_edu.explain.explorer.seen import Seen
from vivit_edu.explain.explorer.sent import Upload, read_sent
from vivit_edu.explain.watch.knockout import Names
from vivit_edu.model import ViT, ViViT

SCALES, VIEWS, MAPS, SPEEDS = ("row", "unit", "uniform"), ("overlay", "contour"), ("now", "intact"), (0.25, 0.5, 1, 2)
_BYTES = {"sync": True, "from_json": lambda value, widget: bytes(value)}  # a page's come as a view of memory


class Explorer(anywidget.AnyWidget):
    """A widget that plays the clip and shows where the token clicked looks, over all frames, in a layer and head.

    A model of at most `engine.LIMITS` runs in the page itself, which then needs no kernel; for a larger one the kernel
    is asked. It is shown as it was when the explorer was made, whatever becomes of it. Its traits are its whole state:
    `query` (-1 the class token), `panels` (one or two of {"model", "layer", "head"}), `frame`, `scale`, `view`,
    `strength`, `speed`, `off`, the heads switched off, "0|space/2|1" for head 1 of layer space/2 of the first model,
    and `maps`: "now" shows where the model looks without those heads, "intact" with them. `probabilities` follow
    `off`.

    Args:
      video: one clip as the model takes it, floats in [-1, 1] or uint8, with or without an axis of batch.
      beside: a second model of the same grid, shown in a second panel.
      frames: uint8 (T, H, W, 3), what is shown; None shows the video.
      fps: frames a second; None takes the times of frames that come from a file, and counts others.
      class_names: of the classes, or of each head by its name; None knows those of the embedded clips and numbers
        others.
      name: what the clip is called.

    Raises:
      ValueError: where video, frames and models do not fit each other, or hold numbers that are NaN or infinite; where
        an option is out of range.
      KeyError, IndexError: where there is no such layer, head, query or frame; so, too, where a trait is set later.
      TypeError: where an option is none of these and no trait.
    """

    _esm, _css = page.SCRIPT, page.STYLE
    meta = traitlets.Dict().tag(sync=True)
    clip = traitlets.Dict().tag(sync=True)
    weights = traitlets.Dict().tag(sync=True)
    frames = traitlets.Bytes().tag(**_BYTES)
    video = traitlets.Bytes().tag(**_BYTES)
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
        if unknown := [one for one in state if one not in _SET]:
            raise TypeError(f"an explorer has no option {', '.join(unknown)}; its state is {', '.join(_SET)}")
        seconds = scene.seconds_of([frames, video], fps, model.config.frames)
        models = [model] if beside is None else [model, beside]
        self._in_page = all(type(one) in (ViViT, ViT) and runs_in_a_page(one.config) for one in models)
        dtype = "float32" if self._in_page else None  # in which a page computes
        self._seen = Seen(models, video, frames, class_names=class_names, dtype=dtype)
        self._upload = Upload()
        state = {one: plain(value) for one, value in state.items()}
        try:
            super().__init__(**self._model_traits(), **self._film(name, seconds), **(self._first() | state))
        except traitlets.TraitError as error:
            raise error.__cause__ or ValueError(str(error)) from None
        if "frame" not in state and self.query >= 0:
            self.frame = self.clip["times"].index(self.query // self._seen.layers[0].places)
        self.observe(self._follow, ["query", "panels", "maps", "off", "clip"])
        self.on_msg(self._receive)
        self._follow()

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
        return HTML(page.frame(page.page(state), page.heading(state), self._still()["text/html"]))

    def state_of_page(
        self, *, layers: Iterable[str] | None = None, heads: Iterable[str] | None = None, every: int = 1
    ) -> dict:
        """The traits that a page without a kernel starts from; of a model too large to run in it, with all rows."""
        live = {name: getattr(self, name) for name in _STATE} | {"probabilities": self._seen.probabilities(())}
        live |= scene.small_frames(self.clip, self._seen.shown, self.video, page.PIXELS)
        rows = None if self._in_page else (lambda: self._seen.rows(()))
        return page.state(live, self._seen.layers, rows, layers=layers, heads=heads, every=every)

    def _model_traits(self):
        """The traits that are the models', whatever the clip."""
        packs = [packed(one) for one in self._seen.models] if self._in_page else []
        meta = facts.model_facts(self._seen.layers, packs)
        weights = {one["key"]: pack["weights"] for one, pack in zip(meta["models"], packs, strict=False)}
        return {"meta": meta, "weights": weights}

    def _film(self, name, seconds):
        """The traits that are the clip's."""
        shown, (video, *_) = self._seen.shown, self._seen.videos
        told = scene.clip_facts(self._seen.models[0].config, shown, name, seconds)
        self._film_seen = told["film"]
        return {"frames": shown.tobytes()} | scene.pixels_for_page(told, shown, video if self._in_page else None)

    def _first(self):
        """The traits that a reader changes, as they are at first, and the answer to them."""
        panels = [facts.first_panel(number, one) for number, one in enumerate(self._seen.layers)]
        answer = self._seen.probabilities(())
        return {"query": facts.middle(self._seen.layers[0].config.grid), "panels": panels, "probabilities": answer}

    @traitlets.validate("query", "panels", "off", "frame", "strength")
    def _is_there(self, proposal):
        """Refuses what there is not; traits that are set together are all put back, as for an error of a trait."""
        name, value, seen = proposal["trait"].name, proposal["value"], self._seen
        try:
            scene.check_trait(name, value, models=seen.layers, count=len(seen.shown))
        except _KINDS as error:
            raise _NOT_THERE[type(error)](*error.args) from error
        return value if name != "panels" else [{**one, "model": int(one["model"])} for one in value]

    def _rows_shown(self):
        """The rows that the maps are of."""
        return self._seen.rows(self.off if self.maps == "now" else ())

    def _answer(self):
        """Sends the rows of the query in every panel, where the model does not run in the page."""
        if self._in_page:
            return
        recorded = self._rows_shown()
        rows = [recorded[one["model"]].row(one["layer"], self.query, head=one["head"]) for one in self.panels]
        with self.hold_sync():
            self.rows = np.concatenate(rows).tobytes()
            asked = {name: getattr(self, name) for name in ("query", "panels", "off", "maps")}
            self.told = asked | {"film": self.clip["film"], "lengths": [len(row) for row in rows]}

    def _follow(self, change=None):
        """Answers the state as it is now, whoever has set it; a page may have read a video, too, which it shows."""
        if self.clip["film"] != self._film_seen:
            shape = (len(self._seen.shown), *self._seen.models[0].config.size, 3)
            self._seen.take(np.frombuffer(self.frames, np.uint8).reshape(shape).copy())
            self._film_seen = self.clip["film"]
        with self.hold_sync():
            self.probabilities = self._seen.probabilities(self.off)
            self._answer()

    def _receive(self, widget, content, buffers):
        """A reader's own video, in pieces, each of which is acknowledged; it is shown when the last has come."""
        if "start" not in content:
            return
        whole = self._upload.take(content, buffers)
        said = {"reading": content.get("reading"), "taken": content["start"]}
        self.send(said | ({"done": self._show_file(content["name"], whole)} if content.get("last") else {}))

    def _show_file(self, name, content):
        """Shows a video that came from the reader; or says in a sentence why not."""
        try:
            frames = read_sent(self._seen.models[0], name, content)
            self._seen.take(frames)
        except (ValueError, OSError) as error:
            return str(error)
        film = self._film(name, scene.seconds_of([frames], None, len(frames)))
        with self.hold_sync(), self.hold_trait_notifications():
            for trait, value in ({"off": [], "frame": 0} | film).items():
                setattr(self, trait, value)
        return ""

    def __repr__(self):
        return f"Explorer({self._heading()})"

    def _heading(self):
        return page.heading({name: getattr(self, name) for name in ("meta", "clip", "probabilities")})

    def _repr_mimebundle_(self, **kwargs):
        """The widget, and for where no widget can live a still picture and a sentence."""
        return self._live() | {"image/png": self._still()["image/png"]}

    def _ipython_display_(self):
        """Shows the widget, and beneath it the still picture, which a live explorer hides: converters show no other."""
        from IPython.display import display

        display(self._live(), raw=True)
        display(self._still(), raw=True)

    def _live(self):
        bundle = super()._repr_mimebundle_()
        return (bundle[0] if isinstance(bundle, tuple) else bundle) | {"text/plain": repr(self)}

    def _still(self):
        panel, shown = self.panels[0], self._seen.shown
        picture = still.picture(shown, self._rows_shown()[panel["model"]], self.query, panel)
        return still.bundle(picture, self._heading())


_KINDS = (KeyError, IndexError, ValueError)
_NOT_THERE = {kind: type(kind.__name__, (traitlets.TraitError, kind), {}) for kind in _KINDS}
_SET = "query panels frame autoplay scale view strength speed off maps".split()
_STATE = "meta clip weights frames video query panels frame autoplay scale view strength speed maps".split()
