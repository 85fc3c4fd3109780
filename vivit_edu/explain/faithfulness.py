"""Whether a map shows what an answer rests on: scores of the methods on clips whose truth is known.

The embedded clips carry the object's pixels and the times of its events (`vivit_edu.data.truth`), so a map is measured
in three ways: against the truth (pointing, overlap, time), against the model (deletion and insertion: what becomes of
the answer without the tokens, and with them alone), and against a model that knows nothing (`redrawn`).
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Bool, Float

from vivit_edu.arrays import Array
from vivit_edu.data import Example, batches, normalise
from vivit_edu.data.clips import truth
from vivit_edu.data.sample import centre_offset, clip_indices
from vivit_edu.explain.relevance import METHODS, frames_of, log_probability, tokens_of
from vivit_edu.explain.verdict import Row, Table
from vivit_edu.model import ViT, ViViT

MEASURES = {  # name: what it is
    "pointing": "clips whose peak token holds pixels of the object (Zhang et al. 2016)",
    "overlap": "intersection over union of the object's tokens and as many of the map's largest",
    "time": "clips whose peak time lies in an event that is no rest",
    "deletion": "mean probability of the class while tokens go, the map's largest first; low is good",
    "insertion": "mean probability of the class while tokens come, the map's largest first (Petsiuk et al. 2018)",
    "redrawn": "rank correlation with the map of the same model, its parameters drawn anew; near 0 is good",
    "redrawn pointing": "pointing of that map, which knows nothing of digits: what the object's mere contrast gives",
}


def score(
    model: ViViT,
    examples: Sequence[Example],
    methods: Mapping[str, Callable] = METHODS,
    *,
    head: str = "noun",
    batch: int = 50,
    steps: int = 16,
    seed: int = 0,
) -> Table:
    """A row for each method and measure of `MEASURES`, and for chance: what maps of noise would score.

    Every map answers for the clip's true class in `head`. Chance is computed from the masks for pointing, overlap
    and time, and from one seeded map of noise for each clip for the others.

    Args:
      examples: embedded clips, at least 2; others have no truth.
      head: "noun", what the masks show, or "verb", what the events are.
      batch: clips at once; the last batch is filled up, so that everything is compiled once.
      steps: of deletion and insertion, equal shares of the tokens.
      seed: of noise and of the redrawn parameters.

    Raises:
      ValueError: where there are fewer than 2 examples, steps or batch is below 1, or an example has no truth or
        no label of `head`.
    """
    _check(examples, head, batch, steps)
    rng, other = np.random.default_rng(seed), redrawn(model, seed)
    found = []
    for video, target, count, mask, moving in _clips(model, examples, head, batch):
        ask = functools.partial(_ask, model, video, target, head, steps)
        noise = rng.random(mask.shape)
        one = {("chance", name): values for name, values in chance(mask[:count], moving[:count]).items()}
        one |= {("chance", name): values[:count] for name, values in ask(noise).items()}
        for name, method in methods.items():
            maps, theirs = (method(m, video, head=head, target=target) for m in (model, other))
            scores = against_truth(maps[:count], mask[:count], moving[:count])
            nothing = against_truth(theirs[:count], mask[:count], moving[:count])["pointing"]
            scores |= {"redrawn": rank_correlation(maps, theirs)[:count], "redrawn pointing": nothing}
            scores |= {measure: values[:count] for measure, values in ask(maps).items()}
            one |= {(name, measure): values for measure, values in scores.items()}
        one["chance", "redrawn"] = rank_correlation(noise, rng.random(mask.shape))[:count]
        one["chance", "redrawn pointing"] = one["chance", "pointing"]
        found.append(one)
    values = {key: np.concatenate([one[key] for one in found]) for key in found[0]}
    return Table(rows=tuple(Row(*key, per_clip=per_clip) for key, per_clip in values.items()), name=model.config.name)


def redrawn(model: ViViT, seed: int = 0) -> ViViT:
    """The model with every parameter drawn anew, normal, of the old one's mean and deviation.

    A method whose maps stay the same shows the clip, not what the model learnt (Adebayo et al. 2018).
    """
    rng, other = np.random.default_rng(seed), nnx.clone(model)
    draw = lambda p: jnp.asarray(rng.normal(p.mean(), p.std(), p.shape), p.dtype)  # noqa: E731
    nnx.update(other, jax.tree.map(draw, nnx.state(model, nnx.Param)))
    return other


def against_truth(
    maps: Float[np.ndarray, "B nt nh nw"], mask: Bool[np.ndarray, "B nt nh nw"], moving: Bool[np.ndarray, "B nt"]
) -> dict[str, Float[np.ndarray, "B"]]:
    """Pointing, overlap and time of each clip.

    Args:
      mask: tokens with at least one pixel of the object. Clips without any are nan in pointing and overlap.
      moving: times within an event that is no rest. The peak time is that of the largest sum over places.
    """
    flat, truth_of = maps.reshape(len(maps), -1), mask.reshape(len(mask), -1)
    clip, none = np.arange(len(maps)), ~truth_of.any(1)
    pointing = truth_of[clip, flat.argmax(1)].astype(float)
    order = np.argsort(-flat, axis=1, kind="stable")
    size = truth_of.sum(1)
    chosen = np.arange(flat.shape[1]) < size[:, None]
    hits = (np.take_along_axis(truth_of, order, axis=1) & chosen).sum(1)
    overlap = hits / np.maximum(2 * size - hits, 1)
    time = moving[clip, maps.sum((2, 3)).argmax(1)].astype(float)
    return {"pointing": np.where(none, np.nan, pointing), "overlap": np.where(none, np.nan, overlap), "time": time}


def chance(mask: Bool[np.ndarray, "B nt nh nw"], moving: Bool[np.ndarray, "B nt"]) -> dict[str, Float[np.ndarray, "B"]]:
    """What a map of noise is expected to score in each clip, exactly: its peak may be anywhere."""
    tokens, sizes = mask[0].size, mask.sum((1, 2, 3))
    none = sizes == 0
    overlap = [_expected_overlap(int(size), tokens) for size in sizes]
    return {
        "pointing": np.where(none, np.nan, sizes / tokens),
        "overlap": np.where(none, np.nan, overlap),
        "time": moving.mean(1),
    }


@functools.lru_cache(maxsize=4096)
def _expected_overlap(size, tokens):
    """The mean of h / (2 size - h) over hypergeometric h: `size` of the tokens drawn, `size` of them the object's."""
    # built up from the ratio of neighbours, P(h + 1) / P(h) = (size - h)^2 / ((h + 1) (tokens - 2 size + h + 1))
    least = max(0, 2 * size - tokens)
    hits, odds = [least], [1.0]
    for h in range(least, size):
        hits.append(h + 1)
        odds.append(odds[-1] * (size - h) ** 2 / ((h + 1) * (tokens - 2 * size + h + 1)))
    hits, odds = np.array(hits, float), np.array(odds)
    return float((odds * hits).sum() and (odds / odds.sum() * hits / (2 * size - hits)).sum())


