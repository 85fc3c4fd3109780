"""Whether a map shows what an answer rests on: scores of the methods on clips whose truth is known.

The embedded clips carry the object's pixels and the times of its events (`vivit_edu.data.truth`), so a map is measured
in four ways: against the truth (pointing, overlap, time), against the question (half: two objects, and one asked for),
against the model (deletion and insertion: what becomes of the answer without the tokens, and with them alone), and
against a model that knows nothing (`redrawn`).
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Bool, Float, Int

from vivit_edu.arrays import Array
from vivit_edu.compiled import compiled, on_numbers
from vivit_edu.config import ViViTConfig
from vivit_edu.data import Example, batches, normalise
from vivit_edu.data.clips import truth
from vivit_edu.explain.follow.relevance import METHODS, frames_of, log_probability
from vivit_edu.explain.judge.agreement import against_truth, chance, on_tokens, points_at, rank_correlation
from vivit_edu.explain.judge.verdict import Row, Table
from vivit_edu.explain.watch.sound import answered, finite
from vivit_edu.model import ViT, ViViT

MEASURES = {  # name: what it is
    "pointing": "clips whose peak token holds pixels of the object (Zhang et al. 2016)",
    "overlap": "intersection over union of the object's tokens and as many of the map's largest",
    "time": "clips whose peak time lies in an event that is no rest",
    "half": "clips joined in time of halves with two objects: peak in that of the one asked for (cf. Rao et al. 2022)",
    "deletion": "mean probability of the class while tokens go, the map's largest first; low is good",
    "insertion": "mean probability of the class while tokens come, the map's largest first (Petsiuk et al. 2018)",
    "redrawn": "rank correlation with the map of the same model, its parameters drawn anew; near 0 is good",
    "redrawn pointing": "pointing of that map, which knows nothing of digits: what the object's mere contrast gives",
    "redrawn half": "half of that map, where contrast is of no use: at chance, or the score is no sign of learning",
}


@dataclasses.dataclass(frozen=True)
class _Batch:
    """Clips of one size with their truth on the token grid; those from `count` on only fill the batch up."""

    video: Float[Array, "B *clip"]
    target: Int[Array, "B"]
    count: int
    mask: Bool[np.ndarray, "B nt nh nw"]
    moving: Bool[np.ndarray, "B nt"]


@on_numbers
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

    Every map answers for the clip's true class in `head`. Chance is computed from the masks for pointing, overlap,
    time and half, and from one seeded map of noise for each clip for the others. Half is measured for nouns alone, and
    for clips alone: a verb needs all its time, and an image has no halves of it.

    Args:
      examples: embedded clips, at least 2; others have no truth.
      head: "noun", what the masks show, or "verb", what the events are.
      batch: clips at once; the last batch is filled up, so that everything is compiled once.
      steps: of deletion and insertion, equal shares of the tokens.
      seed: of noise, of the halves' order and of the redrawn parameters.

    Raises:
      ValueError: where there are fewer than 2 examples, steps or batch is below 1, or an example has no truth or
        no label of `head`.
    """
    _check(examples, head, batch, steps)
    on_head = head if isinstance(model.config.classes, Mapping) else None  # a model's only head may have no name
    rng, other, found = np.random.default_rng(seed), redrawn(model, seed), []
    with_halves = head == "noun" and model.config.grid[0] > 1
    for clips in _clips(model, examples, head, batch):
        ask = functools.partial(_ask, model, clips.video, clips.target, on_head, steps)
        halves = join(clips.video, clips.target, model.config, rng=rng) if with_halves else None
        one = {("chance", name): values for name, values in _of_noise(clips, halves, ask, rng).items()}
        for name, method in methods.items():
            method = functools.partial(method, head=on_head, target=clips.target)
            scores = _of_method(method, (model, other), clips, halves, ask)
            one |= {(name, measure): values for measure, values in scores.items()}
        found.append({key: values[: clips.count] for key, values in one.items()})
    values = {key: np.concatenate([one[key] for one in found]) for key in found[0]}
    return Table(rows=tuple(Row(*key, per_clip=per_clip) for key, per_clip in values.items()), name=model.config.name)


