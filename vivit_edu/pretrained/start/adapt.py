"""Parameters for another clip than the checkpoint's: positions and tubelet kernels follow the grid."""

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from vivit_edu.config import CHOICES, ViViTConfig
from vivit_edu.model import ViViT
from vivit_edu.pretrained.report import Report
from vivit_edu.pretrained.start.filters import resample
from vivit_edu.pretrained.start.fit import fit, without_parameters
from vivit_edu.pretrained.start.grids import move, places_of, repeated
from vivit_edu.pretrained.start.heads import same_columns
from vivit_edu.pretrained.stored import Derived, reading

TIMES = {"interpolate": "resize", "tile": "tile"}  # in the words of `grids.move`
LARGEST = 2**20  # frames, pixels or channels
# Fields that a checkpoint's parameters were made for: shapes hang on them, or what the numbers mean.
FIXED = ("body", "pool", "tokeniser", "width", "depth", "heads", "mlp", "channels", "pre_logits")
ONLY_OF = {
    "temporal_depth": ("factorised_encoder",),
    "order": ("factorised_self_attention", "factorised_dot_product"),
}
COMPUTATION = ("gelu", "epsilon")  # with which the same parameters compute something else, of use in an experiment


def build(
    arrays: Mapping,
    config: ViViTConfig,
    *,
    source: str | Path,
    overrides: Mapping,
    trained_on: Mapping | None = None,
    report: Report | None = None,
    time: str = "interpolate",
) -> ViViT:
    """The model of a checkpoint whose configuration is `config`, with fields of it overridden.

    Where the overrides change the grid, positions are resized in space, interpolated or tiled in time, and the
    tubelet's kernel is resampled; the report says so.

    Args:
      arrays: by this library's paths, read from their file only when they are asked for.
      trained_on: what the caller says of the configuration, which must not be another.
      time: "interpolate" or "tile", as in `adapt`.

    Raises:
      KeyError, ValueError: where names, shapes or sizes do not fit, or an override changes what the parameters mean.
    """
    _check_extent(arrays, config, source)
    _check_said(config, trained_on or {}, source)
    report = Report() if report is None else report
    wanted = _overridden(config, overrides, source, report)
    if wanted.classes == config.classes and not same_columns(wanted.classes, config.classes):
        raise ValueError(
            f"{source} has heads in the order {', '.join(config.classes)}; got {', '.join(wanted.classes)}"
        )
    arrays = adapt(arrays, config, wanted, time=time, report=report)
    with reading(arrays) as arrays:  # while the model is laid out
        model = without_parameters(wanted)
        fit(model, arrays, source=str(source))
    return model


def _overridden(config, overrides, source, report):
    """The configuration that is wanted; refused where the checkpoint's parameters would mean something else in it."""
    body = overrides.get("body", config.body)
    if body in CHOICES["body"] and body != config.body:  # first: what else would be said of it is of the new body
        raise ValueError(f"{source} is of body {config.body!r}, which cannot be overridden; got body={body!r}")
    wanted = dataclasses.replace(config, **overrides)
    before, after = ({**vars(one), "classes": _listed(one.classes)} for one in (config, wanted))
    fixed = (*FIXED, *(field for field, bodies in ONLY_OF.items() if config.body in bodies))
    if other := [field for field in fixed if before[field] != after[field]]:
        theirs, asked = (", ".join(f"{field}={of[field]!r}" for field in other) for of in (before, after))
        raise ValueError(f"{source} is of {theirs}, which cannot be overridden; got {asked}")
    told = {field: "the same parameters compute something else" for field in COMPUTATION}
    told |= {"sampling": "other frames are seen than in training"} if config.tokeniser == "uniform" else {}
    told |= {"classes": "the same columns under other names"} if isinstance(config.classes, Mapping) else {}
    for field, what in told.items():
        if before[field] != after[field]:
            report.change(field, f"{before[field]} -> {after[field]}: {what}")
    return wanted


def _listed(classes):
    return list(classes.items()) if isinstance(classes, Mapping) else classes


def _check_said(config, trained_on, source):
    """Refuses what the caller says of the checkpoint where the checkpoint says otherwise."""
    said = dataclasses.replace(config, **trained_on)
    wrong = [
        f"{field} {getattr(said, field)}" for field in trained_on if getattr(said, field) != getattr(config, field)
    ]
    if wrong:
        found = ", ".join(f"{name.split()[0]} {getattr(config, name.split()[0])}" for name in wrong)
        raise ValueError(f"{source} was trained on {found}; trained_on says {', '.join(wrong)}")


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
      time: "interpolate" places positions of time indices between those there are; "tile" repeats them (the released
        code does the first in Model 2's temporal encoder, the second in Model 1).

    Raises:
      ValueError: where `time` is neither, or positions are not those of `before`.
    """
    if time not in TIMES:
        raise ValueError(f"time must be one of {', '.join(TIMES)}; got {time!r}")
    arrays = dict(arrays)
    for place in [name for name in arrays if name.endswith("/positions")]:
        old, new = (places_of(config, place.split("/")[1]) for config in (before, after))
        if old != new and old.class_token == new.class_token:  # else `fit` names the token that is missing or unused
            moved = partial(move, before=old, after=new, how=TIMES[time])
            arrays[place] = Derived(moved, arrays[place])
            report.change(place, _rule(old, new, time))
    if before.tubelet[1:] != after.tubelet[1:] or (before.tubelet != after.tubelet and after.tokeniser == "tubelet"):
        sizes = after.tubelet if after.tokeniser == "tubelet" else after.tubelet[1:]
        arrays["tokenise/kernel"] = Derived(lambda k: resample(k, sizes), arrays["tokenise/kernel"])
        report.change("tokenise/kernel", f"tubelet {before.tubelet} -> {after.tubelet}, resampled by area")
    return arrays


def _rule(before, after, time):
    parts = []
    if before.grid != after.grid:
        old, new = (" x ".join(map(str, places.grid)) for places in (before, after))
        parts.append(f"space {old} -> {new}, bilinear with aligned ends")
    if before.times != after.times:
        rule = "linear with aligned ends" if time == "interpolate" else f"tiled: {repeated(before, after)}"
        parts.append(f"time {before.times} -> {after.times}, {rule}")
    return "; ".join(parts)
