"""Positions of one encoder's places moved to another's: other grid, other length, with a class token or not."""

import dataclasses

import numpy as np
from jaxtyping import Float

from vivit_edu.arrays import Array
from vivit_edu.config import ViViTConfig
from vivit_edu.pretrained.start.positions import resize_space, resize_time, tile_time


@dataclasses.dataclass(frozen=True)
class Places:
    """What an encoder's positions stand for.

    Attributes:
      times: time indices.
      grid: (nh, nw).
      class_token: whether a class token's position comes first.
      apart: whether time and space are two axes of the positions, as in Models 3 and 4.
    """

    times: int
    grid: tuple[int, int]
    class_token: bool
    apart: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the positions, without their width."""
        space = self.grid[0] * self.grid[1]
        return (self.times, space) if self.apart else (self.times * space + self.class_token,)

    def rule(self, before: "Places", how: str) -> str:
        """In words, how positions of `before` become those of these places."""
        steps = []
        if before.grid != self.grid:
            steps.append(f"resized from {before.grid} to {self.grid} (nh, nw)")
        if before.times != self.times:
            many = before.times > 1 and how == "resize"
            steps.append(f"resized in time from {before.times} to {self.times}" if many else repeated(before, self))
        if before.class_token != self.class_token:
            steps.append("class token's new" if self.class_token else "class token's left out")
        return ", ".join(steps) or "copied"


def places_of(config: ViViTConfig, encoder: str) -> Places:
    """The places over which an encoder runs: "encoder" over the clip, "space" over one frame, "time" over nt."""
    nt, nh, nw = config.grid
    shapes = {"encoder": (nt, (nh, nw)), "space": (1, (nh, nw)), "time": (nt, (1, 1))}
    apart = encoder == "encoder" and not config.allows_class_token
    return Places(*shapes[encoder], class_token=config.pool != "mean", apart=apart)


def move(
    theirs: Float[Array, "... D"], own: Float[Array, "... D"] | None = None, *, before: Places, after: Places, how: str
) -> Float[np.ndarray, "... D"]:
    """Positions of `before`'s places at `after`'s.

    In space they are resized. In time, a single frame's are repeated (Arnab et al. 2021, Sec. 3.4) and several are
    interpolated ("resize") or repeated ("tile"), the last time in part where the lengths need it: the released code
    tiles whole numbers of times only. A class token's position is kept if both have one; else the model's own stays
    or the source's is left out.

    Raises:
      ValueError: where the positions are not those of `before`'s places.
    """
    width = theirs.shape[-1]
    rows = np.asarray(theirs).reshape(-1, width)
    if len(rows) != np.prod(before.shape):
        raise ValueError(f"{len(rows)} positions are not those of {before.times} x {before.grid} places")
    token, rows = (rows[:1], rows[1:]) if before.class_token else (own[:1] if after.class_token else None, rows)
    clip = resize_space(rows.reshape(before.times, -1, width), before.grid, after.grid)  # (nt', S, D)
    if before.times > 1 and how == "resize":
        clip = resize_time(clip, after.times)  # (nt, S, D)
    else:
        clip = tile_time(clip, -(-after.times // before.times))[: after.times]  # (nt, S, D)
    rows = clip.reshape(-1, width)
    return (np.concatenate([token, rows]) if after.class_token else rows).reshape(*after.shape, width)


def repeated(before: Places, after: Places) -> str:
    """In words, how often positions are repeated in time, or how many are kept."""
    times = after.times / before.times
    return f"repeated {times:g} times in time" if times > 1 else f"the first {after.times} of {before.times} in time"
