"""The rules by which a model starts from another: from a parameter's path to its origin."""

import dataclasses
import re
from functools import partial

import numpy as np

from vivit_edu.config import ViViTConfig
from vivit_edu.pretrained.start.filters import FILTERS
from vivit_edu.pretrained.start.grids import move, places_of
from vivit_edu.pretrained.start.heads import same_columns
from vivit_edu.pretrained.start.plan import NEW, ZERO, Origin

CHOICES = {
    "tubelet": (*FILTERS, "random"),
    "temporal": ("zero_output", "zero", "copy", "random"),
    "class_token": ("released", "copy", "new"),
    "positions": ("resize", "tile"),
    "heads": ("new", "copy"),
}
EQUAL = ("width", "depth", "heads", "mlp", "channels")  # on which the shapes of all encoders' parameters depend
# Which bodies may start from which video model: those of the same kind, those that share all but the temporal
# encoder, and those that have the same parameters.
RELATED = ({"factorised_encoder", "average_pool"}, {"spacetime", "factorised_dot_product"})
OF_A_BLOCK = {"space": "attention", "space_norm": "attention_norm"}  # Model 3's names for what any block has


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules of one initialisation: from a parameter's path to its origin."""

    ours: ViViTConfig
    theirs: ViViTConfig
    names: frozenset[str]
    tubelet: str = "central_frame"
    temporal: str = "zero_output"
    class_token: str = "released"
    positions: str = "resize"
    heads: str = "new"

    def __post_init__(self):
        for option, allowed in CHOICES.items():
            if getattr(self, option) not in allowed:
                raise ValueError(f"{option} must be one of {', '.join(allowed)}; got {getattr(self, option)!r}")
        _check_sizes(self.ours, self.theirs)
        alike = self.ours.pre_logits == self.theirs.pre_logits and same_columns(self.ours.classes, self.theirs.classes)
        if self.heads == "copy" and not alike:
            mine, other = ((c.classes, c.pre_logits) for c in (self.ours, self.theirs))
            raise ValueError(f"heads are copied between equal (classes, pre_logits) only; got {other} and {mine}")

    def origin(self, place: str, shape: tuple[int, ...]) -> Origin:
        """The origin of the model's parameter at `place`."""
        top, _, rest = place.partition("/")
        by_top = {"tokenise": self._tokenise, "heads": self._head, "body": self._body}
        source, rule, make = by_top[top](rest)
        if source is not None and source not in self.names:
            source, rule, make = _new()
        return Origin(place=place, shape=shape, source=source, rule=rule, make=make)

    def _tokenise(self, leaf):
        source = f"tokenise/{leaf}"
        if leaf == "bias" or _frames(self.ours) == _frames(self.theirs) == 0:
            return _copied(source)
        before, after = max(1, _frames(self.theirs)), max(1, _frames(self.ours))
        if before == after:
            return source, "copied", lambda theirs, own: theirs.reshape(own.shape)
        if self.tubelet == "random":
            return _new()
        make, rule = FILTERS[self.tubelet]
        rule = rule if before == 1 else f"{rule.split(' (')[0]}, from {before} frames to {after}"
        return source, rule, lambda theirs, own: make(theirs, after).reshape(own.shape)

    def _head(self, rest):
        return _copied(f"heads/{rest}") if self.heads == "copy" else _new()

    def _body(self, rest):
        encoder, rest = rest.split("/", 1)
        theirs = f"body/{encoder if encoder == 'time' else _first_encoder(self.theirs)}"
        if rest == "positions":
            return self._positions(encoder, f"{theirs}/{rest}")
        if rest == "class_token/token":
            kept = self.class_token == "released" and encoder != "encoder"
            return _new() if kept or self.class_token == "new" else _copied(f"{theirs}/{rest}")
        if block := re.fullmatch(r"(blocks/layers/\d+)/(\w+)/(.+)", rest):
            return self._block(f"{theirs}/{block[1]}", block[2], block[3])
        return _copied(f"{theirs}/{rest}")

    def _block(self, block, module, leaf):
        if _has_two_attentions(self.ours) and not _has_two_attentions(self.theirs):
            if module == "time_norm":
                return _new()
            if module == "time":
                return self._time(f"{block}/attention/{leaf}", leaf)
            module = OF_A_BLOCK.get(module, module)
        source = f"{block}/{module}/{leaf}"
        if module == "attention" and _exchanges_halves(self.ours, self.theirs):
            # which half of the image model's heads looks over time is the released code's choice
            return source, "copied, halves exchanged", lambda theirs, own: _exchange_halves(leaf, theirs)
        return _copied(source)

    def _time(self, source, leaf):
        """Model 3's temporal attention, which the source has not."""
        if self.temporal == "copy":
            return _copied(source)
        if self.temporal == "zero" or (self.temporal == "zero_output" and leaf.startswith("out/")):
            return None, ZERO, lambda theirs, own: np.zeros_like(own)
        return _new()

    def _positions(self, encoder, source):
        if source not in self.names:
            return _new()
        before = places_of(self.theirs, "time" if encoder == "time" else _first_encoder(self.theirs))
        after = places_of(self.ours, encoder)
        return source, after.rule(before, self.positions), partial(move, before=before, after=after, how=self.positions)


def _copied(source):
    return source, "copied", lambda theirs, own: theirs


def _new():
    return None, NEW, lambda theirs, own: own


def _exchange_halves(leaf, array):
    """An attention's array with the first half of its heads behind the second."""
    if leaf == "out/bias":
        return array
    heads = 0 if leaf == "out/kernel" else array.ndim - 2  # kernels (D, A, Dh), biases (A, Dh), out (A, Dh, D)
    return np.roll(array, array.shape[heads] // 2, axis=heads)


def _check_sizes(ours, theirs):
    """Raises ValueError where no rule makes the one's parameters from the other's."""
    if not is_image_model(theirs) and ours.body != theirs.body and {ours.body, theirs.body} not in RELATED:
        raise ValueError(f"a model with body {ours.body!r} cannot start from one with {theirs.body!r}")
    mine = {field: getattr(ours, field) for field in EQUAL} | {"patch (h, w)": ours.tubelet[1:]}
    other = {field: getattr(theirs, field) for field in EQUAL} | {"patch (h, w)": theirs.tubelet[1:]}
    if wrong := [f"{field} {other[field]} becomes no {mine[field]}" for field in mine if mine[field] != other[field]]:
        raise ValueError(f"{ours.name} cannot start from {theirs.name}: {'; '.join(wrong)}")


def is_image_model(config: ViViTConfig) -> bool:
    """Whether it is a ViT's: Model 1 on one frame."""
    return config.frames == 1 and config.body == "spacetime"


def _first_encoder(config):
    """The name of the encoder that sees patches."""
    return "space" if config.body in RELATED[0] else "encoder"


def _has_two_attentions(config):
    return config.body == "factorised_self_attention"


def _exchanges_halves(ours, theirs):
    """Whether Model 4's halves lie the other way round in the source; in an image model, as in the released code."""
    dot_product = "factorised_dot_product"
    before = theirs.order if theirs.body == dot_product else "time_space"
    return ours.body == dot_product and ours.order != before


def _frames(config):
    """Frames of an embedding filter; 0 for one of a single frame that has no axis of time."""
    return 0 if config.tokeniser == "uniform" else config.tubelet[0]
