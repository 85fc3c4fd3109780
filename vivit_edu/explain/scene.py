"""What an explorer shows, as plain numbers and bytes: clip, models, their attentions, and the rows held in the page."""

import zlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from vivit_edu.arrays import Array
from vivit_edu.config import NANO_CLASSES, ViViTConfig
from vivit_edu.data import clips, normalise, read_frames
from vivit_edu.data.sample import centre_offset, clip_indices
from vivit_edu.explain import theme
from vivit_edu.explain.looks import Looks, Query
from vivit_edu.model import ViViT
from vivit_edu.tokens import sample_frames

LIMIT = 4_000_000  # bytes of rows that a page holds of itself: what is small needs no kernel to be explored
PIXELS = 112  # height to which frames are reduced for a page; a kernel's reader sees them whole
Keep = Collection[str] | Mapping[str, Sequence[int]]


class Scene:
    """One clip and the models that look at it; `traits()` is all that a page needs to show it.

    Args:
      models: by the name shown to the reader; all of one grid.
      video: a video file's path; frames uint8 (T, H, W, 3); or pixels in [-1, 1], (T, H, W, C) or with a batch
        axis of one.
      stride: of a file: every how many frames one is taken; None takes 2 where the video is long enough, else 1.
      labels: names of the classes, {"verb": [...]}, or a list where the model has one head.

    Raises:
      ValueError: where the models' clips or grids differ, the video does not fit, or there are more or fewer
        labels than classes. FileNotFoundError: where there is no such file.
    """

    def __init__(
        self,
        models: Mapping[str, ViViT],
        video: Array | str | Path,
        *,
        fps: float = 8,
        stride: int | None = None,
        labels: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
    ):
        self.models, self.fps = models, fps
        self.config = _common(models)
        self.labels = {name: class_names(model.config, labels) for name, model in models.items()}
        self.frames = read_video(video, self.config, stride=stride)
        pixels = normalise(self.frames)[None]
        pixels = pixels[:, 0] if self.config.frames == 1 else pixels
        self.looks = [Looks(model, pixels) for model in models.values()]

    def about(self) -> dict:
        """What does not change while one clip is explored; the names are those that the page's script reads."""
        nt = self.config.grid[0]
        return {
            "grid": self.config.grid,
            "owned": _owned(self.config),
            "fps": self.fps,
            "colours": theme.COLOURS,
            "stops": theme.STOPS[theme.ATTENTION["dark"]],
            "models": [
                {
                    "name": name,
                    "classToken": looks.class_token,
                    "frameTokens": looks.class_token and any(a.keys == "frame" for a in looks.attentions.values()),
                    "attentions": [vars(attention) for attention in looks.attentions.values()],
                    "labels": self.labels[name],
                }
                for name, looks in zip(self.models, self.looks, strict=True)
            ],
            "times": nt,
        }

    def film(self, pixels: int | None = None) -> tuple[list[int], bytes]:
        """(T, H, W) and the clip's deflated RGB bytes, frames reduced by a whole number to at most `pixels` high."""
        times = 1 if pixels is None else -(-self.frames.shape[1] // pixels)
        small = reduced(self.frames, times)
        return list(small.shape[:3]), zlib.compress(small.tobytes(), 6)

    def probabilities(self, off: Collection[tuple[int, str, int]] = ()) -> list[dict[str, list[float]]]:
        """Each model's class probabilities with some heads off, each (model's index, attention, head)."""
        shown = []
        for index, looks in enumerate(self.looks):
            heads = [(name, head) for model, name, head in off if model == index]
            shown.append({k: v.tolist() for k, v in looks.probabilities(heads or None).items()})
        return shown

    def held(self, keep: Keep | None = None, looks: Sequence[Looks] | None = None) -> tuple[dict, bytes]:
        """Rows of weights for a page: where each attention's lie, and their bytes.

        Args:
          keep: names of attentions, or heads by name; None keeps all where they are at most 4 MB, else none.

        Raises:
          KeyError: where none of the models has an attention or head of that name.
        """
        looks = looks or self.looks
        if keep is None:
            chosen = [{n: range(a.heads) for n, a in one.attentions.items()} for one in looks]
            if sum(size(one, heads) for one, heads in zip(looks, chosen, strict=True)) > LIMIT:
                return {}, b""
        else:
            chosen = _chosen(looks, keep)
        index, parts, start = {}, [], 0
        for model, (one, heads) in enumerate(zip(looks, chosen, strict=True)):
            for name, numbers in heads.items():
                part = packed(one, name, list(numbers))
                sequences, tokens = one.sequences(name)
                place = {"start": start, "end": start + len(part), "sequences": sequences, "tokens": tokens}
                index[f"{model}:{name}"] = place | {"heads": list(numbers)}
                parts.append(part)
                start += len(part)
        return index, b"".join(parts)

    def alone(self) -> list[dict]:
        """The probabilities with each head switched off by itself: what a page with no kernel can show."""
        rows = []
        for model, looks in enumerate(self.looks):
            for name, attention in looks.attentions.items():
                for head in range(attention.heads):
                    after = {k: np.round(v, 5).tolist() for k, v in looks.probabilities([(name, head)]).items()}
                    rows.append({"off": [model, name, head], "after": after})
        return rows


def packed(looks: Looks, name: str, heads: Sequence[int]) -> bytes:
    """Deflated rows: the largest weight of each, float32, then every weight as 255 sqrt(weight / largest), uint8.

    The root keeps small weights apart: a hundredth of the largest is told to 4 %, a tenth to 1.3 %.
    """
    tops, levels = [], []
    for weights in looks.rows(name, heads):
        top = weights.max(-1, keepdims=True)
        tops.append(top.astype("<f4").tobytes())
        levels.append(np.round(255 * np.sqrt(weights / top)).astype(np.uint8).tobytes())
    return zlib.compress(b"".join(tops + levels), 9)


def size(looks: Looks, heads: Mapping[str, Sequence[int]]) -> int:
    """Bytes of the rows of these heads before they are deflated."""
    return sum(looks.sequences(name)[0] * looks.sequences(name)[1] ** 2 * len(n) for name, n in heads.items())


def read_video(
    video: Array | str | Path, config: ViViTConfig, *, stride: int | None = None
) -> UInt8[np.ndarray, "T H W 3"]:
    """The clip as the model takes it: a file's frames from its middle, resized and cut from the middle to the size.

    Raises:
      ValueError, FileNotFoundError: where it cannot be read, or an array is not of the model's size.
    """
    if isinstance(video, str | Path):
        return _read(video, config, stride)
    frames = np.asarray(video)
    expected = (config.frames, *config.size, config.channels)
    if frames.ndim == len(expected) + 1 and len(frames) == 1:
        frames = frames[0]
    if frames.ndim == 3 and config.frames == 1:
        frames = frames[None]
    if frames.shape != expected:
        raise ValueError(f"{config.name} takes a clip (frames, height, width, colours) {expected}; got {frames.shape}")
    if np.issubdtype(frames.dtype, np.floating):
        frames = np.clip(np.round((frames + 1) * 127.5), 0, 255)
    return np.ascontiguousarray(frames, np.uint8)


def class_names(config: ViViTConfig, labels=None) -> dict[str, list[str]]:
    """The names of the classes of each head of the classifier; numbers where nobody named them."""
    counts = dict(config.classes) if isinstance(config.classes, Mapping) else {"class": config.classes}
    if labels is None and counts == NANO_CLASSES:
        labels = {"verb": [verb.replace("_", " ") for verb in clips.VERBS], "noun": clips.NOUNS}
    if labels is None:
        return {head: [f"{head} {n}" for n in range(count)] for head, count in counts.items()}
    labels = labels if isinstance(labels, Mapping) else {"class": labels}
    found = {head: len(names) for head, names in labels.items()}
    if found != counts:
        raise ValueError(f"labels must be as many as the model's classes, {counts}; got {found}")
    return {head: list(map(str, names)) for head, names in labels.items()}


def reduced(frames: UInt8[np.ndarray, "T H W 3"], times: int) -> UInt8[np.ndarray, "T _ _ 3"]:
    """Frames whose every pixel is the mean of times x times."""
    if times == 1:
        return frames
    count, height, width, _ = frames.shape
    frames = frames[:, : height // times * times, : width // times * times]
    cells = frames.reshape(count, height // times, times, width // times, times, 3)
    return cells.mean((2, 4)).round().astype(np.uint8)


def key(model: int, name: str, query: Query) -> str:
    """By which a page knows whose row it got."""
    return f"{model}:{name}:{','.join(map(str, query))}"


def row_bytes(row: Float[np.ndarray, "A keys"]) -> bytes:
    """The row as little-endian float32."""
    return row.astype("<f4").tobytes()


def _read(path, config, stride):
    def choose(length):
        step = stride or (2 if length >= 2 * config.frames else 1)
        return clip_indices(length, config.frames, step, centre_offset(length, config.frames, step))

    def cover(have):
        scale = max(want / side for want, side in zip(config.size, have, strict=True))
        return tuple(max(want, round(scale * side)) for want, side in zip(config.size, have, strict=True))

    frames = read_frames(path, choose=choose, resize=cover)
    (top, left), (height, width) = np.subtract(frames.shape[1:3], config.size) // 2, config.size
    return np.ascontiguousarray(frames[:, top : top + height, left : left + width])


def _common(models):
    """The configuration of the first model, after a look whether the others see the clip on the same grid."""
    first, *others = ((name, model.config) for name, model in models.items())
    for name, config in others:
        for field in ("frames", "size", "channels", "grid"):
            mine, theirs = getattr(first[1], field), getattr(config, field)
            if mine != theirs:
                raise ValueError(f"compared models need one {field}: {first[0]} has {mine}, {name} has {theirs}")
    if first[1].channels != 3:
        raise ValueError(f"the explorer shows clips of 3 colours; {first[0]} takes {first[1].channels}")
    return first[1]


def _owned(config):
    """The frames that each time index of tokens is made of."""
    if config.tokeniser == "uniform":
        return [[frame] for frame in sample_frames(config)]
    nt, t = config.grid[0], config.tubelet[0]
    return [list(range(time * t, (time + 1) * t)) for time in range(nt)]


def _chosen(looks, keep):
    """Heads to keep by attention, for each model."""
    heads = dict(keep) if isinstance(keep, Mapping) else dict.fromkeys(keep)
    known = {name: attention.heads for one in looks for name, attention in one.attentions.items()}
    for name, numbers in heads.items():
        if name not in known or any(not 0 <= n < known[name] for n in numbers or ()):
            have = ", ".join(f"{name} ({count} heads)" for name, count in known.items())
            raise KeyError(f"cannot keep {name}{'' if numbers is None else f' {list(numbers)}'}; there are {have}")
    return [
        {n: range(one.attentions[n].heads) if h is None else h for n, h in heads.items() if n in one.attentions}
        for one in looks
    ]
