"""What the explorer takes from a reader's film: which frames, and when they are shown."""

import films
import numpy as np
import pytest
from toys import toy_model

from vivit_edu.explain.explorer import scene


@pytest.fixture(scope="module")
def model():
    return toy_model()


def check(clip, seconds):
    """Eight frames from the first to the last, each with the second of the frame whose number is painted on it."""
    assert clip.shape == (8, 6, 12, 3) and clip.dtype == np.uint8 and clip.flags.c_contiguous
    numbers = films.numbers(clip + 1.0)  # scaled pictures are darker by one or two
    assert numbers == np.linspace(0, len(seconds) - 1, 8).round().tolist()
    np.testing.assert_allclose(clip.times, np.asarray(seconds)[numbers], rtol=1e-12)


@pytest.mark.parametrize("size", [(48, 64), (60, 80), (24, 48), (6, 12)])
def test_frames_of_ten_seconds_have_their_times_to_the_last(tmp_path, model, size):
    path = films.write(tmp_path / "ten.mp4", films.numbered(80, *size), fps=8)
    clip = scene.read_for(model, path)
    assert clip.times.tolist() == [0, 11 / 8, 23 / 8, 34 / 8, 45 / 8, 56 / 8, 68 / 8, 79 / 8]
    check(clip, np.arange(80) / 8)
    check(scene.read_sent(model, "mine.mp4", path.read_bytes()), np.arange(80) / 8)


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv"])
def test_frames_of_a_varying_rate_have_their_own_times(tmp_path, model, name):
    seconds = np.cumsum(np.random.default_rng(0).integers(40, 400, 30)) / 1000
    stamps = np.round(1000 * seconds).astype(int).tolist()
    path = films.write(tmp_path / name, films.numbered(30), stamps=stamps, unit=1000)
    check(scene.read_for(model, path), seconds - seconds[0])
    check(scene.read_sent(model, name, path.read_bytes()), seconds - seconds[0])


def test_a_film_shorter_than_the_clip_repeats_frames_and_their_times(tmp_path, model):
    path = films.write(tmp_path / "short.mp4", films.numbered(3), fps=4)
    assert scene.read_for(model, path).times.tolist() == [0, 0, 0.25, 0.25, 0.25, 0.25, 0.5, 0.5]
