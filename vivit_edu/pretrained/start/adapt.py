"""Parameters for another clip than the checkpoint's: positions and tubelet kernels follow the grid."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vivit_edu.arrays import Array
from vivit_edu.config import ViViTConfig
from vivit_edu.model import ViViT
from vivit_edu.pretrained.report import Report
from vivit_edu.pretrained.start.fit import fit, without_parameters
from vivit_edu.pretrained.start.heads import same_columns
from vivit_edu.pretrained.start.positions import resize_space, resize_time, tile_time
from vivit_edu.pretrained.stored import Derived, reading

TIMES = ("interpolate", "tile")
LARGEST = 2**20  # frames, pixels or channels


def build(
    arrays: Mapping,
    config: ViViTConfig,
    *,
    source: str | Path,
    overrides: Mapping,
    report: Report | None = None,
    time: str = "interpolate",
) -> ViViT:
    """The model of a checkpoint whose configuration is `config`, with fields of it overridden.

    Where the overrides change the grid, positions are resized in space, interpolated or tiled in time, and the
    tubelet's kernel is resampled; the report says so.

    Args:
      arrays: by this library's paths, read from their file only when they are asked for.
      time: "interpolate" or "tile", as in `adapt`.

    Raises:
      KeyError, ValueError: where names, shapes or sizes do not fit.
    """
    _check_extent(arrays, config, source)
    wanted = dataclasses.replace(config, **overrides)
    if wanted.classes == config.classes and not same_columns(wanted.classes, config.classes):
        raise ValueError(
            f"{source} has heads in the order {', '.join(config.classes)}; got {', '.join(wanted.classes)}"
        )
    arrays = adapt(arrays, config, wanted, time=time, report=Report() if report is None else report)
    with reading(arrays) as arrays:  # while the model is laid out
        model = without_parameters(wanted)
        fit(model, arrays, source=str(source))
    return model


def _check_extent(arrays, config, source):
    """Refuses a configuration that the arrays cannot fill, before a model of its size is laid out."""
    if config.depth + config.temporal_depth * (config.body == "factorised_encoder") > len(arrays) + 64:
        raise ValueError(f"{source} has {len(arrays)} arrays, too few for a depth of {config.depth}")
    extent = {"frames": config.frames, "height": config.size[0], "width": config.size[1], "mlp": config.mlp}
    extent |= {"vector": config.width, "heads": config.heads, "channels": config.channels}
    if too_large := {name: count for name, count in extent.items() if count > LARGEST}:
        raise ValueError(f"{source} describes no model: {too_large}, above {LARGEST}")


def adapt(arrays: Mapping, before: ViViTConfig, after: ViViTConfig, *, time: str, report: Report) -> dict:
    """The arrays of a model for the clips of `before`, by path, for the clips of `after`.

    Args:
      time: "interpolate" places positions of time indices between those there are; "tile" repeats them, which
        needs a whole number of times (the released code does the first in Model 2's temporal encoder, the second
        in Model 1).

    Raises:
      ValueError: where a length cannot be tiled.
    """
    if time not in TIMES:
        raise ValueError(f"time must be one of {', '.join(TIMES)}; got {time!r}")
    arrays = dict(arrays)
    for place in [name for name in arrays if name.endswith("/positions") and before.grid != after.grid]:
        arrays[place] = _moved(arrays[place], before, after, axes=_axes(place), time=time)
        report.change(place, _rule(before.grid, after.grid, _axes(place), time))
    if before.tubelet[1:] != after.tubelet[1:] or (before.tubelet != after.tubelet and after.tokeniser == "tubelet"):
        sizes = after.tubelet if after.tokeniser == "tubelet" else after.tubelet[1:]
        arrays["tokenise/kernel"] = Derived(lambda k: resize_kernel(k, sizes), arrays["tokenise/kernel"])
        report.change("tokenise/kernel", f"tubelet {before.tubelet} -> {after.tubelet}, resampled by area")
    return arrays


def resize_kernel(kernel: Float[Array, "... C D"], sizes: tuple[int, ...]) -> Float[np.ndarray, "... C D"]:
    """A tubelet's kernel, or a patch's, for tubelets of other sizes, resampled by area along each axis.

    A clip in which every pixel and frame is repeated has the same tokens as before; one in which nothing moves
    and all pixels are one colour has them for every size.
    """
    kernel = np.asarray(kernel)
    for axis, size in enumerate(sizes):
        kernel = np.moveaxis(np.tensordot(_overlap(kernel.shape[axis], size), kernel, axes=(1, axis)), 0, axis)
    return kernel.astype(np.float32)


def _overlap(before, after):
    """(after, before): the share of each old cell that lies in each new one; columns add up to one."""
    old, new = np.arange(before + 1) / before, np.arange(after + 1) / after
    width = np.minimum(new[1:, None], old[None, 1:]) - np.maximum(new[:-1, None], old[None, :-1])
    return np.maximum(width, 0) * before


def _axes(place):
    return {"space": "space", "time": "time"}.get(place.split("/")[1], "both")


def _moved(positions, before, after, *, axes, time):
    (nt, *old), (nt2, *new) = before.grid, after.grid

    def move(array):
        token, grid = _without_token(array, before, axes)
        if axes == "time":
            return np.concatenate([token, _in_time(grid, nt2, time)])
        if axes == "space":
            return np.concatenate([token, resize_space(grid, tuple(old), tuple(new))])
        two_axes = array.ndim == 3  # Models 3 and 4 keep time and space apart
        grid = resize_space(grid.reshape(nt, -1, grid.shape[-1]), tuple(old), tuple(new))
        grid = _in_time(grid, nt2, time)
        return grid if two_axes else np.concatenate([token, grid.reshape(-1, grid.shape[-1])])

    return Derived(move, positions)


def _without_token(array, config, axes):
    """The class token's row, where there is one, and the others."""
    nt, nh, nw = config.grid
    rows = {"time": nt, "space": nh * nw, "both": nt if array.ndim == 3 else config.tokens}[axes]
    has_token = config.pool != "mean"
    if array.shape[0] != rows + has_token:
        raise ValueError(f"{array.shape[0]} positions are not those of grid {config.grid}, pool {config.pool!r}")
    return array[: int(has_token)], array[int(has_token) :]


def _in_time(grid, length, time):
    if time == "interpolate" or len(grid) == length:
        return resize_time(grid, length)
    if length % len(grid):
        raise ValueError(f"positions of {len(grid)} time indices cannot be tiled to {length}; interpolate them")
    return tile_time(grid, length // len(grid))


def _rule(before, after, axes, time):
    parts = []
    if axes != "time" and before[1:] != after[1:]:
        old, new = (" x ".join(map(str, grid[1:])) for grid in (before, after))
        parts.append(f"space {old} -> {new}, bilinear with aligned ends")
    if axes != "space" and before[0] != after[0]:
        rule = {"interpolate": "linear with aligned ends", "tile": "tiled"}[time]
        parts.append(f"time {before[0]} -> {after[0]}, {rule}")
    return "; ".join(parts) or "as it was"
