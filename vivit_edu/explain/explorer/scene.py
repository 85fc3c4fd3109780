"""The clip that an explorer shows: read, held against the model, and as a page takes it."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from vivit_edu.arrays import Real
from vivit_edu.config import ViViTConfig
from vivit_edu.data import Clip, normalise, read_frames
from vivit_edu.explain.explorer.layers import CLASS_TOKEN, Layers
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
    if frames.ndim != 4 or len(frames) != config.frames or frames.shape[-1] != 3 or not frames.size:
        raise ValueError(f"frames must be (T, H, W, 3) with T = {config.frames}; got {frames.shape}")
    _check_range(frames, "frames", 0, 255)
    whole = np.ascontiguousarray(frames, dtype=np.uint8)
    if not np.array_equal(whole, frames):
        raise ValueError(f"frames must be whole numbers from 0 to 255; got {frames[frames != whole][0]}")
    return whole


def reduced(frames: np.ndarray, height: int) -> np.ndarray:
    """The uint8 frames (T, H, W, 3) for a page: pixels averaged by a whole number, to no more than that height."""
    times = -(-frames.shape[1] // height)
    if times == 1:
        return frames
    count, rows, columns = frames.shape[0], frames.shape[1] // times, frames.shape[2] // times
    cells = frames[:, : rows * times, : columns * times].reshape(count, rows, times, columns, times, 3)
    return cells.mean((2, 4)).round().astype(np.uint8)


def small_frames(clip: Mapping, frames: np.ndarray, video: bytes, height: int) -> dict:
    """The traits of the clip with frames reduced for a page; what the model sees stays as it is."""
    small = reduced(frames, height)
    if small is not frames and clip["pixels"] == "frames":
        clip, video = {**clip, "pixels": "uint8"}, frames.tobytes()
    clip = {**clip, "height": small.shape[1], "width": small.shape[2]}
    return {"clip": clip, "frames": small.tobytes(), "video": video}


def seconds_of(frames: Iterable, fps: Real | None, count: int) -> list[float] | None:
    """When each frame is shown, in seconds: at the rate given, or at the clip's own times; None: nobody knows.

    Args:
      frames: what was given as frames, and as video; the first that has times tells them.

    Raises:
      ValueError: where there are not more than 0 frames a second, or times are NaN or infinite.
    """
    if fps is not None:
        fps = rate(fps)
        return [n / fps for n in range(count)]
    told = [one.times for one in frames if isinstance(one, Clip) and one.times is not None and len(one) == count]
    return finite(told[0], "the clip's times").round(6).tolist() if told else None


_films = itertools.count()


def clip_facts(config: ViViTConfig, frames: np.ndarray, name: str, seconds: Sequence[float] | None) -> dict:
    """What a page must know of a clip: number and size of its frames, their seconds and time indices (-1: none).

    Raises:
      ValueError: where the name is no text.
    """
    if not isinstance(name, str):
        raise ValueError(f"a clip's name must be text; got {name!r}")
    times = [-1] * len(frames)
    for time, group in enumerate(owned_frames(config)):
        for frame in group:
            times[frame] = time
    count, height, width, _ = frames.shape
    facts = {"count": count, "height": height, "width": width, "times": times, "seconds": seconds}
    name = name.encode(errors="replace").decode() or "a clip"  # a file's name may be no Unicode
    return facts | {"name": name, "film": f"film {next(_films)}"}


def pixels_for_page(facts: Mapping, shown: np.ndarray, video: np.ndarray | None) -> dict:
    """The traits `clip` and `video`: what the model sees, as few bytes as hold it exactly.

    Args:
      video: as the model takes it; None where no model runs in the page.
    """
    if video is None:
        return {"clip": {**facts, "pixels": "frames"}, "video": b""}
    if video.size == shown.size and np.array_equal(normalise(shown).ravel(), video.ravel()):
        return {"clip": {**facts, "pixels": "frames"}, "video": b""}
    whole = np.clip((video + 1) * 127.5, 0, 255).round().astype(np.uint8)
    if np.array_equal(normalise(whole), video):
        return {"clip": {**facts, "pixels": "uint8"}, "video": whole.tobytes()}
    return {"clip": {**facts, "pixels": "floats"}, "video": np.asarray(video, np.float32).tobytes()}


def check_beside(models: Sequence[ViViT]) -> None:
    """Refuses models that do not see the same clip in the same tokens."""
    for part in ("frames", "size", "channels", "grid"):
        values = {getattr(model.config, part) for model in models}
        if len(values) > 1:
            raise ValueError(f"models side by side need one {part}; got {' and '.join(map(str, sorted(values)))}")


def check_trait(name: str, value, *, models: Sequence[Layers], count: int) -> None:
    """Refuses what an explorer's trait cannot be.

    Raises:
      KeyError, IndexError: where there is no such layer, head, model, query or frame.
      ValueError: where the strength is no number, a panel no mapping, or there are none or more than two.
    """
    if name == "query":
        models[0].check_query(value, first=CLASS_TOKEN if all(one.class_token for one in models) else 0)
    elif name == "frame":
        place(value, count, "the clip has frames")
    elif name == "strength":
        finite(value, "strength")
    if name == "panels" and len(value) not in (1, 2):
        raise ValueError(f"an explorer has one panel or two; got {len(value)}")
    for panel in value if name == "panels" else ():
        _check_panel(panel, models)
    for key in value if name == "off" else ():
        number, layer = (*str(key).split("|"), "")[:2]
        if number not in map(str, range(len(models))):
            raise KeyError(f"there is no head {key!r}; the explorer has models 0 to {len(models) - 1}")
        one = models[int(number)]
        heads = one.heads(layer) if layer in one.counts else ()
        if key not in {f"{number}|{layer}|{head}" for head in heads if head.isdigit()}:
            raise KeyError(f"there is no head {key!r}; {one.config.name} has {', '.join(one.counts)}")


def _check_panel(panel, models):
    if not isinstance(panel, Mapping):
        raise ValueError(f"a panel is a mapping of model, layer and head; got {panel!r}")
    if missing := {"model", "layer", "head"} - set(panel):
        raise KeyError(f"a panel has model, layer and head; {', '.join(sorted(missing))} is missing in {panel}")
    one = models[place(panel["model"], len(models), "the explorer has models")]
    if panel["layer"] not in one.names or panel["head"] not in one.heads(panel["layer"]):
        raise KeyError(f"{one.config.name} has no layer {panel['layer']!r} with a head {panel['head']!r}")
