"""Filters from filters of other sizes: a tubelet's from an image's, of one frame, or from another tubelet's."""

import numpy as np
from jaxtyping import Float

from vivit_edu.arrays import Array


def central_frame(kernel: Float[Array, "... C D"], t: int) -> Float[np.ndarray, "t h w C D"]:
    """The filter in the middle of t frames, zeros before and after it (Arnab et al. 2021, Eq. 9).

    An image's filter (h, w, C, D) stands in frame t // 2. A tubelet's (t', h, w, C, D) keeps its frames together,
    its frame t' // 2 in frame t // 2; what reaches beyond the new tubelet is dropped.

    Taught in: Ch. 9.
    """
    frames = _frames(kernel)
    longer = np.zeros((t, *frames.shape[1:]), frames.dtype)
    for index, frame in enumerate(frames):
        place = t // 2 + index - len(frames) // 2
        if 0 <= place < t:
            longer[place] = frame
    return longer


def inflate(kernel: Float[Array, "... C D"], t: int) -> Float[np.ndarray, "t h w C D"]:
    """The filter spread over t frames so that a still clip gives the same tokens (Arnab et al. 2021, Eq. 8).

    An image's filter (h, w, C, D) is repeated and divided by t. Of a tubelet's (t', h, w, C, D), each frame is
    shared out among the new frames that cover its stretch of time.

    Taught in: Ch. 9.
    """
    return resample(_frames(kernel), (t,))


def resample(kernel: Float[Array, "... C D"], sizes: tuple[int, ...]) -> Float[np.ndarray, "... C D"]:
    """A filter of other lengths along its first axes: each old cell is shared out among the new ones that cover it.

    A clip in which every pixel and frame is repeated has the same tokens as before; one in which nothing moves and
    all pixels are one colour has them for every size.
    """
    resampled = np.asarray(kernel)
    for axis, size in enumerate(sizes):
        if size != resampled.shape[axis]:
            resampled = np.moveaxis(
                np.tensordot(_shares(resampled.shape[axis], size), resampled, axes=(1, axis)), 0, axis
            )
    return resampled.astype(kernel.dtype)


def _shares(before, after):
    """(after, before): the share of each old cell that lies in each new one; columns add up to one."""
    old, new = np.arange(before + 1) / before, np.arange(after + 1) / after
    shared = np.minimum(new[1:, None], old[None, 1:]) - np.maximum(new[:-1, None], old[None, :-1])
    return np.maximum(shared, 0) * before


def rank_pool(kernel: Float[Array, "... C D"], t: int) -> Float[np.ndarray, "t h w C D"]:
    """The filter repeated over t frames with weights that grow with time: approximate rank pooling.

    Not in the paper; the released code has it. The weights are those of a "dynamic image" (Bilen et al. 2016),
    divided by t, and sum to 0, so that a still clip gives no token but the bias.

    Raises:
      ValueError: where the filter is a tubelet's.
    """
    if kernel.ndim != 4:
        raise ValueError(f"rank pooling starts from an image's filter (h, w, C, D); got shape {tuple(kernel.shape)}")
    index = np.arange(1, t + 1)
    harmonic = np.concatenate([[0], np.cumsum(1 / index)])  # H_0 .. H_t
    weights = 2 * (t - index + 1) - (t + 1) * (harmonic[t] - harmonic[index - 1])
    return np.einsum("t,hwcd->thwcd", weights / t, np.asarray(kernel)).astype(kernel.dtype)


FILTERS = {
    "central_frame": (central_frame, "central frame (Eq. 9)"),
    "inflate": (inflate, "inflated (Eq. 8)"),
    "rank_pool": (rank_pool, "rank pooling"),
}


def _frames(kernel):
    """(t', h, w, C, D): an image's filter is a tubelet's of one frame."""
    kernel = np.asarray(kernel)
    return kernel if kernel.ndim == 5 else kernel[None]
