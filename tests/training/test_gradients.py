"""The norms are those of the loss's own gradient."""

import jax
import numpy as np
from flax import nnx
from toys import arrays_of, toy_model

import vivit_edu as ve
from vivit_edu.training.step import loss


def batch_for(model):
    rng = np.random.default_rng(0)
    video = rng.integers(0, 256, (3, 8, 6, 12, 3)).astype(np.uint8)
    return {"video": video, "labels": {"classes": rng.integers(0, 5, 3)}}


def test_a_norm_is_the_slope_along_the_gradient():
    model = toy_model(body="factorised_self_attention")
    batch, name = batch_for(model), "tokenise/bias"
    norms = ve.training.gradient_norms(model, batch)
    assert norms.keys() == arrays_of(model).keys()
    value = lambda: float(loss(model(ve.data.normalise(batch["video"])), batch["labels"]))  # noqa: E731
    slopes, own = [], np.asarray(model.tokenise.bias[...])
    for index in range(own.size):  # central differences, one number of the bias at a time
        ends = []
        for step in (1e-2, -1e-2):
            model.tokenise.bias[...] = jax.numpy.asarray(own).at[index].add(step)
            ends.append(value())
        slopes.append((ends[0] - ends[1]) / 2e-2)
    np.testing.assert_allclose(float(norms[name]), np.linalg.norm(slopes), rtol=1e-2)  # steps of 0.01 in float32


def test_a_new_head_of_zeros_lets_no_gradient_through():
    model = ve.ViViT(toy_model().config, rngs=nnx.Rngs(0))
    norms = ve.training.gradient_norms(model, batch_for(model))
    assert {name for name, norm in norms.items() if norm > 0} == {"heads/output/kernel", "heads/output/bias"}
