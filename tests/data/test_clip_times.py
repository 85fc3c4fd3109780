"""When the frames of a clip are shown: what the file says of those very frames, or nothing."""

import contextlib
import copy
import itertools
import json
import pickle
import shutil
import subprocess
from fractions import Fraction

import av
import films
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vivit_edu.data import Clip, normalise, read_clip, read_frames, video_info, write_clip

NTSC = Fraction(30000, 1001)
KINDS = {  # several clocks: of 1/30000 s, of milliseconds, of frames
    "a.mp4": ("libx264", {"bf": "2", "g": "12", "b_strategy": "0"}),
    "b.mkv": ("libx264", {"bf": "2", "g": "12", "b_strategy": "0"}),
    "c.webm": ("libvpx-vp9", {}),
    "d.avi": ("mpeg4", {"g": "9"}),
    "e.ts": ("libx264", {"bf": "2", "g": "12"}),
}


def film(folder, name, **options):
    """A film of 40 numbered frames."""
    codec, coding = KINDS[name]
    return films.write(folder / name, films.numbered(40), codec=codec, **({"fps": NTSC} | coding | options))


def by_hand(path):
    """The second of each frame as plain decoding tells it."""
    with av.open(str(path)) as container:
        stamps = [(frame.pts, frame.time_base) for frame in container.decode(video=0)]
    return np.array([float((pts - stamps[0][0]) * unit) for pts, unit in stamps])


def by_ffprobe(path):
    """The second of each frame as FFmpeg's own program tells it."""
    if not (program := shutil.which("ffprobe")):
        pytest.skip("there is no ffprobe")
    what = "stream=time_base:frame=best_effort_timestamp"
    command = [program, "-v", "error", "-select_streams", "v:0", "-show_entries", what, "-of", "json", str(path)]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    unit = Fraction(told["streams"][0]["time_base"])
    stamps = [frame["best_effort_timestamp"] for frame in told["frames"]]
    return np.array([float((stamp - stamps[0]) * unit) for stamp in stamps])


def check(clip, seconds):
    """Each frame has the second of the frame whose number is painted on it."""
    assert isinstance(clip, Clip) and clip.times.dtype == np.float64 and clip.times.shape == clip.shape[:1]
    np.testing.assert_allclose(clip.times, np.asarray(seconds)[films.numbers(clip)], rtol=1e-12)


@pytest.mark.parametrize("oracle", [by_hand, by_ffprobe])
@pytest.mark.parametrize("name", KINDS)
def test_frames_have_the_times_that_the_file_gives_them(tmp_path, name, oracle):
    path = film(tmp_path, name)
    seconds = oracle(path)
    assert len(seconds) == 40 and seconds[-1] == pytest.approx(39 / NTSC, abs=0.001)
    clip = read_clip(path, frames=6, stride=3, start=0.48)
    assert films.numbers(clip) == [14, 17, 20, 23, 26, 29]
    check(clip, seconds)
    check(read_frames(path), seconds)
    some = {"start": 0.48, "end": 0.9, "choose": lambda count: [count - 1, 0, 5, 5]}
    check(read_frames(path, **some), seconds)
    assert (
        read_frames(path, **some, resize=lambda size: (8, 10)).times.tolist()
        == read_frames(path, **some).times.tolist()
    )


@pytest.mark.parametrize("late", [0, 5000])
@pytest.mark.parametrize("name", ["a.mp4", "b.mkv", "c.webm"])
def test_frames_of_a_varying_rate_have_their_own_times_from_the_films_first_frame(tmp_path, name, late):
    seconds = np.array([0, 0.04, 0.08, 0.5, 0.54, 0.58, 1.2, 1.24, 1.28, *np.arange(2, 33)])
    stamps = [late + round(1000 * second) for second in seconds]
    path = film(tmp_path, name, stamps=stamps, unit=1000)
    check(read_frames(path), seconds)
    clip = read_clip(path, frames=4, stride=2, start=0.51)
    assert clip.times.tolist() == pytest.approx([0.5, 0.58, 1.24, 2])
    check(clip, seconds)


def test_a_repeated_frame_has_its_own_time_each_time(tmp_path):
    path = film(tmp_path, "a.mp4", fps=25)
    clip = read_clip(path, frames=70, stride=7, start=1.2)
    check(clip, np.arange(40) / 25)
    assert clip.times[:4].tolist() == pytest.approx([1.2, 1.48, 0.16, 0.44])
    rng = np.random.default_rng(0)
    check(read_frames(path, start=0.4, choose=lambda count: rng.integers(count, size=50)), np.arange(40) / 25)


@pytest.mark.parametrize("name", KINDS)
def test_a_frame_is_found_by_its_time(tmp_path, name):
    path = film(tmp_path, name)
    frames = read_frames(path)
    for number in (0, 1, 13, 39):
        found = read_clip(path, frames=1, start=frames.times[number])
        assert films.numbers(found) == [number] and found.times == frames.times[number]
    assert frames.times[-1] < video_info(path).seconds


def test_frames_whose_stamps_do_not_hold_are_as_far_apart_as_the_rate_says(tmp_path):
    source = film(tmp_path, "b.mkv", fps=20)
    path = films.remux(source, tmp_path / "lost.mkv", films.without_offsets)
    frames, clip = read_frames(path), read_clip(path, frames=3, stride=5, start=0.5)
    np.testing.assert_allclose(frames.times, np.arange(len(frames)) / video_info(path).fps)
    assert video_info(path).fps == pytest.approx(20, rel=0.05) and clip.times.tolist() == frames.times[10:21:5].tolist()


