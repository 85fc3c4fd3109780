"""Frames by time, exact to the frame, and one sentence for whatever is wrong with a file."""

import functools
import os
from fractions import Fraction

import av
import films
import jaxtyping
import numpy as np
import pytest
from films import numbers

from vivit_edu.data import read_clip, read_frames, video_info, write_clip
from vivit_edu.data.video import finding, timeline

numbered = functools.partial(films.numbered, height=32, width=48)


def write(path, frames, *, codec="libx264", fps=25, stamps=None, container=None, unit=1000, **options):
    """A file in the container that its name asks for, with B-frames unless told otherwise."""
    with av.open(str(path), "w", options=container or {}) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        stream.time_base = Fraction(1, unit)
        stream.codec_context.time_base = Fraction(1, unit)
        stream.options = options
        for i, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts = unit * i // fps if stamps is None else stamps[i]
            picture.time_base = Fraction(1, unit)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


FAST = {"libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "0"}}


@pytest.fixture
def clip(tmp_path):
    write_clip(tmp_path / "clip.mp4", numbered(40), fps=10)
    return tmp_path / "clip.mp4"


@pytest.fixture
def untyped():
    """Types are not checked, as for users."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def test_frames_are_those_asked_for(clip):
    assert numbers(read_clip(clip, frames=5, stride=3, start=1.2)) == [12, 15, 18, 21, 24]
    assert numbers(read_frames(clip)) == list(range(40))
    assert numbers(read_frames(clip, start=0.5, end=0.9)) == [5, 6, 7, 8]


def test_a_start_between_two_frames_takes_the_one_on_screen(clip):
    assert numbers(read_clip(clip, frames=1, start=1.29)) == [12]


def test_a_video_too_short_is_looped_from_its_first_frame(clip):
    assert numbers(read_clip(clip, frames=4, stride=2, start=3.6)) == [36, 38, 0, 2]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("b.mp4", "libx264", {"bf": "3", "g": "12", "b-adapt": "0"}),
        ("v.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "0"}),
        ("a.avi", "mpeg4", {"g": "7", "b": "2000000"}),
        ("m.mkv", "libx264", {"bf": "2", "g": "9"}),
    ],
)
def test_every_container_and_codec_gives_the_same_frames(tmp_path, name, codec, options):
    path = write(tmp_path / name, numbered(40), codec=codec, **options)
    assert numbers(read_clip(path, frames=6, stride=4, start=0.4)) == [10, 14, 18, 22, 26, 30]
    assert video_info(path).frames == 40


def test_uneven_time_stamps_are_obeyed(tmp_path):
    stamps = [0, 40, 80, 500, 540, 580, 1200, 1240, 1280, 1320]
    path = write(tmp_path / "v.mkv", numbered(10), stamps=stamps)
    assert numbers(read_clip(path, frames=2, stride=1, start=0.45)) == [2, 3]
    assert numbers(read_clip(path, frames=2, stride=1, start=0.51)) == [3, 4]


def test_a_first_time_stamp_above_zero_is_second_zero(tmp_path):
    path = write(tmp_path / "late.mkv", numbered(10), stamps=[5000 + 40 * i for i in range(10)])
    assert numbers(read_clip(path, frames=2, stride=1, start=0.08)) == [2, 3]


def test_info_tells_length_rate_and_size(clip):
    info = video_info(clip)
    assert (info.frames, info.fps, info.size, info.codec) == (40, 10.0, (32, 48), "h264")
    assert info.seconds == pytest.approx(4.0)


def broken(tmp_path, kind):
    """A file of the kind, made on the spot."""
    path, content = tmp_path / f"{kind}.mp4", write_clip(None, numbered(40), fps=10)
    if kind == "text":
        content = b"label,youtube_id\n" * 100
    if kind == "empty":
        content = b""
    if kind == "cut":
        content = content[: len(content) // 2]
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("text", "cannot be read as video"),
        ("empty", r"is empty \(0 bytes\)"),
        ("cut", r"is truncated: it announces \d+ bytes and holds \d+"),
    ],
)
def test_a_file_that_is_no_video_gets_one_sentence_with_its_name(tmp_path, kind, message):
    with pytest.raises(ValueError, match=rf"{kind}\.mp4 {message}"):
        read_clip(broken(tmp_path, kind))


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mkv", "libx264"), ("a.webm", "libvpx-vp9"), ("a.avi", "mpeg4"), ("a.mov", "libx264")],
)
def test_a_cut_file_is_never_shortened_in_silence(tmp_path, name, codec, share):
    noise = np.random.default_rng(0).integers(0, 256, (40, 32, 48, 3), dtype=np.uint8)
    whole = write(tmp_path / name, noise, codec=codec, **FAST.get(codec, {})).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=r"is truncated: it announces \d+ bytes and holds \d+"):
        read_frames(tmp_path / name)


@pytest.mark.parametrize("flags", ["faststart", "frag_keyframe+empty_moov"])
def test_an_mp4_with_its_index_in_front_and_its_end_missing_is_refused(tmp_path, flags):
    path = write(tmp_path / "front.mp4", numbered(40), container={"movflags": flags})
    assert numbers(read_frames(path)) == list(range(40))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"front.mp4 is truncated"):
        read_clip(path)


def test_a_file_damaged_in_its_middle_is_not_shortened_in_silence(tmp_path, clip):
    content = bytearray(clip.read_bytes())
    middle = content.index(b"mdat") + 40
    content[middle:] = content[middle:].replace(content[middle + 700 : middle + 2000], bytes(1300))
    clip.write_bytes(content)
    with pytest.raises(ValueError, match=r"clip.mp4 (is damaged: \d+ of the 40 frames|cannot be read as video)"):
        read_frames(clip)


def test_frames_without_an_index_are_counted(tmp_path):
    for name, codec in (("a.ts", "libx264"), ("a.mpg", "mpeg2video"), ("a.flv", "libx264")):
        path = write(tmp_path / name, numbered(40), codec=codec, unit=25)
        assert numbers(read_clip(path, frames=4, stride=5, start=0.4)) == [10, 15, 20, 25]
        assert video_info(path).frames == 40


def test_hidden_packets_are_no_frames(tmp_path):
    options = {"auto-alt-ref": "1", "lag-in-frames": "16", "b": "200000", "g": "20"}
    path = write(tmp_path / "hidden.webm", numbered(40), codec="libvpx", **options)
    assert video_info(path).frames == 40 and numbers(read_clip(path, frames=3, stride=9, start=0.4)) == [
        10,
        19,
        28,
    ]


def test_a_rotation_that_the_file_asks_for_is_applied(tmp_path):
    frames = np.full((4, 32, 48, 3), 20, np.uint8)
    frames[:, :16, :24] = 230  # bright at the top left
    content = bytearray(write_clip(None, frames))
    matrix = content.index(b"tkhd") + 4 + 40
    quarter = [0, 1 << 16, 0, (1 << 32) - (1 << 16), 0, 0, 0, 0, 1 << 30]  # clockwise, as telephones write it
    content[matrix : matrix + 36] = b"".join(number.to_bytes(4, "big") for number in quarter)
    (tmp_path / "turned.mp4").write_bytes(content)
    shown = read_frames(tmp_path / "turned.mp4")
    assert shown.shape == (4, 48, 32, 3) and video_info(tmp_path / "turned.mp4").size == (48, 32)
    assert shown[0, :24, 16:].mean() > 200 and shown[0, :24, :16].mean() < 50  # bright at the top right


def test_times_are_remembered_until_the_file_changes(clip, monkeypatch):
    times = []
    monkeypatch.setattr(finding, "of_packets", lambda film: times.append(film.path) or timeline.of_packets(film))
    assert [numbers(read_clip(clip, frames=2, start=start)) for start in (0.5, 1.5)] == [[5, 7], [15, 17]]
    write_clip(clip, numbered(20), fps=5)
    os.utime(clip, ns=(0, 0))
    assert len(times) == 1 and numbers(read_clip(clip, frames=2, start=2.0)) == [10, 12] and len(times) == 2


def test_of_many_files_times_the_least_recently_used_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(finding, "KEPT", 25)
    memory = finding._Memory()
    for number in range(4):
        (tmp_path / f"{number}").touch()
        memory.keep(tmp_path / f"{number}", timeline.Timeline(stamps=np.arange(10), unit=0.04, rate=25.0))
        memory.get(tmp_path / "0")
    assert memory.stamps == 20 and [memory.get(tmp_path / f"{n}") is None for n in range(4)] == [0, 1, 1, 0]


def test_frames_come_in_the_size_asked_for(clip):
    frames = read_frames(clip, choose=lambda count: np.array([count - 1, 0]), resize=lambda size: (size[0] // 2, 30))
    assert frames.shape == (2, 16, 30, 3)
    np.testing.assert_allclose(frames.mean((1, 2, 3)), [127, 10], atol=3)  # resizing rounds down


@pytest.mark.parametrize("chosen", [[-1], [3, 40], [40], [0.5], [True], [], 3, [[1]]])
def test_frames_that_are_not_there_cannot_be_chosen(clip, chosen, untyped):
    message = r"clip.mp4: choose must give (indices of its 40 frames, 0 to 39|a row of one index or more); got [\[3]"
    for given in (chosen, np.array(chosen)):
        with pytest.raises(ValueError, match=message):
            read_frames(clip, choose=lambda count, given=given: given)


def test_chosen_frames_may_be_a_list_a_range_or_an_array(clip):
    for chosen in ([3, 39, 3], range(3, 40, 12), np.array([3, 7], np.uint64), (5,)):
        assert numbers(read_frames(clip, choose=lambda count, chosen=chosen: chosen)) == [int(n) for n in chosen]


@pytest.mark.parametrize("size", [(0, 5), (-1, 5), (5, 0), (4.0, 5), (4,), "ab", None])
def test_frames_cannot_have_a_size_that_is_none(clip, size, untyped):
    with pytest.raises(ValueError, match=r"what resize gives must be (whole numbers|at least 1 pixel high and wide)"):
        read_frames(clip, resize=lambda _: size)


def test_a_file_with_sound_only_is_refused(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        sound.rate = 16000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(ValueError, match=r"sound.mp4 holds no video, only audio"):
        read_clip(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no video file .*nothing.mp4"):
        read_clip(tmp_path / "nothing.mp4")
    with pytest.raises(ValueError, match=r"is a folder"):
        read_clip(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frames": 0}, "frames must be at least 1; got 0"),
        ({"stride": 0}, "stride must be at least 1; got 0"),
        ({"start": 4.01}, r"start must be from 0 to below 4.000 s, the video's end; got 4.01 s"),
        ({"start": -0.1}, "start must be from 0"),
        ({"frames": 2.5}, "frames must be a whole number; got 2.5"),
        ({"stride": 1.5}, "stride must be a whole number; got 1.5"),
        ({"start": "1"}, "clip.mp4: start must be a number of seconds; got '1'"),
        ({"start": None}, "clip.mp4: start must be a number of seconds; got None"),
        ({"start": float("nan")}, "clip.mp4: start must be a number of seconds; got nan"),
    ],
)
def test_arguments_out_of_range_get_one_sentence(clip, arguments, message, untyped):
    with pytest.raises(ValueError, match=message):
        read_clip(clip, **arguments)


@pytest.mark.parametrize(("start", "end"), [(1.0, 0.5), (0.5, 0.5), (0.51, 0.49), (np.float32(0.5), np.float64(0.5))])
def test_an_end_that_is_not_behind_the_start_is_refused(clip, start, end, untyped):
    with pytest.raises(ValueError, match=rf"clip.mp4: end must be after start, {start} s; got {end} s"):
        read_frames(clip, start=start, end=end)


@pytest.mark.parametrize("end", [float("nan"), "1", [1.0]])
def test_an_end_is_a_number(clip, end, untyped):
    with pytest.raises(ValueError, match=r"clip.mp4: end must be a number of seconds; got"):
        read_frames(clip, end=end)


def test_a_stretch_shorter_than_a_frame_is_the_one_on_screen(clip):
    for start in (0.5, 0.55, 0.5 - 1e-9):
        assert numbers(read_frames(clip, start=start, end=start + 1e-9)) == [5]
