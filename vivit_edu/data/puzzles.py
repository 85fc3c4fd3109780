"""Clips drawn as arrays, in a moment, that ask one question of a model; no file, no network."""

import numpy as np
from jaxtyping import UInt8

from vivit_edu.arrays import Array

DARK, LIGHT = 40, 255  # pixels


def same_place(
    count: int, rng: np.random.Generator, *, frames: int = 4, grid: tuple[int, int] = (4, 4), patch: int = 4
) -> dict[str, UInt8[np.ndarray, "B T H W 3"] | dict[str, Array]]:
    """A batch {"video", "labels"}: a square lights up in the first frame and in the last; is it in the same place?

    A logit that adds up one number for each frame has the same mean in both classes, since each place is as frequent
    in each frame of each class. A classifier that is linear in such sums, as the average-pool baseline is, therefore
    cannot bring the cross-entropy below ln 2, that of a guess, and positions in time do not help it. (A classifier
    that is not linear can: where places are one-hot, the sum over frames holds a 2 if and only if they are the same.)

    Args:
      count: clips; half of them with the label "same" 1, half with 0, in random order.
      frames: of a clip, at least 2; those between the first and the last are dark.
      grid: (rows, columns) of places.
      patch: height and width of a place in pixels.

    Raises:
      ValueError: where there are fewer than two frames or places.

    Taught in: Ch. 9.
    """
    places = grid[0] * grid[1]
    if frames < 2 or places < 2:
        raise ValueError(f"the question needs two frames and two places; got {frames} frames, a grid of {grid}")
    same = rng.permutation(np.arange(count) % 2)
    first = rng.integers(places, size=count)
    last = np.where(same == 1, first, (first + rng.integers(1, places, size=count)) % places)
    lit = np.full((count, frames, places), DARK, np.uint8)
    lit[np.arange(count), 0, first] = lit[np.arange(count), -1, last] = LIGHT
    video = lit.reshape(count, frames, *grid).repeat(patch, axis=2).repeat(patch, axis=3)
    return {"video": video[..., None].repeat(3, axis=-1), "labels": {"same": same.astype(np.int32)}}
