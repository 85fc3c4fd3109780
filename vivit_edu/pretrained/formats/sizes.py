"""The configuration of a checkpoint that has none, read off its arrays' shapes."""

import math
import re
from collections.abc import Mapping
from pathlib import Path

from vivit_edu.config import ViViTConfig


def sizes_of(
    arrays: Mapping,
    *,
    body: str,
    classes: int | Mapping,
    source: str | Path,
    overrides: Mapping,
    times: int | None = None,
) -> ViViTConfig:
    """The configuration of the model with these arrays, by this library's paths, positions with a batch axis.

    What the shapes leave open, the clip's length and the frame's height and width, are those of `overrides` where
    the positions are theirs; otherwise frames are square and as many as the positions say, or else 32.

    Args:
      times: the number of time indices, where it is known: 1 for an image model.

    Raises:
      KeyError: where an array is missing by which the sizes are known.
      ValueError: where the positions fit no clip.
    """
    encoder = "encoder" if body in ("spacetime", "factorised_self_attention", "factorised_dot_product") else "space"
    shape = _Shapes(arrays, source)
    kernel = shape("tokenise/kernel", (4, 5))
    prefix = f"body/{encoder}/blocks/layers/0/"
    inner = "space" if body == "factorised_self_attention" else "attention"
    pool = "class_token" if f"body/{encoder}/class_token/token" in arrays else "mean"
    fields = {
        "body": body,
        "classes": classes,
        "pool": pool,
        "channels": kernel[-2],
        "width": kernel[-1],
        "depth": depth_of(arrays, f"body/{encoder}/"),
        "heads": shape(f"{prefix}{inner}/query/kernel", (3,))[1],
        "mlp": shape(f"{prefix}mlp/first/kernel", (2,))[1],
        "tokeniser": "tubelet" if len(kernel) == 5 else "uniform",
    }
    if "heads/pre_logits/bias" in arrays:
        fields["pre_logits"] = shape("heads/pre_logits/bias", (1,))[0]
    if body == "factorised_encoder":
        fields["temporal_depth"] = depth_of(arrays, "body/time/")
    rows = shape(f"body/{encoder}/positions", (3,))[1] - (pool == "class_token")
    if "body/time/positions" in arrays:
        times = shape("body/time/positions", (3,))[1] - (pool == "class_token")
    clip = _clip(rows, times, kernel, body, overrides)
    if clip is None:
        raise ValueError(
            f"the {rows} positions of {source} are of no square frames: say size=(height, width) and frames"
        )
    return ViViTConfig(**fields, **clip)


class _Shapes:
    """Shapes by name, or a sentence."""

    def __init__(self, arrays, source):
        self.arrays, self.source = arrays, source

    def __call__(self, name, axes):
        if name not in self.arrays:
            known = sorted(self.arrays)[:20]
            raise KeyError(f"{self.source} does not fit a model: missing ['{name}']; there are {known}")
        shape = self.arrays[name].shape
        if len(shape) not in axes or 0 in shape:
            raise ValueError(f"{self.source} does not fit a model: {name} is {shape}, expected {axes[0]} axes")
        return shape


def depth_of(arrays: Mapping, prefix: str) -> int:
    """The number of blocks under `prefix`, by their largest index."""
    found = [re.match(rf"{prefix}blocks/layers/(\d{{1,4}})/", name) for name in arrays]
    return 1 + max((int(match[1]) for match in found if match), default=0)


def _clip(rows, times, kernel, body, overrides):
    """Frames, size and tubelet whose tokens have `rows` positions in space, or in space and time, and `times`."""
    *t, h, w = kernel[:-2]
    size = overrides.get("size")
    size = (size, size) if isinstance(size, int) else size
    for frames in _frames(rows, times, t, h, w, size, overrides, body):
        length, nt = frames
        space = rows if body in ("factorised_encoder", "average_pool") else rows // nt
        if nt * space != rows and space != rows:
            continue
        side = math.isqrt(space)
        fits = [size] if size and (size[0] // h) * (size[1] // w) == space else []
        for height, width in [*fits, *([(side * h, side * w)] if side * side == space else [])]:
            tubelet = (t[0] if t else max(length // nt, 1), h, w)
            return {"frames": length, "size": (height, width), "tubelet": tubelet}
    return None


def _frames(rows, times, t, h, w, size, overrides, body):
    """(frames, nt) to be tried, the likeliest first."""
    asked = overrides.get("frames")
    if times is not None:
        yield ((times * t[0] if t else asked or 32), times)
        return
    lengths = [n for n in (asked, 32) if n]
    sides = [s for s in (size, (224, 224)) if s]
    if body not in ("factorised_encoder", "average_pool"):
        for side in sides:
            space = (side[0] // h) * (side[1] // w)
            if space and rows % space == 0 and rows >= space:
                nt = rows // space
                yield ((nt * t[0] if t else max(asked or 32, nt)), nt)
    for length in lengths:
        nt = max(length // t[0], 1) if t else length
        yield (length, nt)
