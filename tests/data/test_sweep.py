"""Containers, codecs, B-frames, key frames and rates, crossed: a frame read alone is the one read in a row."""

from fractions import Fraction

import films
import numpy as np
import pytest

from vivit_edu.data import read_clip, read_frames, video_info

NTSC = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "59.94": Fraction(60000, 1001)}
RATES = {**NTSC, **{str(rate): Fraction(rate) for rate in (24, 25, 30, 50, 60)}}
H264 = {"bf": "3", "b_strategy": "0"}
H265 = "log-level=error:b-adapt=0:keyint={}:bframes={}"
# name of the file, codec, frames from key to key, options; each is made at a few rates
FILES = [
    ("a.mp4", "libx264", 12, H264),
    ("b.mkv", "libx264", 9, H264),
    ("c.mov", "libx264", 250, H264),
    ("d.ts", "libx264", 12, H264),
    ("e.flv", "libx264", 12, {"bf": "2"}),
    ("f.mkv", "libx264", 12, {**H264, "x264-params": "open-gop=1"}),
    ("g.mp4", "libx264", 12, {**H264, "x264-params": "open-gop=1"}),
    ("h.mp4", "libx264", 1, {}),
    ("i.mkv", "libx265", 12, {"x265-params": H265.format(12, 3)}),
    ("j.mp4", "libx265", 12, {"x265-params": H265.format(12, 3) + ":open-gop=1"}),
    ("k.mov", "libx265", 20, {"x265-params": H265.format(20, 0)}),
    ("l.avi", "mpeg4", 12, {}),
    ("m.avi", "mpeg4", 12, {"bf": "2"}),
    ("n.mp4", "mpeg4", 12, {"bf": "2"}),
    ("o.mkv", "mpeg4", 8, {"bf": "1"}),
    ("p.3gp", "mpeg4", 12, {}),
    ("q.mpg", "mpeg2video", 12, {"bf": "2"}),
    ("r.mkv", "mpeg2video", 12, {"bf": "2"}),
    ("s.ts", "mpeg2video", 15, {}),
    ("t.webm", "libvpx-vp9", 12, {}),
    ("u.mp4", "libvpx-vp9", 12, {"auto-alt-ref": "1", "lag-in-frames": "12", "deadline": "good"}),
    ("v.webm", "libvpx", 12, {"auto-alt-ref": "1", "lag-in-frames": "12", "deadline": "good"}),
    ("w.ogg", "libvpx", 12, {}),
    ("x.avi", "mjpeg", 1, {}),
    ("y.mkv", "ffv1", 1, {}),
    ("z.nut", "mpeg4", 12, {"bf": "2"}),
]
CASES = [
    (name, codec, keys, options, list(RATES)[(2 * n + more) % len(RATES)])
    for n, (name, codec, keys, options) in enumerate(FILES)
    for more in (range(2) if n % 26 < 22 else range(1))
]


@pytest.mark.parametrize(("name", "codec", "keys", "options", "rate"), CASES, ids=lambda value: str(value)[:12])
def test_a_frame_alone_is_the_one_in_the_row_and_n_by_the_rate_is_frame_n(tmp_path, name, codec, keys, options, rate):
    fps = float(RATES[rate])
    path = films.write(tmp_path / name, films.numbered(30), codec=codec, fps=RATES[rate], g=str(keys), **options)
    row, info = read_frames(path), video_info(path)
    assert films.numbers(row) == list(range(30)) and info.frames == 30
    assert info.fps == pytest.approx(fps, rel=1e-3) and info.seconds == pytest.approx(30 / fps, abs=0.004)
    for n in range(30):
        np.testing.assert_array_equal(read_frames(path, choose=lambda _, n=n: np.array([n]))[0], row[n])
        np.testing.assert_array_equal(read_clip(path, frames=1, start=n / (fps if n % 2 else info.fps))[0], row[n])
    np.testing.assert_array_equal(read_frames(path, start=7 / fps, end=19 / fps), row[7:19])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(
    ("name", "unit"), [("a.mkv", 1000), ("b.webm", 1000), ("c.mov", 600), ("d.mp4", 90000), ("e.flv", 1000)]
)
def test_a_clock_s_rounding_does_not_move_a_frame(tmp_path, name, unit, rate):
    """Stamps are rounded down, up and to the nearest unit, as different writers do."""
    fps, codec = RATES[rate], {"b": "libvpx-vp9", "d": "mjpeg", "e": "flv"}.get(name[0], "mpeg4")
    for rounded in (np.floor, np.ceil, np.round):
        stamps = [int(rounded(float(n * unit / fps) + 1e-9)) for n in range(24)]
        path = films.write(tmp_path / name, films.numbered(24), codec=codec, fps=fps, unit=unit, stamps=stamps)
        for more in (0, 0.8):
            starts = [read_clip(path, frames=1, start=(n + more) / float(fps)) for n in range(24)]
            assert films.numbers(np.concatenate(starts)) == list(range(24))
        assert films.numbers(read_frames(path, start=4 / float(fps), end=8.99 / float(fps))) == [4, 5, 6, 7, 8]
