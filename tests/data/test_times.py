"""How long a film lasts, what is behind its end, and how much of it is there."""

import dataclasses
import struct

import av
import films
import numpy as np
import pytest

from vivit_edu.data import read_clip, read_frames, video_info
from vivit_edu.data.video.timeline import Timeline


def lasting(tmp_path, name, durations, *, codec="libx264", step=1000):
    """A film whose frames last for so many milliseconds each."""
    starts = np.concatenate([[0], np.cumsum(durations)]).tolist()
    source = films.write(tmp_path / f"even{name[1:]}", films.numbered(len(durations)), codec=codec)

    def stretched(pieces):
        with av.open(str(source)) as container:
            unit = container.streams.video[0].time_base
        for piece, start, end in zip(pieces, starts, starts[1:], strict=False):
            piece.pts = piece.dts = round(start / 1000 / unit)
            piece.duration = round((end - start) / 1000 / unit)
            yield piece

    return films.remux(source, tmp_path / name, stretched)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("b.mov", "mpeg4"), ("c.mkv", "libx264"), ("d.webm", "libvpx-vp9"), ("e.mkv", "mjpeg")],
)
def test_the_last_frame_lasts_as_long_as_the_file_says(tmp_path, name, codec):
    path = lasting(tmp_path, name, [400, 200, 600, 3000], codec=codec)
    assert video_info(path).seconds == pytest.approx(4.2, abs=0.01)
    assert films.numbers(read_clip(path, frames=1, start=4.1)) == [3]
    with pytest.raises(ValueError, match=r"from 0 to below 4.2\d* s, the video's end; got 4.25 s"):
        read_clip(path, frames=1, start=4.25)


def test_a_last_frame_that_is_told_to_vanish_stays_as_long_as_others(tmp_path):
    for name in ("a.mp4", "b.mkv", "c.mov"):
        path = lasting(tmp_path, name, [40] * 9 + [0])
        assert video_info(path).seconds == pytest.approx(0.4, abs=0.01)
        assert films.numbers(read_clip(path, frames=1, start=0.37)) == [9]


def test_the_last_picture_of_a_gif_stays(tmp_path):
    path = tmp_path / "clip.gif"
    with av.open(str(path), "w", options={"final_delay": "250"}) as out:
        stream = out.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8"
        for n in range(5):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 50 * n, np.uint8), format="rgb24")
            out.mux(stream.encode(picture.reformat(format="rgb8")))
        out.mux(stream.encode(None))
    info = video_info(path)
    assert info.frames == 5 and info.seconds == pytest.approx(2.9, abs=0.02) and len(read_frames(path, start=1.0)) == 1


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv", "c.avi", "d.ts", "e.webm"])
def test_one_frame_is_a_film(tmp_path, name):
    codec = {"c.avi": "mpeg4", "e.webm": "libvpx-vp9"}.get(name, "libx264")
    path = films.write(tmp_path / name, films.numbered(1), codec=codec)
    info = video_info(path)
    assert (info.frames, info.fps) == (1, 25) and info.seconds == pytest.approx(0.04, abs=0.002)
    assert films.numbers(read_clip(path, frames=3, stride=2)) == [0, 0, 0]


TAIL = {
    "ID3v1": b"TAG" + b"Uebung".ljust(125, b"\0"),
    "zeros": bytes(700),
    "text": b"written by a camera of no name, 2019\n" * 3,
    "padding that claims more": (1 << 20).to_bytes(4, "big") + b"free" + bytes(60),
    "a box of its own": (24).to_bytes(4, "big") + b"beam" + b"x" * 16 + b"more bytes of nobody's",
    "a box of another's that claims more": (1 << 28).to_bytes(4, "big") + b"Zq1f" + bytes(30),
    "a long box": (1).to_bytes(4, "big") + b"uuid" + (1 << 40).to_bytes(8, "big") + bytes(30),
    "a few bytes": b"\x7f\x80\x81",
}


