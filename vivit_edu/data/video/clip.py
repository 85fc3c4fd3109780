"""Frames that tell when they are shown."""

import numpy as np
from jaxtyping import Float64, Shaped


class Clip(np.ndarray):
    """Frames of a film along the first axis, an array as any other, and when each of them is shown.

    Copies, and the frames that a slice or a row of indices takes, keep their times, whatever slices cut of the other
    axes. All else that is made of a clip has none, and what is computed from one is a plain array.

    Attributes:
      times: (T,) in seconds after the film's first frame; None where that is not known.

    Raises:
      ValueError: where there is not one time for each frame.
    """

    times: Float64[np.ndarray, "T"] | None = None  # numpy's views begin with this one

    def __new__(cls, frames: Shaped[np.ndarray, "..."], times: Float64[np.ndarray, "T"] | None = None):
        clip = np.asarray(frames).view(cls)
        if times is not None:
            if times.shape != clip.shape[:1]:
                raise ValueError(f"a clip takes one time for each frame; got {times.shape} times for {clip.shape}")
            clip.times = times.copy()
        return clip

    def __getitem__(self, key):
        part, parts = super().__getitem__(key), key if isinstance(key, tuple) else (key,)
        picked = any(isinstance(one, slice) or np.ndim(one) == 1 for one in parts[:1])
        if self.times is not None and picked and all(isinstance(one, slice) for one in parts[1:]):
            part.times = self.times[parts[:1]]
        return part

    def __array_wrap__(self, array, context=None, return_scalar=False):
        return array[()] if return_scalar else array

    def copy(self, order: str = "C") -> "Clip":
        """A clip of its own memory, with these times."""
        return Clip(super().copy(order), self.times)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __reduce_ex__(self, protocol):
        return Clip, (np.asarray(self), self.times)
