"""Frames of video files by time, exact to the frame."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from vivit_edu.arrays import Real, plain
from vivit_edu.data.video.asking import indices, seconds, whole
from vivit_edu.data.video.clip import Clip
from vivit_edu.data.video.display import Screen, Size
from vivit_edu.data.video.finding import found

Frames = UInt8[Clip, "T H W 3"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a file holds: frames, frames a second, seconds, (height, width) as shown, and its codec."""

    frames: int
    fps: float
    seconds: float
    size: Size
    codec: str


def read_clip(path: str | Path, frames: int = 32, stride: int = 2, start: Real = 0.0) -> Frames:
    """`frames` frames, every `stride`-th from the one shown at `start` seconds, as RGB.

    Frames come in the decoder's order and are found by their time stamps; where a file's stamps do not rise in that
    order, frames are counted and taken as evenly spaced. Second 0 is the first frame, whatever its stamp; the clip's
    `times` tell the second of each of its frames. A clip that runs past the video's end goes on from its first frame,
    as in the released code. Frames are as shown: turned by quarters and mirrored as the file asks, other angles taken
    to the nearest quarter, and as wide as makes pixels square. If the size changes on the way, later frames are resized
    to the first one's.

    Raises:
      FileNotFoundError: where there is no such file.
      PermissionError: where it may not be read.
      ValueError: where frames or stride is below 1 or not whole, start is not within the video, or the file is empty,
        truncated, audio only or no video, or a frame asked for is damaged. Where other pictures are lost, a
        UserWarning counts them.
    """
    frames, stride = whole("frames", frames), whole("stride", stride)
    start = seconds(f"{path}: start", start)

    def choose(timeline, size):
        first = _index_at(path, timeline, start)
        return (first + stride * np.arange(frames)) % len(timeline.stamps)

    pictures, order, timeline = found(path, choose, lambda film: Screen(film, _same))
    return Clip(np.stack(pictures), timeline.seconds[order])


def read_frames(
    path: str | Path,
    start: Real = 0.0,
    end: Real | None = None,
    *,
    choose: Callable[[int], np.ndarray | Sequence[int]] = np.arange,
    resize: Callable[[Size], Size] = lambda size: size,
) -> Frames:
    """The frames shown from `start` until before `end` seconds, to the last where `end` is None, as RGB.

    Their `times` tell the second of each, counted as `start` is: from the film's first frame.

    Args:
      choose: which of them, as indices: a function of how many there are. Only those are kept in memory. It may be
        asked again where a file turns out to hold another number of frames than it told.
      resize: (height, width) in pixels of what is given out, a function of the video's own as shown; bilinear.

    Raises:
      FileNotFoundError, PermissionError, ValueError: as `read_clip`; also where `end` is not after `start`, or what
        `choose` or `resize` gives is not there.
    """
    return read_stretch(path, start, end, choose=lambda count, size: choose(count), resize=resize)


def read_stretch(
    path: str | Path,
    start: Real,
    end: Real | None,
    *,
    choose: Callable[[int, Size], np.ndarray | Sequence[int]],
    resize: Callable[[Size], Size],
) -> Frames:
    """As `read_frames`; `choose` is also given the (height, width) that the file's header tells, before any turn."""

    start = seconds(f"{path}: start", start)
    if end is not None and seconds(f"{path}: end", end) <= start:
        raise ValueError(f"{path}: end must be after start, {start} s; got {end} s")

    def those(timeline, size):
        first, last = _index_at(path, timeline, start), len(timeline.stamps)
        if end is not None:
            last = timeline.before(plain(end))
        last = max(last, first + 1)  # a stretch shorter than a clock's rounding shows what is on screen
        return first + indices(f"{path}: choose", choose(last - first, size), last - first)

    pictures, order, timeline = found(path, those, lambda film: Screen(film, resize))
    return Clip(np.stack(pictures), timeline.seconds[order])


def video_info(path: str | Path) -> VideoInfo:
    """Length, rate and size of a video file, from its time stamps.

    Raises:
      FileNotFoundError, PermissionError, ValueError: as `read_clip`.
    """
    codec = None

    def looked(film):
        nonlocal codec
        codec = film.stream.codec_context.name
        return Screen(film, _same).looked

    (look,), _, timeline = found(path, lambda timeline, size: np.array([timeline.first]), looked)
    count = len(timeline.stamps)
    return VideoInfo(frames=count, fps=timeline.fps, seconds=timeline.end, size=look.size, codec=codec)


def _same(size):
    return size


def _index_at(path, timeline, start):
    if not 0 <= start < timeline.end:
        range_ = f"from 0 to below {timeline.end:.3f} s, the video's end"
        raise ValueError(f"{path}: start must be {range_}; got {start} s")
    return timeline.at(start)
