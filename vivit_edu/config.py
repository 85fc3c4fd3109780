"""What a video transformer is made of: one frozen record of sizes and choices, and the names of the paper's models."""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from flax.core import FrozenDict

from vivit_edu.arrays import AnyReal, AnyWhole, Real, axes, dtype_name, is_whole, plain, real

SUFFIXES = {
    "": "spacetime",
    "FE": "factorised_encoder",
    "FSA": "factorised_self_attention",
    "FDP": "factorised_dot_product",
    "AP": "average_pool",
}
CHOICES = {
    "tokeniser": ("tubelet", "uniform"),
    "sampling": ("interior", "centre"),
    "body": tuple(SUFFIXES.values()),
    "pool": ("class_token", "mean", "class_token_and_mean"),
    "order": ("space_time", "time_space"),
    "gelu": ("tanh", "exact"),
    "dtype": ("float32", "bfloat16"),
}
RATES = ("dropout", "attention_dropout", "stochastic_depth")
REALS = dict.fromkeys(RATES, (lambda rate: 0 <= rate < 1, "in [0, 1)"))
REALS["epsilon"] = lambda epsilon: 0 < epsilon < math.inf, "above 0 and finite"
COUNTS = {"frames": 1, "channels": 1, "width": 1, "depth": 1, "heads": 1, "mlp": 1, "temporal_depth": 0}  # at least
OPTIONAL = {"pre_logits": 1, "sampled": 1}  # or None