def _of_method(method, models, clips, halves, ask):
    """The method's score in each measure, for each clip; `models` are the trained one and the redrawn."""
    maps, theirs = (finite(method(model, clips.video), "maps") for model in models)
    scores = against_truth(maps, clips.mask, clips.moving)
    nothing = against_truth(theirs, clips.mask, clips.moving)["pointing"]
    scores |= ask(maps) | {"redrawn": rank_correlation(maps, theirs), "redrawn pointing": nothing}
    if halves:
        ours, theirs = (points_at(method(model, halves[0]), halves[1]) for model in models)
        scores |= {"half": ours, "redrawn half": theirs}
    return {name: scores[name] for name in MEASURES if name in scores}


def _of_noise(clips, halves, ask, rng):
    """What maps of noise score in each measure."""
    noise, other = rng.random((2, *clips.mask.shape))
    scores = chance(clips.mask, clips.moving) | ask(noise) | {"redrawn": rank_correlation(noise, other)}
    scores["redrawn pointing"] = scores["pointing"]
    if halves:
        share = np.where(halves[1].any((1, 2, 3)), halves[1].mean((1, 2, 3)), np.nan)
        scores |= {"half": share, "redrawn half": share}
    return scores


def join(
    video: Float[Array, "B T H W C"], target: Int[Array, "B"], config: ViViTConfig, *, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "B T H W C"], Bool[np.ndarray, "B nt nh nw"]]:
    """Clips of which one half is their own and the other that of a clip of another class; and where the own half is.

    The grid pointing game in time (Böhle et al. 2021, arXiv:2104.00032; Rao et al. 2022, arXiv:2205.10435): `rng`
    tosses whether the first half is the own, so a map that does not know which class is asked for points at it in
    half of the clips on average, whatever else it sees. A clip that meets no other class in its batch stays as it
    is, and its mask is empty.
    """
    video, target, times = np.asarray(video), np.asarray(target), config.grid[0]
    first = frames_of(config)[: times // 2].any(0)  # (T,)
    own_first = rng.random(len(video)) < 0.5
    others = np.array(
        [next((j for j in _after(i, len(target)) if target[j] != target[i]), i) for i in range(len(target))]
    )
    own = own_first[:, None] == first  # (B, T)
    joined = np.where(own[..., None, None, None], video, video[others])
    where = (own_first[:, None] == (np.arange(times) < times // 2)) & (others != np.arange(len(video)))[:, None]
    return joined, np.broadcast_to(where[..., None, None], (len(video), *config.grid))


def _after(index, count):
    """The other indices, from the next one round."""
    return ((index + step) % count for step in range(1, count))


@on_numbers
def redrawn(model: ViViT, seed: int = 0) -> ViViT:
    """The model with every parameter drawn anew, normal, of the old one's mean and deviation.

    A method whose maps stay the same shows the clip, not what the model learnt (Adebayo et al. 2018).
    """
    spans = [jnp.ptp(param) for param in jax.tree.leaves(nnx.state(model, nnx.Param))]
    answered(model, {"its parameters": np.array(spans)})
    rng, other = np.random.default_rng(seed), nnx.clone(model)
    draw = lambda p: jnp.asarray(rng.normal(p.mean(), p.std(), p.shape), p.dtype)  # noqa: E731
    nnx.update(other, jax.tree.map(draw, nnx.state(model, nnx.Param)))
    return other


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


@compiled(static=("head",))
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


def _clips(model, examples, head, batch) -> Iterator[_Batch]:
    config, done = model.config, 0
    for one in batches(examples, frames=config.frames, size=config.size, batch=batch):
        count = len(one["video"])
        filled = np.arange(batch) % count
        video = normalise(one["video"][filled])
        truths = [on_tokens(truth(example), config) for example in examples[done : done + count]]
        mask, moving = (np.stack(part)[filled] for part in zip(*truths, strict=True))
        video = video[:, 0] if isinstance(model, ViT) else video
        yield _Batch(video, one["labels"][head][filled], count, mask, moving)
        done += count


def _check(examples, head, batch, steps):
    if len(examples) < 2 or batch < 1 or steps < 1:
        raise ValueError(
            f"expected at least 2 examples, batch and steps of at least 1; got {len(examples)}, {batch} and {steps}"
        )
    if unlabelled := [example.id for example in examples if head not in example.labels]:
        raise ValueError(f"no label {head!r} in {len(unlabelled)} examples, the first {unlabelled[0]}")
