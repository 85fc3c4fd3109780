"""The one attention function, its tap, and stochastic depth."""

import jax
import numpy as np
import pytest
from flax import nnx
from toys import BODIES, randomise, toy_clips, toy_config, toy_model

import vivit_edu as ve
from vivit_edu.attention import attention
from vivit_edu.encoder import StochasticDepth


def qkv(seed=0, queries=5, keys=7):
    rng = np.random.default_rng(seed)
    shapes = [(2, 3, queries, 4, 6), (2, 3, keys, 4, 6), (2, 3, keys, 4, 6)]
    return [jax.numpy.asarray(rng.normal(size=shape), jax.numpy.float32) for shape in shapes]


def test_attention_is_equation_7_for_each_head():
    q, k, v = qkv()
    y = attention(q, k, v)
    for b, n, a in np.ndindex(2, 3, 4):
        scores = np.float64(q[b, n, :, a]) @ np.float64(k[b, n, :, a]).T / np.sqrt(6)
        weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        np.testing.assert_allclose(y[b, n, :, a], weights @ np.float64(v[b, n, :, a]), rtol=1e-4, atol=1e-6)


def test_large_scores_do_not_overflow():
    q, k, v = qkv()
    assert np.isfinite(attention(q * 1e4, k * 1e4, v)).all()


def test_the_tap_sees_weights_that_sum_to_one_and_may_replace_them():
    q, k, v = qkv()
    seen = {}
    np.testing.assert_array_equal(
        attention(q, k, v, name="here", tap=lambda n, w: seen.setdefault(n, w)), attention(q, k, v)
    )
    assert seen["here"].shape == (2, 3, 4, 5, 7)
    np.testing.assert_allclose(seen["here"].sum(-1), 1, atol=1e-6)
    first_key = attention(q, k, v, tap=lambda name, w: jax.numpy.zeros_like(w).at[..., 0].set(1))
    np.testing.assert_array_equal(first_key, np.broadcast_to(v[:, :, :1], q.shape))


@pytest.mark.parametrize("body", BODIES)
def test_recording_changes_nothing(body):
    model = toy_model(body=body)
    video = toy_clips(model.config)
    names = []
    tapped = model(video, tap=lambda name, weights: names.append(name) or weights)
    np.testing.assert_allclose(tapped, model(video), atol=1e-6)
    assert len(set(names)) == len(names) >= 2


def test_a_knocked_out_head_adds_nothing():
    model = toy_model()
    block, video = model.body.encoder.blocks.layers[0], toy_clips(model.config)
    knock = lambda name, w: w.at[:, 1].set(0) if name == "spacetime/0" else w  # noqa: E731
    with_tap = model(video, tap=knock)
    block.attention.out.kernel[...] = block.attention.out.kernel[...].at[1].set(0)
    np.testing.assert_allclose(with_tap, model(video), atol=1e-6)
    assert np.abs(with_tap - toy_model()(video)).max() > 1e-3


def test_gradients_with_respect_to_the_weights_come_through_the_tap():
    model, video = toy_model(), toy_clips(toy_config())
    epsilon = jax.numpy.zeros((2, 2, 25, 25))

    def logit(epsilon):
        return model(video, tap=lambda n, w: w + epsilon if n == "spacetime/1" else w)[0, 0]

    step = epsilon.at[0, 1, 0, 3].set(1e-2)
    expected = (logit(step) - logit(-step)) / 2e-2
    np.testing.assert_allclose(
        jax.grad(logit)(epsilon)[0, 1, 0, 3], expected, rtol=1e-2, atol=1e-5
    )  # central difference


def test_stochastic_depth_drops_whole_layers_clip_by_clip_at_its_rate():
    skip = StochasticDepth(0.3, rngs=nnx.Rngs(0))
    before, after = np.zeros((2000, 3, 2), np.float32), np.ones((2000, 3, 2), np.float32)
    np.testing.assert_array_equal(skip(after, before), after)
    skip.train()
    kept = np.asarray(skip(after, before))
    assert set(kept.min(axis=(1, 2))) == {0.0, 1.0} and (kept.min(axis=(1, 2)) == kept.max(axis=(1, 2))).all()
    assert abs(kept[:, 0, 0].mean() - 0.7) < 0.05  # 4.9 standard deviations


def test_the_rate_of_stochastic_depth_grows_to_the_last_layer():
    model = ve.ViViT(toy_config(depth=4, stochastic_depth=0.2), rngs=nnx.Rngs(0))
    rates = [skip.rate for skip in model.body.encoder.skips.layers]
    np.testing.assert_allclose(rates, [0.05, 0.1, 0.15, 0.2])  # Eq. 10, layers counted from 1


@pytest.mark.parametrize("body", BODIES)
def test_stochastic_depth_acts_in_every_body_in_training_only(body):
    model = randomise(ve.ViViT(toy_config(body=body, stochastic_depth=0.9), rngs=nnx.Rngs(0)))
    video = toy_clips(model.config)
    np.testing.assert_allclose(model(video), toy_model(body=body)(video), atol=1e-6)
    model.train()
    assert np.abs(model(video) - model(video)).max() > 1e-3
