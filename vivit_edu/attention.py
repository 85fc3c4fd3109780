"""The one attention of every model, and the three ways in which a layer calls it (Arnab et al. 2021, Eq. 7)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float

from vivit_edu.arrays import Array
from vivit_edu.config import ViViTConfig

Tap = Callable[[str, Array], Array]
XAVIER = nnx.initializers.xavier_uniform()  # one object: flax 0.11 compares initialisers, and would compile for each


def attention(
    q: Float[Array, "*batch q A Dh"],
    k: Float[Array, "*batch k A Dh"],
    v: Float[Array, "*batch k A Dh"],
    *,
    name: str = "",
    tap: Tap | None = None,
    dropout: Callable[[Array], Array] | None = None,
) -> Float[Array, "*batch q A Dh"]:
    """Softmax(q k^T / sqrt(Dh)) v for each head A, with every leading axis a batch (Arnab et al. 2021, Eq. 7).

    Args:
      tap: called as tap(name, weights) with the softmax's weights, float32 (..., A, q, k), before dropout; what
        it returns is used in their place. A tap that stores is a recording; one that zeroes is a knock-out.
        Where it has a method `projected`, that is called first, with the scaled q and the k (..., A, q or k, Dh).
      dropout: applied to the weights in training.

    Taught in: Ch. 4 (Models 3 and 4 in Ch. 6, 7).
    """
    q = q / np.sqrt(q.shape[-1]).astype(q.dtype)  # before the product, where it is N / Dh times less work
    q, k, v = (jnp.moveaxis(x, -2, -3) for x in (q, k, v))  # (..., A, q or k, Dh): a fifth quicker on a CPU
    if hasattr(tap, "projected"):
        tap.projected(name, q, k)
    scores = jnp.einsum("...qd,...kd->...qk", q, k, preferred_element_type=jnp.float32)
    weights = jax.nn.softmax(scores, axis=-1)  # (..., A, q, k)
    if tap is not None:
        weights = tap(name, weights)
    if dropout is not None:
        weights = dropout(weights)
    gathered = jnp.einsum("...qk,...kd->...qd", weights.astype(v.dtype), v)  # (..., A, q, Dh)
    return jnp.moveaxis(gathered, -3, -2)  # (..., q, A, Dh)


def attention_over_time(q, k, v, **options) -> Float[Array, "B nt S A Dh"]:
    """`attention` between the tokens of one place at all times: the same call with time and space exchanged."""
    q, k, v = (x.swapaxes(-4, -3) for x in (q, k, v))  # (B, S, nt, A, Dh)
    return attention(q, k, v, **options).swapaxes(-4, -3)  # (B, nt, S, A, Dh)


class SelfAttention(nnx.Module):
    """Multi-head self-attention, MSA of Eq. 2, over the last axis of tokens; all axes before it are batch.

    `over` names what that axis is (spacetime, space or time) and heads the name given to the tap, "space/3".
    Kernels start Xavier-uniform, biases zero. Taught in: Ch. 4.
    """

    def __init__(self, config: ViViTConfig, *, over: str, rngs: nnx.Rngs):
        self.over = over
        self.query, self.key, self.value = (_to_heads(config, rngs) for _ in range(3))
        self.out = nnx.LinearGeneral(
            (config.heads, config.width // config.heads), config.width, axis=(-2, -1), **_linear(config, rngs)
        )
        self.weights_dropout = _dropout(config.attention_dropout, rngs)
        self.dropout = _dropout(config.dropout, rngs)

    def __call__(
        self, z: Float[Array, "... N D"], *, layer: int = 0, tap: Tap | None = None
    ) -> Float[Array, "... N D"]:
        """What each token gathers from the others."""
        y = self.attend(self.query(z), self.key(z), self.value(z), layer=layer, tap=tap)  # (..., N, A, Dh)
        return self.dropout(self.out(y))  # (..., N, D)

    def attend(self, q, k, v, *, layer: int, tap: Tap | None) -> Float[Array, "... N A Dh"]:
        """The attention between projected tokens; the one step in which the kinds of layer differ."""
        return attention(q, k, v, name=f"{self.over}/{layer}", tap=tap, dropout=self.weights_dropout)


class TimeAttention(SelfAttention):
    """Self-attention over time for tokens (B, nt, S, D), each place apart (Model 3, Eq. 5). Taught in: Ch. 6."""

    def attend(self, q, k, v, *, layer: int, tap: Tap | None) -> Float[Array, "B nt S A Dh"]:
        """The attention of each token to the same place at other times."""
        return attention_over_time(q, k, v, name=f"{self.over}/{layer}", tap=tap, dropout=self.weights_dropout)


class SplitHeadsAttention(SelfAttention):
    """Factorised dot-product attention for tokens (B, nt, S, D): half of the heads look over space, half over time.

    Model 4, Y = Concat(Y_s, Y_t) W_O. The paper's first half looks over space; the released code's looks over
    time, which `config.order = "time_space"` gives. Same parameters as Model 1. Taught in: Ch. 7.
    """

    def __init__(self, config: ViViTConfig, *, over: str, rngs: nnx.Rngs):
        super().__init__(config, over=over, rngs=rngs)
        self.halves = tuple(config.order.split("_"))

    def attend(self, q, k, v, *, layer: int, tap: Tap | None) -> Float[Array, "B nt S A Dh"]:
        """The two halves' outputs, joined along the heads."""
        half = q.shape[-2] // 2
        kinds = {"space": attention, "time": attention_over_time}
        parts = [
            kinds[over](*heads, name=f"{over}/{layer}", tap=tap, dropout=self.weights_dropout)
            for over, heads in zip(self.halves, _split((q, k, v), half), strict=True)
        ]
        return jnp.concatenate(parts, axis=-2)  # (B, nt, S, A, Dh)


def _split(arrays, half):
    return [x[..., :half, :] for x in arrays], [x[..., half:, :] for x in arrays]


def _linear(config, rngs):
    init = {"kernel_init": XAVIER, "bias_init": nnx.initializers.zeros_init()}
    return init | {"dtype": jnp.dtype(config.dtype), "rngs": rngs}


def _to_heads(config, rngs):
    heads = (config.heads, config.width // config.heads)
    return nnx.LinearGeneral(config.width, heads, **_linear(config, rngs))


def _dropout(rate, rngs):
    return nnx.Dropout(rate, rngs=rngs if rate else None)
