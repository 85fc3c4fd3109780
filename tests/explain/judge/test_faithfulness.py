"""Scores of maps: by hand where the truth is drawn by hand, by counting where chance is, on a trained model at last."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from toys import toy_clips, toy_config, toy_model

import vivit_edu as ve
from vivit_edu.explain import faithfulness
from vivit_edu.explain.follow.relevance import METHODS
from vivit_edu.explain.judge.verdict import Row, Table, interval

GRID = (4, 2, 3)
TARGET = np.array([3, 1])


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


def test_redrawn_parameters_keep_mean_and_deviation_and_nothing_else():
    model = toy_model()
    other = faithfulness.redrawn(model, 3)
    ours, theirs = (m.body.encoder.blocks.layers[0].mlp.first.kernel[...] for m in (model, other))
    assert abs(np.corrcoef(np.ravel(ours), np.ravel(theirs))[0, 1]) < 0.4  # 96 numbers: 4 standard errors
    assert jnp.std(theirs) == pytest.approx(float(jnp.std(ours)), rel=0.3)
    again = faithfulness.redrawn(model, 3).body.encoder.blocks.layers[0].mlp.first.kernel[...]
    np.testing.assert_array_equal(theirs, again)


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
    assert "a &lt;model&gt;, 50 clips: mean [95 % interval]; high is good, low in deletion</figcaption>" in shown
    assert table.verdict() in shown and shown.count("<tr>") == 4
    assert table.methods[-1] == "chance" and table["occlusion", "pointing"].value == high.mean()
    with pytest.raises(KeyError, match="measures pointing, deletion, insertion"):
        table["attention", "overlap"]
    part = table.of("insertion", "pointing")
    assert part.measures == ("insertion", "pointing") and part["chance", "pointing"] is table["chance", "pointing"]


def test_what_cannot_be_scored_is_refused(tmp_path):
    model = toy_model()
    example = ve.data.Example(path=tmp_path / "a.mp4", labels={"verb": 1}, id="a")
    with pytest.raises(
        ValueError, match="expected at least 2 examples, batch and steps of at least 1; got 1, 50 and 16"
    ):
        faithfulness.score(model, [example])
    with pytest.raises(ValueError, match="no label 'noun' in 2 examples, the first a"):
        faithfulness.score(model, [example, dataclasses.replace(example, id="b")])


@pytest.mark.parametrize("tokeniser", ["tubelet", "uniform"])
def test_joined_clips_are_half_their_own_and_half_another_class(tokeniser):
    config = toy_config(tokeniser=tokeniser)
    video = np.arange(64, dtype=np.float32)[:, None, None, None, None] * np.ones(
        (64, *toy_clips(config).shape[1:]), "f"
    )
    target = np.arange(64) % 3
    joined, where = faithfulness.join(video, target, config, rng=np.random.default_rng(0))
    frames = faithfulness.frames_of(config)
    for clip in range(64):
        own = joined[clip, :, 0, 0, 0] == clip  # (T,)
        (other,) = set(joined[clip, ~own].ravel().astype(int))
        assert target[other] != target[clip]
        for time, token in enumerate(frames):  # a token is of one clip, and the mask says of which
            assert set(own[token]) == {bool(where[clip, time].all())} and len(set(where[clip, time].ravel())) == 1
        assert where[clip].sum() == where[clip].size / 2
    assert 16 < where[:, 0, 0, 0].sum() < 48  # a coin 64 times: 4 standard errors


def test_a_clip_that_meets_no_other_class_stays_and_has_no_half():
    config = toy_config()
    video = toy_clips(config)
    joined, where = faithfulness.join(video, np.array([1, 1]), config, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(joined, video)
    assert not where.any()


@pytest.mark.slow
@pytest.mark.optimised
def test_on_a_trained_model_methods_point_at_the_object_and_beat_chance(clips):
    model = ve.pretrained.load("ViViT-nano/8x2 FE")
    every = ve.data.clips.examples("test", clips)
    table = faithfulness.score(model, every[::24], METHODS, batch=20, steps=8)  # 40 clips
    assert table["occlusion", "pointing"].value >= 0.8 > table["chance", "pointing"].value + 0.2
    assert table["occlusion", "deletion"].value < table["chance", "deletion"].value - 0.1
    assert table["occlusion", "insertion"].value > table["chance", "insertion"].value + 0.1
    for name in METHODS:
        assert abs(table[name, "redrawn"].value) < 0.3
        assert abs(table[name, "redrawn half"].value - 0.5) < 0.32  # 40 tosses of a coin: 4 standard errors