def rank_correlation(a: Array, b: Array) -> Float[np.ndarray, "B"]:
    """Spearman's correlation of two maps of each clip, in [-1, 1]; 0 where one of them is the same everywhere."""
    a, b = (_ranks(np.reshape(maps, (len(maps), -1))) for maps in (a, b))
    scale = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.divide((a * b).sum(1), scale, out=np.zeros(len(a)), where=scale > 0)


def _ranks(values):
    """Ranks less their mean, ties sharing theirs."""
    ranks = np.empty(values.shape)
    for row, out in zip(values, ranks, strict=True):
        _, group, counts = np.unique(row, return_inverse=True, return_counts=True)
        out[:] = (np.cumsum(counts) - (counts + 1) / 2)[group]
    return ranks - ranks.mean(1, keepdims=True)


def _ask(model, video, target, head, steps, maps):
    """Deletion and insertion of each clip: areas under the class's probability, by the trapezoid rule."""
    flat = np.reshape(maps, (len(maps), -1))
    rank = np.argsort(np.argsort(-flat, axis=1, kind="stable"), axis=1)  # 0 for the largest
    firsts = np.round(np.linspace(0, flat.shape[1], steps + 1))[:, None, None] > rank  # (steps + 1, B, N)
    areas = {}
    for name, shown in (("deletion", ~firsts), ("insertion", firsts)):
        curve = np.asarray(_probabilities(model, video, shown, target, head=head))  # (steps + 1, B)
        areas[name] = (curve[1:] + curve[:-1]).mean(0) / 2
    return areas


