"""The transformer encoder: blocks, positions, stochastic depth (Arnab et al. 2021, Eqs. 1-6 and 10)."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float

from vivit_edu.arrays import Array, Real
from vivit_edu.attention import XAVIER, SelfAttention, Tap, TimeAttention
from vivit_edu.config import ViViTConfig
from vivit_edu.tokens import ClassToken

GELU = {"tanh": partial(nnx.gelu, approximate=True), "exact": partial(nnx.gelu, approximate=False)}
NEARLY_ZERO = nnx.initializers.normal(1e-6)


class LayerNorm(nnx.Module):
    """(z - mean) / sqrt(variance + epsilon) over the width, times a scale, plus a bias.

    In float32 the textbook's E[z^2] - E[z]^2 loses every digit where tokens share a large offset. But the result is
    the same whatever constant is first taken from a token, so nearly its mean is, and counts as a constant in the
    gradient; of what is left, E[c^2] - E[c]^2 loses nothing, since E[c] is almost zero. That near mean is found from
    the first number on, which makes it exact where all are equal: such a token becomes the bias.
    """

    def __init__(self, config: ViViTConfig, *, dtype: str | None = None, rngs: nnx.Rngs):
        self.scale = nnx.Param(nnx.initializers.ones_init()(rngs.params(), (config.width,)))
        self.bias = nnx.Param(nnx.initializers.zeros_init()(rngs.params(), (config.width,)))
        self.epsilon = config.epsilon
        self.dtype = jnp.dtype(dtype or config.dtype)

    def __call__(self, z: Float[Array, "... D"]) -> Float[Array, "... D"]:
        """The tokens normalised, in the configuration's precision unless another was given."""
        rows = z.reshape(-1, z.shape[-1])  # (N, D): over several leading axes XLA's derivative is five times slower
        rows = rows.astype(jnp.promote_types(rows.dtype, jnp.float32))
        first = rows[:, :1]
        c = rows - jax.lax.stop_gradient(first + (rows - first).mean(-1, keepdims=True))
        rest = c.mean(-1, keepdims=True)
        variance = jnp.square(c).mean(-1, keepdims=True) - jnp.square(rest)
        rows = (c - rest) * (jax.lax.rsqrt(variance + self.epsilon) * self.scale[...]) + self.bias[...]
        return rows.astype(self.dtype).reshape(z.shape)  # (..., D)


class MLP(nnx.Module):
    """Two linear maps with a GELU between them, token by token (Eq. 3)."""

    def __init__(self, config: ViViTConfig, *, rngs: nnx.Rngs):
        options = {"kernel_init": XAVIER, "bias_init": NEARLY_ZERO, "dtype": jnp.dtype(config.dtype), "rngs": rngs}
        self.first = nnx.Linear(config.width, config.mlp, **options)
        self.second = nnx.Linear(config.mlp, config.width, **options)
        self.dropout = nnx.Dropout(config.dropout, rngs=rngs if config.dropout else None)
        self.gelu = GELU[config.gelu]

    def __call__(self, z: Float[Array, "... D"]) -> Float[Array, "... D"]:
        """Each token mapped by itself."""
        return self.dropout(self.second(self.dropout(self.gelu(self.first(z)))))


class Block(nnx.Module):
    """One transformer layer (Eqs. 2 and 3); Models 1, 2 and 4 differ only in its attention. Taught in: Ch. 4."""

    def __init__(self, config: ViViTConfig, *, attention: type = SelfAttention, over: str, rngs: nnx.Rngs):
        self.attention_norm = LayerNorm(config, rngs=rngs)
        self.attention = attention(config, over=over, rngs=rngs)
        self.mlp_norm = LayerNorm(config, rngs=rngs)
        self.mlp = MLP(config, rngs=rngs)

    def __call__(
        self, z: Float[Array, "... N D"], *, layer: int = 0, tap: Tap | None = None
    ) -> Float[Array, "... N D"]:
        """The tokens after one layer."""
        y = self.attention(self.attention_norm(z), layer=layer, tap=tap) + z  # Eq. 2
        return self.mlp(self.mlp_norm(y)) + y  # Eq. 3


