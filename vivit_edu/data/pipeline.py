"""From examples to batches, by grain: decode, sample in time, resize, crop and flip, batch."""

import collections
import contextlib
import dataclasses
import functools
import math
import threading
from collections.abc import Callable, Iterable, Sequence

import grain
import numpy as np
from jaxtyping import UInt8

from vivit_edu.arrays import Array, Real
from vivit_edu.data.example import Example
from vivit_edu.data.sample import centre_offset, clip_indices, random_offset
from vivit_edu.data.video import video_info
from vivit_edu.data.video.asking import pixels, whole
from vivit_edu.data.video.opening import reached
from vivit_edu.data.video.reading import read_stretch

MEMORY = 1 << 30  # bytes of decoded frames kept, so that small sets are decoded once
LONGER = 32  # times: of a film that is so much longer than a clip, all frames cost more than the clips of many epochs
AHEAD = 96  # clips made before they are asked for


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
    short_side: int | None = None,
) -> Iterable[dict]:
    """Batches {"video": uint8 (B, T, H, W, 3), "labels": {name: int32 (B,)}}, decoded ahead of their use.

    Training shuffles anew in each epoch, starts clips at random, crops at random and drops a last batch that is
    not full. Otherwise examples come in order, clips and crops from the middle, and the last batch may be smaller.
    An example is decoded once, and kept, where that takes no more than its share of 1 GiB and it is at most 32 times as
    long as a clip. Of others, only the frames that a clip needs are decoded.

    Args:
      frames, size, stride: of the clips; size (height, width) in pixels.
      epochs: how often every example is seen; None for ever.
      flip: probability of a mirrored clip in training. It is 0 here because left and right are verbs of the
        embedded clips and a mirrored digit is none; 0.5 for Kinetics (Table 7).
      short_side: pixels to which the frames' shorter side is resized before they are cropped to `size`. None
        leaves frames that have `size` already, and resizes others to 8/7 of it, as 256 is of 224.

    Raises:
      FileNotFoundError: where a file is missing; before anything is read.
      PermissionError: where one may not be read.
      ValueError: where a number is not whole or too small, flip is not in [0, 1], or there are no examples; on the
        way, where a file cannot be read or its frames are smaller than `size`. The example is named.
    """
    batch, frames, stride = whole("batch", batch), whole("frames", frames), whole("stride", stride)
    seed, epochs = whole("seed", seed, least=0), None if epochs is None else whole("epochs", epochs)
    if not 0 <= flip <= 1:
        raise ValueError(f"flip must be in [0, 1]; got {flip}")
    size = pixels("size", size)
    fit = _Fit(size, None if short_side is None else whole("short_side", short_side))
    _check_files(examples)
    share = MEMORY // len(examples)
    held = _size_of_the_first(examples, fit) <= share
    read = functools.partial(_kept, fit=fit, share=share, most=LONGER * frames * stride)
    clip = {"frames": frames, "stride": stride, "size": size, "read": read}
    source = grain.MapDataset.source(list(enumerate(examples))).seed(seed)
    if train:
        view, source = _View(**clip, offset=random_offset, corner=_anywhere, flip=flip), source.shuffle()
    else:
        view = _View(**clip, offset=_centre, corner=_middle)
    # decoding leaves the interpreter to others; where nothing is decoded, two threads take twice one's time. Only
    # that hangs on the first example, which may be unlike the others.
    threads = grain.ReadOptions(num_threads=1 if held else 2, prefetch_buffer_size=AHEAD)
    return source.repeat(epochs).random_map(view).batch(batch, drop_remainder=train).to_iter_dataset(threads)


def normalise(video: Array) -> Array:
    """Pixels 0..255 as float32 in [-1, 1]."""
    return video.astype(np.float32) / 127.5 - 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class _View:
    """One clip of an example: frames from `offset`, cut at `corner`, perhaps mirrored, the same for all of them."""

    frames: int
    stride: int
    size: tuple[int, int]
    read: Callable
    offset: Callable
    corner: Callable
    flip: Real = 0.0

    def __call__(self, numbered, rng):
        index, example = numbered

        def choose(length):
            offset = self.offset(length, self.frames, self.stride, rng)
            return clip_indices(length, self.frames, self.stride, offset)

        with _named(index):
            clip = self._cut(self.read(example, choose), rng)
        clip = clip[:, :, ::-1] if rng.random() < self.flip else clip
        labels = {name: np.int32(label) for name, label in example.labels.items()}
        return {"video": np.ascontiguousarray(clip), "labels": labels}

    def _cut(self, clip, rng):
        room = np.subtract(clip.shape[1:3], self.size)
        if (room < 0).any():
            raise ValueError(f"frames of (height, width) {clip.shape[1:3]} are smaller than the {self.size} asked for")
        (top, left), (height, width) = self.corner(room, rng), self.size
        return clip[:, top : top + height, left : left + width]


