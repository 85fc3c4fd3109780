"""Toy models and clips whose axes all differ, so that a transposition cannot pass."""

import jax
import numpy as np
from flax import nnx

import vivit_edu as ve

BODIES = (
    "spacetime",
    "factorised_encoder",
    "factorised_self_attention",
    "factorised_dot_product",
    "average_pool",
)
POOLED = [
    (body, pool)
    for body in BODIES
    for pool in ("class_token", "mean")
    if (body, pool) not in {("factorised_self_attention", "class_token"), ("factorised_dot_product", "class_token")}
]


def toy_config(**overrides):
    """nt nh nw = 4 2 3, S = 6, width 8, two heads, two layers, five classes."""
    fields = {
        "frames": 8,
        "size": (6, 12),
        "tubelet": (2, 3, 4),
        "channels": 3,
        "classes": 5,
        "width": 8,
        "depth": 2,
        "heads": 2,
        "mlp": 12,
        "temporal_depth": 2,
    }
    return ve.ViViTConfig(**(fields | overrides))


def toy_model(seed=0, **overrides):
    """A toy model in which every parameter is random, heads and class tokens too."""
    model = ve.ViViT(toy_config(**overrides), rngs=nnx.Rngs(seed))
    return randomise(model, seed)


def toy_image_config(**overrides):
    """The image model of which `toy_config` is the video model."""
    return toy_config(**({"frames": 1, "tubelet": (1, 3, 4), "tokeniser": "uniform"} | overrides))


def toy_image_model(seed=5, **overrides):
    """A toy image model in which every parameter is random."""
    return randomise(ve.ViT(toy_image_config(**overrides), rngs=nnx.Rngs(seed)), seed)


def arrays_of(model):
    """A model's parameters as arrays of numpy, by their '/'-joined paths."""
    flat = nnx.to_flat_state(nnx.state(model, nnx.Param))
    return {"/".join(map(str, path)): np.array(param[...]) for path, param in flat}


def randomise(model, seed=0):
    """Replaces every parameter by normal noise of scale 0.3, so that nothing is hidden by a zero."""
    rng = np.random.default_rng(seed)
    state = nnx.state(model, nnx.Param)
    noise = lambda x: jax.numpy.asarray(rng.normal(0, 0.3, x.shape), x.dtype)  # noqa: E731
    nnx.update(model, jax.tree.map(noise, state))
    return model


def toy_clips(config, batch=2, seed=1):
    """Random clips in [-1, 1]."""
    shape = (batch, config.frames, *config.size, config.channels)
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)
