"""How Hugging Face's transformers lay out a ViT, a DINOv2 or a ViViT: sizes, names and order of axes."""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vivit_edu.config import ViViTConfig
from vivit_edu.pretrained.stored import Derived, first_line

KINDS = {"vit": "ViT", "dinov2": "DINOv2", "vivit": "ViViT"}
# Whose `config.json` has no model_type, by a name in it.
OTHERS = {"architecture": "timm's", "_class_name": "a diffusers model's", "class_name": "a Keras model's"}
GELU = {"gelu": "exact", "gelu_new": "tanh", "gelu_fast": "tanh", "gelu_pytorch_tanh": "tanh", "gelu_python": "exact"}
BLOCK = {
    "attention.attention.query": "attention/query",
    "attention.attention.key": "attention/key",
    "attention.attention.value": "attention/value",
    "attention.output.dense": "attention/out",
    "layernorm_before": "attention_norm",
    "layernorm_after": "mlp_norm",
    "intermediate.dense": "mlp/first",
    "output.dense": "mlp/second",
    # DINOv2
    "norm1": "attention_norm",
    "norm2": "mlp_norm",
    "mlp.fc1": "mlp/first",
    "mlp.fc2": "mlp/second",
    "layer_scale1": "attention/scale",
    "layer_scale2": "mlp/scale",
    # as transformers 5 names them in memory
    "attention.q_proj": "attention/query",
    "attention.k_proj": "attention/key",
    "attention.v_proj": "attention/value",
    "attention.o_proj": "attention/out",
}
ENDS = {
    "embeddings.cls_token": "body/encoder/class_token/token",
    "embeddings.position_embeddings": "body/encoder/positions",
    "embeddings.patch_embeddings.projection.weight": "tokenise/kernel",
    "embeddings.patch_embeddings.projection.bias": "tokenise/bias",
    "layernorm.weight": "body/encoder/norm/scale",
    "layernorm.bias": "body/encoder/norm/bias",
    "classifier.weight": "heads/output/kernel",
    "classifier.bias": "heads/output/bias",
}
MLP = "intermediate_size"
PREFIX = re.compile(rf"^({'|'.join(KINDS)})\.")


def config_of(record: Mapping, *, source: str | Path) -> ViViTConfig:
    """The configuration that a transformers `config.json` describes.

    Raises:
      ValueError: where it is of another kind of model, or of one that this library does not have.
    """
    kind = record.get("model_type")
    if not isinstance(kind, str) or kind not in KINDS:
        other = next((f"; it is {what}" for mark, what in OTHERS.items() if mark in record), "")
        raise ValueError(f"{source} is of model_type {kind!r}{other}; read are {', '.join(KINDS)}")
    if record.get("quantization_config"):
        raise ValueError(f"{source} is of quantised weights (quantization_config), which are not read")
    if record.get("use_swiglu_ffn"):
        raise ValueError(f"{source} has a SwiGLU layer (use_swiglu_ffn), which this library's MLP has not")
    try:
        return ViViTConfig(**_fields(kind, record))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        missing = isinstance(error, KeyError)
        raise ValueError(f"{source}: {'there is no ' if missing else ''}{first_line(error)}") from error


def _fields(kind, record):
    act = record["hidden_act"]
    if not isinstance(act, str) or act not in GELU:
        raise ValueError(f"hidden_act is {act!r}; this library's MLP has {', '.join(GELU)}")
    width = _number(record, "hidden_size")
    fields = {
        "width": width,
        "depth": _number(record, "num_hidden_layers"),
        "heads": _number(record, "num_attention_heads"),
        "mlp": int(width * _number(record, "mlp_ratio", float)) if kind == "dinov2" else _number(record, MLP),
        "size": _pair(record, "image_size"),
        "channels": _number({"num_channels": 3} | record, "num_channels"),
        "gelu": GELU[act],
        "epsilon": _number(record, "layer_norm_eps", float),
        "classes": _classes(record),
        "pool": "class_token_and_mean" if kind == "dinov2" else "class_token",
    }
    if kind == "vivit":
        return fields | {"frames": _number(record, "num_frames"), "tubelet": _pair(record, "tubelet_size", 3)}
    patch = _pair(record, "patch_size")
    return fields | {"frames": 1, "tubelet": (1, *patch), "tokeniser": "uniform"}


def _number(record, key, kind=int):
    """A number of the record, whole unless `kind` is float."""
    value = record[key]
    if isinstance(value, bool) or not isinstance(value, (int, kind)):
        raise ValueError(f"{key} must be a {'whole ' if kind is int else ''}number; got {value!r}")
    return value


