"""A model in the layout of Hugging Face's transformers, which then gives the same logits."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from vivit_edu.model import ViT, ViViT
from vivit_edu.pretrained.formats.folders import INDEX, SHARD
from vivit_edu.pretrained.formats.pixels import IMAGES, NESTED, VIDEOS
from vivit_edu.pretrained.formats.transformers_layout import their_array, their_name
from vivit_edu.pretrained.start.fit import places
from vivit_edu.pretrained.whole import CONFIG, WEIGHTS, in_words, renewed

ACTIVATIONS = {"exact": "gelu", "tanh": "gelu_pytorch_tanh"}
PROCESSORS = {"vit": "ViTImageProcessor", "vivit": "VivitImageProcessor"}
ADAPTER = "adapter_config.json"
BILINEAR = 2  # PIL's number
CLASSES = {"vit": "ViTForImageClassification", "vivit": "VivitForVideoClassification"}


def export_hugging_face(model: ViViT, folder: str | Path) -> Path:
    """The folder, which `from_pretrained` of transformers now reads: a ViT, or a ViViT where the model is a video's.

    transformers has Model 1 alone, with a class token and one linear classifier. Its processor, which is written too,
    makes pixels in [-1, 1] of those in 0..255, in its order of axes (batch, frames, channels, height, width). What
    the folder held of another model, shards with their index and other processors' files, goes; all of it is written
    or nothing.

    Raises:
      ValueError: where transformers has no such model, or the folder has an adapter that it would put on this one;
        the sentence says what is in the way.
      OSError: where the folder cannot be written.
    """
    config, kind = model.config, "vit" if isinstance(model, ViT) else "vivit"
    _check(config, kind)
    folder, arrays = Path(folder), {}
    if (folder / ADAPTER).exists():
        raise ValueError(
            f"{folder / ADAPTER} is of an adapter, which transformers would put on this model: move it away"
        )
    for place, param in places(model).items():
        array = their_array(place, np.asarray(param[...]), config, images=kind == "vit")
        arrays[their_name(place, kind)] = np.ascontiguousarray(array)
    with in_words(folder, "written"), renewed(folder, obsolete=_speaks_for_another) as new:
        save_file(arrays, new / WEIGHTS, metadata={"format": "pt"})
        for name, record in ((CONFIG, _record(config, kind)), (IMAGES, _processor(config, kind))):
            (new / name).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return folder


def _speaks_for_another(path):
    """Whether a file of the folder belongs to the model that was there before: a shard, an index, a processor."""
    shard = path.name.startswith("model-") and SHARD.fullmatch(path.name) is not None  # as transformers names its own
    return path.is_file() and (shard or path.name in (INDEX, VIDEOS, NESTED))


def _processor(config, kind):
    """What makes pixels in [-1, 1] of those in 0..255, in the words of transformers' processor for that kind."""
    height, width = config.size
    scale = {"do_rescale": True, "rescale_factor": 1 / 127.5, "offset": True, "do_normalize": False}
    if kind == "vit":
        half = [0.5] * config.channels
        scale = {
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": half,
            "image_std": half,
        }
    crop = {"do_center_crop": False} if kind == "vivit" else {}
    size = {"do_resize": True, "size": {"height": height, "width": width}, "resample": BILINEAR}
    return {"image_processor_type": PROCESSORS[kind]} | size | crop | scale


def _check(config, kind):
    wrong = {
        f"its body is {config.body!r}, not Model 1": config.body != "spacetime",
        f"it pools by {config.pool!r}, not by class token": config.pool != "class_token",
        "it has several heads": isinstance(config.classes, Mapping),
        "it has a tanh layer before its classifier": config.pre_logits is not None,
        "it samples frames instead of tubelets": kind == "vivit" and config.tokeniser != "tubelet",
        f"its frames of {config.size} are no whole number of patches": any(
            n % t for n, t in zip((config.frames, *config.size), config.tubelet, strict=True)
        ),
    }
    if reasons := [reason for reason, applies in wrong.items() if applies]:
        raise ValueError(f"transformers has no model like {config.name}: {'; '.join(reasons)}")


def _record(config, kind):
    patch, labels = config.tubelet[1:], {str(i): f"LABEL_{i}" for i in range(config.classes)}
    record = {
        "architectures": [CLASSES[kind]],
        "model_type": kind,
        "hidden_size": config.width,
        "num_hidden_layers": config.depth,
        "num_attention_heads": config.heads,
        "intermediate_size": config.mlp,
        "hidden_act": ACTIVATIONS[config.gelu],
        "layer_norm_eps": config.epsilon,
        "image_size": _one(config.size),
        "num_channels": config.channels,
        "qkv_bias": True,
        "hidden_dropout_prob": config.dropout,
        "attention_probs_dropout_prob": config.attention_dropout,
        "id2label": labels,
        "label2id": {label: int(index) for index, label in labels.items()},
    }
    if kind == "vit":
        return record | {"patch_size": _one(patch)}
    return record | {"num_frames": config.frames, "tubelet_size": list(config.tubelet)}


def _one(size):
    return size[0] if size[0] == size[1] else list(size)
