"""What is asked of a model leaves it whole: within jax's transformations, and where anything in it fails."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from toys import arrays_of, toy_clips, toy_model

import vivit_edu as ve
from vivit_edu.explain import faithfulness, inside, knockout, relevance
from vivit_edu.explain.explorer.rows import record_rows
from vivit_edu.training import Recipe
from vivit_edu.training.step import predict_step, train_step

ASKED = {  # of a model and one clip
    "record_attention": lambda m, v: ve.explain.record_attention(m, v, queries=[0])[0],
    "chances": lambda m, v: knockout.chances(m, v)["class"],
    "masks": lambda m, v: knockout.masks(m, v, ["time/0|1"])["time/0"],
    "record_rows": lambda m, v: record_rows(m, v).projections["time/0"][0],
    "attention": relevance.attention,
    "attention_rollout": relevance.attention_rollout,
    "gradient_rollout": relevance.gradient_rollout,
    "input_gradient": relevance.input_gradient,
    "occlusion": relevance.occlusion,
    "Explorer": lambda m, v: ve.explain.Explorer(m, v).frame * 1.0,
    "residual_norms": lambda m, v: inside.residual_norms(m.body.space, m.tokenise(v)),
    "redrawn": lambda m, v: faithfulness.redrawn(m).heads.output.bias[...] + v.sum(),
}
WITHIN = {
    "jit": jax.jit,
    "nnx.jit": nnx.jit,
    "grad": lambda ask: jax.grad(lambda v: jnp.sum(ask(v))),
    "vmap": lambda ask: lambda v: jax.vmap(ask)(v[None]),
    "eval_shape": lambda ask: lambda v: jax.eval_shape(ask, v),
    "scan": lambda ask: lambda v: jax.lax.scan(lambda carry, one: (carry, ask(one)), 0, v[None]),
    "remat": lambda ask: jax.jit(jax.checkpoint(ask)),
}


@pytest.fixture(scope="module")
def model():
    return toy_model(body="factorised_encoder")


@pytest.fixture(autouse=True)
def _stays_whole(request):
    """After every test here the model has its parts, the same parameters of the same numbers, and its mode."""
    model = request.getfixturevalue("model")
    parts = lambda: dict(nnx.to_flat_state(nnx.state(model)))  # noqa: E731
    before, numbers, structure = parts(), arrays_of(model), nnx.graphdef(model)
    yield
    after = parts()
    assert before.keys() == after.keys() and all(before[path] is after[path] for path in before)
    jax.tree.map(np.testing.assert_array_equal, arrays_of(model), numbers)
    assert nnx.graphdef(model) == structure


@pytest.mark.parametrize("transformation", WITHIN)
@pytest.mark.parametrize("asked", ASKED)
def test_within_a_transformation_a_sentence_says_what_is_missing(model, asked, transformation):
    if asked == "Explorer":
        pytest.importorskip("anywidget")
    video = jnp.asarray(toy_clips(model.config, batch=1))
    if asked == "redrawn" and transformation in ("grad", "vmap"):
        WITHIN[transformation](lambda v: ASKED[asked](model, v))(video)  # its only argument is whole
        return
    with pytest.raises(
        ValueError, match=r"^\w+ works on numbers, which are not there yet within jax.*: call it outside"
    ):
        WITHIN[transformation](lambda v: ASKED[asked](model, v))(video)


@pytest.mark.parametrize("transformation", [nnx.jit, lambda ask: nnx.grad(lambda m, v: ask(m, v).sum())])
def test_a_model_that_is_traced_itself_is_refused_likewise(model, transformation):
    with pytest.raises(ValueError, match="record_attention works on numbers"):
        transformation(ASKED["record_attention"])(model, toy_clips(model.config, batch=1))


@pytest.mark.parametrize("transformation", ["grad", "vmap"])
def test_beside_what_is_transformed_numbers_stay_numbers(model, transformation):
    video = toy_clips(model.config, batch=1)
    expected = knockout.chances(model, video, ["space/0|1"])["class"]

    def ask(x):
        np.testing.assert_array_equal(knockout.chances(model, video, ["space/0|1"])["class"], expected)
        return jnp.sum(x)

    WITHIN[transformation](ask)(jnp.ones(3))


def test_the_answers_of_clips_can_be_part_of_a_program(model):
    pixels = np.random.default_rng(0).integers(0, 255, (2, 8, 6, 12, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        jax.jit(lambda v: predict_step(model, v))(pixels), predict_step(model, pixels), rtol=1e-5
    )


@pytest.mark.parametrize("asked", ["record_attention", "chances", "record_rows", "occlusion", "input_gradient"])
def test_a_clip_that_does_not_fit_changes_nothing(model, asked):
    with pytest.raises(ValueError, match="takes clips"):
        ASKED[asked](model, toy_clips(model.config, batch=1)[:, 1:])


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MemoryError])
def test_an_error_on_the_way_changes_nothing(model, error, monkeypatch):
    def fail(*_, **__):
        raise error("on the way")

    monkeypatch.setattr(ve.attention, "attention", fail)
    for asked in ("record_attention", "attention_rollout", "input_gradient"):
        with pytest.raises(error, match="on the way"):
            ASKED[asked](model, toy_clips(model.config, batch=5))  # for so many, nothing is compiled yet


def batch_for(model, label=4):
    pixels = np.random.default_rng(0).integers(0, 255, (3, 8, 6, 12, 3), dtype=np.uint8)
    return {"video": pixels, "labels": {"class": np.array([0, 2, label])}}


@pytest.mark.parametrize("transformation", ["jit", "eval_shape", "scan"])
def test_a_step_of_training_is_refused_within_a_transformation(model, transformation):
    optimiser, batch = nnx.Optimizer(model, Recipe().transformation(), wrt=nnx.Param), batch_for(model)

    def step(x):
        train_step(model, optimiser, batch, smoothing=0.0)
        return x

    with pytest.raises(ValueError, match="train_step works on numbers"):
        WITHIN[transformation](step)(jnp.ones(2))


def test_a_batch_that_does_not_fit_leaves_model_and_optimiser_as_they_were(model):
    optimiser = nnx.Optimizer(model, Recipe().transformation(), wrt=nnx.Param)
    moments = jax.tree.leaves(nnx.state(optimiser))
    for batch in (
        batch_for(model) | {"labels": {}},
        batch_for(model) | {"video": np.zeros((3, 8, 6, 11, 3), np.uint8)},
    ):
        with pytest.raises(ValueError, match=r"needs one label|takes clips"):
            train_step(model, optimiser, batch, smoothing=0.0)
    assert len(jax.tree.leaves(nnx.state(optimiser))) == len(moments)
