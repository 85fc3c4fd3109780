"""Tubelet filters from filters of other lengths: an image's, of one frame, or another tubelet's (Arnab et al. 2021)."""

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
    frames = _frames(kernel)
    new, old = np.arange(t)[:, None] / t, np.arange(len(frames)) / len(frames)
    shared = np.minimum(new + 1 / t, old + 1 / len(frames)) - np.maximum(new, old)  # of the clip's length
    shares = np.maximum(shared, 0) * len(frames)  # each old frame's shares sum to 1
    return np.einsum("ij,jhwcd->ihwcd", shares, frames).astype(frames.dtype)


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
