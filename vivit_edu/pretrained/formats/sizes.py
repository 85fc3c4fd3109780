"""The configuration of a checkpoint that has none, read off its arrays' shapes; what they do not say is asked for."""

import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path

from vivit_edu.arrays import axes, plain
from vivit_edu.config import ViViTConfig
from vivit_edu.pretrained.report import Report

CLIP = ("frames", "size", "tubelet", "sampled")
PAPER = {"frames": 32, "size": (224, 224)}  # of every released video model
ASK = "say trained_on={'frames': ..., 'size': (height, width)}, which are the checkpoint's own"
IMAGE = ", or {'frames': 1} of an image model"


def sizes_of(
    arrays: Mapping,
    *,
    body: str,
    classes: int | Mapping,
    source: str | Path,
    trained_on: Mapping,
    overrides: Mapping,
    report: Report,
) -> ViViTConfig:
    """The configuration of the model with these arrays, by this library's paths, positions with a batch axis.

    Frames are square, as in every released model, unless something else is said.

    Args:
      trained_on: what the caller knows of the checkpoint's own configuration.
      overrides: what the caller wants of the model. They are believed of the checkpoint only where they say its
        clip wholly and fit it, which the report says; another clip is wanted otherwise.

    Raises:
      KeyError: where an array is missing by which the sizes are known.
      ValueError: where the shapes leave open what the checkpoint was trained on, or it was not what is said.
      TypeError: where what is said is no field of the configuration.
    """
    if strangers := sorted(trained_on.keys() - {field.name for field in dataclasses.fields(ViViTConfig)}):
        raise TypeError(f"trained_on says {', '.join(strangers)}, no field of ViViTConfig")
    encoder = "space" if body in ("factorised_encoder", "average_pool") else "encoder"
    shape = _Shapes(arrays, source)
    fields = _widths(arrays, shape, body, encoder)
    token = fields["pool"] == "class_token"
    clip = _Clip(
        rows=shape(f"body/{encoder}/positions", (3,))[1] - token,
        times=shape("body/time/positions", (3,))[1] - token if body == "factorised_encoder" else None,
        patch=shape("tokenise/kernel", (4, 5))[:-2],
        joint=encoder == "encoder",
        source=source,
    )
    said = {name: trained_on[name] for name in CLIP if name in trained_on}
    found = clip.fields(said, {name: overrides[name] for name in CLIP if name in overrides})
    if clip.believed:
        report.change(f"body/{encoder}/positions", f"taken for those of {clip.believed}, as the file does not say")
    return ViViTConfig(**({**fields, "classes": classes, "body": body} | dict(trained_on) | found))