class FactorisedBlock(nnx.Module):
    """One layer of Model 3: attention over space, then over time, then the MLP (Eqs. 4-6). Taught in: Ch. 6."""

    def __init__(self, config: ViViTConfig, *, over: str, rngs: nnx.Rngs):
        self.order = tuple(config.order.split("_"))
        self.space_norm = LayerNorm(config, rngs=rngs)
        self.space = SelfAttention(config, over="space", rngs=rngs)
        self.time_norm = LayerNorm(config, rngs=rngs)
        self.time = TimeAttention(config, over="time", rngs=rngs)
        self.mlp_norm = LayerNorm(config, rngs=rngs)
        self.mlp = MLP(config, rngs=rngs)

    def __call__(
        self, z: Float[Array, "B nt S D"], *, layer: int = 0, tap: Tap | None = None
    ) -> Float[Array, "B nt S D"]:
        """The tokens after one layer."""
        steps = {"space": (self.space_norm, self.space), "time": (self.time_norm, self.time)}
        for norm, attention in (steps[over] for over in self.order):
            z = attention(norm(z), layer=layer, tap=tap) + z  # Eqs. 4 and 5
        return self.mlp(self.mlp_norm(z)) + z  # Eq. 6


class StochasticDepth(nnx.Module):
    """Leaves a layer out, for each clip by itself, with probability `rate` in training (Eq. 10).

    As the paper says, a dropped layer's output is its input: attention and MLP together. The released code
    draws for each of the two residual branches and skips Model 3. Like it, a kept layer is not rescaled.
    """

    def __init__(self, rate: Real, *, rngs: nnx.Rngs):
        self.rate = rate
        self.deterministic = True
        self.rngs = rngs.fork() if rate else None

    def __call__(self, after: Float[Array, "B ... D"], before: Float[Array, "B ... D"]) -> Float[Array, "B ... D"]:
        """`after` for the clips that keep the layer, `before` for those that drop it."""
        if self.deterministic or not self.rate:
            return after
        keep = jax.random.bernoulli(self.rngs.dropout(), 1 - self.rate, (after.shape[0],) + (1,) * (after.ndim - 1))
        return jnp.where(keep, after, before)


class Encoder(nnx.Module):
    """Class token, positions, `depth` blocks and a final LayerNorm, over tokens of shape (..., *grid, D).

    The final LayerNorm is ViT's and the released code's; the paper's equations leave it out. Positions are
    learned, N(0, 0.02), one for each place of `grid` and one for the class token. Taught in: Ch. 4.
    """

    def __init__(
        self,
        config: ViViTConfig,
        block: Callable[..., nnx.Module],
        *,
        grid: tuple[int, ...],
        depth: int,
        rngs: nnx.Rngs,
    ):
        self.axes = tuple(range(-1 - len(grid), -1))
        has_token = config.pool != "mean"
        self.joins_mean = config.pool == "class_token_and_mean"
        self.class_token = ClassToken(config.width) if has_token else None
        places = (grid[0] + 1,) if has_token else grid
        self.positions = nnx.Param(nnx.initializers.normal(0.02)(rngs.params(), (*places, config.width)))
        self.dropout = nnx.Dropout(config.dropout, rngs=rngs if config.dropout else None)
        self.blocks = nnx.Sequential(*(block(config, rngs=rngs) for _ in range(depth)))
        rates = [config.stochastic_depth * layer / depth for layer in range(1, depth + 1)]  # Eq. 10
        self.skips = nnx.Sequential(*(StochasticDepth(rate, rngs=rngs) for rate in rates))
        self.norm = LayerNorm(config, dtype="float32", rngs=rngs)

    def __call__(self, z: Float[Array, "... D"], *, tap: Tap | None = None) -> Float[Array, "... D"]:
        """The encoded tokens, the class token first where there is one."""
        if self.class_token is not None:
            z = self.class_token(z)  # (..., 1 + N, D)
        z = self.dropout(z + self.positions[...])
        for layer, (block, skip) in enumerate(zip(self.blocks.layers, self.skips.layers, strict=True)):
            z = skip(block(z, layer=layer, tap=tap), z)
        return self.norm(z)

    def pool(self, z: Float[Array, "... D"]) -> Float[Array, "... P"]:
        """The class token of the encoded tokens where there is one, their mean otherwise (Sec. 3.1), or both."""
        if self.joins_mean:
            return jnp.concatenate([z[..., 0, :], z[..., 1:, :].mean(axis=-2)], axis=-1)  # (..., 2 D)
        return z.mean(self.axes) if self.class_token is None else z[..., 0, :]