def _pair(record, key, count=2):
    """A size for each axis, or one for all where there are two."""
    value = record[key]
    sizes = (value, value) if isinstance(value, int) and count == 2 else value
    if not isinstance(sizes, tuple | list) or not all(type(n) is int for n in sizes):
        raise ValueError(f"{key} must be {count} whole numbers; got {value!r}")
    return tuple(sizes)


def _classes(record):
    labels = record.get("id2label")
    return len(labels) if isinstance(labels, dict) and labels else 1  # the classifier itself is counted


def with_classes(config: ViViTConfig, classes: int | Mapping, record: Mapping, *, source: str | Path) -> ViViTConfig:
    """The configuration with as many classes as the classifier has.

    Raises:
      ValueError: where the record names another number of them.
    """
    columns = sum(classes.values()) if isinstance(classes, Mapping) else classes
    if isinstance(record.get("id2label"), dict) and record["id2label"] and config.classes != columns:
        raise ValueError(f"{source} names {config.classes} classes (id2label); the classifier has {columns} columns")
    return dataclasses.replace(config, classes=classes)


def our_name(name: str) -> str:
    """The path of a parameter in this library's model by its name in transformers'; an unknown name stays."""
    inner = PREFIX.sub("", name)
    if inner in ENDS:
        return ENDS[inner]
    if block := re.fullmatch(r"(?:encoder\.layer|encoder\.layers|layers|layer)\.(\d+)\.(.+)\.(\w+)", inner):
        index, layer, end = block.groups()
        if layer in BLOCK and end in ("weight", "bias", "lambda1"):
            place = BLOCK[layer]
            end = "scale" if place.endswith("norm") and end == "weight" else end
            return f"body/encoder/blocks/layers/{index}/{place}/{'kernel' if end == 'weight' else end}"
    return name


def reshape(place: str, array, config: ViViTConfig):
    """The array in this library's order of axes: torch has the output first, and heads are not apart."""
    heads = (config.heads, config.width // config.heads)
    shape = array.shape
    if place.endswith(("class_token/token", "positions")) and shape[:1] == (1,):
        token = place.endswith("token") and len(shape) == 3
        return Derived(lambda a: a.reshape(-1) if token else a[0], array)
    if place == "tokenise/kernel" and len(shape) in (4, 5):
        return Derived(lambda a: np.moveaxis(a, (0, 1), (-1, -2)), array)  # (D, C, t, h, w) -> (t, h, w, C, D)
    if re.search(r"attention/(query|key|value)/kernel$", place) and shape == (config.width, config.width):
        return Derived(lambda a: a.T.reshape(-1, *heads), array)
    if re.search(r"attention/(query|key|value)/bias$", place) and shape == (config.width,):
        return Derived(lambda a: a.reshape(heads), array)
    if place.endswith("attention/out/kernel") and shape == (config.width, config.width):
        return Derived(lambda a: a.T.reshape(*heads, -1), array)
    return Derived(lambda a: a.T, array) if place.endswith("kernel") and len(shape) == 2 else array


def their_name(place: str, kind: str) -> str:
    """The name in transformers' files of the parameter at a path of this library's model, the inverse of `our_name`."""
    name = next((theirs for theirs, ours in ENDS.items() if ours == place), None)
    if name is None:
        _, _, _, _, index, *layer, end = place.split("/")
        inner = next(theirs for theirs, ours in BLOCK.items() if ours == "/".join(layer))
        name = f"encoder.layer.{index}.{inner}.{'bias' if end == 'bias' else 'weight'}"
    return name if name.startswith("classifier") else f"{kind}.{name}"


def their_array(place: str, array: np.ndarray, config: ViViTConfig, *, images: bool) -> np.ndarray:
    """The array in torch's order of axes, the inverse of `reshape`."""
    if place.endswith("class_token/token"):
        return array[None, None]
    if place.endswith("positions"):
        return array[None]
    if place == "tokenise/kernel":
        kernel = array[0] if images and array.ndim == 5 else array  # a tubelet of one frame is a patch
        return np.moveaxis(kernel, (-1, -2), (0, 1))  # (t, h, w, C, D) -> (D, C, t, h, w)
    if place.endswith("attention/out/kernel"):
        return array.reshape(config.width, config.width).T
    if "/attention/" in place and array.ndim > 1:
        return array.reshape(-1, config.width).T if place.endswith("kernel") else array.reshape(-1)
    return array.T if place.endswith("kernel") else array
