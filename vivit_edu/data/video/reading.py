"""Frames of video files by time, exact to the frame, and H.264 files from frames; the only user of PyAV."""

import contextlib
import dataclasses
import functools
import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8

from vivit_edu.arrays import Real
from vivit_edu.data.cache import write_whole
from vivit_edu.data.video import timeline as timelines
from vivit_edu.data.video.truncation import announced_bytes

Frames = UInt8[np.ndarray, "T H W 3"]
Size = tuple[int, int]
LONG = 1 << 26  # bytes: of a longer file, reading the packets for their times takes a while


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

    Frames are found by their time stamps, so the result does not depend on how a decoder delivers them; where
    a file has none, they are counted and taken as evenly spaced. Second 0 is the first frame, whatever its
    stamp. A clip that runs past the video's end goes on from its first frame, as in the released code. A
    rotation that the file asks for is applied.

    Raises:
      FileNotFoundError: where there is no such file.
      ValueError: where frames or stride is below 1, start is not within the video, or the file is empty,
        truncated, damaged, audio only or no video.
    """
    for name, value in (("frames", frames), ("stride", stride)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1; got {value}")

    def choose(timeline):
        first = _index_at(path, timeline, start)
        return (first + stride * np.arange(frames)) % len(timeline.stamps)

    return _read(path, choose)


def read_frames(
    path: str | Path,
    start: Real = 0.0,
    end: Real | None = None,
    *,
    choose: Callable[[int], np.ndarray] = np.arange,
    resize: Callable[[Size], Size] = lambda size: size,
) -> Frames:
    """The frames shown from `start` until before `end` seconds, to the last where `end` is None, as RGB.

    Args:
      choose: which of them, as indices: a function of how many there are. Only those are kept in memory.
      resize: (height, width) in pixels of what is given out, a function of the video's own; bilinear.

    Raises:
      FileNotFoundError, ValueError: as `read_clip`; also where `end` is not after `start`.
    """

    def indices(timeline):
        first, last = _index_at(path, timeline, start), len(timeline.stamps)
        if end is not None:
            last = int(np.searchsorted(timeline.seconds, end - 1e-6))
        if last <= first:
            raise ValueError(f"{path}: end must be after start, {start} s; got {end} s")
        return first + choose(last - first)

    return _read(path, indices, resize)


def video_info(path: str | Path) -> VideoInfo:
    """Length, rate and size of a video file, from its time stamps.

    Raises:
      FileNotFoundError, ValueError: as `read_clip`.
    """
    with _open(path) as (container, stream):
        timeline = _timeline(path, container, stream)
    with _open(path) as (container, stream):
        fps, codec = float(stream.average_rate or stream.guessed_rate or 1), stream.codec_context.name
        first = next(container.decode(stream), None)
    if first is None:
        raise ValueError(f"{path} is damaged: not a frame of it could be decoded")
    count, span = len(timeline.stamps), float(timeline.seconds[-1])
    if count > 1 and abs(fps * span / (count - 1) - 1) > 0.01:  # the header is wrong
        fps = (count - 1) / span
    size = (first.width, first.height) if _turns(first) % 2 else (first.height, first.width)
    return VideoInfo(frames=count, fps=fps, seconds=span + 1 / fps, size=size, codec=codec)


def write_clip(path: str | Path | None, frames: Frames, *, fps: Real = 8, crf: int = 18, key_every: int = 250) -> bytes:
    """The frames as an H.264 mp4 file's bytes, also written to `path` unless it is None, whole or not at all.

    The same frames give the same bytes.

    Args:
      fps: frames a second.
      crf: x264's quality, 0 (lossless) to 51.
      key_every: at most so many frames from one key frame to the next. 1 codes each frame alone, so that equal
        frames stay equal whatever comes before them; files are then nearly twice as long.

    Raises:
      ValueError: where there are no frames, height or width is odd, which H.264's colours do not allow, or
        key_every is below 1.
    """
    count, height, width, _ = frames.shape
    if key_every < 1:
        raise ValueError(f"key_every must be at least 1; got {key_every}")
    if not count or height % 2 or width % 2:
        raise ValueError(f"H.264 takes at least one frame of even height and width; got (T, H, W) {frames.shape[:3]}")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        # x264's machine code reads past the ends of small frames, and the bytes then differ from run to run;
        # left to itself it also spends fewer bits on a frame among restless ones.
        even = ":qcomp=1:mbtree=0" if key_every == 1 else ""
        params = f"asm=0:keyint={key_every}{even}"
        stream.options = {"crf": str(crf), "preset": "veryfast", "x264-params": params}
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    if path is not None:
        write_whole(path, buffer.getvalue())
    return buffer.getvalue()


@contextlib.contextmanager
def _open(path):
    """The container and its video stream, decoded by one thread; one sentence says what is wrong."""
    path = Path(path)
    _check_file(path)
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                kinds = ", ".join(stream.type for stream in container.streams) or "nothing"
                raise ValueError(f"{path} holds no video, only {kinds}")
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            yield container, stream
    except av.error.FFmpegError as error:
        reason = f"it is damaged or of another kind ({error.strerror})"
        raise ValueError(f"{path} cannot be read as video: {reason}") from error


def _check_file(path):
    if not path.exists():
        raise FileNotFoundError(f"there is no video file {path}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a video file")
    held, announced = path.stat().st_size, announced_bytes(path)
    if not held:
        raise ValueError(f"{path} is empty (0 bytes), not a video file")
    if announced is not None and announced > held:
        raise ValueError(f"{path} is truncated: it announces {announced} bytes and holds {held}")


def _timeline(path, container, stream):
    """The file's timeline; that of a long file, from which many clips are read, is remembered until it changes."""
    file = Path(path).stat()
    return _remembered(path, file.st_mtime_ns) if file.st_size > LONG else _told(path, container, stream)


