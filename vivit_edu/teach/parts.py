"""The parts that a student's layer is given: plain functions of tokens, for numpy's arrays and jax's alike.

They are small and compile nothing, so that a first check answers at once, and no two of them are alike.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from vivit_edu.arrays import Array


def softmax(scores: Array, axis: int = -1) -> Array:
    """Positive numbers that sum to 1 along the axis."""
    xp = _library(scores)
    weights = xp.exp(scores - scores.max(axis, keepdims=True))
    return weights / weights.sum(axis, keepdims=True)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class Norm:
    """LayerNorm of the last axis, with a scale and a bias of its own."""

    scale: Array
    bias: Array

    def __call__(self, z: Array) -> Array:
        """The tokens, normalised."""
        z = _array(z, self.scale)
        centred = z - z.mean(-1, keepdims=True)
        spread = (centred**2).mean(-1, keepdims=True) + 1e-6
        return (centred / spread**0.5 * self.scale + self.bias).astype(z.dtype)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class Attention:
    """Single-head self-attention over the last axis but one."""

    query: Array
    key: Array
    value: Array
    bias: Array

    def __call__(self, z: Array) -> Array:
        """What each token gathers from the others."""
        z = _array(z, self.query)
        scores = (z @ self.query) @ (z @ self.key).swapaxes(-1, -2) / self.query.shape[-1] ** 0.5
        return (softmax(scores) @ (z @ self.value) + self.bias).astype(z.dtype)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class MLP:
    """Two linear maps of the last axis with tanh between them."""

    inward: Array
    bias: Array
    outward: Array

    def __call__(self, z: Array) -> Array:
        """The tokens, each by itself."""
        z = _array(z, self.inward)
        return (_library(z).tanh(z @ self.inward + self.bias) @ self.outward).astype(z.dtype)


def parts_of_a_layer(width: int, rng: np.random.Generator) -> tuple[Attention, MLP, tuple[Norm, Norm]]:
    """Random attention, MLP and two norms for tokens of this width."""
    draw = lambda *shape: rng.normal(size=shape) / np.sqrt(shape[0])  # noqa: E731
    norms = tuple(Norm(rng.uniform(0.5, 2, width), rng.normal(size=width)) for _ in range(2))
    attention = Attention(draw(width, width), draw(width, width), draw(width, width), rng.normal(size=width))
    return attention, MLP(draw(width, width + 3), rng.normal(size=width + 3), draw(width + 3, width)), norms


def _library(*arrays):
    return jnp if any(isinstance(array, jax.Array) for array in arrays) else np


def _array(z, parameter):
    """Tokens as an array of the library that they, or the parameters under `jax.jit`, belong to."""
    array = _library(z, parameter).asarray(z)
    return array if array.dtype.kind == "f" else array.astype(parameter.dtype)
