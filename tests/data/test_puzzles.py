"""The puzzle asks what it says: no linear classifier of a sum over frames answers it, and one that is not does."""

import numpy as np
import pytest

from vivit_edu.data.puzzles import LIGHT, same_place


def lit_places(video, frame, patch):
    """The place lit in one frame of each clip, which is the only one."""
    places = (video[:, frame, ::patch, ::patch, 0] == LIGHT).reshape(len(video), -1)
    assert (places.sum(1) == 1).all()
    return places.argmax(1)


def test_the_label_says_whether_first_and_last_place_are_one():
    batch = same_place(50, np.random.default_rng(0), frames=5, grid=(2, 3), patch=4)
    video = batch["video"]
    assert video.shape == (50, 5, 8, 12, 3) and video.dtype == np.uint8
    same = lit_places(video, 0, 4) == lit_places(video, 4, 4)
    np.testing.assert_array_equal(batch["labels"]["same"], same)
    assert same.sum() == 25 and video[:, 1:-1].max() < LIGHT


def test_each_frame_alone_says_nothing():
    batch = same_place(24_000, np.random.default_rng(0), grid=(2, 3))
    for frame in (0, -1):
        for label in (0, 1):
            places = lit_places(batch["video"][batch["labels"]["same"] == label], frame, 4)
            counts = np.bincount(places, minlength=6)
            assert np.abs(counts - 2000).max() < 4 * np.sqrt(2000)  # four standard deviations of a count


def test_the_best_linear_classifier_of_a_sum_over_frames_is_a_guess():
    batch = same_place(20_000, np.random.default_rng(0), grid=(2, 2), patch=2)
    x = batch["video"].reshape(20_000, -1)[:, ::3] / 255  # every pixel of every frame, one weight for each
    y = 2.0 * batch["labels"]["same"] - 1
    fitted = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)[0]
    assert np.abs(np.column_stack([x, np.ones(len(x))]) @ fitted).max() < 0.1  # of scores that should be 1 and -1


def test_a_classifier_that_is_not_linear_needs_no_more_than_the_sum():
    batch = same_place(200, np.random.default_rng(0))
    lit = batch["video"][:, :, ::4, ::4, 0] == LIGHT
    np.testing.assert_array_equal(lit.sum(1).max((1, 2)) == 2, batch["labels"]["same"])


def test_fewer_than_two_frames_or_places_are_refused():
    with pytest.raises(ValueError, match="got 1 frames"):
        same_place(4, np.random.default_rng(0), frames=1)
    with pytest.raises(ValueError, match=r"a grid of \(1, 1\)"):
        same_place(4, np.random.default_rng(0), grid=(1, 1))
