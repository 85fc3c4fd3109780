"""ViT and ViViT: tokenise, encode, classify; the five bodies as compositions (Arnab et al. 2021, Sec. 3.3)."""

import itertools
from collections.abc import Mapping
from functools import partial

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float

from vivit_edu.arrays import Array
from vivit_edu.attention import SplitHeadsAttention, Tap
from vivit_edu.config import ViViTConfig
from vivit_edu.encoder import Block, Encoder, FactorisedBlock
from vivit_edu.tokens import TOKENISERS


class SpaceTime(nnx.Module):
    """Model 1: one encoder over all tokens of the clip, every one seeing every other. Taught in: Ch. 4."""

    def __init__(self, config: ViViTConfig, *, over: str = "spacetime", rngs: nnx.Rngs):
        block = partial(Block, over=over)
        self.encoder = Encoder(config, block, grid=(config.tokens,), depth=config.depth, rngs=rngs)

    def __call__(self, z: Float[Array, "B nt S D"], *, tap: Tap | None = None) -> Float[Array, "B P"]:
        """One vector for each clip."""
        z = z.reshape(z.shape[0], -1, z.shape[-1])  # (B, N, D)
        return self.encoder.pool(self.encoder(z, tap=tap))  # (B, D), or (B, 2 D)


class FactorisedEncoder(nnx.Module):
    """Model 2: a spatial encoder for each time index, then a temporal encoder over their outputs (Fig. 4).

    Space and time have their own class tokens and positions, as in the released code; the spatial ones are
    shared by all time indices. Taught in: Ch. 5.
    """

    def __init__(self, config: ViViTConfig, *, rngs: nnx.Rngs):
        (nt, nh, nw), depth = config.grid, config.temporal_depth
        self.space = Encoder(config, partial(Block, over="space"), grid=(nh * nw,), depth=config.depth, rngs=rngs)
        self.time = Encoder(config, partial(Block, over="time"), grid=(nt,), depth=depth, rngs=rngs)

    def __call__(self, z: Float[Array, "B nt S D"], *, tap: Tap | None = None) -> Float[Array, "B D"]:
        """One vector for each clip."""
        h = self.space.pool(self.space(z, tap=tap))  # (B, nt, D)
        return self.time.pool(self.time(h, tap=tap))  # (B, D)


class AveragePool(nnx.Module):
    """The baseline of Table 2: Model 2's spatial encoder, then the mean over time. Taught in: Ch. 5."""

    def __init__(self, config: ViViTConfig, *, rngs: nnx.Rngs):
        _, nh, nw = config.grid
        self.space = Encoder(config, partial(Block, over="space"), grid=(nh * nw,), depth=config.depth, rngs=rngs)

    def __call__(self, z: Float[Array, "B nt S D"], *, tap: Tap | None = None) -> Float[Array, "B D"]:
        """One vector for each clip."""
        return self.space.pool(self.space(z, tap=tap)).mean(axis=1)  # (B, D)


class FactorisedAttention(nnx.Module):
    """Models 3 and 4: one encoder that keeps space and time as two axes, which its blocks use. Taught in: Ch. 6, 7."""

    def __init__(self, config: ViViTConfig, *, block: type | partial, rngs: nnx.Rngs):
        nt, nh, nw = config.grid
        block = partial(block, over="space_and_time")
        self.encoder = Encoder(config, block, grid=(nt, nh * nw), depth=config.depth, rngs=rngs)

    def __call__(self, z: Float[Array, "B nt S D"], *, tap: Tap | None = None) -> Float[Array, "B D"]:
        """One vector for each clip."""
        return self.encoder.pool(self.encoder(z, tap=tap))  # (B, D)


BODIES = {
    "spacetime": SpaceTime,
    "factorised_encoder": FactorisedEncoder,
    "factorised_self_attention": partial(FactorisedAttention, block=FactorisedBlock),
    "factorised_dot_product": partial(FactorisedAttention, block=partial(Block, attention=SplitHeadsAttention)),
    "average_pool": AveragePool,
}


