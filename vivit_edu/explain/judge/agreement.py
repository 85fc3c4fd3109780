"""How far a map agrees with what is known of its clip, or with another map: plain counting over tokens."""

import functools

import numpy as np
from jaxtyping import Bool, Float

from vivit_edu.arrays import Array
from vivit_edu.config import ViViTConfig
from vivit_edu.data.clips import Truth
from vivit_edu.data.sample import centre_offset, clip_indices
from vivit_edu.explain.follow.relevance import frames_of, tokens_of
from vivit_edu.explain.watch.fit import fits
from vivit_edu.explain.watch.sound import finite


def against_truth(
    maps: Float[np.ndarray, "B nt nh nw"], mask: Bool[np.ndarray, "B nt nh nw"], moving: Bool[np.ndarray, "B nt"]
) -> dict[str, Float[np.ndarray, "B"]]:
    """Pointing, overlap and time of each clip.

    Args:
      mask: tokens with at least one pixel of the object. Clips without any are nan in pointing and overlap.
      moving: times within an event that is no rest. The peak time is that of the largest sum over places.

    Raises:
      ValueError: where maps, mask and times are not of one size, or a number is NaN or infinite.
    """
    fits("the moving times", moving.shape, maps.shape[:2])
    fits("the mask's shape", mask.shape, maps.shape)
    flat, truth_of = finite(maps, "maps").reshape(len(maps), -1), mask.reshape(len(mask), -1)
    clip, none = np.arange(len(maps)), ~truth_of.any(1)
    order = np.argsort(-flat, axis=1, kind="stable")
    size = truth_of.sum(1)
    chosen = np.arange(flat.shape[1]) < size[:, None]
    hits = (np.take_along_axis(truth_of, order, axis=1) & chosen).sum(1)
    overlap = hits / np.maximum(2 * size - hits, 1)
    time = moving[clip, maps.sum((2, 3)).argmax(1)].astype(float)
    return {"pointing": points_at(maps, mask), "overlap": np.where(none, np.nan, overlap), "time": time}


def points_at(maps: Float[np.ndarray, "B nt nh nw"], mask: Bool[np.ndarray, "B nt nh nw"]) -> Float[np.ndarray, "B"]:
    """Of each clip, 1 where the map's largest number lies in the mask, else 0; nan where the mask is empty.

    Raises:
      ValueError: where the mask is of another size, or a number is NaN or infinite.
    """
    fits("the mask's shape", mask.shape, maps.shape)
    flat, truth_of = finite(maps, "maps").reshape(len(maps), -1), mask.reshape(len(mask), -1)
    hit = truth_of[np.arange(len(maps)), flat.argmax(1)].astype(float)
    return np.where(truth_of.any(1), hit, np.nan)


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
    """Spearman's correlation of two maps of each clip, in [-1, 1]; 0 where one of them is the same everywhere.

    Raises:
      ValueError: where they are not of one size, or a number is NaN or infinite.
    """
    fits("the second maps' shape", np.shape(b), np.shape(a))
    a, b = (_ranks(np.reshape(finite(maps, "maps"), (len(maps), -1))) for maps in (a, b))
    scale = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.divide((a * b).sum(1), scale, out=np.zeros(len(a)), where=scale > 0)


def _ranks(values):
    """Ranks less their mean, ties sharing theirs."""
    ranks = np.empty(values.shape)
    for row, out in zip(values, ranks, strict=True):
        _, group, counts = np.unique(row, return_inverse=True, return_counts=True)
        out[:] = (np.cumsum(counts) - (counts + 1) / 2)[group]
    return ranks - ranks.mean(1, keepdims=True)


def on_tokens(what: Truth, config: ViViTConfig) -> tuple[Bool[np.ndarray, "nt nh nw"], Bool[np.ndarray, "nt"]]:
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