BACKBONES = {
    "nano": {"width": 64, "depth": 3, "heads": 4, "mlp": 128, "temporal_depth": 2, "size": 32},
    "Ti": {"width": 192, "depth": 12, "heads": 3},
    "S": {"width": 384, "depth": 12, "heads": 6},
    "B": {"width": 768, "depth": 12, "heads": 12},
    "L": {"width": 1024, "depth": 24, "heads": 16},
    "H": {"width": 1280, "depth": 32, "heads": 16},
}
NANO_CLASSES = {"verb": 19, "noun": 10}  # the embedded clips; a test holds them equal to vivit_edu.data
NAME = re.compile(
    rf"(?P<kind>ViViT|ViT)-(?P<backbone>{'|'.join(BACKBONES)})/(?P<patch>[1-9]\d*)"
    rf"(?:x(?P<time>[1-9]\d*))?(?: (?P<suffix>{'|'.join(filter(None, SUFFIXES))}))?"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ViViTConfig:
    """The sizes and choices that make one model; checked when made, changed with `dataclasses.replace`.

    Sizes are ordered (time, height, width) and counted in frames and pixels. The defaults are ViViT-B/16x2,
    Model 1, as in Arnab et al. 2021, Sec. 4.1. What the floor of size by tubelet leaves over at the end of an
    axis is dropped, as in the paper (Sec. 3.2).

    Attributes:
      frames: frames of a clip, T.
      size: (height, width) of a frame in pixels; an int means square.
      channels: colours of a pixel, C.
      classes: number of classes, or a mapping from a head's name to its number ({"verb": 97, "noun": 300}),
        and then the model returns a mapping of logits.
      tubelet: (t, h, w) of one token.
      tokeniser: "tubelet" (Sec. 3.2, Fig. 3) or "uniform" frame sampling (Fig. 2).
      sampled: how many frames n "uniform" takes, up to T, which is all; None takes T // t, as many as tubelets.
      sampling: which frames "uniform" takes: "interior", round(T i / (n + 1)) for i = 1..n, as the released code
        does, or "centre", the frame t // 2 of each tubelet, which central-frame initialisation (Eq. 9) equals, or
        the middle one of each of `sampled` equal stretches.
      body: the encoder, Models 1-4 of Sec. 3.3 or the average-pool baseline of Table 2.
      pool: "class_token" or "mean" over tokens; None takes the class token where the model has one. Models 3
        and 4 have none (Sec. 3.3). "class_token_and_mean" joins both, as DINOv2's classifier does (Model 1 only).
      width: d. depth: L. heads: N_H. mlp: hidden width of the MLP; None means 4 d.
      temporal_depth: L_t, layers of Model 2's temporal encoder; 0 is the average-pool baseline (Table 3).
      order: Model 3: which attention comes first. Model 4: what the first half of the heads looks at: space in
        the paper, Concat(Y_s, Y_t); time in the released code.
      dropout, attention_dropout: rates in [0, 1).
      stochastic_depth: p_drop of Eq. 10, the last layer's rate, in [0, 1).
      gelu: "tanh" (the released code) or "exact" (Hugging Face's image models).
      epsilon: of LayerNorm; 1e-6 in the released code.
      pre_logits: width of a tanh layer before the head, None for none (the paper).
      dtype: of the computation, "float32" or "bfloat16"; parameters and softmax stay float32.

    Raises:
      ValueError: where a size, rate or choice does not fit; one sentence with the value.

    Taught in: Ch. 3, 4.
    """

    frames: AnyWhole = 32
    size: AnyWhole | Sequence[AnyWhole] = (224, 224)
    channels: AnyWhole = 3
    classes: AnyWhole | Mapping[str, AnyWhole] = 400
    tubelet: Sequence[AnyWhole] = (2, 16, 16)
    tokeniser: str = "tubelet"
    sampled: AnyWhole | None = None
    sampling: str = "interior"
    body: str = "spacetime"
    pool: str | None = None
    width: AnyWhole = 768
    depth: AnyWhole = 12
    heads: AnyWhole = 12
    mlp: AnyWhole | None = None
    temporal_depth: AnyWhole = 4
    order: str = "space_time"
    dropout: AnyReal = 0.0
    attention_dropout: AnyReal = 0.0
    stochastic_depth: AnyReal = 0.0
    gelu: str = "tanh"
    epsilon: AnyReal = 1e-6
    pre_logits: AnyWhole | None = None
    dtype: Any = "float32"

    def __post_init__(self):
        self._normalise()
        for field, allowed in CHOICES.items():
            if not isinstance(value := getattr(self, field), str) or value not in allowed:
                raise ValueError(f"{field} must be one of {', '.join(allowed)}; got {value!r}")
        for field, least in (COUNTS | OPTIONAL).items():
            if field in COUNTS or getattr(self, field) is not None:
                _require_count(field, getattr(self, field), least)
        self._check_reals()
        self._check_classes()
        self._check_grid()
        self._check_heads()

    def _normalise(self):
        """Stores numpy's numbers as Python's, an int size as a square, classes hashable, and the pool's default."""
        store = partial(object.__setattr__, self)
        for field in dataclasses.fields(self):
            store(field.name, plain(getattr(self, field.name)))
        store("size", axes(self.size, count=2))
        store("tubelet", axes(self.tubelet))
        if self.mlp is None and is_whole(self.width):
            store("mlp", 4 * self.width)
        if isinstance(self.classes, Mapping):
            store("classes", FrozenDict({head: plain(count) for head, count in self.classes.items()}))
        for field in REALS:
            store(field, real(getattr(self, field)))
        store("dtype", dtype_name(self.dtype))
        if self.pool is None:
            store("pool", "class_token" if self.allows_class_token else "mean")

    def _check_reals(self):
        for field, (fits, range_) in REALS.items():
            if not isinstance(value := getattr(self, field), Real) or isinstance(value, bool):
                raise ValueError(f"{field} must be a number; got {value!r}")
            if not fits(value):
                raise ValueError(f"{field} must be {range_}; got {value!r}")

    def _check_classes(self):
        heads = self.classes if isinstance(self.classes, Mapping) else {"classes": self.classes}
        if not heads:
            raise ValueError("classes must name at least one head; got an empty mapping")
        for head, count in heads.items():
            _require_count(head, count)

    def _check_grid(self):
        for field, order in (("size", "(height, width)"), ("tubelet", "(time, height, width)")):
            value = getattr(self, field)
            if len(value) != order.count(",") + 1 or not all(map(is_whole, value)):
                raise ValueError(f"{field} must be positive whole numbers {order}; got {value}")
        if self.sampled and self.tokeniser != "uniform":
            raise ValueError(f"sampled is for tokeniser 'uniform'; got {self.sampled} and {self.tokeniser!r}")
        if self.sampled and self.sampled > self.frames:
            raise ValueError(f"of {self.frames} frames, {self.sampled} cannot be sampled")
        if 0 in self.grid:
            clip = (self.frames, *self.size)
            raise ValueError(f"a clip of {clip} (frames, height, width) holds no tubelet of {self.tubelet}")

    def _check_heads(self):
        if self.width % self.heads:
            raise ValueError(f"width {self.width} cannot be shared equally by {self.heads} heads")
        if self.body == "factorised_dot_product" and self.heads % 2:
            raise ValueError(f"Model 4 gives half of its heads to time: heads must be even; got {self.heads}")
        if self.pool != "mean" and not self.allows_class_token:
            raise ValueError(f"body {self.body!r} has no class token (Sec. 3.3): pool must be 'mean'")
        if self.pool == "class_token_and_mean" and self.body != "spacetime":
            raise ValueError(f"pool {self.pool!r} is for body 'spacetime'; got {self.body!r}")

    @property
    def allows_class_token(self) -> bool:
        """Whether the body's tokens form one sequence, to which a class token can be prepended."""
        return self.body not in ("factorised_self_attention", "factorised_dot_product")

    @property
    def grid(self) -> tuple[int, int, int]:
        """(nt, nh, nw), the tokens along time, height and width (Arnab et al. 2021, Sec. 3.2)."""
        nt, nh, nw = (n // t for n, t in zip((self.frames, *self.size), self.tubelet, strict=True))
        return self.sampled or nt, nh, nw

    @property
    def tokens(self) -> int:
        """nt nh nw, the tokens of a clip, without a class token."""
        nt, nh, nw = self.grid
        return nt * nh * nw

    @property
    def name(self) -> str:
        """The name that `named` reads, "ViViT-B/16x2 FE"; a backbone without a name is written d48-L3-A4."""
        shape = {"width": self.width, "depth": self.depth, "heads": self.heads}
        known = [k for k, v in BACKBONES.items() if shape == {field: v[field] for field in shape}]
        backbone = known[0] if known else f"d{self.width}-L{self.depth}-A{self.heads}"
        t, h, w = self.tubelet
        patch = str(h) if h == w else f"({h}, {w})"
        if self.frames == 1:
            return f"ViT-{backbone}/{patch}"
        suffix = {body: suffix for suffix, body in SUFFIXES.items()}[self.body]
        return f"ViViT-{backbone}/{patch}x{t} {suffix}".rstrip()


def named(name: str, **overrides) -> ViViTConfig:
    """The configuration of a model by its name in the paper, "ViViT-B/16x2 FE", or "ViT-B/16" for an image model.

    "16x2" is the patch height and width in pixels and the tubelet's length in frames (Arnab et al. 2021,
    Sec. 4.1). Suffix: none for Model 1, FE factorised encoder, FSA factorised self-attention, FDP factorised
    dot-product, AP average-pool baseline. The default clip is 32 frames of 224 x 224; nano models take the
    embedded clips, 16 frames of 32 x 32. An image model is Model 1 on one frame.

    Args:
      overrides: any field of `ViViTConfig`.

    Raises:
      KeyError: where the name is none of these.
    """
    match = NAME.fullmatch(name)
    if (
        match is None
        or (match["kind"] == "ViT") != (match["time"] is None)
        or (match["kind"] == "ViT" and match["suffix"])
    ):
        raise KeyError(
            f"no model is named {name!r}: expected ViViT-{{{','.join(BACKBONES)}}}/16x2, alone or followed by "
            f"{', '.join(filter(None, SUFFIXES))}, or ViT-{{{','.join(BACKBONES)}}}/16"
        )
    patch = int(match["patch"])
    fields = dict(BACKBONES[match["backbone"]])
    fields |= {"tubelet": (int(match["time"] or 1), patch, patch), "body": SUFFIXES[match["suffix"] or ""]}
    if match["backbone"] == "nano":
        fields |= {"frames": 16, "classes": NANO_CLASSES}
    if match["kind"] == "ViT":
        image = {"noun": NANO_CLASSES["noun"]} if match["backbone"] == "nano" else 1000
        fields |= {"frames": 1, "tokeniser": "uniform", "classes": image}
    return ViViTConfig(**(fields | overrides))


def _require_count(field, value, least=1):
    if not is_whole(value, least):
        raise ValueError(f"{field} must be a whole number of at least {least}; got {value!r}")
