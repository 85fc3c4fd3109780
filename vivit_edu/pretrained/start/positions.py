"""Learned positions for another grid: resized in space, resized or tiled in time (Arnab et al. 2021, Sec. 3.4)."""

import numpy as np
from jaxtyping import Float

from vivit_edu.arrays import Array


def resize_space(
    positions: Float[Array, "... S D"], grid_from: tuple[int, int], grid_to: tuple[int, int]
) -> Float[np.ndarray, "... S2 D"]:
    """The positions of a grid (height, width) at another one: bilinear, first and last places kept.

    That is the released code's rule (`zoom` with order 1), here for grids that need not be square. No class
    token is among the positions.

    Raises:
      ValueError: where the positions are not those of `grid_from`.

    Taught in: Ch. 9.
    """
    *batch, places, width = positions.shape
    if places != grid_from[0] * grid_from[1]:
        raise ValueError(f"{places} positions are not those of a grid {tuple(grid_from)} (height, width)")
    grid = np.asarray(positions).reshape(*batch, *grid_from, width)
    rows, columns = (_between(*sizes) for sizes in zip(grid_from, grid_to, strict=True))
    resized = np.einsum("Hh,Ww,...hwd->...HWd", rows, columns, grid, optimize=True)
    return resized.reshape(*batch, -1, width).astype(positions.dtype)


def resize_time(positions: Float[Array, "nt ... D"], length: int) -> Float[np.ndarray, "nt2 ... D"]:
    """The positions of nt time indices at `length` of them: linear, first and last kept, as in the released code.

    Taught in: Ch. 9.
    """
    resized = np.tensordot(_between(positions.shape[0], length), np.asarray(positions), axes=1)
    return resized.astype(positions.dtype)


def tile_time(positions: Float[Array, "N ... D"], times: int) -> Float[np.ndarray, "N2 ... D"]:
    """The positions repeated `times` times along time, so that places of one frame start alike (Sec. 3.4).

    Taught in: Ch. 9.
    """
    return np.tile(np.asarray(positions), (times, *[1] * (positions.ndim - 1)))


def _between(before: int, after: int) -> np.ndarray:
    """The matrix (after, before) of linear interpolation with aligned ends; a single place takes the middle."""
    if before == after:
        return np.eye(before)
    at = np.linspace(0, before - 1, after) if after > 1 else np.array([(before - 1) / 2])
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(before)))
