"""LayerNorm against float64 loops, where float32 is short of digits, and its derivative against differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
from flax import nnx
from toys import arrays_of, toy_clips, toy_config, toy_model

from vivit_edu.encoder import LayerNorm

RNG = np.random.default_rng(3)


def norm_of(width, **overrides):
    """A LayerNorm with a scale and a bias of its own, and both as numpy arrays."""
    norm = LayerNorm(toy_config(width=width, heads=1, **overrides), rngs=nnx.Rngs(0))
    p = {"scale": RNG.normal(1, 0.3, width), "bias": RNG.normal(0, 0.3, width)}
    norm.scale[...], norm.bias[...] = (jnp.asarray(p[name], jnp.float32) for name in ("scale", "bias"))
    return norm, {name: np.asarray(value, np.float64) for name, value in arrays_of(norm).items()}


TOKENS = {  # what tokens are: deviation, and an offset that they share
    "of a common offset": (1.0, 300.0),
    "of an offset beyond their digits": (1.0, 1e5),
    "nearly constant": (1e-3, -300.0),
    "of tiny variance": (1e-6, 0.0),
    "large": (1e6, 0.0),
    "large and offset": (1e4, -3e6),
}


@pytest.mark.parametrize("width", [1, 2, 5, 768])
@pytest.mark.parametrize("kind", TOKENS)
def test_tokens_are_normalised_as_in_float64(kind, width):
    scale, offset = TOKENS[kind]
    tokens = RNG.normal(offset, scale, (3, 2, width)).astype(np.float32)
    norm, p = norm_of(width)
    expected = reference.layer_norm(tokens.astype(np.float64), p, 1e-6)
    np.testing.assert_allclose(jax.jit(norm)(tokens), expected, rtol=1e-5, atol=1e-6)  # some are nearly 0


@pytest.mark.parametrize("value", [0.0, 0.1, 300.1, -7e4 / 3, 3e8])
def test_a_constant_token_becomes_the_bias_exactly(value):
    norm, p = norm_of(768)
    tokens = jnp.full((2, 3, 768), value, jnp.float32)
    ask = lambda z: ((norm(z) * jnp.arange(768.0)).sum(), norm(z))  # noqa: E731
    slopes, ours = jax.jit(jax.grad(ask, has_aux=True))(tokens)
    assert (np.asarray(ours) == p["bias"].astype(np.float32)).all() and np.isfinite(slopes).all()


@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_the_derivative_is_that_of_differences(offset):
    norm, p = norm_of(5)
    tokens, weigh = RNG.normal(offset, 1, (2, 3, 5)).astype(np.float32), RNG.normal(size=(2, 3, 5))
    slopes = jax.jit(jax.grad(lambda z: (norm(z) * weigh.astype(np.float32)).sum()))(tokens)
    ask = lambda z: (reference.layer_norm(z, p, 1e-6) * weigh).sum()  # noqa: E731
    for place in np.ndindex(tokens.shape):
        step = np.zeros(tokens.shape)
        step[place] = 1e-5
        differences = (ask(tokens + step) - ask(tokens - step)) / 2e-5
        np.testing.assert_allclose(slopes[place], differences, rtol=1e-4, atol=1e-5)  # of differences in float64


def test_half_precision_is_normalised_in_single_and_then_rounded():
    norm, p = norm_of(64, dtype="bfloat16")
    tokens = jnp.asarray(RNG.normal(300, 8, (2, 3, 64)), jnp.bfloat16)
    ours = norm(tokens)
    assert ours.dtype == jnp.bfloat16
    expected = reference.layer_norm(np.asarray(tokens, np.float64), p, 1e-6)
    np.testing.assert_allclose(ours.astype(np.float32), expected, rtol=2**-8, atol=1e-3)  # 8 bits


def test_half_precision_gives_parameters_in_single():
    norm, _ = norm_of(5, dtype="bfloat16")
    assert {name: (v.shape, v.dtype) for name, v in arrays_of(norm).items()} == {
        "scale": ((5,), np.float32),
        "bias": ((5,), np.float32),
    }


@pytest.mark.parametrize(("body", "pool"), [("factorised_encoder", "mean"), ("factorised_dot_product", "mean")])
def test_positions_far_from_zero_leave_the_answer_right(body, pool):
    model = toy_model(body=body, pool=pool)
    for path, value in nnx.to_flat_state(nnx.state(model, nnx.Param)):
        if path[-1] == "positions":
            value[...] = value[...] + 300
    video = toy_clips(model.config)
    expected = reference.forward(arrays_of(model), model.config, video)
    np.testing.assert_allclose(model(video), expected, rtol=3e-4, atol=3e-4)  # 300 + z has lost 8 bits of z
