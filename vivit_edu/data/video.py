"""Frames of video files by time, exact to the frame, and H.264 files from frames; the only module that uses PyAV."""

import contextlib
import dataclasses
import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8

from vivit_edu.arrays import Real
from vivit_edu.data.cache import write_whole

Frames = UInt8[np.ndarray, "T H W 3"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a file holds: frames, frames a second, seconds, (height, width) in pixels, and the codec's name."""

    frames: int
    fps: float
    seconds: float
    size: tuple[int, int]
    codec: str


def read_clip(path: str | Path, frames: int = 32, stride: int = 2, start: Real = 0.0) -> Frames:
    """`frames` frames, every `stride`-th from the one shown at `start` seconds, as RGB.

    Frames are found by their time stamps, so the result does not depend on how a decoder's threads deliver them. A
    video too short is looped from its first frame, as the released code does. A rotation that the file asks for is
    applied.

    Raises:
      FileNotFoundError: where there is no such file.
      ValueError: where frames or stride is below 1, start is not within the video, or the file is empty, truncated,
        audio only or no video.
    """
    for name, value in (("frames", frames), ("stride", stride)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1; got {value}")
    with _open(path) as (container, stream):
        timeline = _timeline(path, container, stream)
        first = _index_at(path, timeline, start)
        return _pick(path, container, timeline, (first + stride * np.arange(frames)) % len(timeline.stamps))


def read_frames(path: str | Path, start: Real = 0.0, end: Real | None = None) -> Frames:
    """Every frame shown from `start` until before `end` seconds, to the last where `end` is None, as RGB.

    Raises:
      FileNotFoundError, ValueError: as `read_clip`; also where `end` is not after `start`.
    """
    with _open(path) as (container, stream):
        timeline = _timeline(path, container, stream)
        first, last = _index_at(path, timeline, start), len(timeline.stamps)
        if end is not None:
            last = int(np.searchsorted(timeline.seconds, end - 1e-6))
        if last <= first:
            raise ValueError(f"{path}: end must be after start, {start} s; got {end} s")
        return _pick(path, container, timeline, np.arange(first, last))


def video_info(path: str | Path) -> VideoInfo:
    """Length, rate and size of a video file, from its time stamps.

    Raises:
      FileNotFoundError, ValueError: as `read_clip`.
    """
    with _open(path) as (container, stream):
        timeline = _timeline(path, container, stream)
        fps = float(stream.average_rate or stream.guessed_rate or 1)
        size, codec = (stream.codec_context.height, stream.codec_context.width), stream.codec_context.name
    seconds = float(timeline.seconds[-1]) + 1 / fps
    return VideoInfo(frames=len(timeline.stamps), fps=fps, seconds=seconds, size=size, codec=codec)


def write_clip(path: str | Path | None, frames: Frames, *, fps: Real = 8, crf: int = 18) -> bytes:
    """The frames as an H.264 mp4 file's bytes, also written to `path` unless it is None, whole or not at all.

    The same frames give the same bytes. `crf` is x264's quality, 0 lossless to 51.

    Raises:
      ValueError: where there are no frames, or height or width is odd, which H.264's colours do not allow.
    """
    count, height, width, _ = frames.shape
    if not count or height % 2 or width % 2:
        raise ValueError(f"H.264 takes at least one frame of even height and width; got (T, H, W) {frames.shape[:3]}")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        # x264's machine code reads past the ends of small frames, and the bytes then differ from run to run
        stream.options = {"crf": str(crf), "preset": "veryfast", "x264-params": "asm=0"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode(None))
    if path is not None:
        write_whole(path, buffer.getvalue())
    return buffer.getvalue()


@contextlib.contextmanager
def _open(path):
    """The container and its video stream, decoded by one thread; whatever is wrong with the file in one sentence."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no video file {path}")
    if path.is_dir() or not path.stat().st_size:
        raise ValueError(f"{path} is {'a folder' if path.is_dir() else 'empty (0 bytes)'}, not a video file")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ValueError(
                    f"{path} holds no video, only {', '.join(s.type for s in container.streams) or 'nothing'}"
                )
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            yield container, stream
    except av.error.FFmpegError as error:
        raise ValueError(
            f"{path} cannot be read as video: it is truncated or of another kind ({error.strerror})"
        ) from error


@dataclasses.dataclass(frozen=True)
class _Timeline:
    """The time stamps of all frames in the order in which they are shown; `counted` where the file has none."""

    stamps: np.ndarray
    unit: Fraction
    counted: bool

    @property
    def seconds(self):
        """Since the first frame."""
        return (self.stamps - self.stamps[0]) * float(self.unit)


def _timeline(path, container, stream):
    packets = [p for p in container.demux(stream) if p.size and not p.is_discard]
    if not packets:
        raise ValueError(f"{path} holds a video stream without a single frame")
    if "mp4" in container.format.name and stream.frames > len(packets):  # elsewhere the count is a guess
        raise ValueError(f"{path} is truncated: it announces {stream.frames} frames and holds {len(packets)}")
    stamps = [p.pts for p in packets]
    if None in stamps:
        return _Timeline(np.arange(len(packets)), 1 / Fraction(stream.average_rate or 25), counted=True)
    timeline = _Timeline(np.array(sorted(stamps)), stream.time_base, counted=False)
    _check_length(path, container, timeline)
    return timeline


def _check_length(path, container, timeline):
    """A container without a count of frames announces its length: what ends a second or more before it is cut."""
    if container.duration and len(container.streams) == 1:
        announced, found = (
            container.duration / av.time_base,
            float(max(timeline.stamps[-1] * timeline.unit, timeline.seconds[-1])),
        )
        if announced - found > 1 + 2 * found / len(timeline.stamps):
            raise ValueError(f"{path} is truncated: it announces {announced:.2f} s and holds {found:.2f} s")


def _index_at(path, timeline, start):
    """The frame shown at `start` seconds after the first one."""
    seconds = timeline.seconds
    last = seconds[-1] + (seconds[-1] / (len(seconds) - 1) if len(seconds) > 1 else float("inf"))
    if not 0 <= start < last:
        raise ValueError(f"{path}: start must be from 0 to below {last:.3f} s, the video's end; got {start} s")
    return int(np.searchsorted(seconds, start + 1e-6, side="right")) - 1


def _pick(path, container, timeline, wanted):
    """The frames of the wanted indices; decoding starts at the key frame before the earliest of them."""
    order = [int(timeline.stamps[i]) for i in wanted]
    needed, found = set(order), {}
    stream = container.streams.video[0]
    reformatter = VideoReformatter()  # one for all frames: making it costs more than using it on a small frame
    container.seek(0 if timeline.counted else min(needed), stream=stream)
    for count, frame in enumerate(container.decode(stream)):
        stamp = count if timeline.counted else frame.pts
        if stamp in needed:
            found[stamp] = _rgb(frame, reformatter)
        if len(found) == len(needed):
            break
    if lost := needed - found.keys():
        raise ValueError(f"{path} is damaged: {len(lost)} of the {len(needed)} frames asked for could not be decoded")
    return np.stack([found[stamp] for stamp in order])


def _rgb(frame, reformatter):
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.rot90(reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray(), turns)