def test_frames_that_this_library_writes_are_read_with_their_times(tmp_path):
    write_clip(tmp_path / "clip.mp4", films.numbered(16), fps=8)
    assert read_frames(tmp_path / "clip.mp4").times.tolist() == [n / 8 for n in range(16)]


FRAMES, TIMES = np.arange(5 * 2 * 3).reshape(5, 2, 3), np.array([0, 0.1, 0.3, 0.7, 1.5])


@pytest.fixture
def clip():
    return Clip(FRAMES, TIMES)


PARTS = {
    "a stretch": np.s_[1:4],
    "a stride": np.s_[::2],
    "backwards": np.s_[::-1],
    "a crop": np.s_[:, 1:, ::-1],
    "a stretch's crop": np.s_[2:, :1, :],
    "rows": [4, 0, -2, 0],
    "rows as an array": np.array([3, 1]),
    "rows in a tuple": ((2, 4),),
    "a mask": np.array([True, False, False, True, True]),
    "rows and a crop": np.s_[[3, 0], 1:],
    "nothing": np.s_[3:3],
}


@pytest.mark.parametrize("what", PARTS)
def test_chosen_frames_keep_their_times(clip, what):
    part = clip[PARTS[what]]
    first = PARTS[what][0] if isinstance(PARTS[what], tuple) else PARTS[what]
    np.testing.assert_array_equal(part, FRAMES[PARTS[what]])
    assert part.times.tolist() == TIMES[list(first) if isinstance(first, tuple) else first].tolist()


def indices():
    """Whatever may stand between brackets, in one place to three."""
    one = [slice(None), slice(1, 3), slice(None, None, -1), 0, np.int64(1), [1, 0], np.array([[0, 1], [1, 1]])]
    one += [None, ..., True, False, np.array(1)]
    yield from itertools.chain([()], *(itertools.product(one, repeat=count) for count in (1, 2, 3)))
    yield from (..., None, 2, FRAMES > 4, FRAMES[:, 0] > 4, (FRAMES[:, 0] > 4, slice(None)))


def taken(array, index):
    """What numpy takes, or None where there is no such index."""
    with contextlib.suppress(IndexError):
        return array[index]


def test_no_index_gives_a_frame_anothers_time(clip):
    kept = 0
    for index in indices():
        part, expected = taken(clip, index), taken(FRAMES, index)
        assert np.array_equal(part, expected) and np.shape(part) == np.shape(expected)
        if (times := getattr(part, "times", None)) is not None:
            kept += 1
            assert times.shape == part.shape[:1]
            for frame, time in zip(part, times, strict=True):
                assert set((frame // 6).ravel()) <= {TIMES.tolist().index(time)}
    assert kept > 50


@pytest.mark.parametrize(
    "change",
    [
        lambda clip: clip[2],
        lambda clip: clip.reshape(5, 6),
        lambda clip: clip.swapaxes(0, 1),
        lambda clip: clip.view(),
        lambda clip: clip.astype(np.float32),
        lambda clip: np.roll(clip, 1, axis=0),
        lambda clip: np.repeat(clip, 2, axis=0),
        lambda clip: np.take(clip, [0, 1], axis=0),
        lambda clip: np.empty_like(clip),
    ],
)
def test_what_else_is_made_of_a_clip_has_no_times(clip, change):
    assert getattr(change(clip), "times", None) is None


def test_what_is_computed_from_a_clip_is_plain(clip):
    for plain in (clip + 1, clip[:2] // 2, -clip, clip == clip, clip.mean(axis=0), np.maximum(clip, FRAMES)):
        assert type(plain) is np.ndarray
    assert type(np.asarray(clip)) is type(np.stack([clip])) is type(normalise(clip)) is np.ndarray
    assert (
        type(clip.mean()) is np.float64
        and type(clip.max()) is type(FRAMES.max())
        and type((clip > 0).any()) is np.bool_
    )


def pickled(protocol):
    return lambda clip: pickle.loads(pickle.dumps(clip, protocol))


COPIES = [copy.copy, copy.deepcopy, Clip.copy, *map(pickled, range(pickle.HIGHEST_PROTOCOL + 1))]


@pytest.mark.parametrize("way", COPIES)
def test_copies_and_pickles_keep_times_and_share_nothing(clip, way):
    for part in (clip, clip[::-2, :, 1:], clip.view()):
        again = way(part)
        np.testing.assert_array_equal(again, part, strict=True)
        assert type(again) is Clip and not np.shares_memory(again, part)
        if part.times is None:
            assert again.times is None
        else:
            assert again.times.tolist() == part.times.tolist() and not np.shares_memory(again.times, part.times)


def test_jax_takes_a_clip_as_any_array(clip):
    for taken in (jnp.asarray(clip), jax.jit(lambda a: a)(clip), jax.device_put(clip), jnp.stack([clip])[0]):
        np.testing.assert_array_equal(taken, FRAMES)


@pytest.mark.parametrize("times", [TIMES[:4], TIMES.repeat(2), TIMES[:0]])
def test_a_clip_takes_one_time_for_each_frame(times):
    with pytest.raises(ValueError, match=r"one time for each frame; got \(\d+,\) times for \(5, 2, 3\)"):
        Clip(FRAMES, times)
