"""The decoder's order of frames stands, whatever packets tell; and a packet is no frame."""

import dataclasses
import warnings

import films
import numpy as np
import pytest

from vivit_edu.data import read_clip, read_frames, video_info
from vivit_edu.data.video import finding

B_FRAMES = {
    "libx264": {"bf": "3", "b_strategy": "0", "g": "12"},
    "libx265": {"x265-params": "log-level=error:bframes=3:b-adapt=0:keyint=12"},
    "mpeg4": {"bf": "2", "g": "12"},
    "mpeg2video": {"bf": "2", "g": "12"},
}


def each_alone(path, count):
    """The numbers of frames that are read one by one."""
    return [films.numbers(read_frames(path, choose=lambda _, n=n: np.array([n])))[0] for n in range(count)]


def half_without_offsets(pieces):
    """Offsets are lost behind a key frame in the middle only."""
    middle = next(n for n, piece in enumerate(pieces) if piece.key and n > 15)
    return pieces[:middle] + films.without_offsets(pieces[middle:])


@pytest.mark.parametrize(
    ("codec", "target", "change"),
    [
        ("libx265", "lost.mp4", films.without_offsets),
        ("mpeg4", "lost.mp4", films.without_offsets),
        ("libx264", "lost.mkv", films.without_offsets),
        ("mpeg2video", "lost.mkv", films.without_offsets),
        ("libx264", "half.mov", half_without_offsets),
        ("libx264", "lost.avi", films.without_offsets),
    ],
)
def test_frames_come_in_the_decoder_s_order_where_stamps_are_lost(tmp_path, codec, target, change):
    source = tmp_path / ("source.avi" if target.endswith("avi") else "source.mkv")
    films.write(source, films.numbered(40), codec=codec, **B_FRAMES[codec])
    path = films.remux(source, tmp_path / target, change)
    shown = films.numbers(read_frames(path))
    assert shown == sorted(shown) and len(shown) == len(films.decoded(path)) >= 36
    assert each_alone(path, len(shown)) == shown and video_info(path).fps == pytest.approx(25, rel=0.05)
    assert films.numbers(read_clip(path, frames=3, stride=5, start=0.4)) == shown[10:21:5]


def test_pictures_that_are_not_coded_are_no_frames(tmp_path):
    def with_gaps(pieces):
        """After each coded picture, two packets that say there is none."""
        for n, piece in enumerate(pieces):
            yield dataclasses.replace(piece, pts=120 * n, dts=120 * n)
            for more in (1, 2):
                none = int(f"0101{(3 * n + more) % 25:05b}1001111111"[:16].ljust(16, "1"), 2)
                data = b"\0\0\1\xb6" + none.to_bytes(2, "big")
                yield dataclasses.replace(piece, data=data, pts=120 * n + 40 * more, dts=120 * n + 40 * more, key=False)

    source = films.write(tmp_path / "source.mkv", films.numbered(14), codec="mpeg4", g="1")
    for name in ("gaps.mkv", "gaps.mp4", "gaps.mov"):
        path = films.remux(source, tmp_path / name, with_gaps)
        assert films.numbers(read_frames(path)) == list(range(14)) == each_alone(path, 14), name
        assert video_info(path).frames == 14 and films.numbers(read_clip(path, frames=1, start=0.37)) == [3]


def test_two_fields_in_two_packets_are_one_frame(tmp_path):
    frames = films.handmade([4 + 5 * n for n in range(40)], range(40), fields=True)
    for name in ("fields.mkv", "fields.mp4", "fields.mov", "fields.avi"):
        path = films.write_handmade(tmp_path / name, frames, [n / 2 for n in range(80)])
        told, shown = films.decoded(path), read_frames(path)
        np.testing.assert_allclose(shown.mean((1, 2, 3)), told, atol=0.1)
        assert len(told) == video_info(path).frames >= 39, name


def test_pictures_may_come_later_than_announced(tmp_path):
    late = [n + turn for n in range(30, 60, 3) for turn in (2, 0, 1)]
    for name, order in (
        ("a.mp4", [*range(30), *late]),
        ("b.mkv", [*range(30), *late]),
        ("c.mov", [0, 2, 1, *range(3, 60)]),
    ):
        frames = films.handmade([4 + 4 * n for n in range(60)], order)
        path = films.write_handmade(tmp_path / name, frames, order)
        shown = read_frames(path)
        np.testing.assert_allclose(shown.mean((1, 2, 3)), films.decoded(path), atol=0.1)
        for n in range(0, len(shown), 7):
            np.testing.assert_array_equal(read_frames(path, choose=lambda _, n=n: np.array([n]))[0], shown[n])


@pytest.mark.parametrize(
    ("codec", "target", "options"),
    [
        ("libx264", "piece.mkv", {"x264-params": "open-gop=1"}),
        ("libx264", "piece.mov", {"x264-params": "open-gop=1"}),
        ("libx265", "piece.mp4", {"x265-params": "log-level=error:bframes=3:b-adapt=0:keyint=12:open-gop=1"}),
        ("mpeg2video", "piece.mkv", {}),
        ("mpeg4", "piece.avi", {}),
    ],
)
def test_leading_pictures_of_a_piece_are_lost_and_said_to_be(tmp_path, codec, target, options):
    source = films.write(tmp_path / "whole.mkv", films.numbered(48), codec=codec, **(B_FRAMES[codec] | options))
    path = films.remux(source, tmp_path / target, lambda ps: ps[next(n for n, p in enumerate(ps) if p.key and n > 4) :])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        shown = read_frames(path)
    np.testing.assert_allclose(shown.mean((1, 2, 3)), films.decoded(path), atol=0.5)
    assert films.numbers(shown)[3:] == list(range(films.numbers(shown)[3], 48))
    assert all(f"{path}: " in str(w.message) and "cannot be decoded" in str(w.message) for w in said)
    assert len(said) == (codec in ("mpeg2video", "mpeg4"))  # others mend them, or leave them out by an edit list


