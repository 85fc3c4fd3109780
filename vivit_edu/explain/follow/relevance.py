"""Maps of what an answer rests on, by six methods with one signature.

Every method takes (model, video, head=, target=) and returns a number for each token, (B, nt, nh, nw), larger where
the answer rests on it more; a head that the model has not is a KeyError, a class an IndexError, NaN a ValueError. Which
of them may be believed is the matter of `vivit_edu.explain.judge.faithfulness`.
"""

import dataclasses
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from vivit_edu.arrays import Array
from vivit_edu.compiled import compiled, on_numbers
from vivit_edu.config import ViViTConfig
from vivit_edu.explain.follow.rollout import compose, rollout
from vivit_edu.explain.watch.record import record_attention, record_shapes
from vivit_edu.explain.watch.sound import answered, clips, finite, places
from vivit_edu.model import ViViT
from vivit_edu.tokens import cut_tubelets, sample_frames

Maps = Float[np.ndarray, "B nt nh nw"]


@on_numbers
def attention(model: ViViT, video: Array, *, head: str | None = None, target: Array | None = None) -> Maps:
    """What the output reads in the last layer, heads' mean; Model 2's two encoders multiplied. Knows no target."""
    _asked(model, video, head, target)
    _, records = record_attention(model, video)
    return _compose(_last_layer(records), keep=0)


@on_numbers
def attention_rollout(model: ViViT, video: Array, *, head: str | None = None, target: Array | None = None) -> Maps:
    """`rollout` of all layers (Abnar and Zuidema 2020). Knows no target."""
    _asked(model, video, head, target)
    return rollout(record_attention(model, video)[1]).astype(np.float32)


@on_numbers
def attention_gradient(model: ViViT, video: Array, *, head: str | None = None, target: Array | None = None) -> Maps:
    """As `attention`, with each weight multiplied by the gradient of the target's logit, where that is positive."""
    records = _weighted(model, video, head, target)
    return _compose(_last_layer(records), keep=0)


@on_numbers
def gradient_rollout(model: ViViT, video: Array, *, head: str | None = None, target: Array | None = None) -> Maps:
    """Relevance through all layers, R <- R + E[max(gradient * weights, 0)] R (Chefer et al. 2021, Eqs. 5 and 6)."""
    return _compose(_weighted(model, video, head, target), keep=1)


@on_numbers
def input_gradient(model: ViViT, video: Array, *, head: str | None = None, target: Array | None = None) -> Maps:
    """Pixels times the gradient of the target's logit, summed over each token's pixels, without its sign."""
    target = _target(model, video, head, target)
    slopes = _slopes(model, jnp.asarray(video), target, head=head)
    answered(model, {"the gradient of the pixels": slopes})
    return np.abs(tokens_of(np.asarray(slopes) * np.asarray(video), model.config).sum((-1, -2, -3, -4)))


@on_numbers
def occlusion(model: ViViT, video: Array, *, head: str | None = None, target: Array | None = None) -> Maps:
    """By how much the target's log-probability falls when a token's pixels take the clip's mean colour.

    No attention and no gradient: the model is asked nt nh nw more times (Zeiler and Fergus 2014).
    """
    target = _target(model, video, head, target)
    falls = _falls(model, jnp.asarray(video), target, head=head)  # (N, B)
    answered(model, {"the target's log-probabilities": falls})
    return np.asarray(falls).T.reshape(-1, *model.config.grid)


METHODS: dict[str, Callable[..., Maps]] = {
    "attention": attention,
    "rollout": attention_rollout,
    "attention × gradient": attention_gradient,
    "gradient rollout": gradient_rollout,
    "input gradient": input_gradient,
    "occlusion": occlusion,
}


def frames_of(config: ViViTConfig) -> Bool[np.ndarray, "nt T"]:
    """Of which frames the tokens of each time are made: t of them, or one where frames are sampled."""
    time, frame = np.arange(config.grid[0])[:, None], np.arange(config.frames)
    if config.tokeniser == "uniform":
        return np.array(sample_frames(config))[:, None] == frame
    return frame // config.tubelet[0] == time


def to_pixels(maps: Float[np.ndarray, "B nt nh nw"], config: ViViTConfig) -> Float[np.ndarray, "B T H W"]:
    """Maps over tokens as maps over pixels: a token's number at every pixel that it was made of, 0 elsewhere.

    Raises:
      ValueError: where the maps' grid is not the configuration's, or a number is NaN or infinite.
    """
    finite(maps, "maps")
    if maps.shape[1:] != config.grid:
        raise ValueError(f"maps of {maps.shape[1:]} do not fit the model's grid {config.grid} (nt, nh, nw)")
    pixels = np.einsum("btyx,tf->bfyx", maps, frames_of(config).astype(maps.dtype))
    for axis, side in enumerate(config.tubelet[1:], start=2):
        pixels = np.repeat(pixels, side, axis)
    left = [(0, full - have) for full, have in zip(config.size, pixels.shape[2:], strict=True)]
    return np.pad(pixels, [(0, 0), (0, 0), *left])


