"""Scores of maps: by hand where the truth is drawn by hand, by counting where chance is, on a trained model at last."""

import dataclasses
from itertools import combinations

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from toys import toy_clips, toy_config, toy_model

import vivit_edu as ve
from vivit_edu.data.clips import Truth
from vivit_edu.explain import faithfulness
from vivit_edu.explain.relevance import METHODS
from vivit_edu.explain.verdict import Row, Table, interval

GRID = (4, 2, 3)
TARGET = np.array([3, 1])


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
    scores = faithfulness.against_truth(mask.astype(float), mask, mask.any((2, 3)))
    assert {name: float(value[0]) for name, value in scores.items()} == {"pointing": 1, "overlap": 1, "time": 1}


def test_scores_of_a_map_drawn_by_hand():
    mask, moving = object_at((1, 0, 2), (2, 1, 0)), np.array([[False, True, False, False]])
    maps = map_of({(1, 0, 2): 0.5, (3, 1, 1): 0.9, (2, 1, 0): 0.2})  # of the largest two, one is the object's
    scores = faithfulness.against_truth(maps, mask, moving)
    assert scores["pointing"] == 0 and scores["overlap"] == pytest.approx(1 / 3) and scores["time"] == 0
    assert faithfulness.against_truth(maps, mask, ~moving)["time"] == 1


def test_a_clip_without_an_object_has_no_pointing():
    none = np.zeros((1, *GRID), bool)
    for scores in (
        faithfulness.against_truth(map_of({}), none, none.any((2, 3))),
        faithfulness.chance(none, none[..., 0, 0]),
    ):
        assert np.isnan(scores["pointing"]).all() and np.isnan(scores["overlap"]).all() and scores["time"] == 0


@pytest.mark.parametrize(("size", "tokens"), [(1, 6), (2, 7), (4, 6), (6, 6)])
def test_chance_of_overlap_is_the_mean_over_all_choices(size, tokens):
    true = set(range(size))
    shares = [len(true & set(c)) / len(true | set(c)) for c in combinations(range(tokens), size)]
    assert faithfulness._expected_overlap(size, tokens) == pytest.approx(np.mean(shares))


def test_chance_is_the_mean_over_maps_of_noise():
    mask, moving = object_at((0, 0, 0), (1, 1, 2), (1, 0, 0)), np.array([[True, False, False, True]])
    maps = np.random.default_rng(0).random((4000, *GRID))
    scores = faithfulness.against_truth(maps, np.repeat(mask, 4000, 0), np.repeat(moving, 4000, 0))
    for name, value in faithfulness.chance(mask, moving).items():
        # 4,000 draws have a standard error of at most 0.008
        assert float(value[0]) == pytest.approx(scores[name].mean(), abs=0.03)


@pytest.mark.parametrize("tokeniser", ["tubelet", "uniform"])
def test_deletion_and_insertion_are_areas_of_single_questions(tokeniser):
    model = toy_model(tokeniser=tokeniser)
    video = toy_clips(model.config)
    maps = np.random.default_rng(2).random((2, *GRID))
    areas = faithfulness._ask(model, video, TARGET, None, 3, maps)
    frames, ask = faithfulness.frames_of(model.config), nnx.jit(lambda m, v: m(v))
    for name in areas:
        curves = []
        for count in (0, 8, 16, 24):
            clips = []
            for clip, one in zip(video, maps, strict=True):
                hidden = clip.copy()
                tokens = np.argsort(-one.ravel())
                for token in tokens[:count] if name == "deletion" else tokens[count:]:
                    time, row, column = np.unravel_index(token, GRID)
                    where = np.ix_(frames[time], range(3 * row, 3 * row + 3), range(4 * column, 4 * column + 4))
                    hidden[where] = clip.mean((0, 1, 2))
                clips.append(hidden)
            odds = np.exp(np.asarray(ask(model, np.stack(clips)), np.float64))
            curves.append((odds / odds.sum(-1, keepdims=True))[np.arange(2), TARGET])
        expected = np.trapezoid(np.stack(curves), dx=1 / 3, axis=0)
        if tokeniser == "uniform":  # frames that no token is made of are never shown: the model does not see them
            assert not frames.all()
        np.testing.assert_allclose(areas[name], expected, atol=2e-6)  # float32