@pytest.mark.parametrize(
    ("codec", "name"), [("libx264", "a.mkv"), ("mpeg2video", "b.ts"), ("libvpx-vp9", "c.webm"), ("mpeg4", "d.mkv")]
)
def test_a_film_may_start_between_two_key_frames(tmp_path, codec, name):
    source = films.write(tmp_path / f"whole.{name[2:]}", films.numbered(40), codec=codec, g="12")
    path = films.remux(source, tmp_path / name, lambda pieces: pieces[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether the first ones are lost is the decoder's matter
        shown = read_frames(path)
        np.testing.assert_allclose(shown.mean((1, 2, 3)), films.decoded(path)[-len(shown) :], atol=0.1)
        assert films.numbers(shown)[-28:] == list(range(12, 40)) and video_info(path).frames == len(shown)


@pytest.mark.parametrize(
    ("codec", "name"), [("mpeg4", "a.mkv"), ("libvpx-vp9", "b.webm"), ("libx265", "c.mkv"), ("libx264", "d.mp4")]
)
def test_a_file_without_marked_key_frames_is_decoded_from_its_start(tmp_path, codec, name):
    source = films.write(tmp_path / f"whole.{name[2:]}", films.numbered(30), codec=codec)
    path = films.remux(source, tmp_path / name, lambda ps: [dataclasses.replace(p, key=False) for p in ps])
    assert films.numbers(read_frames(path)) == list(range(30)) == each_alone(path, 30)


@pytest.mark.parametrize(("codec", "name"), [("mpeg4", "a.mkv"), ("libx264", "b.mp4"), ("mpeg2video", "c.mov")])
def test_a_packet_that_is_called_a_key_frame_and_is_none_is_seen_through(tmp_path, codec, name):
    source = films.write(tmp_path / f"whole.{name[2:]}", films.numbered(30), codec=codec, g="30")
    path = films.remux(source, tmp_path / name, lambda ps: [dataclasses.replace(p, key=True) for p in ps])
    assert films.numbers(read_frames(path)) == list(range(30)) == each_alone(path, 30)


def test_stamps_that_jump_back_are_passed_over(tmp_path):
    part = films.write(tmp_path / "part.ts", films.numbered(20), bf="2")
    (tmp_path / "both.ts").write_bytes(part.read_bytes() * 2)
    assert films.numbers(read_frames(tmp_path / "both.ts")) == list(range(20)) * 2
    assert films.numbers(read_clip(tmp_path / "both.ts", frames=3, stride=4, start=0.72)) == [18, 2, 6]
    assert video_info(tmp_path / "both.ts").seconds == pytest.approx(1.6)


def noisy(tmp_path, name, codec, *, place=20, count=40, **options):
    """A file of which one packet is noise behind its first bytes."""

    def change(pieces):
        data = bytearray(pieces[place].data)
        data[len(data) // 4 :] = np.random.default_rng(0).bytes(len(data) - len(data) // 4)
        return [*pieces[:place], dataclasses.replace(pieces[place], data=bytes(data)), *pieces[place + 1 :]]

    frames = np.random.default_rng(1).integers(0, 255, (count, 48, 64, 3), dtype=np.uint8)
    source = films.write(tmp_path / f"whole.{name.split('.')[1]}", frames, codec=codec, **options)
    return films.remux(source, tmp_path / name, change)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", "libx264"), ("b.mp4", "libx264"), ("c.mkv", "mpeg4"), ("d.avi", "mjpeg")]
)
def test_a_broken_picture_is_missed_only_where_it_is_asked_for(tmp_path, name, codec):
    path = noisy(tmp_path, name, codec, g="10")
    with pytest.raises(ValueError, match=rf"{name} is damaged: 1 of the 40 frames asked for do not decode"):
        read_frames(path)
    with pytest.warns(UserWarning, match=rf"{name}: 1 of its pictures cannot be decoded; the others are read"):
        assert len(read_frames(path, start=1.2)) == 10


@pytest.mark.parametrize("lost", [14, 23])
@pytest.mark.parametrize("name", ["a.mkv", "b.mp4"])
def test_what_a_lost_packet_takes_along_does_not_depend_on_what_was_read_before(tmp_path, name, lost):
    options = {"x265-params": "log-level=error:bframes=3:b-adapt=0:keyint=12:min-keyint=12"}
    frames = films.numbered(40) + np.random.default_rng(0).integers(0, 50, (40, 48, 64, 3), dtype=np.uint8)
    source = films.write(tmp_path / f"whole.{name[2:]}", frames, codec="libx265", **options)

    def change(pieces):
        data = bytes(255 - byte for byte in pieces[lost].data)
        return [*pieces[:lost], dataclasses.replace(pieces[lost], data=data), *pieces[lost + 1 :]]

    path, told = films.remux(source, tmp_path / name, change), []
    for whole_first in (False, True):
        finding.forget()
        if whole_first:
            with pytest.raises(ValueError, match=rf"{name} is damaged: \d+ of the 40 frames asked for do not decode"):
                read_frames(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            late, info = read_frames(path, choose=lambda _: np.arange(37, 40)), video_info(path)
        told.append((late, info.frames, info.fps))
    np.testing.assert_array_equal(told[0][0], told[1][0])
    assert told[0][1:] == told[1][1:] == (40, 25)
    np.testing.assert_array_equal(told[0][0], read_frames(source, choose=lambda _: np.arange(37, 40)))