@dataclasses.dataclass(frozen=True)
class _Fit:
    """The (height, width) to which frames are resized before they are cut to `size`."""

    size: tuple[int, int]
    short_side: int | None

    def __call__(self, have):
        if self.short_side is not None:
            scale = self.short_side / min(have)
        elif have == self.size:
            return have
        else:
            scale = max(8 / 7 * want / side for want, side in zip(self.size, have, strict=True))
        return tuple(max(1, round(scale * side)) for side in have)


@contextlib.contextmanager
def _named(index):
    """Whatever is raised inside names its example."""
    try:
        yield
    except (FileNotFoundError, PermissionError, ValueError) as error:  # of their kinds, some take other arguments
        kind = next(k for k in (FileNotFoundError, PermissionError, ValueError) if isinstance(error, k))
        raise kind(f"example {index}: {error}") from error
    except Exception as error:
        error.add_note(f"example {index}")
        raise


def _centre(length, frames, stride, rng):
    return centre_offset(length, frames, stride)


def _middle(room, rng):
    return room // 2


def _anywhere(room, rng):
    return rng.integers(room, endpoint=True)


def _check_files(examples):
    """A missing or empty file ends a run before it begins, not hours into it."""
    if not examples:
        raise ValueError("there is nothing to read: got no examples")
    missing = [n for n, example in enumerate(examples) if not _holds_something(example.path)]
    if missing:
        first = f"example {missing[0]}, {examples[missing[0]].path}"
        raise FileNotFoundError(f"{len(missing)} of {len(examples)} files are missing or empty; the first is {first}")


def _holds_something(path):
    try:
        return path.stat().st_size > 0
    except PermissionError:  # it may be there; that it may not be read is said where it is
        return True
    except (OSError, ValueError):  # ValueError where no file can have such a name
        return False


def _size_of_the_first(examples, fit):
    """Bytes of the first example's file, decoded; what cannot be read is said before a run begins."""
    with _named(0):
        info = video_info(examples[0].path)
    return info.frames * math.prod(fit(info.size)) * 3


class _Kept:
    """Decoded stretches of video, the least recently used forgotten beyond `memory` bytes; safe for threads."""

    def __init__(self, memory):
        self.memory, self.held, self.kept, self.lock = memory, 0, collections.OrderedDict(), threading.Lock()

    def __call__(
        self, example: Example, choose: Callable[[int], np.ndarray], *, fit: _Fit, share: int, most: int
    ) -> UInt8[np.ndarray, "T H W 3"]:
        """The chosen frames of an example; all are decoded and kept where they are `most` or less, of `share` bytes."""
        with reached(example.path):
            key = (example.path, example.path.stat().st_mtime_ns, example.start, example.end, fit)
        with self.lock:
            if key in self.kept:
                self.kept.move_to_end(key)
        frames, whole = self.kept.get(key), True
        if frames is None:

            def worth(count, size):
                return count <= most and count * math.prod(fit(size)) * 3 <= share

            frames, whole = _decoded(example, choose, worth, fit)
        if not whole:
            return frames
        self._keep(key, frames)
        return frames[choose(len(frames))]

    def _keep(self, key, frames):
        with self.lock:
            if key not in self.kept:
                self.kept[key], self.held = frames, self.held + frames.nbytes
            while self.held > self.memory and len(self.kept) > 1:
                self.held -= self.kept.popitem(last=False)[1].nbytes


def _decoded(example, choose, worth, fit):
    """All frames of an example and True where (count, size) are `worth` it, else the chosen ones and False."""
    whole = False

    def all_or_chosen(count, size):
        nonlocal whole
        whole = worth(count, size)
        return np.arange(count) if whole else choose(count)

    read = functools.partial(read_stretch, example.path, example.start, example.end, resize=fit)
    try:
        return read(choose=all_or_chosen), whole
    except ValueError:
        if not whole:
            raise
    return read(choose=lambda count, size: choose(count)), False  # one broken frame is no harm to other clips


_kept = _Kept(MEMORY)
