"""Maps against the truth: by hand where the truth is drawn by hand, by counting where chance is."""

from itertools import combinations

import numpy as np
import pytest
from toys import toy_config

from vivit_edu.data.clips import Truth
from vivit_edu.explain import agreement

GRID = (4, 2, 3)


def object_at(*tokens):
    mask = np.zeros((1, *GRID), bool)
    for token in tokens:
        mask[(0, *token)] = True
    return mask


def map_of(values):
    """Noise below 0.1, and these values at these tokens."""
    maps = np.random.default_rng(0).uniform(0, 0.01, (1, *GRID))
    for token, value in values.items():
        maps[(0, *token)] = value
    return maps


def test_a_map_that_is_the_mask_scores_one():
    mask = object_at((1, 0, 2), (2, 1, 0), (2, 0, 0))
    scores = agreement.against_truth(mask.astype(float), mask, mask.any((2, 3)))
    assert {name: float(value[0]) for name, value in scores.items()} == {"pointing": 1, "overlap": 1, "time": 1}


def test_scores_of_a_map_drawn_by_hand():
    mask, moving = object_at((1, 0, 2), (2, 1, 0)), np.array([[False, True, False, False]])
    maps = map_of({(1, 0, 2): 0.5, (3, 1, 1): 0.9, (2, 1, 0): 0.2})  # of the largest two, one is the object's
    scores = agreement.against_truth(maps, mask, moving)
    assert scores["pointing"] == 0 and scores["overlap"] == pytest.approx(1 / 3) and scores["time"] == 0
    assert agreement.against_truth(maps, mask, ~moving)["time"] == 1


def test_a_clip_without_an_object_has_no_pointing():
    none = np.zeros((1, *GRID), bool)
    for scores in (
        agreement.against_truth(map_of({}), none, none.any((2, 3))),
        agreement.chance(none, none[..., 0, 0]),
    ):
        assert np.isnan(scores["pointing"]).all() and np.isnan(scores["overlap"]).all() and scores["time"] == 0


@pytest.mark.parametrize(("size", "tokens"), [(1, 6), (2, 7), (4, 6), (6, 6)])
def test_chance_of_overlap_is_the_mean_over_all_choices(size, tokens):
    true = set(range(size))
    shares = [len(true & set(c)) / len(true | set(c)) for c in combinations(range(tokens), size)]
    assert agreement._expected_overlap(size, tokens) == pytest.approx(np.mean(shares))


def test_chance_is_the_mean_over_maps_of_noise():
    mask, moving = object_at((0, 0, 0), (1, 1, 2), (1, 0, 0)), np.array([[True, False, False, True]])
    maps = np.random.default_rng(0).random((4000, *GRID))
    scores = agreement.against_truth(maps, np.repeat(mask, 4000, 0), np.repeat(moving, 4000, 0))
    for name, value in agreement.chance(mask, moving).items():
        # 4,000 draws have a standard error of at most 0.008
        assert float(value[0]) == pytest.approx(scores[name].mean(), abs=0.03)


def test_rank_correlation_is_that_of_ranks():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, (2, 3, *GRID)).astype(float)  # with ties
    expected = [spearmanr(one.ravel(), two.ravel()).statistic for one, two in zip(a, b, strict=True)]
    np.testing.assert_allclose(agreement.rank_correlation(a, b), expected)
    np.testing.assert_array_equal(agreement.rank_correlation(a, np.ones_like(b)), 0)


def test_truth_on_tokens():
    mask = np.zeros((8, 6, 12), bool)
    mask[5, 3, 11] = True
    what = Truth(mask=mask, events=(("rest", 0, 4), ("go", 4, 6), ("rest", 6, 8)))
    tokens, moving = agreement.on_tokens(what, toy_config())
    assert np.argwhere(tokens).tolist() == [[2, 1, 2]] and moving.tolist() == [False, False, True, False]
    with pytest.raises(ValueError, match=r"clips' size \(6, 12\) is not the model's, \(6, 8\)"):
        agreement.on_tokens(what, toy_config(size=(6, 8)))
