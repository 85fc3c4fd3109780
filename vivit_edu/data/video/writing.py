"""H.264 files from frames."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from jaxtyping import UInt8

from vivit_edu.arrays import Real
from vivit_edu.data.cache import write_whole


def write_clip(
    path: str | Path | None, frames: UInt8[np.ndarray, "T H W 3"], *, fps: Real = 8, crf: int = 18, key_every: int = 250
) -> bytes:
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