class Heads(nnx.Module):
    """Linear classifiers on one vector: logits, or a mapping of logits where `classes` is a mapping.

    Several heads are the columns of one linear map, in the mapping's order. It starts at zero, so that the
    first loss is log(classes), as in the released code.
    """

    def __init__(self, config: ViViTConfig, *, rngs: nnx.Rngs):
        # Names and columns apart: as a mapping, flax 0.11 would sort them wherever the model is split and merged.
        several = isinstance(config.classes, Mapping)
        counts = tuple(config.classes.values()) if several else (config.classes,)
        self.names = tuple(config.classes) if several else None
        self.ends = tuple(itertools.accumulate(counts))
        pooled = config.width * (2 if config.pool == "class_token_and_mean" else 1)
        width = config.pre_logits or pooled
        self.pre_logits = nnx.Linear(pooled, width, rngs=rngs) if config.pre_logits else None
        self.output = nnx.Linear(width, self.ends[-1], kernel_init=nnx.initializers.zeros_init(), rngs=rngs)

    def __call__(self, h: Float[Array, "B P"]) -> Float[Array, "B classes"] | dict[str, Float[Array, "B _"]]:
        """Logits, float32."""
        h = h if self.pre_logits is None else jnp.tanh(self.pre_logits(h))
        logits = self.output(h)
        if self.names is None:
            return logits
        return dict(zip(self.names, jnp.split(logits, self.ends[:-1], axis=-1), strict=True))


class ViViT(nnx.Module):
    """A video vision transformer (Arnab et al. 2021): tokenise, encode, classify.

    A new model is in evaluation mode (no dropout, no stochastic depth); `model.train()` and `model.eval()`
    switch. `config.body` chooses one of the five bodies of Sec. 3.3 when the model is built.

    Taught in: Ch. 4-7.
    """

    def __init__(self, config: ViViTConfig, *, rngs: nnx.Rngs):
        self.config = config
        self.tokenise = TOKENISERS[config.tokeniser](config, rngs=rngs)
        without_time = config.body == "factorised_encoder" and config.temporal_depth == 0
        self.body = BODIES["average_pool" if without_time else config.body](config, rngs=rngs)
        self.heads = Heads(config, rngs=rngs)
        self.eval()

    def __call__(self, video: Float[Array, "B T H W C"], *, tap: Tap | None = None) -> Array | dict[str, Array]:
        """Logits (B, classes), or a mapping of them, of clips with pixels in [-1, 1].

        Args:
          tap: called as tap(name, weights) for every attention, "spacetime/0", "space/2" or "time/1", with weights
            (..., A, q, k); what it returns is used in their place.

        Raises:
          ValueError: where the clip's shape is not the configuration's, or pixels are integers.
        """
        check_clip(video, self.config)
        z = self.tokenise(jnp.asarray(video))  # (B, nt, S, D)
        return self.heads(self.body(z, tap=tap))  # (B, classes)


class ViT(ViViT):
    """An image vision transformer (Dosovitskiy et al. 2021): Model 1 on a clip of one frame. Taught in: Ch. 2."""

    def __init__(self, config: ViViTConfig, *, rngs: nnx.Rngs):
        if config.frames != 1 or config.body != "spacetime":
            raise ValueError(f"ViT takes one frame and body 'spacetime'; got {config.frames} frames, {config.body!r}")
        super().__init__(config, rngs=rngs)

    def __call__(self, image: Float[Array, "B H W C"], *, tap: Tap | None = None) -> Array | dict[str, Array]:
        """Logits (B, classes), or a mapping of them, of images with pixels in [-1, 1]."""
        return super().__call__(image[:, None], tap=tap)


def check_clip(video: Array, config: ViViTConfig) -> None:
    """Raises ValueError, one sentence, where a batch of clips does not fit the configuration."""
    expected = (config.frames, *config.size, config.channels)
    if video.ndim != 5 or tuple(video.shape[1:]) != expected:
        raise ValueError(
            f"{config.name} takes clips (batch, frames, height, width, channels) of (batch, "
            f"{', '.join(map(str, expected))}); got shape {tuple(video.shape)}"
        )
    if not jnp.issubdtype(video.dtype, jnp.floating):
        raise ValueError(f"expected pixels as floats in [-1, 1]; got {video.dtype}: see vivit_edu.data.normalise")
