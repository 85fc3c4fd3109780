"""How a clip becomes a sentence: uniform frame sampling, tubelets, class token (Arnab et al. 2021, Sec. 3.2)."""

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange
from flax import nnx
from jaxtyping import Float

from vivit_edu.arrays import Array
from vivit_edu.config import ViViTConfig


def cut_tubelets(video: Float[Array, "B T H W C"], tubelet: tuple[int, int, int]) -> Float[Array, "B nt S t h w C"]:
    """The clip as non-overlapping tubelets, rasterised by time, then height, then width; S = nh nw.

    What the floor of size by tubelet leaves over at the end of an axis is dropped. Taught in: Ch. 3.
    """
    t, h, w = tubelet
    nt, nh, nw = (size // step for size, step in zip(video.shape[1:4], tubelet, strict=True))
    video = video[:, : nt * t, : nh * h, : nw * w]
    return rearrange(video, "B (nt t) (nh h) (nw w) C -> B nt (nh nw) t h w C", t=t, h=h, w=w)


def sample_frames(config: ViViTConfig) -> tuple[int, ...]:
    """The indices of the n frames that uniform frame sampling keeps (Arnab et al. 2021, Fig. 2).

    n is T // t, or `config.sampled`; where it is T, these are all frames, as in the released code. "interior" is the
    released code's rule for fewer, round(T i / (n + 1)) for i = 1..n, half to even, computed here without its
    floating-point error, which for some (T, n) returned n + 1 frames. "centre" takes the frame t // 2 of each tubelet,
    to which central-frame initialisation is equal (Eq. 9), or the middle one of each of `sampled` equal stretches.
    Taught in: Ch. 3.
    """
    length, count, t = config.frames, config.grid[0], config.tubelet[0]
    if count == length:
        return tuple(range(length))
    if config.sampling == "centre" and config.sampled:
        return tuple((2 * i + 1) * length // (2 * count) for i in range(count))
    if config.sampling == "centre":
        return tuple(range(t // 2, count * t, t))
    doubled = [2 * length * i for i in range(1, count + 1)]  # exact integers: round(a / b) with half to even
    return tuple(min(_round_half_even(a, 2 * (count + 1)), length - 1) for a in doubled)


def _round_half_even(numerator: int, denominator: int) -> int:
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))


def owned_frames(config: ViViTConfig) -> list[list[int]]:
    """The frames that each time index of tokens is made of."""
    if config.tokeniser == "uniform":
        return [[frame] for frame in sample_frames(config)]
    t = config.tubelet[0]
    return [list(range(time * t, (time + 1) * t)) for time in range(config.grid[0])]


class TubeletEmbedding(nnx.Module):
    """Linear embedding of t x h x w x C tubelets, the same as a strided 3-D convolution (Arnab et al. 2021, Fig. 3).

    Taught in: Ch. 3.
    """

    def __init__(self, config: ViViTConfig, *, rngs: nnx.Rngs):
        self.tubelet = config.tubelet
        shape = (*config.tubelet, config.channels, config.width)
        self.kernel = nnx.Param(jax.nn.initializers.lecun_normal(in_axis=(0, 1, 2, 3))(rngs.params(), shape))
        self.bias = nnx.Param(jnp.zeros(config.width))

    def __call__(self, video: Float[Array, "B T H W C"]) -> Float[Array, "B nt S D"]:
        """One token for each tubelet, Ex of Eq. 1, before positions are added."""
        tubelets = cut_tubelets(video, self.tubelet)  # (B, nt, S, t, h, w, C)
        return jnp.einsum("bnsthwc,thwcd->bnsd", tubelets, self.kernel[...]) + self.bias[...]  # (B, nt, S, D)


class UniformFrames(nnx.Module):
    """Linear embedding of h x w x C patches of n_t sampled frames, as ViT does (Arnab et al. 2021, Fig. 2).

    Taught in: Ch. 3.
    """

    def __init__(self, config: ViViTConfig, *, rngs: nnx.Rngs):
        self.indices = sample_frames(config)
        self.patch = config.tubelet[1:]
        shape = (*self.patch, config.channels, config.width)
        self.kernel = nnx.Param(jax.nn.initializers.lecun_normal(in_axis=(0, 1, 2))(rngs.params(), shape))
        self.bias = nnx.Param(jnp.zeros(config.width))

    def __call__(self, video: Float[Array, "B T H W C"]) -> Float[Array, "B nt S D"]:
        """One token for each patch of each sampled frame, Ex of Eq. 1, before positions are added."""
        frames = video[:, np.array(self.indices)]  # (B, nt, H, W, C)
        patches = cut_tubelets(frames, (1, *self.patch))[:, :, :, 0]  # (B, nt, S, h, w, C)
        return jnp.einsum("bnshwc,hwcd->bnsd", patches, self.kernel[...]) + self.bias[...]  # (B, nt, S, D)


class ClassToken(nnx.Module):
    """A learned token put before the sequence, z_cls of Eq. 1; it starts at zero, as in the released code."""

    def __init__(self, width: int):
        self.token = nnx.Param(jnp.zeros(width))

    def __call__(self, z: Float[Array, "... N D"]) -> Float[Array, "... N+1 D"]:
        """The sequence with the class token at index 0."""
        token = jnp.broadcast_to(self.token[...], (*z.shape[:-2], 1, z.shape[-1]))
        return jnp.concatenate([token, z], axis=-2)  # (..., N+1, D)


TOKENISERS = {"tubelet": TubeletEmbedding, "uniform": UniformFrames}