@nnx.jit(static_argnames="head")
def _probabilities(model, video, shown, target, *, head):
    """The target's probability (K, B) when only some tokens are shown, bool (K, B, N), the rest in the mean colour."""
    clip = video if video.ndim == 5 else video[:, None]  # (B, T, H, W, C)
    colour = clip.mean((1, 2, 3), keepdims=True)
    frames, (h, w), (_, nh, nw) = frames_of(model.config), model.config.tubelet[1:], model.config.grid

    def ask(one):
        seen = one.reshape(-1, *model.config.grid)  # (B, nt, nh, nw)
        seen = jnp.repeat(jnp.repeat(seen, h, 2), w, 3)  # (B, nt, nh h, nw w)
        seen = jnp.einsum("btyx,tf->bfyx", seen.astype(clip.dtype), frames.astype(clip.dtype))
        seen = jnp.pad(seen, [(0, 0), (0, 0), (0, clip.shape[2] - nh * h), (0, clip.shape[3] - nw * w)])
        masked = colour + (clip - colour) * seen[..., None]
        return jnp.exp(log_probability(model, masked.reshape(video.shape), target, head))

    return jax.lax.map(ask, shown)


def _clips(model, examples, head, batch) -> Iterator[tuple]:
    """Batches of one size: clips, targets, how many are no filling, and their truth on the token grid."""
    config, done = model.config, 0
    for one in batches(examples, frames=config.frames, size=config.size, batch=batch):
        count = len(one["video"])
        filled = np.arange(batch) % count
        video = normalise(one["video"][filled])
        truths = [on_tokens(truth(example), config) for example in examples[done : done + count]]
        mask, moving = (np.stack(part)[filled] for part in zip(*truths, strict=True))
        yield video[:, 0] if isinstance(model, ViT) else video, one["labels"][head][filled], count, mask, moving
        done += count


def on_tokens(what, config) -> tuple[Bool[np.ndarray, "nt nh nw"], Bool[np.ndarray, "nt"]]:
    """The tokens that hold pixels of the object, and the times within an event that is no rest."""
    length = len(what.mask)
    chosen = clip_indices(length, config.frames, 1, centre_offset(length, config.frames, 1))
    if what.mask.shape[1:] != config.size:
        raise ValueError(f"the clips' size {what.mask.shape[1:]} is not the model's, {config.size}")
    moving = np.zeros(length, bool)
    for name, start, stop in what.events:
        moving[start:stop] |= name != "rest"
    mask = tokens_of(what.mask[None, chosen, ..., None].astype(np.float32), config)[0].any((-1, -2, -3, -4))
    return mask, (frames_of(config) & moving[chosen]).any(1)


def _check(examples, head, batch, steps):
    if len(examples) < 2 or batch < 1 or steps < 1:
        raise ValueError(
            f"expected at least 2 examples, batch and steps of at least 1; got {len(examples)}, {batch} and {steps}"
        )
    if unlabelled := [example.id for example in examples if head not in example.labels]:
        raise ValueError(f"no label {head!r} in {len(unlabelled)} examples, the first {unlabelled[0]}")
