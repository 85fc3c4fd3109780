"""What the explorer takes of a clip: which frames of a film, when they are shown, and which pixels the model takes."""

import films
import numpy as np
import pytest
from toys import toy_clips, toy_image_model, toy_model

import vivit_edu as ve
from vivit_edu.explain.explorer import scene, sent


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
    check(sent.read_sent(model, "mine.mp4", path.read_bytes()), np.arange(80) / 8)


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv"])
def test_frames_of_a_varying_rate_have_their_own_times(tmp_path, model, name):
    seconds = np.cumsum(np.random.default_rng(0).integers(40, 400, 30)) / 1000
    stamps = np.round(1000 * seconds).astype(int).tolist()
    path = films.write(tmp_path / name, films.numbered(30), stamps=stamps, unit=1000)
    check(scene.read_for(model, path), seconds - seconds[0])
    check(sent.read_sent(model, name, path.read_bytes()), seconds - seconds[0])


def test_a_film_shorter_than_the_clip_repeats_frames_and_their_times(tmp_path, model):
    path = films.write(tmp_path / "short.mp4", films.numbered(3), fps=4)
    assert scene.read_for(model, path).times.tolist() == [0, 0, 0.25, 0.25, 0.25, 0.25, 0.5, 0.5]


SECONDS = [0.0, 0.04, 0.1, 0.5, 0.75, 1.0, 1.5, 4.0]


def clip_of(model, times=SECONDS):
    frames = np.random.default_rng(0).integers(0, 256, (8, 6, 12, 3), dtype=np.uint8)
    return ve.data.Clip(frames, None if times is None else np.array(times))


def seconds(model, *args, **options):
    pytest.importorskip("anywidget")
    return ve.explain.Explorer(model, *args, **options).clip["seconds"]


@pytest.mark.parametrize("times", [SECONDS, [2.5 + t for t in SECONDS], [0.0, 0.0, 0.1, 0.1, 0.1, 0.1, 0.2, 0.2]])
def test_a_clips_own_times_are_told_however_it_is_given(model, times):
    clip = clip_of(model, times)
    large = np.repeat(np.repeat(np.asarray(clip), 2, 1), 2, 2)
    assert seconds(model, clip) == times
    assert seconds(model, ve.data.normalise(clip)[None], frames=clip) == times
    assert seconds(model, clip, frames=large) == times


def test_frames_without_times_have_seconds_at_a_rate_alone(model):
    clip = clip_of(model)
    assert seconds(model, np.asarray(clip)) is None and seconds(model, clip_of(model, None)) is None
    assert seconds(model, np.asarray(clip), fps=4) == [n / 4 for n in range(8)]
    assert seconds(model, clip, fps=2) == [n / 2 for n in range(8)]  # who gives a rate means it
    with pytest.raises(ValueError, match="the clip's times must be finite: 1 of 8"):
        seconds(model, clip_of(model, [*SECONDS[:7], float("nan")]))


def test_an_explorer_of_a_file_has_its_seconds_and_its_name(tmp_path, model):
    pytest.importorskip("anywidget")
    stamps = [0, 40, 100, 500, 750, 1000, 1500, 4000]
    path = films.write(tmp_path / "my film.mp4", films.numbered(8), stamps=stamps, unit=1000)
    told = ve.explain.Explorer.from_file(model, path).clip
    assert told["seconds"] == [stamp / 1000 for stamp in stamps] and told["name"] == "my film.mp4"
    assert ve.explain.Explorer.from_file(model, path, name="another", fps=8).clip["name"] == "another"


def carried(told):
    """The pixels that a page gives to the model, by its own rule."""
    clip = told.clip
    bytes_of = {"frames": told.frames, "uint8": told.video, "floats": told.video}[clip["pixels"]]
    if clip["pixels"] == "floats":
        return np.frombuffer(bytes_of, np.float32)
    return np.frombuffer(bytes_of, np.uint8) / np.float32(127.5) - 1


PIXELS = {
    "uint8": ({}, lambda v: np.round((v + 1) * 127.5).astype(np.uint8), "frames"),
    "on the grid of bytes": ({}, lambda v: ve.data.normalise(np.round((v + 1) * 127.5)), "frames"),
    "off it": ({}, lambda v: v, "floats"),
    "beyond 1": ({}, lambda v: np.where(v > 0.9, 1.1, np.round((v + 1) * 127.5) / 127.5 - 1), "floats"),
    "one channel": ({"channels": 1}, lambda v: v, "floats"),
    "one channel, uint8": ({"channels": 1}, lambda v: np.round((v + 1) * 127.5).astype(np.uint8), "uint8"),
}


@pytest.mark.parametrize("what", PIXELS)
def test_a_page_has_exactly_the_pixels_that_the_model_takes(what):
    pytest.importorskip("anywidget")
    options, make, kind = PIXELS[what]
    model = toy_model(**options)
    video = make(toy_clips(model.config)[0])
    told = ve.explain.Explorer(model, video)
    expected = ve.data.normalise(video) if video.dtype == np.uint8 else video.astype(np.float32)
    assert told.clip["pixels"] == kind
    np.testing.assert_array_equal(carried(told), expected.ravel())
    shown = np.frombuffer(told.frames, np.uint8).reshape(8, 6, 12, 3)
    assert np.abs(shown / 127.5 - 1 - expected).max() < (0.11 if what == "beyond 1" else 0.005)


def test_frames_larger_than_the_video_do_not_change_what_the_model_takes(model):
    pytest.importorskip("anywidget")
    clip = np.asarray(clip_of(model))
    told = ve.explain.Explorer(model, clip, frames=np.repeat(clip, 2, 1))
    assert told.clip["pixels"] == "uint8" and told.video == clip.tobytes()
    assert (told.clip["height"], told.clip["width"]) == (12, 12)


def test_an_image_model_has_a_clip_of_one_frame():
    pytest.importorskip("anywidget")
    model = toy_image_model()
    image = np.random.default_rng(0).integers(0, 256, (6, 12, 3), dtype=np.uint8)
    for given in (image, image[None], ve.data.normalise(image)[None]):
        told = ve.explain.Explorer(model, given, fps=2)
        assert (told.clip["count"], told.clip["times"], told.clip["seconds"]) == (1, [0], [0.0])
        assert told.clip["pixels"] == "frames" and told.frames == image.tobytes()
        np.testing.assert_allclose(
            told.probabilities[0]["after"], softmax(model(ve.data.normalise(image)[None])), atol=2e-5
        )


def softmax(logits):
    powers = np.exp(np.asarray(logits[0], np.float64))
    return powers / powers.sum()


def test_a_name_that_is_no_unicode_is_told_with_a_mark(model):
    told = scene.clip_facts(model.config, np.zeros((8, 6, 12, 3), np.uint8), "caf\udce9.mp4", None)
    assert told["name"] == "caf?.mp4"
