"""Models in the layout of Hugging Face's transformers: ViT, DINOv2 and ViViT, without transformers or torch."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vivit_edu.model import ViViT
from vivit_edu.pretrained.formats.pixels import fold_pixels
from vivit_edu.pretrained.formats.scenic import translate
from vivit_edu.pretrained.formats.transformers_layout import PREFIX, config_of, our_name, reshape
from vivit_edu.pretrained.report import Report
from vivit_edu.pretrained.start.adapt import build
from vivit_edu.pretrained.start.heads import with_head
from vivit_edu.pretrained.stored import Derived, read_json, read_safetensors

LEFT_OUT = {
    "embeddings.mask_token": "used in pre-training only",
    "pooler.dense.weight": "the pooler is no part of the classifier",
    "pooler.dense.bias": "the pooler is no part of the classifier",
}
INDEX = "model.safetensors.index.json"


def from_hugging_face(
    folder: str | Path,
    *,
    trained_on: Mapping | None = None,
    report: Report | None = None,
    time: str = "interpolate",
    **overrides,
) -> ViViT:
    """The model in a folder of `config.json` and safetensors files, one or many, giving its logits.

    Read are ViT and DINOv2 (`ve.ViT`; LayerScale is folded into the layers' last maps, exactly) and ViViT
    (`ve.ViViT`, Model 1). What the folder's processor makes of pixels (preprocessor_config.json,
    video_preprocessor_config.json, processor_config.json: scale, offset, mean and deviation) is folded into the
    embedding, exactly, so that [-1, 1] is right for every model. Frames are given at the model's own size.

    Args:
      overrides: any field of `ViViTConfig`; another size, length or tubelet moves positions and kernel, and a
        folder without a classifier needs `classes`.
      time: "interpolate" or "tile", for positions of another length.

    Raises:
      ValueError, KeyError: where a file is damaged, the kind is none of these, or names or shapes do not fit.
      FileNotFoundError: where a file is missing.
    """
    folder, report = Path(folder), Report() if report is None else report
    theirs = read_folder(folder)
    record = read_json(folder / "config.json")
    config = config_of(record, source=folder / "config.json")
    theirs = _leave_out(theirs, report)
    ours = translate(theirs, our_name, source=folder)
    ours = {place: reshape(place, array, config) for place, array in ours.items()}
    ours = _fold_scales(_with_biases(ours, record, report), report)
    ours, _ = with_head(ours, source=folder, overrides=overrides, report=report)
    ours = fold_pixels(ours, folder, record["model_type"], report)
    return build(ours, config, source=folder, overrides=overrides, trained_on=trained_on, report=report, time=time)


def read_folder(folder: Path) -> dict:
    """The arrays of a folder's safetensors file, or of the files its index names, none of them read yet.

    Raises:
      FileNotFoundError: where there is neither.
      ValueError: where the index and the files do not agree.
    """
    if not (folder / INDEX).exists():
        if not (folder / "model.safetensors").exists():
            raise FileNotFoundError(f"{folder} holds neither model.safetensors nor {INDEX}; other formats are not read")
        return read_safetensors(folder / "model.safetensors")
    listed = read_json(folder / INDEX).get("weight_map")
    if not isinstance(listed, dict) or not all(isinstance(file, str) for file in listed.values()):
        raise ValueError(f"{folder / INDEX} has no weight_map of names and files")
    if outside := sorted({file for file in listed.values() if Path(file).name != file}):
        raise ValueError(f"{folder / INDEX} names files outside its folder: {outside[:3]}")
    arrays = {}
    for file in sorted(set(listed.values())):
        found = read_safetensors(folder / file)
        if found.keys() != {name for name, where in listed.items() if where == file}:
            raise ValueError(f"{folder / file} does not hold exactly the tensors that {INDEX} lists for it")
        arrays |= found
    return arrays


def _leave_out(theirs, report):
    for name in theirs:
        if (reason := LEFT_OUT.get(PREFIX.sub("", name))) is not None:
            report.leave_out(name, reason)
    return {name: array for name, array in theirs.items() if name not in report.left_out}


def _with_biases(ours, record, report):
    """The biases of queries, keys and values, of zeros where the configuration says that there are none."""
    if record.get("qkv_bias", True):
        return ours
    kernels = [name for name in ours if re.search(r"attention/(query|key|value)/kernel$", name)]
    absent = {name.removesuffix("kernel") + "bias": np.zeros(ours[name].shape[1:], np.float32) for name in kernels}
    report.change("body/encoder/blocks", "no biases of queries, keys and values (qkv_bias is false): zeros")
    return {**ours, **absent} if not absent.keys() & ours.keys() else ours


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
