"""Which frames of a video make a clip (Arnab et al. 2021, Sec. 4.1; rules of the released code)."""

import numpy as np
from jaxtyping import Int


def clip_indices(length: int, frames: int, stride: int, offset: int) -> Int[np.ndarray, "T"]:
    """`frames` indices from `offset`, `stride` apart; a video too short is looped from its first frame."""
    return (offset + stride * np.arange(frames)) % length


def random_offset(length: int, frames: int, stride: int, rng: np.random.Generator) -> int:
    """Where a training clip starts: every start that leaves room for the clip is as likely."""
    return int(rng.integers(max(length - (frames - 1) * stride, 1)))


def centre_offset(length: int, frames: int, stride: int) -> int:
    """Where the one clip of an evaluation starts: in the middle."""
    return max(0, (length - frames * stride) // 2)


def view_offsets(length: int, frames: int, stride: int, views: int) -> Int[np.ndarray, "views"]:
    """Where the `views` clips of a multi-view evaluation start: evenly from the first to the last place."""
    return np.linspace(0, max(0, length - frames * stride), views).astype(np.int64)