@functools.lru_cache(maxsize=64)
def _remembered(path, changed):
    with _open(path) as opened:
        return _told(path, *opened)


def _told(path, container, stream):
    """What the packets tell; where that is not enough, what the frames do."""
    if timeline := timelines.of_packets(container, stream):
        return timeline
    with _open(path) as again:  # the packets are spent
        if timeline := timelines.of_frames(*again):
            return timeline
    raise ValueError(f"{path} holds a video stream without a single frame")


def _index_at(path, timeline, start):
    if not 0 <= start < timeline.end:
        range_ = f"from 0 to below {timeline.end:.3f} s, the video's end"
        raise ValueError(f"{path}: start must be {range_}; got {start} s")
    return timeline.at(start)


def _read(path, choose, resize=lambda size: size):
    """The chosen frames, decoded from the key frame before the earliest of them, else from the very first."""
    with _open(path) as (container, stream):
        timeline = _timeline(path, container, stream)
        order = choose(timeline).tolist()
        needed, found = set(order), {}
        if not timeline.counted:
            container.seek(int(timeline.stamps[min(needed)]), stream=stream)
            found = _decoded(container, stream, timeline, needed, resize)
    if len(found) < len(needed):
        with _open(path) as (container, stream):
            found = _decoded(container, stream, timeline, needed, resize)
    if lost := len(needed) - len(found):
        raise ValueError(f"{path} is damaged: {lost} of the {len(needed)} frames asked for do not decode")
    return np.stack([found[index] for index in order])


def _decoded(container, stream, timeline, needed, resize):
    """Those of the needed frames that come, by their index."""
    found = {}
    reformatter = VideoReformatter()  # one for all: making it costs more than using it on a small frame
    index_of = {stamp: index for index, stamp in enumerate(timeline.stamps.tolist())}
    for count, frame in enumerate(container.decode(stream)):
        index = count if timeline.counted else index_of.get(frame.pts)
        if index in needed:
            found[index] = _rgb(frame, reformatter, resize)
        if len(found) == len(needed):
            break
    return found


def _rgb(frame, reformatter, resize):
    turns = _turns(frame)
    size = (frame.height, frame.width)
    height, width = resize(size[::-1])[::-1] if turns % 2 else resize(size)
    shape = {"height": height, "width": width, "interpolation": "BILINEAR"}
    return np.rot90(reformatter.reformat(frame, format="rgb24", threads=1, **shape).to_ndarray(), turns)


def _turns(frame):
    """Quarter turns counter-clockwise that the file asks for."""
    return round(getattr(frame, "rotation", 0) / 90) % 4