def _widths(arrays, shape, body, encoder):
    """What the shapes say of all but the clip."""
    kernel, prefix = shape("tokenise/kernel", (4, 5)), f"body/{encoder}/blocks/layers/0/"
    inner = "space" if body == "factorised_self_attention" else "attention"
    fields = {
        "pool": "class_token" if f"body/{encoder}/class_token/token" in arrays else "mean",
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
    return fields


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


class _Clip:
    """The clip of a checkpoint with `rows` positions of patches, in a frame or in all of them, and `times` in time."""

    def __init__(self, *, rows, times, patch, joint, source):
        self.rows, self.times, self.joint, self.source = rows, times, joint, source
        *self.t, self.h, self.w = patch  # t is no number where frames are sampled: (h, w, C, D) says nothing of time
        self.believed = None

    def fields(self, said, asked):
        """Frames, size, tubelet and number of sampled frames."""
        said, asked = _numbers(said), _numbers(asked)
        if self.joint and not said:
            said = self._believe(asked)
        space, nt = (self.rows, self.times) if not self.joint else self._split(said)
        size = said.get("size") or self._frame(space, asked)
        if self.patches(size) != space:
            raise ValueError(
                f"{self.source} has {space} positions in a frame; {size} of patches {self.h, self.w} do not"
            )
        return {"size": size} | self._length(nt, said, asked)

    def patches(self, size):
        """How many patches a frame has."""
        return (size[0] // self.h) * (size[1] // self.w)

    def _believe(self, asked):
        """What is asked for, where it says the whole clip and fits: an image, or frames and their size."""
        if asked.get("frames") == 1 and (not self.t or self.t == [1]):
            self.believed = "an image"
            return {"frames": 1}
        whole = {name: asked[name] for name in PAPER if name in asked}
        if len(whole) == len(PAPER) and self._fits(whole):
            if not self._fits(PAPER) or self._split(whole) == self._split(PAPER):
                self.believed = f"{asked['frames']} frames of {asked['size'][0]} x {asked['size'][1]}"
                return whole
        raise self._open()

    def _fits(self, said):
        space = self.patches(said["size"])
        nt = said["frames"] // self.t[0] if self.t else self.rows // max(space, 1)
        return 0 < nt <= said["frames"] and nt * space == self.rows

    def _nt(self, said):
        """Time indices, where what is said tells them."""
        t = self.t or ([1] if said.get("frames") == 1 else said.get("tubelet"))
        return said.get("sampled") or (said["frames"] // t[0] if t and "frames" in said else None)

    def _split(self, said):
        """(positions in a frame, time indices) of positions that run over all frames."""
        nt = self._nt(said)
        space = self.patches(said["size"]) if "size" in said else None
        nt = self.rows // space if nt is None and space else nt
        if not nt:
            raise self._open()
        if self.rows % nt or space not in (None, self.rows // nt):
            raise ValueError(f"the {self.rows} positions of {self.source} are not those of {said}: {ASK}")
        return self.rows // nt, nt

    def _frame(self, space, asked):
        """A square frame, or the one asked for."""
        side = math.isqrt(space)
        if side * side == space:
            return (side * self.h, side * self.w)
        if "size" in asked and self.patches(asked["size"]) == space:
            return asked["size"]
        what = "" if "size" not in asked else f"; {asked['size']} holds {self.patches(asked['size'])} patches"
        raise ValueError(
            f"the {space} positions of {self.source} are of no square frames: say size=(height, width), or "
            f"trained_on={{'size': ...}} where another size is wanted{what}"
        )

    def _length(self, nt, said, asked):
        """Frames, tubelet and number of sampled frames."""
        if self.t:
            t = self.t[0]
            frames = said.get("frames") or (nt * t if nt else asked.get("frames"))
            if frames and nt and frames // t != nt:
                raise ValueError(f"{self.source} has {nt} time indices; {frames} frames of tubelets of {t} do not")
            return {"frames": frames or self._ask(), "tubelet": (t, self.h, self.w)}
        frames = said.get("frames") or asked.get("frames") or self._ask()
        tubelet = said.get("tubelet") or asked.get("tubelet") or (1, self.h, self.w)
        sampled = nt or said.get("sampled") or asked.get("sampled")
        return {"frames": frames, "tubelet": (tubelet[0], self.h, self.w)} | (
            {} if frames == 1 else {"sampled": sampled}
        )

    def _open(self):
        return ValueError(
            f"the {self.rows} positions of {self.source} may be of many clips: {ASK}{'' if self.t else IMAGE}"
        )

    def _ask(self):
        raise ValueError(f"{self.source} does not say how many frames it takes: say frames=...")


def _numbers(clip):
    """The clip's fields as whole numbers of Python's."""
    clip = {name: plain(v) if name in ("frames", "sampled") else axes(v, count=2) for name, v in clip.items()}
    clip = {name: value for name, value in clip.items() if value is not None}
    for name, value in clip.items():
        if not all(type(n) is int and n > 0 for n in (value if isinstance(value, tuple) else (value,))):
            raise ValueError(f"a clip is of whole numbers of frames and pixels; got {name}={value!r}")
    if len(clip.get("size", (0, 0))) != 2 or len(clip.get("tubelet", (0, 0, 0))) != 3:
        raise ValueError(f"size is (height, width) and tubelet (time, height, width); got {clip}")
    return clip
