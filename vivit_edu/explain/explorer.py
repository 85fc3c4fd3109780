"""The attention explorer: a widget in which a reader clicks a patch of a playing clip and sees where it looks."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import anywidget
import traitlets

from vivit_edu.arrays import Array
from vivit_edu.explain import export
from vivit_edu.explain.export import by_name, first_state, page_state, write_page
from vivit_edu.explain.scene import Keep, Scene, key, row_bytes
from vivit_edu.model import ViViT


def _shared(trait):
    return trait.tag(sync=True)


class Explorer(anywidget.AnyWidget):
    """Click a patch at a time and see where it looks, over all frames at once.

    Layer, head and kind of attention are chosen in the widget; arrow keys move the query. All state is in
    traits: `explorer.query = (2, 1, 3)` moves it from the notebook, `explorer.off = [(0, "space/1", 2)]`
    switches a head off. Rows are worked out when asked for; those of a small model are held in the page, which
    then needs no kernel.

    Args:
      model: one, or several by name to compare them: {"trained": ..., "random": ...}.
      video: a file's path; frames uint8 (T, H, W, 3); or pixels in [-1, 1].
      keep: the attentions held in the page, as in `export_html`.
      stride: of a file: every how many frames one is taken.

    Raises:
      ValueError, KeyError, FileNotFoundError: as `export_html`.

    Taught in: Ch. 13.
    """

    about = _shared(traitlets.Dict())
    film = _shared(traitlets.Bytes())
    film_shape = _shared(traitlets.List())
    held = _shared(traitlets.Dict())
    held_rows = _shared(traitlets.Bytes())
    query = _shared(traitlets.List(traitlets.Int()))
    panels = _shared(traitlets.List(traitlets.Dict()))
    scale = _shared(traitlets.Enum(("peak", "unit"), "peak"))
    drawn = _shared(traitlets.Enum(("overlay", "contour", "frames"), "overlay"))
    strength = _shared(traitlets.Float(0.65))
    version = _shared(traitlets.Int(0))
    rows = _shared(traitlets.Bytes())
    rows_for = _shared(traitlets.List())
    off = _shared(traitlets.List())
    before = _shared(traitlets.List())
    after = _shared(traitlets.Dict())
    alone = _shared(traitlets.List())
    message = _shared(traitlets.Unicode(""))
    live = _shared(traitlets.Bool(True))

    def __init__(
        self,
        model: ViViT | Mapping[str, ViViT],
        video: Array | str | Path,
        *,
        keep: Keep | None = None,
        labels: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
        fps: float = 8,
        stride: int | None = None,
    ):
        options = {"fps": fps, "labels": labels}
        self._models, self._options, self._keep = by_name(model), options, keep
        self._scene = Scene(self._models, video, stride=stride, **options)
        self._looks, self._pieces = self._scene.looks, {}
        super().__init__(_esm=export.script(), _css=export.style(), **self._clip_state())
        self.observe(self._send_rows, ["query", "panels"])
        self.observe(self._switch, "off")
        self.on_msg(self._receive)
        self._send_rows()

    @traitlets.validate("query")
    def _check_query(self, proposal):
        query = list(map(int, proposal["value"]))
        for looks in self._looks:
            looks.place(next(iter(looks.attentions)), query)
        return query

    @traitlets.validate("off")
    def _check_off(self, proposal):
        off = [[int(model), str(name), int(head)] for model, name, head in proposal["value"]]
        for index, looks in enumerate(self._looks):
            looks.check([(name, head) for model, name, head in off if model == index])
        return off

    def export(self, path: str | Path, *, keep: Keep | None = None, title: str | None = None) -> Path:
        """The path of a page that holds this clip, as `export_html` writes it, with the query and view shown now.

        Raises:
          ValueError, KeyError, FileNotFoundError: as `export_html`.
        """
        state = page_state(self._scene, keep=keep if keep is not None else self._keep)
        shown = [p for p in self.panels if f"{p['model']}:{p['name']}" in state["held"]]
        state |= {name: getattr(self, name) for name in ("query", "scale", "drawn", "strength")}
        return write_page(path, state | ({"panels": shown} if shown else {}), title=title)

    def show(self, video: Array | str | Path, *, stride: int | None = None) -> None:
        """Shows another clip to the same models.

        Raises:
          ValueError, FileNotFoundError: where it cannot be read or does not fit; what was shown then stays.
        """
        self._scene = Scene(self._models, video, stride=stride, **self._options)
        self._looks = self._scene.looks
        state = self._clip_state() | {"version": self.version + 1}
        with self.hold_trait_notifications(), self.hold_sync():
            for name in set(state) - {"panels", "scale", "drawn", "strength"}:
                setattr(self, name, state[name])
        self._send_rows()

    def _clip_state(self):
        index, rows = self._scene.held(self._keep)
        shape, film = self._scene.film()
        alone = self._scene.alone() if index and self._keep is None else []
        state = {"film": film, "film_shape": shape, "held": index, "held_rows": rows, "alone": alone}
        return first_state(self._scene, index) | state

    def _send_rows(self, change=None):
        """The rows that the panels ask for and the page does not hold."""
        told, parts = [], []
        for panel in self.panels:
            model, name = panel["model"], panel["name"]
            if self._is_held(model, name):
                continue
            row = self._looks[model].row(name, self.query)
            label = f"{self.version}:{key(model, name, self.query)}"
            told.append({"key": label, "heads": row.shape[0], "keys": row.shape[1]})
            parts.append(row_bytes(row))
        if told and told != self.rows_for:
            with self.hold_sync():
                self.rows_for, self.rows = told, b"".join(parts)

    def _is_held(self, model, name):
        place = self.held.get(f"{model}:{name}")
        return place is not None and len(place["heads"]) == self._looks[model].attentions[name].heads

    def _switch(self, change=None):
        """Heads went off or on: another prediction, and other weights in the layers after them."""
        self.message = "switching heads …" if self.off else ""
        self._looks = [
            looks.without([(name, head) for model, name, head in self.off if model == index])
            for index, looks in enumerate(self._scene.looks)
        ]
        index, rows = self._scene.held(self._keep, self._looks)
        shown = [{k: v.tolist() for k, v in looks.probabilities().items()} for looks in self._looks]
        with self.hold_sync():
            self.version += 1
            self.held, self.held_rows = index, rows
            self.after = {"off": self.off, "probabilities": shown}
            self.message = ""
            self._send_rows()

    def _receive(self, widget, content, buffers):
        """A reader's own file, in pieces; shown when the last has come."""
        if content.get("kind") != "video":
            return
        pieces = self._pieces.setdefault(content["name"], [])
        if content["start"] == 0:
            pieces.clear()
        pieces.append(bytes(buffers[0]))
        if content["last"]:
            self._show_file(content["name"], b"".join(self._pieces.pop(content["name"])))

    def _show_file(self, name, content):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / Path(name).name
            path.write_bytes(content)
            try:
                self.show(path)
            except ValueError as error:
                self.message = str(error).replace(str(path), name)
            else:
                self.message = f"{name}: {self._scene.config.frames} frames from its middle"

