"""Models in the layout of Hugging Face's transformers: ViT, DINOv2 and ViViT, without transformers or torch."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vivit_edu.model import ViViT
from vivit_edu.pretrained.formats.folders import parts_of, read_folder, record_of
from vivit_edu.pretrained.formats.pixels import fold_pixels
from vivit_edu.pretrained.formats.scenic import translate
from vivit_edu.pretrained.formats.transformers_layout import PREFIX, config_of, our_name, reshape, with_classes
from vivit_edu.pretrained.report import Report
from vivit_edu.pretrained.start.adapt import build
from vivit_edu.pretrained.start.heads import HEAD, with_head
from vivit_edu.pretrained.stored import Derived
from vivit_edu.pretrained.whole import CONFIG

LEFT_OUT = {
    "embeddings.mask_token": "used in pre-training only",
    "pooler.dense.weight": "the pooler is no part of the classifier",
    "pooler.dense.bias": "the pooler is no part of the classifier",
}


def from_hugging_face(
    folder: str | Path,
    *,
    trained_on: Mapping | None = None,
    report: Report | None = None,
    time: str = "interpolate",
    **overrides,
) -> ViViT:
    """The model in a folder of `config.json` and safetensors files, one or many, giving its logits.

    Instead of the folder, one safetensors file in it may be named, and is the one that is read.

    Read are ViT and DINOv2 (`ve.ViT`; LayerScale is folded into the layers' last maps, exactly) and ViViT
    (`ve.ViViT`, Model 1). What the folder's processor makes of pixels (preprocessor_config.json,
    video_preprocessor_config.json, processor_config.json: scale, offset, mean and deviation) is folded into the
    embedding, exactly, so that [-1, 1] is right for every model. Frames are given at the model's own size.

    Args:
      overrides: fields of `ViViTConfig`, as in `load`; another size, length or tubelet moves positions and kernel, and
        a folder without a classifier needs `classes`.
      time: "interpolate" or "tile", for positions of another length.

    Raises:
      ValueError, KeyError: where a file is damaged, the kind is none of these, or names or shapes do not fit.
      FileNotFoundError: where a file is missing.
    """
    (folder, file), report = parts_of(Path(folder)), Report() if report is None else report
    record = record_of(folder)
    config = config_of(record, source=folder / CONFIG)
    theirs = _leave_out(read_folder(folder, file=file, report=report), report)
    ours = translate(theirs, our_name, source=folder)
    ours = {place: reshape(place, array, config) for place, array in ours.items()}
    ours = _fold_scales(_with_biases(ours, record, folder / CONFIG, report), report)
    headed = any(name.startswith(HEAD) for name in ours)
    ours, classes = with_head(ours, source=folder, overrides=overrides, pool=config.pool, report=report)
    config = with_classes(config, classes, record if headed else {}, source=folder / CONFIG)
    ours = fold_pixels(ours, folder, record["model_type"], report)
    return build(ours, config, source=folder, overrides=overrides, trained_on=trained_on, report=report, time=time)


def _leave_out(theirs, report):
    for name in theirs:
        if (reason := LEFT_OUT.get(PREFIX.sub("", name))) is not None:
            report.leave_out(name, reason)
    return {name: array for name, array in theirs.items() if name not in report.left_out}


def _with_biases(ours, record, source, report):
    """The biases of queries, keys and values, of zeros where the configuration says that there are none.

    Raises:
      ValueError: where the file holds them all the same: transformers would drop them, their trainer did not.
    """
    if record.get("qkv_bias", True):
        return ours
    kernels = [name for name in ours if re.search(r"attention/(query|key|value)/kernel$", name)]
    absent = {name.removesuffix("kernel") + "bias": np.zeros(ours[name].shape[1:], np.float32) for name in kernels}
    if held := sorted(absent.keys() & ours.keys()):
        said = json.dumps(record["qkv_bias"])
        raise ValueError(f"{source} says qkv_bias {said}, but the file holds {len(held)} such biases: {held[0]}")
    report.change("body/encoder/blocks", "no biases of queries, keys and values (qkv_bias is false): zeros")
    return {**ours, **absent}


def _fold_scales(ours, report):
    """LayerScale, a factor for each channel of a layer's output, put into the map before it."""
    folded = dict(ours)
    for name in [name for name in ours if name.endswith("/scale/lambda1")]:
        layer = name.removesuffix("/scale/lambda1")
        last = f"{layer}/out" if layer.endswith("attention") else f"{layer}/second"
        scale = folded.pop(name)
        for end in ("kernel", "bias"):
            if f"{last}/{end}" in folded:
                folded[f"{last}/{end}"] = Derived(np.multiply, folded[f"{last}/{end}"], scale)
        report.change(last, "LayerScale folded in")
    return folded