def tokens_of(pixels: np.ndarray, config: ViViTConfig) -> np.ndarray:
    """(B, T, H, W, C) cut into (B, nt, nh, nw, t, h, w, C), left-overs dropped; images (B, H, W, C) likewise.

    Where frames are sampled, t is 1.
    """
    pixels = pixels[:, None] if pixels.ndim == 4 else pixels
    tubelet = config.tubelet
    if config.tokeniser == "uniform":
        pixels, tubelet = pixels[:, list(sample_frames(config))], (1, *tubelet[1:])
    tubelets = cut_tubelets(pixels, tubelet)  # (B, nt, S, t, h, w, C)
    return tubelets.reshape(len(pixels), *config.grid, *tubelets.shape[3:])


def log_probability(model: ViViT, video: Array, target: Array, head: str | None) -> Float[Array, "B"]:
    """The target's log-probability in one head.

    Raises:
      KeyError: where the model has no such head.
    """
    return _pick(jax.nn.log_softmax(_of_head(model(video), head)), target)


def _target(model, video, head, target):
    """The classes asked about, int (B,): those given, or those that the model names."""
    target = _asked(model, video, head, target)
    return _answer(model, jnp.asarray(video), head=head) if target is None else target


def _asked(model, video, head, target):
    """The target as an array; refuses pixels that are no numbers, and heads and classes that the model has not."""
    clips(video)
    count = _classes_of(model.config, head)
    if target is None:
        return None
    target = np.asarray(target)
    if target.shape != (len(video),) or not np.issubdtype(target.dtype, np.integer):
        raise ValueError(f"target must be a class for each of {len(video)} clips; got {target.dtype} {target.shape}")
    places(target.tolist(), count, f"{head or 'the model'} has classes")
    return target


def _classes_of(config, head):
    """How many classes the head has; the first, where none is named."""
    if not isinstance(config.classes, Mapping):
        if head not in (None, "class"):
            raise KeyError(f"the model has no head {head!r}; its only one has no name: leave head out")
        return config.classes
    if head is not None and head not in config.classes:
        raise KeyError(f"the model has no head {head!r}; it has {', '.join(config.classes)}")
    return config.classes[head or next(iter(config.classes))]


def _of_head(logits, head):
    """The logits of the head asked for; of the first where none is named."""
    if not isinstance(logits, dict):
        return logits
    if head is not None and head not in logits:
        raise KeyError(f"the model has no head {head!r}; it has {', '.join(logits)}")
    return logits[head or next(iter(logits))]


def _pick(scores, target):
    return jnp.take_along_axis(scores, jnp.asarray(target)[:, None], axis=1)[:, 0]


def _compose(records, keep):
    """The heads' mean of every record, u <- u A + keep u, from what the output reads to the tokens; float32."""
    return compose(records, lambda weights: weights.mean(-3), gather=1, keep=keep).astype(np.float32)


def _last_layer(records):
    """The records of the last layer of each encoder."""
    last = {record.over: record.layer for record in records}
    return [record for record in records if record.layer == last[record.over]]


def _weighted(model, video, head, target):
    """Every attention's record, its weights multiplied by their gradients where those raise the target's logit."""
    target, video = _target(model, video, head, target), jnp.asarray(video)
    shapes = record_shapes(model, video)
    gradients = _gradients(model, video, target, head=head, shapes=tuple(shapes.items()))
    answered(model, {f"the gradient of {name}": values for name, values in gradients.items()})
    _, records = record_attention(model, video)
    return [
        dataclasses.replace(record, weights=np.maximum(record.weights * np.asarray(gradients[record.name]), 0))
        for record in records
    ]


@compiled(static=("head",))
def _answer(model, video, *, head):
    return _of_head(model(video), head).argmax(-1)


@compiled(static=("head",))
def _slopes(model, video, target, *, head):
    return jax.grad(lambda pixels: _pick(_of_head(model(pixels), head), target).sum())(video)


@compiled(static=("head", "shapes"))
def _gradients(model, video, target, *, head, shapes):
    """The gradient of the target's logit with respect to every attention weight: the tap adds an epsilon."""

    def score(epsilon):
        logits = model(video, tap=lambda name, weights: weights + epsilon[name])
        return _pick(_of_head(logits, head), target).sum()

    return jax.grad(score)({name: jnp.zeros(shape) for name, shape in shapes})


@compiled(static=("head",))
def _falls(model, video, target, *, head):
    (_, h, w), (_, nh, nw), frames = model.config.tubelet, model.config.grid, jnp.asarray(frames_of(model.config))
    clip = video[:, None] if video.ndim == 4 else video  # (B, T, H, W, C)
    colour = clip.mean((1, 2, 3), keepdims=True)
    rows, columns = (jnp.arange(side) for side in clip.shape[2:4])
    before = log_probability(model, video, target, head)

    def fall(token):
        time, row, column = token // (nh * nw), token // nw % nh, token % nw
        hidden = (rows // h == row)[:, None] & (columns // w == column)  # (H, W)
        hidden = frames[time][:, None, None] & hidden  # (T, H, W)
        occluded = jnp.where(hidden[..., None], colour, clip).reshape(video.shape)
        return before - log_probability(model, occluded, target, head)

    return jax.lax.map(fall, jnp.arange(model.config.tokens))


__all__ = ["METHODS", "frames_of", "log_probability", "to_pixels", "tokens_of"]
