"""Frames are as shown: turned, mirrored, of square pixels, and all of one size."""

import dataclasses
import itertools
import struct
from fractions import Fraction

import av
import films
import numpy as np
import pytest

from vivit_edu.data import read_clip, read_frames, video_info

GREYS = np.array([[230, 30], [90, 160]])  # of the stored picture's quarters
TURNS = {"stored": (1, 0, 0, 1), "right": (0, 1, -1, 0), "over": (-1, 0, 0, -1), "left": (0, -1, 1, 0)}
MIRRORS = {"not": (1, 0, 0, 1), "sideways": (-1, 0, 0, 1), "upside down": (1, 0, 0, -1)}


def quartered(count=4, height=32, width=64):
    """Frames of four grey quarters."""
    frame = np.kron(GREYS, np.ones((height // 2, width // 2))).astype(np.uint8)
    return np.repeat(frame[None, :, :, None], count, 0).repeat(3, -1)


def quarters(frame):
    """The grey of each quarter, away from its edges."""
    height, width = (side // 2 for side in frame.shape[:2])
    parts = [[frame[y : y + height, x : x + width] for x in (0, width)] for y in (0, height)]
    return np.array([[part[3:-3, 3:-3].mean() for part in row] for row in parts])


def product(first, then):
    """The matrix (a, b, c, d) of one movement and then another; x' = a x + c y, y' = b x + d y."""
    (a, b, c, d), (e, f, g, h) = first, then
    return a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h


def moved(matrix):
    """The grey of each quarter once the matrix has moved the quarters' places, by hand."""
    a, b, c, d = matrix
    places = {(a * x + c * y, b * x + d * y): GREYS[y, x] for y, x in itertools.product((0, 1), (0, 1))}
    left, top = (min(place[axis] for place in places) for axis in (0, 1))
    return np.array([[places[left + x, top + y] for x in (0, 1)] for y in (0, 1)])


def with_matrix(path, frames, matrix, **options):
    """An mp4 or mov file whose header asks for the matrix."""
    content = bytearray(films.write(path, frames, **options).read_bytes())
    place = content.index(b"tkhd") + 44
    a, b, c, d = (round(65536 * value) for value in matrix)
    fixed = [a, b, 0, c, d, 0, 0, 0, 1 << 30]
    content[place : place + 36] = b"".join((value % (1 << 32)).to_bytes(4, "big") for value in fixed)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("mirror", MIRRORS)
@pytest.mark.parametrize("turn", TURNS)
def test_a_turn_and_a_mirror_that_the_file_asks_for_are_applied(tmp_path, turn, mirror):
    matrix = product(MIRRORS[mirror], TURNS[turn])
    path = with_matrix(tmp_path / "clip.mp4", quartered(), matrix)
    shown = read_frames(path)
    assert shown.shape[1:3] == ((64, 32) if matrix[0] == 0 else (32, 64)) == video_info(path).size
    np.testing.assert_allclose(quarters(shown[-1]), moved(matrix), atol=6)


def with_exif(data, orientation):
    """A JPEG with one Exif tag, the orientation; 1 is as stored."""
    tag = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(tag) + 8) + b"Exif\0\0" + tag + data[2:]


@pytest.mark.parametrize(("orientation", "turn"), [(1, "stored"), (3, "over"), (6, "right")])
@pytest.mark.parametrize("name", ["a.avi", "b.mov", "c.mkv"])
def test_a_kind_of_side_data_that_has_no_name_is_no_fault(tmp_path, name, orientation, turn):
    def change(pieces):
        return [dataclasses.replace(piece, data=with_exif(piece.data, orientation)) for piece in pieces]

    source = films.write(tmp_path / f"plain{name[1:]}", quartered(), codec="mjpeg")
    path = films.remux(source, tmp_path / name, change)
    np.testing.assert_allclose(quarters(read_frames(path)[-1]), moved(TURNS[turn]), atol=6)
    assert video_info(path).size == ((64, 32) if orientation == 6 else (32, 64))


def test_an_angle_between_is_taken_to_the_nearest_quarter(tmp_path):
    for degrees, nearest in ((1, "stored"), (89, "right"), (100, "right"), (178, "over"), (-60, "left")):
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        path = with_matrix(tmp_path / f"{degrees}.mov", quartered(), (cos, sin, -sin, cos))
        np.testing.assert_allclose(quarters(read_frames(path)[0]), moved(TURNS[nearest]), atol=6)


def wide(path, ratio, *, codec="libx264", count=8, height=48, width=64, **options):
    """A file whose pixels are `ratio` times as wide as high."""
    with av.open(str(path), "w", **options) as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.sample_aspect_ratio = stream.sample_aspect_ratio = Fraction(ratio)
        for frame in quartered(count, height, width):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "ratio", "size"),
    [
        ("a.mp4", "libx264", "1/2", (48, 32)),
        ("b.mkv", "libx264", "4/3", (48, 85)),
        ("c.ts", "libx264", "16/11", (48, 93)),
        ("d.mov", "mpeg4", "12/11", (48, 70)),
        ("e.avi", "mpeg4", "8/9", (48, 57)),
        ("f.mpg", "mpeg2video", "4/3", (48, 85)),
    ],
)
def test_pixels_that_are_not_square_are_made_so(tmp_path, name, codec, ratio, size):
    path = wide(tmp_path / name, ratio, codec=codec)
    shown = read_frames(path)
    assert abs(shown.shape[2] - size[1]) <= 1 and shown.shape[1] == 48  # MPEG-2 knows the film's shape, not its pixels'
    assert video_info(path).size == shown.shape[1:3] == read_clip(path, frames=1).shape[1:3]
    np.testing.assert_allclose(quarters(shown[0]), GREYS, atol=12)


def test_what_the_container_says_of_the_shape_goes_before_what_the_film_does(tmp_path):
    for name, codec in (("a.mp4", "libx264"), ("b.mov", "mpeg4"), ("c.mp4", "mpeg4"), ("d.mov", "libx264")):
        content = bytearray(wide(tmp_path / name, "2", codec=codec).read_bytes())
        place = content.index(b"pasp") + 4
        content[place : place + 8] = (7).to_bytes(4, "big") + (4).to_bytes(4, "big")
        (tmp_path / name).write_bytes(content)
        assert read_frames(tmp_path / name).shape[1:3] == (48, 112) == video_info(tmp_path / name).size


def test_pixels_of_a_turned_film_are_made_square_as_ffmpeg_does(tmp_path):
    content = bytearray(wide(tmp_path / "clip.mp4", "2").read_bytes())
    place = content.index(b"tkhd") + 44
    quarter = [0, 1 << 16, 0, (1 << 32) - (1 << 16), 0, 0, 0, 0, 1 << 30]
    content[place : place + 36] = b"".join(value.to_bytes(4, "big") for value in quarter)
    (tmp_path / "clip.mp4").write_bytes(content)
    asked = []
    shown = read_frames(tmp_path / "clip.mp4", resize=lambda size: asked.append(size) or (60, 24))
    assert asked == [(64, 24)] == [video_info(tmp_path / "clip.mp4").size] and shown.shape == (8, 60, 24, 3)
    np.testing.assert_allclose(quarters(shown[0]), moved(TURNS["right"]), atol=12)


def test_pixels_that_no_film_has_are_a_fault_of_the_header(tmp_path):
    for ratio in ("1/300", "250"):
        assert read_frames(wide(tmp_path / "clip.mp4", ratio)).shape[1:3] == (48, 64)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.avi", "mjpeg"), ("b.ts", "mpeg2video"), ("c.mkv", "mjpeg"), ("d.mkv", "libvpx-vp9")]
)
def test_pictures_of_another_size_are_resized_to_the_first_one(tmp_path, name, codec):
    small, large = (
        films.write(
            tmp_path / f"{n}.{name[2:]}", films.numbered(40, 24 * n, 32 * n)[20 * n - 40 : 20 * n - 20], codec=codec
        )
        for n in (2, 3)
    )
    with av.open(str(large)) as container:
        more = [(bytes(p), p.is_keyframe) for p in container.demux(video=0) if p.size]

    def joined(pieces):
        step = pieces[1].dts - pieces[0].dts
        last = pieces[-1]
        yield from pieces
        for n, (data, key) in enumerate(more, 1):
            stamp = max(p.pts for p in pieces) + n * step
            yield films.Piece(data, stamp, max(stamp, last.dts + n * step), last.duration, key)

    path = films.remux(small, tmp_path / name, joined)
    shown, told = read_frames(path), films.decoded(path)  # MPEG-2's decoder gives out 39
    assert shown.shape == (len(told), 48, 64, 3) and len(told) >= 39 and video_info(path).size == (48, 64)
    np.testing.assert_allclose(shown.mean((1, 2, 3)), told, atol=2)  # resizing rounds down
    late = read_frames(path, start=1.2)
    np.testing.assert_array_equal(late, shown[-len(late) :])


@pytest.mark.parametrize("matrix", ["gbr", "ycgco", "bt2020c", "smpte2085", "chroma-derived-c", "ictcp", "fcc"])
def test_a_colour_matrix_that_is_not_known_is_taken_for_the_usual_one(tmp_path, matrix):
    path = films.write(tmp_path / "clip.mp4", quartered(), **{"x264-params": f"colormatrix={matrix}"})
    np.testing.assert_allclose(quarters(read_frames(path)[0]), GREYS, atol=6)
