"""A model as a folder: `model.safetensors`, a `config.json` that people can read, and a card."""

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from vivit_edu.config import ViViTConfig
from vivit_edu.model import ViT, ViViT
from vivit_edu.pretrained.formats.folders import parts_of, record_of
from vivit_edu.pretrained.report import Report
from vivit_edu.pretrained.start.adapt import build
from vivit_edu.pretrained.start.fit import places
from vivit_edu.pretrained.stored import first_line, read_safetensors
from vivit_edu.pretrained.whole import (
    CONFIG,
    WEIGHTS,
    current_weights,
    in_words,
    make_folder,
    read_steadily,
    write_folder,
)

FORMAT = 2
KINDS = {"ViT": ViT, "ViViT": ViViT}


def save(model: ViViT, folder: str | Path, *, dtype: str = "float32", card: str | None = None) -> Path:
    """The folder, which now holds the model: its parameters, its configuration and, where given, its card.

    Where an error or a signal ends it early, the folder holds what it held before, or all of the new model.

    Args:
      dtype: of the numbers on disk, "float32" or "float16"; in memory they are float32 again.
      card: text of the README.md, in Markdown: what the model was trained on and how well it does. Without one, a
        README.md that is there stays.

    Raises:
      ValueError: where dtype is neither, a parameter is too large for float16, or the card is no text.
      OSError: where the folder cannot be written.
    """
    if dtype not in ("float32", "float16"):
        raise ValueError(f"parameters are saved as float32 or float16; got {dtype!r}")
    arrays = {name: _as(name, param[...], dtype) for name, param in places(model).items()}
    record = {
        "library": "vivit_edu",
        "format": FORMAT,
        "name": model.config.name,
        "model": type(model).__name__,
        "dtype": dtype,
        "config": to_json(model.config),
    }
    folder, card = Path(folder), None if card is None else _encoded(card)
    with in_words(folder, "written"):
        make_folder(folder)
        write_folder(folder, arrays, record, card)
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
    fields = {"overrides": overrides, "trained_on": trained_on, "report": report, "time": time}
    return read_steadily(folder, partial(_load, file=file, **fields))


def _load(folder, *, file, **fields):
    record = record_of(folder)
    if record.get("library") != "vivit_edu" or record.get("model") not in KINDS:
        raise ValueError(f"{folder / CONFIG} was not written by vivit_edu's save")
    if record.get("format") != FORMAT:
        raise ValueError(f"{folder / CONFIG} has format {record.get('format')!r}; this version reads {FORMAT}")
    config = from_json(record.get("config"), source=folder / CONFIG)
    if type(crc := record.get("crc32")) is not int or not 0 <= crc < 2**32:
        raise ValueError(f"{folder / CONFIG} gives no checksum of {WEIGHTS}: its crc32 is {crc!r}")
    arrays = read_safetensors(file or current_weights(folder, crc), crc=crc)
    return build(arrays, config, source=folder, **fields)


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


def _encoded(card):
    try:
        return card.encode("utf-8")
    except (AttributeError, UnicodeEncodeError) as error:
        raise ValueError(f"a card is text of Unicode; got {type(card).__name__}: {first_line(error)}") from error


def _as(name, value, dtype):
    array = np.asarray(value)
    if dtype == "float16" and np.abs(array).max(initial=0) > np.finfo(np.float16).max:
        raise ValueError(f"{name} holds {np.abs(array).max():g}, too large for float16; save it as float32")
    return np.ascontiguousarray(array, dtype)
