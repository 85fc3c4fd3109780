"""Time to read frames of a video file, beside decoding it from its start with PyAV as far as the last of them.

    python benchmarks/reading.py [folder]

Writes films of 20 seconds at 25 frames a second (320x240, a drifting texture, a key frame every two seconds) to the
folder. Each is read three ways: 32 frames of every second one from some place, one frame from some place, and all
frames. Median of PLACES places; both ways take the same place in turn, in one process. Times of the first reading
of a file, when nothing of it is remembered yet, and of later ones stand apart. The table goes to
benchmarks/reading.md.
"""

import pathlib
import statistics
import sys
import tempfile
import time

import av
import numpy as np

from vivit_edu.data import read_clip, read_frames
from vivit_edu.data.video import finding

PLACES, SECONDS, RATE = 15, 20, 25
PAGE = pathlib.Path(__file__).with_suffix(".md")
HEAD = """# How long frames take to read

`python benchmarks/reading.py`, PyAV {version}, two CPU cores: milliseconds, medians. Where packets cannot be trusted to
tell when frames are shown (B-frames in AVI, MPEG streams), a first reading decodes the whole film once to know.

| film | frames | first reading | later ones | plain decoding | ratio, first | ratio, later |
|---|---|---|---|---|---|---|"""
FILMS = [
    ("h264.mp4", "libx264", {"preset": "veryfast", "bf": "3"}),
    ("h264.mkv", "libx264", {"preset": "veryfast", "bf": "3"}),
    ("hevc.mp4", "libx265", {"preset": "ultrafast", "x265-params": "log-level=error"}),
    ("vp9.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    ("mpeg4.avi", "mpeg4", {"b": "1000000"}),
    ("mpeg4 with B-frames.avi", "mpeg4", {"b": "1000000", "bf": "2"}),
    ("mjpeg.avi", "mjpeg", {}),
    ("h264.ts", "libx264", {"preset": "veryfast", "bf": "3"}),
]


def write(path, codec, options):
    """A film of a texture that drifts, with noise."""
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(40, 215, (40, 60, 3)), np.ones((16, 16, 1)))
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=RATE)
        stream.width, stream.height = 320, 240
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.options = {"g": str(2 * RATE), **options}
        for n in range(SECONDS * RATE):
            frame = np.roll(texture, (n, 2 * n), (0, 1))[:240, :320] + rng.normal(0, 4, (240, 320, 1))
            picture = av.VideoFrame.from_ndarray(np.clip(frame, 0, 255).astype(np.uint8), format="rgb24")
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))


def decode(path, indices):
    """The frames of those indices, by plain decoding from the start as far as the last of them."""
    wanted, kept = set(indices), []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for index, frame in enumerate(container.decode(stream)):
            if index in wanted:
                kept.append(frame.to_ndarray(format="rgb24"))
            if index == max(wanted):
                break
    return np.stack(kept)


def seconds(read):
    """How long a call takes."""
    began = time.perf_counter()
    read()
    return time.perf_counter() - began


def measure(path, first, count, stride):
    """Seconds of a first reading, a later one, and of plain decoding, of `count` frames from `first`."""
    if count == SECONDS * RATE:
        ours = lambda: read_frames(path)  # noqa: E731
    else:
        ours = lambda: read_clip(path, count, stride, start=first / RATE)  # noqa: E731
    finding.forget()
    return seconds(ours), seconds(ours), seconds(lambda: decode(path, range(first, first + count * stride, stride)))


def main():
    """Writes the table."""
    rows = []
    with tempfile.TemporaryDirectory(dir=(sys.argv[1:2] or [None])[0]) as folder:
        for name, codec, options in FILMS:
            path = pathlib.Path(folder) / name
            write(path, codec, options)
            rng = np.random.default_rng(1)
            for what, count, stride in (("32 of every second", 32, 2), ("one", 1, 1), ("all", SECONDS * RATE, 1)):
                room = SECONDS * RATE - count * stride
                times = [
                    measure(path, int(rng.integers(room + 1)), count, stride) for _ in range(PLACES if room else 5)
                ]
                first, later, plain = (1e3 * statistics.median(column) for column in zip(*times, strict=True))
                ratios = f"{first / plain:.2f} | {later / plain:.2f}"
                row = f"| {name} | {what} | {first:.1f} | {later:.1f} | {plain:.1f} | {ratios} |"
                print(row, flush=True)
                rows.append(row)
    PAGE.write_text("\n".join([HEAD.format(version=av.__version__), *rows]) + "\n")


if __name__ == "__main__":
    main()
