"""The loss, the update, and how labels meet heads."""

import golden_files
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from toys import toy_config

import vivit_edu as ve
from vivit_edu.training import Recipe
from vivit_edu.training.step import by_head, loss, train_step


def pixels(config, batch=4, seed=0):
    shape = (batch, config.frames, *config.size, config.channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(("smoothing", "key"), [(0.0, "None"), (0.2, "0.2"), (0.3, "0.3")])
def test_cross_entropy_with_label_smoothing_is_the_released_code_s(smoothing, key):
    golden = golden_files.load("scenic_extras.npz")
    labels = {"label": jnp.asarray(golden["ce/onehot"].argmax(-1))}
    np.testing.assert_allclose(loss(golden["ce/logits"], labels, smoothing), golden[f"ce/loss_ls{key}"], rtol=1e-5)


def test_two_heads_have_the_mean_of_their_losses_as_in_the_released_code():
    golden = golden_files.load("scenic_extras.npz")
    (nouns,) = np.cumsum(golden["ek/class_splits"])[:-1]
    split = lambda x: {"noun": x[:, :nouns], "verb": x[:, nouns:]}  # noqa: E731
    labels = {name: jnp.asarray(onehot.argmax(-1)) for name, onehot in split(golden["ek/onehot"]).items()}
    value = loss({k: jnp.asarray(v) for k, v in split(golden["ek/logits"]).items()}, labels, 0.2)
    np.testing.assert_allclose(value, golden["ek/loss_ls0.2"], rtol=1e-5)


def test_a_new_model_starts_at_the_loss_of_guessing():
    model = ve.ViViT(toy_config(classes={"verb": 4, "noun": 3}), rngs=nnx.Rngs(0))
    labels = {"verb": jnp.array([0, 1]), "noun": jnp.array([2, 0])}
    logits = model(pixels(model.config, batch=2) / np.float32(255))
    np.testing.assert_allclose(loss(logits, labels), (np.log(4) + np.log(3)) / 2, rtol=1e-6)


def test_steps_on_one_batch_bring_the_loss_down_and_move_every_parameter():
    model = ve.ViViT(toy_config(body="factorised_encoder", classes=4), rngs=nnx.Rngs(0))
    before = {path: np.array(value[...]) for path, value in nnx.to_flat_state(nnx.state(model, nnx.Param))}
    optimiser = nnx.Optimizer(model, Recipe(steps=40, learning_rate=1e-2).transformation(), wrt=nnx.Param)
    batch = {"video": pixels(model.config), "labels": {"label": np.arange(4)}}
    values = [float(train_step(model, optimiser, batch, smoothing=0.0)["loss"]) for _ in range(40)]
    assert values[-1] < 0.5 * values[0]
    after = dict(nnx.to_flat_state(nnx.state(model, nnx.Param)))
    assert not [path for path, value in before.items() if np.array_equal(value, after[path][...])]


def test_labels_that_no_head_can_use_are_refused():
    with pytest.raises(ValueError, match="no label for verb; they have noun"):
        by_head({"verb": jnp.zeros((2, 3)), "noun": jnp.zeros((2, 4))}, {"noun": jnp.zeros(2)})
    with pytest.raises(ValueError, match="one head needs one label a clip; got noun, verb"):
        by_head(jnp.zeros((2, 3)), {"noun": jnp.zeros(2), "verb": jnp.zeros(2)})


def test_the_learning_rate_warms_up_and_decays_to_zero():
    schedule = Recipe(steps=100, warmup=10, learning_rate=0.3).schedule()
    np.testing.assert_allclose([schedule(0), schedule(5), schedule(10), schedule(100)], [0, 0.15, 0.3, 0], atol=1e-7)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("steps", 0, "steps must be above 0; got 0"),
        ("learning_rate", -1.0, "learning_rate must be above 0; got -1.0"),
        ("warmup", 600, "warmup must be from 0 to below 600 steps; got 600"),
        ("weight_decay", -0.1, "weight_decay must not be below 0; got -0.1"),
        ("b2", 1.0, r"b2 must be in \[0, 1\); got 1.0"),
        ("label_smoothing", 1.0, r"label_smoothing must be in \[0, 1\); got 1.0"),
    ],
)
def test_a_recipe_out_of_range_gets_one_clear_sentence(field, value, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**{field: value})
