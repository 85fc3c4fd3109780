"""The loop: a tiny model learns, the history tells it, the seed decides."""

import numpy as np
import pytest
from flax import nnx
from toys import arrays_of

import vivit_edu as ve
from vivit_edu.training import Recipe, evaluate, fit, predict, step

pytestmark = pytest.mark.slow  # each model compiles its own step


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = ve.data.make_clips(tmp_path_factory.mktemp("clips"), train=1, validation=0, test=1, progress=False)
    return {s: ve.data.clips.examples(s, folder, verbs=["grow", "blink_thrice"]) for s in ("train", "test")}


def tiny(seed=0, **overrides):
    config = ve.named("ViViT-nano/16x4 FE", width=16, depth=1, heads=2, temporal_depth=1, **overrides)
    return ve.ViViT(config, rngs=nnx.Rngs(seed))


def test_a_tiny_model_learns_its_training_clips_and_the_history_tells_it(examples):
    recipe = Recipe(steps=60, batch=10, learning_rate=1e-2, weight_decay=0.0)
    state, history = fit(tiny(), examples["train"], recipe, validation=examples["test"], every=30)
    assert history["step"].tolist() == list(range(1, 61)) and history["validation/step"].tolist() == [30, 60]
    assert history["loss"][-5:].mean() < 0.7 * history["loss"][:5].mean()
    assert history["learning_rate"].argmax() == recipe.warmup and state.step == 60
    assert {"verb", "noun", "validation/verb", "validation/noun", "validation/action"} <= history.keys()


def test_the_same_seed_gives_the_same_history(examples):
    one, same = (fit(tiny(), examples["train"], Recipe(steps=4, batch=10))[1]["loss"] for _ in range(2))
    np.testing.assert_array_equal(one, same)


def test_a_look_at_other_clips_on_the_way_changes_nothing(examples):
    recipe, random = Recipe(steps=6, batch=10), {"dropout": 0.3, "stochastic_depth": 0.5}
    _, alone = fit(tiny(**random), examples["train"], recipe)
    _, watched = fit(tiny(**random), examples["train"], recipe, validation=examples["test"], every=2)
    np.testing.assert_array_equal(alone["loss"], watched["loss"])
    _, certain = fit(tiny(), examples["train"], recipe)
    assert (alone["loss"] != certain["loss"])[1:].all()  # a new head answers zero, whatever was left out


def test_scores_are_those_of_the_predictions(examples):
    model = tiny()
    logits, labels = predict(model, examples["test"], batch=7)
    assert logits["verb"].shape == (20, 19) and labels["noun"].tolist() == [e.labels["noun"] for e in examples["test"]]
    scores = evaluate(model, examples["test"], batch=20)
    right = {name: logits[name].argmax(-1) == labels[name] for name in logits}
    assert scores["verb"] == right["verb"].mean() and scores["action"] == (right["verb"] & right["noun"]).mean()


def test_the_model_given_is_trained_in_place_and_ends_in_evaluation_mode(examples):
    model = tiny()
    state, _ = fit(model, examples["train"], Recipe(steps=2, batch=10))
    assert state.model is model
    assert model.body.space.dropout.deterministic


def test_too_few_or_no_examples_are_refused(examples):
    with pytest.raises(ValueError, match="a batch of 48 clips needs at least as many examples; got 20"):
        fit(model := tiny(), examples["train"], Recipe(steps=2))
    assert model.body.space.dropout.deterministic  # as it came
    with pytest.raises(ValueError, match="nothing to predict"):
        predict(tiny(), [])


@pytest.mark.parametrize("what", ["reading", "the validation", "the step"])
def test_whatever_ends_a_run_the_model_is_whole_and_as_its_last_step_left_it(examples, what, monkeypatch):
    model, clips = tiny(), examples["train"]
    before = arrays_of(model)
    name = {"reading": "batches", "the validation": "evaluate", "the step": "advance"}[what]
    monkeypatch.setattr(f"vivit_edu.training.loop.{name}", two_and_then_stop(what))
    options = {"validation": examples["test"], "every": 1} if what == "the validation" else {}
    with pytest.raises(KeyboardInterrupt, match="enough"):
        fit(model, clips, Recipe(steps=4, batch=10, learning_rate=0.1), **options)
    after = arrays_of(model)
    assert before.keys() == after.keys() and (before["heads/output/bias"] != after["heads/output/bias"]).any()
    assert model.body.space.dropout.deterministic
    assert len(predict(model, clips, batch=10)[0]["verb"]) == len(clips)


def two_and_then_stop(what):
    """`batches`, `advance` or `evaluate`, which fail after two of them."""
    done = []

    def counted():
        done.append(1)
        if len(done) > 2:
            raise KeyboardInterrupt("enough")

    def batches(*args, **options):
        for batch in ve.data.batches(*args, **options):
            counted()
            yield batch

    def other(*args, **options):
        counted()
        return (step.advance if what == "the step" else evaluate)(*args, **options)

    return batches if what == "reading" else other


def test_an_answer_of_a_diverged_model_is_never_right(examples):
    model = tiny()
    kernel = model.heads.output.kernel
    kernel[...] = kernel[...] * np.nan
    scores = evaluate(model, examples["test"])
    assert [scores[name] for name in ("verb", "noun", "action")] == [0, 0, 0] and np.isnan(scores["loss"])
