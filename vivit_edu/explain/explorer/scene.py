"""What the explorer shows and tells a page: the frames, which of them make a token, the layers and heads."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vivit_edu.arrays import Real
from vivit_edu.config import ViViTConfig
from vivit_edu.data import Clip, read_frames
from vivit_edu.explain.explorer.rows import Rows
from vivit_edu.explain.watch.fit import rate
from vivit_edu.explain.watch.sound import finite, place
from vivit_edu.model import ViT, ViViT
from vivit_edu.tokens import owned_frames

FAR = 2  # of a float's size: in resized clips a few go a little beyond 1, and of 0 to 255 nearly all go far


def read_for(model: ViViT, path: str | Path) -> Clip:
    """The uint8 clip (T, H, W, 3) of a video file in the model's size: frames spread evenly, scaled, cropped.

    Its `times` are these frames' own, from the film's first to its last.
    """
    config = model.config
    height, width = config.size

    def cover(size):
        scale = max(height / size[0], width / size[1])
        return max(height, round(size[0] * scale)), max(width, round(size[1] * scale))

    def spread(count):
        return np.linspace(0, count - 1, config.frames).round().astype(int)

    frames = read_frames(path, choose=spread, resize=cover)
    top, left = (frames.shape[1] - height) // 2, (frames.shape[2] - width) // 2
    return frames[:, top : top + height, left : left + width].copy()


def read_sent(model: ViViT, name: str, content: bytes) -> Clip:
    """As `read_for`, of a file that a reader's browser sent under a name, which may be any text.

    Raises:
      ValueError: where it is no video; the sentence calls the file by its name.
    """
    suffix = re.search(r"\.[A-Za-z0-9]{1,8}$", name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"video{suffix[0] if suffix else ''}"
        path.write_bytes(content)
        try:
            return read_for(model, path)
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), name)) from error


def pixels_of(video) -> np.ndarray:
    """The video as an array.

    Raises:
      ValueError: where floats are far outside of [-1, 1], whole numbers outside of 0 to 255, or one is no number.
    """
    pixels = finite(video, "video")
    whole = pixels.dtype.kind in "iu"
    _check_range(pixels, "video", *((0, 255) if whole else (-FAR, FAR)))
    return pixels


def _check_range(pixels, what, low, high):
    if pixels.size and not (low <= pixels.min() and pixels.max() <= high):
        told = f"{what} must be " + ("floats in [-1, 1]" if low < 0 else "whole numbers from 0 to 255")
        raise ValueError(f"{told}; got numbers from {pixels.min()} to {pixels.max()}")


def batch_of_one(model: ViViT, pixels: np.ndarray) -> np.ndarray:
    """The clip as the model takes it: (1, T, H, W, C), or (1, H, W, C) of an image model."""
    config = model.config
    shape = (config.frames, *config.size, config.channels)
    if pixels.size != np.prod(shape) or pixels.shape[-3:] != shape[1:]:
        raise ValueError(
            f"the explorer takes one clip (frames, height, width, channels) of {shape}; got {pixels.shape}"
        )
    return pixels.reshape(1, *(shape[1:] if isinstance(model, ViT) else shape))


def shown_frames(model: ViViT, pixels: np.ndarray, frames: np.ndarray | None) -> np.ndarray:
    """What is shown: uint8 (T, H, W, 3)."""
    config = model.config
    if frames is None:
        batch_of_one(model, pixels)
        pixels = pixels.reshape(config.frames, *config.size, config.channels)
        if not np.issubdtype(pixels.dtype, np.integer):
            pixels = np.clip((pixels + 1) * 127.5, 0, 255).round()
        frames = pixels if config.channels == 3 else np.repeat(pixels[..., :1], 3, axis=-1)
    frames = finite(frames, "frames")
    if frames.ndim != 4 or len(frames) != config.frames or frames.shape[-1] != 3:
        raise ValueError(f"frames must be (T, H, W, 3) with T = {config.frames}; got {frames.shape}")
    _check_range(frames, "frames", 0, 255)
    return np.ascontiguousarray(frames, dtype=np.uint8)


def reduced(frames: np.ndarray, height: int) -> np.ndarray:
    """The uint8 frames (T, H, W, 3) for a page: pixels averaged by a whole number, to no more than that height."""
    times = -(-frames.shape[1] // height)
    if times == 1:
        return frames
    count, rows, columns = frames.shape[0], frames.shape[1] // times, frames.shape[2] // times
    cells = frames[:, : rows * times, : columns * times].reshape(count, rows, times, columns, times, 3)
    return cells.mean((2, 4)).round().astype(np.uint8)


def clip_facts(config: ViViTConfig, frames: np.ndarray, fps: Real) -> dict:
    """What a page must know of the frames: their number and size, and each one's time index (-1: in no token).

    Raises:
      ValueError: where there are not more than 0 frames a second.
    """
    fps = rate(fps)
    times = [-1] * len(frames)
    for time, group in enumerate(owned_frames(config)):
        for frame in group:
            times[frame] = time
    count, height, width, _ = frames.shape
    return {"count": count, "height": height, "width": width, "fps": fps, "times": times}


def model_facts(rows: Sequence[Rows]) -> dict:
    """What a page must know of the models; the same for every clip."""
    config = rows[0].config
    (_, nh, nw), (_, h, w) = config.grid, config.tubelet
    models = [{"name": one.config.name, "layers": [_layer(one, name) for name in one.names]} for one in rows]
    return {
        "grid": list(config.grid),
        "crop": [nh * h / config.size[0], nw * w / config.size[1]],  # of a frame, what tokens cover
        "class_token": all(one.class_token for one in rows),
        "models": models,
        "stored": {},
        "knocked": {},
        "every": 1,
        "live": True,
    }


def _layer(rows, name):
    heads = rows.heads(name)
    over, _, layer = name.partition("/")
    return {
        "name": name,
        "label": f"{over}, layer {layer}" if layer else over,
        "heads": list(heads),
        "count": sum(head.isdigit() for head in heads),
        "reach": rows.reach(name),
    }


def first_panel(number: int, rows: Rows) -> dict:
    """The last attention over places of a model: what it answers by is gathered there."""
    name = [name for name in rows.projections if not name.startswith("time")][-1]
    return {"model": number, "layer": name, "head": "mean"}


def middle(grid: tuple[int, int, int]) -> int:
    """The token in the middle of the clip."""
    nt, nh, nw = grid
    return (nt // 2 * nh + nh // 2) * nw + nw // 2


def check_beside(models: Sequence[ViViT]) -> None:
    """Refuses models that do not see the same clip in the same tokens."""
    for part in ("frames", "size", "channels", "grid"):
        values = {getattr(model.config, part) for model in models}
        if len(values) > 1:
            raise ValueError(f"models side by side need one {part}; got {' and '.join(map(str, sorted(values)))}")


def check_trait(name: str, value, *, rows: Sequence[Rows], count: int) -> None:
    """Refuses what an explorer's trait cannot be.

    Raises:
      KeyError, IndexError: where there is no such layer, head, model, query or frame.
      ValueError: where the strength is no number, a panel no mapping, or there are none or more than two.
    """
    if name == "query":
        rows[0].check_query(value)
    elif name == "frame":
        place(value, count, "the clip has frames")
    elif name == "strength":
        finite(value, "strength")
    if name == "panels" and len(value) not in (1, 2):
        raise ValueError(f"an explorer has one panel or two; got {len(value)}")
    for panel in value if name == "panels" else ():
        _check_panel(panel, rows)
    for key in value if name == "off" else ():
        number, layer = (*str(key).split("|"), "")[:2]
        if number not in map(str, range(len(rows))):
            raise KeyError(f"there is no head {key!r}; the explorer has models 0 to {len(rows) - 1}")
        one = rows[int(number)]
        heads = one.heads(layer) if layer in one.projections else ()
        if key not in {f"{number}|{layer}|{head}" for head in heads if head.isdigit()}:
            raise KeyError(f"there is no head {key!r}; {one.config.name} has {', '.join(one.projections)}")


def _check_panel(panel, rows):
    if not isinstance(panel, Mapping):
        raise ValueError(f"a panel is a mapping of model, layer and head; got {panel!r}")
    if missing := {"model", "layer", "head"} - set(panel):
        raise KeyError(f"a panel has model, layer and head; {', '.join(sorted(missing))} is missing in {panel}")
    one = rows[place(panel["model"], len(rows), "the explorer has models")]
    if panel["layer"] not in one.names or panel["head"] not in one.heads(panel["layer"]):
        raise KeyError(f"{one.config.name} has no layer {panel['layer']!r} with a head {panel['head']!r}")
