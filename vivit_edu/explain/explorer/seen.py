"""What models make of the clip that an explorer shows, as they are and with heads switched off."""

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np
from flax import nnx

from vivit_edu.data import normalise
from vivit_edu.explain.explorer import scene
from vivit_edu.explain.explorer.layers import Layers
from vivit_edu.explain.explorer.rows import Rows, record_rows
from vivit_edu.explain.watch.knockout import Names, named_chances, names_of
from vivit_edu.explain.watch.sound import answered
from vivit_edu.model import ViViT


class Seen:
    """Models, the clip that is before them, and what they make of it.

    Attributes:
      models: copies, which stay as they are when a training goes on, and answer as when it does not.
      layers: of each model.
      shown: uint8 (T, H, W, 3), what is shown of the clip.
      videos: the clip as each model takes it.

    Args:
      dtype: in which they are computed; None leaves each its own.

    Raises:
      ValueError: where clip, names and models do not fit each other, or hold numbers that are NaN or infinite.
    """

    def __init__(self, models: Sequence[ViViT], video, frames, *, class_names: Names = None, dtype: str | None = None):
        scene.check_beside(models)
        self.models = [_copy(model, dtype or model.config.dtype) for model in models]
        self.take(video, frames)
        intact = self.rows(())
        self.layers = [Layers(config=one.config, counts=one.counts) for one in intact]
        self._names = names_of(class_names, [{k: len(v) for k, v in one.chances.items()} for one in intact])

    def take(self, video, frames: np.ndarray | None = None) -> None:
        """Puts another clip before the models; or refuses it, and leaves the one that is there."""
        pixels = scene.pixels_of(video)
        shown = scene.shown_frames(self.models[0], pixels, frames)
        floats = normalise(pixels) if np.issubdtype(pixels.dtype, np.integer) else pixels.astype(np.float32)
        videos = [scene.batch_of_one(model, floats) for model in self.models]
        rows = {(n, ()): _rows(*pair) for n, pair in enumerate(zip(self.models, videos, strict=True))}
        self.shown, self.videos, self._kept = shown, videos, rows

    def rows(self, off: Collection[str]) -> list[Rows]:
        """Of each model, with these heads off, "0|space/2|1"; kept of the intact models, and of the last others."""
        keys = [(n, _of_model(n, off)) for n in range(len(self.models))]
        if off:
            self._kept = {key: rows for key, rows in self._kept.items() if not key[1] or key in keys}
        for number, heads in keys:
            if (number, heads) not in self._kept:
                self._kept[number, heads] = _rows(self.models[number], self.videos[number], heads)
        return [self._kept[key] for key in keys]

    def probabilities(self, off: Collection[str]) -> list[dict]:
        """For each classifier its title, class names, and probabilities before and after these heads are off."""
        groups = []
        for intact, now in zip(self.rows(()), self.rows(off), strict=True):
            title = intact.config.name if len(self.models) > 1 else ""
            names = {head: known for head, known in self._names.items() if head in now.chances}
            groups += named_chances(intact.chances, now.chances, names=names, title=title)
        return groups


def _copy(model, dtype):
    copy = nnx.clone(model)
    if dtype != model.config.dtype:
        copy = type(model)(dataclasses.replace(model.config, dtype=dtype), rngs=nnx.Rngs(0))
        nnx.update(copy, nnx.state(model, nnx.Param))
    copy.eval()
    return copy


def _of_model(number, off):
    return tuple(sorted({key.split("|", 1)[1] for key in off if key.startswith(f"{number}|")}))


def _rows(model, video, off=()):
    rows = record_rows(model, video, off=off)
    answered(model, rows.chances)
    return rows
