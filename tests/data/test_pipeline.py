"""From examples to batches: order, shapes, randomness, memory, and broken files."""

import dataclasses

import films
import golden_files
import jaxtyping
import numpy as np
import pytest

import vivit_edu as ve
from vivit_edu.data import pipeline
from vivit_edu.data.sample import centre_offset, clip_indices, random_offset, view_offsets


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = ve.data.make_clips(tmp_path_factory.mktemp("clips"), train=0, validation=0, test=1, progress=False)
    return ve.data.clips.examples("test", folder)[:20]


@pytest.fixture
def untyped():
    """Types are not checked, as for users."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def all_of(examples, **options):
    return list(ve.data.batches(examples, **({"frames": 16, "size": 32, "batch": 8} | options)))


def nouns(batches):
    return np.concatenate([batch["labels"]["noun"] for batch in batches]).tolist()


def test_evaluation_reads_every_example_once_in_order(examples):
    batches = all_of(examples)
    assert [batch["video"].shape for batch in batches] == [
        (8, 16, 32, 32, 3),
        (8, 16, 32, 32, 3),
        (4, 16, 32, 32, 3),
    ]
    assert nouns(batches) == [e.labels["noun"] for e in examples]
    np.testing.assert_array_equal(batches[0]["video"][3], ve.data.read_frames(examples[3].path))


def test_training_shuffles_anew_and_the_seed_decides(examples):
    one, same, other = (nouns(all_of(examples, train=True, seed=seed, epochs=3)) for seed in (0, 0, 1))
    assert one == same != other and len(one) == 56
    assert one[:16] != one[20:36]


def test_training_moves_crops_and_evaluation_does_not(examples):
    a, b = (all_of(examples[:1], batch=1, size=24, train=True, seed=seed)[0]["video"] for seed in (0, 1))
    assert a.shape == b.shape and not np.array_equal(a, b)
    np.testing.assert_array_equal(all_of(examples, seed=0)[0]["video"], all_of(examples, seed=1)[0]["video"])


def test_a_smaller_size_is_cut_from_the_middle(examples):
    (batch, *_) = all_of(examples, size=(24, 20), short_side=32)
    np.testing.assert_array_equal(batch["video"][0], ve.data.read_frames(examples[0].path)[:, 4:28, 6:26])


def test_frames_of_another_size_are_resized_to_eight_sevenths_before_they_are_cut(examples, tmp_path):
    ramp = np.linspace(40, 200, 96).astype(np.uint8)[:, None, None] * np.ones((4, 96, 128, 3), np.uint8)
    ve.data.write_clip(tmp_path / "large.mp4", ramp)
    example = ve.data.Example(path=tmp_path / "large.mp4", labels={})
    (batch,) = all_of([example], size=28, frames=4)
    shown = batch["video"][0, 0, :, 14].mean(-1)
    expected = np.interp((np.arange(28) + 2.5) / 32 * 96 - 0.5, np.arange(96), ramp[0, :, 0, 0])
    np.testing.assert_allclose(shown, expected, atol=4)  # H.264, and resizing rounds down


def test_of_a_set_larger_than_memory_only_the_frames_needed_are_decoded(examples, monkeypatch):
    expected = all_of(examples, frames=5, stride=2)
    monkeypatch.setattr(pipeline, "MEMORY", 1000)
    monkeypatch.setattr(pipeline, "_kept", kept := pipeline._Kept(1000))
    for one, other in zip(all_of(examples, frames=5, stride=2), expected, strict=True):
        np.testing.assert_array_equal(one["video"], other["video"])
    assert not kept.kept


def test_a_flip_mirrors_all_frames_alike(examples):
    plain, mirrored = (all_of(examples, train=True, flip=flip)[0]["video"] for flip in (0.0, 1.0))
    np.testing.assert_array_equal(mirrored, plain[:, :, :, ::-1])


def test_a_broken_file_is_named_with_its_place(examples, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    bad = ve.data.Example(path=tmp_path / "bad.mp4", labels=examples[0].labels)
    for place in (0, 3):
        with pytest.raises(ValueError, match=rf"example {place}: .*bad.mp4 cannot be read as video"):
            all_of([*examples[:place], bad])


class Odd(ValueError):
    """An error that takes two arguments."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class Foreign(RuntimeError):
    """An error that takes none by its place."""

    def __init__(self, *, why):
        super().__init__(why)


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (
            UnicodeDecodeError("utf-8", b"\xf6", 0, 1, "invalid start byte"),
            ValueError,
            "example 1: .*invalid start byte",
        ),
        (Odd(3, 4), ValueError, "example 1: 3 and 4"),
        (FileNotFoundError(2, "No such file", "a.mp4"), FileNotFoundError, "example 1: .*No such file.*a.mp4"),
        (Foreign(why="no reason"), Foreign, r"no reason\nexample 1"),
        (KeyError("axis"), KeyError, r"'axis'\nexample 1"),
    ],
)
def test_an_error_of_any_class_names_its_example(examples, monkeypatch, error, kind, message):
    first, *_ = all_of(examples[:1])

    def broken(example, choose, **options):
        if example is examples[1]:
            raise error
        return first["video"][0][choose(16)]

    monkeypatch.setattr(pipeline, "_kept", broken)
    with pytest.raises(kind, match=message) as raised:
        all_of(examples[:2])
    assert raised.value is error or raised.value.__cause__ is error


