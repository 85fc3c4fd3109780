"""A model as a folder: `model.safetensors`, a `config.json` that people can read, and a card."""

import dataclasses
import json
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from vivit_edu.config import ViViTConfig
from vivit_edu.model import ViT, ViViT
from vivit_edu.pretrained.formats.folders import parts_of, record_of
from vivit_edu.pretrained.report import Report
from vivit_edu.pretrained.start.adapt import build
from vivit_edu.pretrained.start.fit import places
from vivit_edu.pretrained.stored import checksums, first_line, read_safetensors, safetensors_header

FORMAT = 2
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
KINDS = {"ViT": ViT, "ViViT": ViViT}


def save(model: ViViT, folder: str | Path, *, dtype: str = "float32", card: str | None = None) -> Path:
    """The folder, which now holds the model: its parameters, its configuration and, where given, its card.

    Args:
      dtype: of the numbers on disk, "float32" or "float16"; in memory they are float32 again.
      card: text of the README.md, in Markdown: what the model was trained on and how well it does.

    Raises:
      ValueError: where dtype is neither, or a parameter is too large for float16.
    """
    if dtype not in ("float32", "float16"):
        raise ValueError(f"parameters are saved as float32 or float16; got {dtype!r}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: _as(name, param[...], dtype) for name, param in places(model).items()}
    save_file(arrays, folder / WEIGHTS, metadata={"library": "vivit_edu", **checksums(arrays)})
    record = {
        "library": "vivit_edu",
        "format": FORMAT,
        "name": model.config.name,
        "model": type(model).__name__,
        "dtype": dtype,
        "crc32": zlib.crc32(safetensors_header(folder / WEIGHTS)),
        "config": to_json(model.config),
    }
    (folder / CONFIG).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    if card is not None:
        (folder / CARD).write_text(card, encoding="utf-8")
    return folder


def load_folder(
    folder: str | Path,
    *,
    trained_on: Mapping | None = None,
    report: Report | None = None,
    time: str = "interpolate",
    **overrides,
) -> ViViT:
    """The model of a folder written by `save`, or of one file in it, with fields of its configuration overridden.

    Raises:
      FileNotFoundError: where a file is missing.
      ValueError, KeyError: where a file is damaged or does not fit the configuration.
    """
    folder, file = parts_of(Path(folder))
    record = record_of(folder)
    if record.get("library") != "vivit_edu" or record.get("model") not in KINDS:
        raise ValueError(f"{folder / CONFIG} was not written by vivit_edu's save")
    if record.get("format") != FORMAT:
        raise ValueError(f"{folder / CONFIG} has format {record.get('format')!r}; this version reads {FORMAT}")
    config = from_json(record.get("config"), source=folder / CONFIG)
    if not isinstance(crc := record.get("crc32"), int):
        raise ValueError(f"{folder / CONFIG} gives no checksum of {WEIGHTS}: its crc32 is {crc!r}")
    arrays = read_safetensors(file or folder / WEIGHTS, crc=crc)
    return build(arrays, config, source=folder, overrides=overrides, trained_on=trained_on, report=report, time=time)


def to_json(config: ViViTConfig) -> dict:
    """The configuration's fields as what JSON can hold."""
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    return {k: dict(v) if isinstance(v, Mapping) else list(v) if isinstance(v, tuple) else v for k, v in fields.items()}


def from_json(fields: Mapping, *, source: str | Path) -> ViViTConfig:
    """The configuration whose fields `to_json` wrote.

    Raises:
      ValueError: where a field is unknown or its value does not fit.
    """
    try:
        return ViViTConfig(**fields)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source} holds no configuration: {first_line(error)}") from error


def _as(name, value, dtype):
    array = np.asarray(value)
    if dtype == "float16" and np.abs(array).max(initial=0) > np.finfo(np.float16).max:
        raise ValueError(f"{name} holds {np.abs(array).max():g}, too large for float16; save it as float32")
    return np.ascontiguousarray(array, dtype)