def test_rank_correlation_is_that_of_ranks():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, (2, 3, *GRID)).astype(float)  # with ties
    expected = [spearmanr(one.ravel(), two.ravel()).statistic for one, two in zip(a, b, strict=True)]
    np.testing.assert_allclose(faithfulness.rank_correlation(a, b), expected)
    np.testing.assert_array_equal(faithfulness.rank_correlation(a, np.ones_like(b)), 0)


def test_redrawn_parameters_keep_mean_and_deviation_and_nothing_else():
    model = toy_model()
    other = faithfulness.redrawn(model, 3)
    ours, theirs = (m.body.encoder.blocks.layers[0].mlp.first.kernel[...] for m in (model, other))
    assert abs(np.corrcoef(np.ravel(ours), np.ravel(theirs))[0, 1]) < 0.4  # 96 numbers: 4 standard errors
    assert jnp.std(theirs) == pytest.approx(float(jnp.std(ours)), rel=0.3)
    again = faithfulness.redrawn(model, 3).body.encoder.blocks.layers[0].mlp.first.kernel[...]
    np.testing.assert_array_equal(theirs, again)


def test_truth_on_tokens():
    mask = np.zeros((8, 6, 12), bool)
    mask[5, 3, 11] = True
    what = Truth(mask=mask, events=(("rest", 0, 4), ("go", 4, 6), ("rest", 6, 8)))
    tokens, moving = faithfulness.on_tokens(what, toy_config())
    assert np.argwhere(tokens).tolist() == [[2, 1, 2]] and moving.tolist() == [False, False, True, False]
    with pytest.raises(ValueError, match=r"clips' size \(6, 12\) is not the model's, \(6, 8\)"):
        faithfulness.on_tokens(what, toy_config(size=(6, 8)))


def test_intervals_are_seeded_and_shrink_with_more_clips():
    values = np.random.default_rng(0).random(400)
    low, high = interval(values)
    assert (low, high) == interval(values) and low < values.mean() < high
    # the mean's standard error times 1.96, within the bootstrap's own noise
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    assert interval(np.array([1.0, np.nan, 1.0])) == (1, 1)


def test_the_table_says_where_attention_loses():
    rng = np.random.default_rng(0)
    noise, low, high = (rng.uniform(at, at + 0.1, 50) for at in (0.5, 0.1, 0.8))
    values = {"attention": (low, high, noise), "occlusion": (high, low, noise), "chance": (noise, noise, noise)}
    rows = [
        Row(method, measure, one)
        for method, three in values.items()
        for measure, one in zip(("pointing", "deletion", "insertion"), three, strict=True)
    ]
    table = Table(rows=tuple(rows), name="a <model>")
    assert table.verdict() == (
        f"Attention loses to occlusion in pointing ({low.mean():.2f} against {high.mean():.2f}), "
        f"deletion ({high.mean():.2f} against {low.mean():.2f}); it cannot be told from occlusion in "
        f"insertion ({noise.mean():.2f} against {noise.mean():.2f})."
    )
    shown = table._repr_html_()
    assert "a &lt;model&gt;, 50 clips" in shown and table.verdict() in shown and shown.count("<tr>") == 4
    assert table.methods[-1] == "chance" and table["occlusion", "pointing"].value == high.mean()
    with pytest.raises(KeyError, match="measures pointing, deletion, insertion"):
        table["attention", "overlap"]


def test_what_cannot_be_scored_is_refused(tmp_path):
    model = toy_model()
    example = ve.data.Example(path=tmp_path / "a.mp4", labels={"verb": 1}, id="a")
    with pytest.raises(
        ValueError, match="expected at least 2 examples, batch and steps of at least 1; got 1, 50 and 16"
    ):
        faithfulness.score(model, [example])
    with pytest.raises(ValueError, match="no label 'noun' in 2 examples, the first a"):
        faithfulness.score(model, [example, dataclasses.replace(example, id="b")])


@pytest.mark.slow
def test_on_a_trained_model_methods_point_at_the_object_and_beat_chance(clips):
    model = ve.pretrained.load("ViViT-nano/8x2 FE")
    every = ve.data.clips.examples("test", clips)
    table = faithfulness.score(model, every[::24], METHODS, batch=20)  # 40 clips
    assert table["occlusion", "pointing"].value >= 0.8 > table["chance", "pointing"].value + 0.2
    assert table["occlusion", "deletion"].value < table["chance", "deletion"].value - 0.1
    assert table["occlusion", "insertion"].value > table["chance", "insertion"].value + 0.1
    for name in METHODS:
        assert abs(table[name, "redrawn"].value) < 0.3