def test_a_long_film_behind_a_short_one_is_not_decoded_whole(examples, tmp_path, monkeypatch):
    long = films.write(tmp_path / "long.mp4", np.repeat(films.numbered(40), 40, 0), g="40")
    monkeypatch.setattr(pipeline, "MEMORY", 2 * 300 * 32 * 32 * 3)
    monkeypatch.setattr(pipeline, "_kept", kept := pipeline._Kept(pipeline.MEMORY))
    pair = [examples[0], ve.data.Example(path=long, labels=examples[0].labels)]
    for order in (pair, pair[::-1]):
        (batch,) = all_of(order, frames=8, batch=2)
        assert batch["video"].shape == (2, 8, 32, 32, 3)
        all_of(order, frames=8, batch=2, epochs=2)
    assert [key[0] for key in kept.kept] == [examples[0].path] and kept.held == 16 * 32 * 32 * 3
    monkeypatch.setattr(pipeline, "MEMORY", 1 << 30)  # there is room, but the film is 200 times as long as a clip
    all_of(pair, frames=8, batch=2)
    assert [key[0] for key in kept.kept] == [examples[0].path]
    assert films.numbers(batch["video"][:1, 0]) == [19]  # the middle of 1,600 frames


def test_one_broken_picture_is_no_harm_to_a_clip_of_others(examples, tmp_path):
    def broken(pieces):
        for n, piece in enumerate(pieces):
            yield dataclasses.replace(piece, data=piece.data[:20] + bytes(50)) if n == 2 else piece

    source = films.write(tmp_path / "whole.avi", films.numbered(30), codec="mjpeg")
    path = films.remux(source, tmp_path / "broken.avi", broken)
    with pytest.warns(UserWarning, match="broken.avi: 1 of its pictures cannot be decoded"):
        (batch,) = all_of([ve.data.Example(path=path, labels=examples[0].labels)], frames=4, size=(48, 64))
    assert films.numbers(batch["video"][0]) == [13, 14, 15, 16]


def test_missing_and_empty_files_are_counted_before_anything_is_read(examples, tmp_path):
    (tmp_path / "empty.mp4").touch()
    bad = [ve.data.Example(path=tmp_path / name, labels={}) for name in ("gone.mp4", "empty.mp4")]
    message = r"2 of 7 files are missing or empty; the first is example 5, .*gone.mp4"
    with pytest.raises(FileNotFoundError, match=message):
        ve.data.batches([*examples[:5], *bad], frames=16, size=32, batch=2)


