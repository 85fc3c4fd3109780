"""What a model costs by its configuration alone: parameters, operations, memory (Arnab et al. 2021, Tables 2, 5)."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
from flax import nnx

from vivit_edu.config import ViViTConfig
from vivit_edu.model import ViViT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes that a training step holds at once, before the compiler saves any.

    Attributes:
      parameters: float32 parameters.
      gradients: as many bytes again.
      optimiser: SGD's momentum, as many bytes again (Adam: twice).
      activations: what the forward pass keeps for the backward pass, as automatic differentiation asks for it.
      attention: the part of `activations` that is attention weights.
    """

    parameters: int
    gradients: int
    optimiser: int
    activations: int
    attention: int

    @property
    def total(self) -> int:
        """All bytes together; `attention` is within `activations`."""
        return self.parameters + self.gradients + self.optimiser + self.activations


def parameters(config: ViViTConfig) -> int:
    """The number of trainable parameters; none is allocated. Taught in: Ch. 8."""
    return sum(math.prod(p.shape) for p in jax.tree.leaves(_abstract(config)[1]))


def flops(config: ViViTConfig, views: int = 1) -> float:
    """Multiply-adds of one forward pass of one clip, times `views`, in the paper's convention.

    The convention, which the paper leaves unsaid: the flop count that XLA's cost analysis gives for the
    unoptimised program, divided by two (element-wise work included). It gives Table 2 and Table 5 within
    0.05 %. It is always the count of the plain attention of Eq. 7. Nothing is allocated or run. Taught in: Ch. 8.

    Raises:
      ValueError: where views is below 1.
    """
    if views < 1:
        raise ValueError(f"views must be at least 1; got {views}")
    forward, state, video = _program(config, batch=1)
    return views * jax.jit(forward).lower(state, video).cost_analysis()["flops"] / 2


def memory(config: ViViTConfig, batch: int = 1) -> Memory:
    """Bytes of one training step with `batch` clips; nothing is allocated or run. Taught in: Ch. 8.

    Activations are the residuals that `jax.vjp` keeps of the plain forward pass for each clip; the compiler may fuse
    some away.

    Raises:
      ValueError: where batch is below 1.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1; got {batch}")
    weights = 4 * parameters(config)
    kept, attention = (two - one for one, two in zip(_residuals(config, 1), _residuals(config, 2), strict=True))
    return Memory(
        parameters=weights,
        gradients=weights,
        optimiser=weights,
        activations=batch * kept,
        attention=batch * attention,
    )


def _residuals(config, batch):
    """Bytes that the backward pass is handed, parameters among them, and bytes of attention weights."""
    sizes = []
    forward, state, video = _program(config, batch, tap=lambda _, weights: sizes.append(_bytes(weights)) or weights)
    backward = jax.eval_shape(lambda *args: jax.vjp(forward, *args)[1], state, video)
    return sum(map(_bytes, jax.tree.leaves(backward))), sum(sizes)


class _OneKey(nnx.Rngs):
    """The same key every time: shapes need no randomness, and counting keys in a trace takes time squared."""

    def params(self):
        return jax.random.key(0)


@functools.lru_cache(maxsize=64)
def _abstract(config):
    """Graph and shapes of a model that is never allocated."""
    model = nnx.eval_shape(lambda: ViViT(config, rngs=_OneKey(0)))
    return nnx.split(model, nnx.Param, ...)


def _program(config, batch, tap=lambda _, weights: weights):
    """The forward pass as a function of parameters and clips, and the shapes of both."""
    plain = dataclasses.replace(config, dropout=0.0, attention_dropout=0.0, stochastic_depth=0.0)
    graph, state, rest = _abstract(plain)
    video = jax.ShapeDtypeStruct((batch, config.frames, *config.size, config.channels), jnp.float32)
    return lambda state, video: nnx.merge(graph, state, rest)(video, tap=tap), state, video


def _bytes(array):
    return math.prod(array.shape) * array.dtype.itemsize