@pytest.mark.parametrize("kind", TAIL)
@pytest.mark.parametrize("name", ["a.mp4", "b.mov", "c.mkv", "d.avi"])
def test_what_others_append_is_no_part_of_the_film_and_what_is_cut_is_missed(tmp_path, name, kind):
    path = films.write(tmp_path / name, films.numbered(12), codec="mpeg4")
    whole = path.read_bytes()
    path.write_bytes(whole + TAIL[kind])
    assert films.numbers(read_frames(path)) == list(range(12))
    path.write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.raises(ValueError, match=rf"{name} is truncated: it announces {len(whole)} bytes and holds \d+"):
        read_frames(path)


def test_an_avi_of_several_parts_is_missed_where_a_later_part_is_cut(tmp_path):
    path = films.write(tmp_path / "clip.avi", films.numbered(12), codec="mpeg4")
    part = b"RIFF" + (4 + 8 + 1001).to_bytes(4, "little") + b"AVIXJUNK" + (1001).to_bytes(4, "little") + bytes(1001)
    whole = path.read_bytes() + part + b"\0" + part
    path.write_bytes(whole)
    assert films.numbers(read_frames(path)) == list(range(12))
    path.write_bytes(whole[:-500])
    with pytest.raises(ValueError, match=rf"clip.avi is truncated: it announces {len(whole)} bytes and holds"):
        read_frames(path)


def test_a_rate_that_stamps_contradict_is_measured():
    even = {"unit": 0.001, "last": 33}
    assert Timeline(stamps=np.round(np.arange(60) * 1000 / 30).astype(int), rate=30.0, **even).fps == 30.0
    assert Timeline(stamps=np.arange(60) * 40, rate=30.0, **even).fps == pytest.approx(25)
    drifting = Timeline(stamps=np.round(np.arange(600) * 1001 / 30).astype(int), rate=30.0, **even)
    assert drifting.fps == pytest.approx(29.97, abs=1e-3)
    assert [drifting.at(n / drifting.fps) for n in range(600)] == list(range(600))


def edited(path, edits, **options):
    """A film of 48 frames, of which the file shows stretches (seconds, start) one behind the other; None is a pause."""
    content = bytearray(films.write(path, films.numbered(48), **options).read_bytes())
    sizes = [content.index(name) - 4 for name in (b"moov", b"trak", b"edts", b"elst")]
    clocks = [content.index(name) + 16 for name in (b"mvhd", b"mdhd")]
    whole, own = (int.from_bytes(content[place : place + 4], "big") for place in clocks)
    first = int.from_bytes(content[sizes[-1] + 20 : sizes[-1] + 24], "big")
    rows = [(round(s * whole), -1 if at is None else first + round(at * own), 1 << 16) for s, at in edits]
    new = b"elst" + struct.pack(">II", 0, len(rows)) + b"".join(struct.pack(">IiI", *row) for row in rows)
    old = int.from_bytes(content[sizes[-1] : sizes[-1] + 4], "big")
    content[sizes[-1] + 4 : sizes[-1] + old] = new
    for place in sizes:
        size = int.from_bytes(content[place : place + 4], "big") + len(new) + 4 - old
        content[place : place + 4] = size.to_bytes(4, "big")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["a.mp4", "b.mov"])
@pytest.mark.parametrize(
    ("edits", "frames"), [([(0.4, 0.2), (0.6, 1.0)], 25), ([(0.4, 0.2), (1, None), (0.6, 1.0)], 48)]
)
def test_what_an_edit_leaves_out_takes_no_time(tmp_path, name, edits, frames):
    info = video_info(edited(tmp_path / name, edits, bf="2", g="12", b_strategy="0"))
    assert info.frames == frames and info.fps == 25 and info.seconds == pytest.approx(frames / 25)


@pytest.mark.parametrize(("early", "codec"), [(12, "libx264"), (20, "libx264"), (15, "mpeg4")])
def test_packets_without_stamps_take_their_time(tmp_path, early, codec):
    def earlier(pieces):
        back = early * pieces[0].duration
        return [dataclasses.replace(piece, pts=piece.pts - back, dts=piece.dts - back) for piece in pieces]

    source = films.write(tmp_path / "source.mp4", films.numbered(48), codec=codec, bf="2", g="12")
    path = films.remux(source, tmp_path / "early.mkv", earlier, container={"avoid_negative_ts": "disabled"})
    info = video_info(path)
    assert (info.frames, info.fps) == (48, 25) and info.seconds == pytest.approx(1.92)
