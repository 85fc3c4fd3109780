"""From examples to batches, by grain: decode, sample in time, crop and flip, batch."""

import collections
import threading
from collections.abc import Iterable, Sequence

import grain
import numpy as np
from jaxtyping import UInt8

from vivit_edu.arrays import Array, Real
from vivit_edu.data.example import Example
from vivit_edu.data.sample import centre_offset, clip_indices, random_offset
from vivit_edu.data.video import read_frames

MEMORY = 1 << 30  # bytes of decoded frames kept, so that small sets are decoded once
READ = grain.ReadOptions(num_threads=2, prefetch_buffer_size=96)


def batches(
    examples: Sequence[Example],
    *,
    frames: int,
    size: int | tuple[int, int],
    batch: int,
    stride: int = 1,
    seed: int = 0,
    train: bool = False,
    epochs: int | None = 1,
    flip: Real = 0.0,
) -> Iterable[dict]:
    """Batches {"video": uint8 (B, T, H, W, 3), "labels": {name: int32 (B,)}}, decoded ahead of their use.

    Training shuffles anew in each epoch, starts clips at random, moves crops at random and drops a last batch that is
    not full. Otherwise examples come in order, clips and crops from the middle, and the last batch may be smaller.

    Args:
      frames, size, stride: of the clips; size (height, width) in pixels, at most the frames' own.
      epochs: how often every example is seen; None for ever.
      flip: probability of a mirrored clip in training. It is 0 here because left and right are verbs of the embedded
        clips and a mirrored digit is none; 0.5 for Kinetics (Table 7).

    Raises:
      ValueError: where batch, frames or stride is below 1, flip is not in [0, 1], there are no examples, or, on the
        way, a file cannot be read or its frames are smaller than `size`; the example is named.
    """
    for name, value in (("batch", batch), ("frames", frames), ("stride", stride)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1; got {value}")
    if not 0 <= flip <= 1:
        raise ValueError(f"flip must be in [0, 1]; got {flip}")
    if not examples:
        raise ValueError("there is nothing to read: got no examples")
    size = (size, size) if isinstance(size, int) else tuple(size)
    source = grain.MapDataset.source(examples).seed(seed)
    source = source.shuffle() if train else source
    view = _Training(frames, stride, size, flip) if train else _Centred(frames, stride, size)
    return source.repeat(epochs).random_map(view).batch(batch, drop_remainder=train).to_iter_dataset(READ)


def normalise(video: Array) -> Array:
    """Pixels 0..255 as float32 in [-1, 1]."""
    return video.astype(np.float32) / 127.5 - 1


class _Centred:
    """The middle clip of an example, cut from the middle of its frames."""

    def __init__(self, frames, stride, size):
        self.frames, self.stride, self.size = frames, stride, size

    def __call__(self, example, rng):
        video = _decoded(example)
        offset = centre_offset(len(video), self.frames, self.stride)
        clip = video[clip_indices(len(video), self.frames, self.stride, offset)]
        top, left = ((have - want) // 2 for have, want in zip(clip.shape[1:3], self.size, strict=True))
        return _labelled(example, _crop(example, clip, (top, left), self.size))


class _Training:
    """A random clip of an example, cut from a random place, perhaps mirrored; the same for all its frames."""

    def __init__(self, frames, stride, size, flip):
        self.frames, self.stride, self.size, self.flip = frames, stride, size, flip

    def __call__(self, example, rng):
        video = _decoded(example)
        offset = random_offset(len(video), self.frames, self.stride, rng)
        clip = video[clip_indices(len(video), self.frames, self.stride, offset)]
        room = [max(have - want, 0) for have, want in zip(clip.shape[1:3], self.size, strict=True)]
        clip = _crop(example, clip, rng.integers(room, endpoint=True), self.size)
        return _labelled(example, clip[:, :, ::-1] if rng.random() < self.flip else clip)


def _crop(example, clip, corner, size):
    if clip.shape[1] < size[0] or clip.shape[2] < size[1]:
        raise ValueError(
            f"{example.path}: frames of (height, width) {clip.shape[1:3]} are smaller than the {size} asked for"
        )
    (top, left), (height, width) = corner, size
    return clip[:, top : top + height, left : left + width]


def _labelled(example, clip):
    labels = {name: np.int32(label) for name, label in example.labels.items()}
    return {"video": np.ascontiguousarray(clip), "labels": labels}


class _Decoded:
    """Decoded stretches of video, the least recently used forgotten beyond `memory` bytes; safe for threads."""

    def __init__(self, memory):
        self.memory, self.held, self.kept, self.lock = memory, 0, collections.OrderedDict(), threading.Lock()

    def __call__(self, example: Example) -> UInt8[np.ndarray, "T H W 3"]:
        key = (
            example.path,
            example.path.stat().st_mtime_ns if example.path.exists() else 0,
            example.start,
            example.end,
        )
        with self.lock:
            if key in self.kept:
                self.kept.move_to_end(key)
                return self.kept[key]
        frames = read_frames(example.path, example.start, example.end)
        with self.lock:
            if key not in self.kept:
                self.kept[key], self.held = frames, self.held + frames.nbytes
            while self.held > self.memory and len(self.kept) > 1:
                self.held -= self.kept.popitem(last=False)[1].nbytes
        return frames


_decoded = _Decoded(MEMORY)
