"""How strongly a batch pulls at each parameter."""

from collections.abc import Mapping

import jax.numpy as jnp
from flax import nnx

from vivit_edu.arrays import Array
from vivit_edu.compiled import compiled
from vivit_edu.data import normalise
from vivit_edu.model import ViViT
from vivit_edu.training.step import loss


@compiled()
def gradient_norms(model: ViViT, batch: Mapping) -> dict[str, Array]:
    """The length of the loss's gradient for each parameter, by its '/'-joined path; 0 where the batch pulls at nothing.

    A new model's head is zero, so that at first nothing but the head has a gradient: take a step before you look.

    Args:
      batch: {"video": uint8 (B, T, H, W, C), "labels": {head: int (B,)}}.

    Taught in: Ch. 9.
    """
    state = nnx.grad(lambda model: loss(model(normalise(batch["video"])), batch["labels"]))(model)
    flat = nnx.to_flat_state(state)
    return {"/".join(map(str, path)): jnp.linalg.norm(gradient[...].ravel()) for path, gradient in flat}