def test_frames_smaller_than_the_model_s_are_refused(examples):
    message = r"example 0: frames of \(height, width\) \(32, 32\) are smaller than the \(64, 64\)"
    with pytest.raises(ValueError, match=message):
        all_of(examples, size=64, short_side=32)


def test_pixels_become_minus_one_to_one():
    np.testing.assert_array_equal(ve.data.normalise(np.array([0, 255], np.uint8)), [-1, 1])
    assert ve.data.normalise(np.zeros(1, np.uint8)).dtype == np.float32


def test_decoded_clips_are_kept_within_their_memory(examples):
    kept, fit = pipeline._Kept(memory=3 * 16 * 32 * 32 * 3), pipeline._Fit((32, 32), None)
    for example in examples:
        kept(example, np.arange, fit=fit, share=1 << 20, most=16)
    assert len(kept.kept) == 3 and kept.held == kept.memory
    (last,) = [kept.kept[key] for key in kept.kept if key[0] == examples[-1].path]
    np.testing.assert_array_equal(
        kept(examples[-1], lambda count: np.array([count - 1]), fit=fit, share=0, most=0), last[-1:]
    )


@pytest.mark.parametrize("size", [np.int64(24), np.array([24, 20]), (np.int8(24), 20), [24, 20]])
def test_a_size_may_be_of_any_library(examples, size, untyped):
    (batch, *_) = all_of(examples[:2], size=size, frames=np.int32(4))
    assert batch["video"].shape == (2, 4, 24, 24 if np.ndim(size) == 0 else 20, 3)


def test_a_file_s_name_may_be_a_str(examples):
    named = [dataclasses.replace(example, path=str(example.path)) for example in examples[:2]]
    assert named == examples[:2]
    np.testing.assert_array_equal(all_of(named)[0]["video"], all_of(examples[:2])[0]["video"])


GOLDEN = ["250_4_32_2", "60_4_32_2", "75_3_16_4", "13_4_8_2", "300_10_32_2", "5_2_8_4"]


@pytest.mark.parametrize("key", GOLDEN)
def test_clips_start_where_the_released_code_starts_them(key):
    golden = golden_files.load("scenic_data.npz")
    length, views, frames, stride = map(int, key.split("_"))
    offsets = view_offsets(length, frames, stride, views)
    np.testing.assert_array_equal(
        [clip_indices(length, frames, stride, o) for o in offsets.tolist()], golden[f"clips/{key}"]
    )
    middle = clip_indices(length, frames, stride, centre_offset(length, frames, stride))
    np.testing.assert_array_equal(middle, golden[f"middle/{length}_{frames}_{stride}"])


def test_every_start_that_leaves_room_is_drawn():
    rng = np.random.default_rng(0)
    assert {random_offset(10, 4, 2, rng) for _ in range(300)} == set(range(4))
    assert {random_offset(5, 4, 2, rng) for _ in range(30)} == {0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch must be at least 1; got 0"),
        ({"stride": 0}, "stride must be at least 1; got 0"),
        ({"flip": 1.5}, r"flip must be in \[0, 1\]; got 1.5"),
        ({"frames": 4.5}, "frames must be a whole number; got 4.5"),
        ({"stride": 1.5}, "stride must be a whole number; got 1.5"),
        ({"seed": -1}, "seed must be at least 0; got -1"),
        ({"epochs": 0}, "epochs must be at least 1; got 0"),
        ({"epochs": -1}, "epochs must be at least 1; got -1"),
        ({"size": 0}, "size must be at least 1 pixel high and wide; got 0"),
        ({"size": 24.0}, r"size must be whole numbers \(height, width\); got 24.0"),
        ({"size": (1, 2, 3)}, r"size must be whole numbers \(height, width\); got \(1, 2, 3\)"),
        ({"short_side": 0}, "short_side must be at least 1; got 0"),
    ],
)
def test_arguments_out_of_range_get_one_sentence(examples, options, message, untyped):
    with pytest.raises(ValueError, match=message):
        all_of(examples, **options)
    with pytest.raises(ValueError, match=r"got no examples"):
        all_of([])
