"""The model in the page: one script that runs any small model of this library, and a model as that script takes it.

The script is the files of this folder, joined: `vivitEngine`, a function that holds everything a worker needs, and
`Engine`, which a page asks. It is JavaScript so that attention, knock-outs and probabilities need no kernel.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from flax import nnx
from safetensors.numpy import save

from vivit_edu.config import ViViTConfig
from vivit_edu.cost import parameters
from vivit_edu.model import ViViT
from vivit_edu.tokens import owned_frames

FOLDER = Path(__file__).parent
INSIDE = ("weights", "machine", "wasm", "vivit", "rows", "rollout", "occlusion", "worker")  # in the order of use
_INSIDE = "\n".join((FOLDER / f"{name}.js").read_text() for name in INSIDE)
SCRIPT = f'function vivitEngine() {{\n"use strict";\n{_INSIDE}\n}}\n{(FOLDER / "engine.js").read_text()}'

PARAMETERS = 1_000_000
TOKENS = 1024


def runs_in_a_page(config: ViViTConfig) -> bool:
    """Whether the model is small enough to be carried by a page, and to answer while one looks at it."""
    return config.tokens <= TOKENS and parameters(config) <= PARAMETERS


def packed(model: ViViT, *, stored: str = "exact") -> dict:
    """The model as the script takes it: {"config": what JSON can hold, "weights": the bytes of a safetensors file}.

    Args:
      stored: "exact" keeps an array in float16 where that changes none of its numbers (as in the embedded models), else
        in float32; "float16" rounds all arrays, but for those that float16 cannot reach.

    Raises:
      ValueError: where the model is too large for a page, or `stored` is neither.
    """
    config = model.config
    if not runs_in_a_page(config):
        raise ValueError(
            f"a page runs models of up to {PARAMETERS} parameters and {TOKENS} tokens; {config.name} has "
            f"{parameters(config)} and {config.tokens}"
        )
    if stored not in FITS:
        raise ValueError(f"stored must be one of {', '.join(FITS)}; got {stored!r}")
    flat = nnx.to_flat_state(nnx.state(model, nnx.Param))
    arrays = {"/".join(map(str, path)): np.asarray(param[...], np.float32) for path, param in flat}
    return {"config": _config(config), "weights": save({k: _stored(v, FITS[stored]) for k, v in arrays.items()})}


FITS = {
    "exact": lambda half, full: np.array_equal(half, full),
    "float16": lambda half, full: np.isfinite(half).all(),
}


def _stored(full, fits):
    with np.errstate(over="ignore"):
        half = full.astype(np.float16)
    return half if fits(half, full) else full


def _config(config):
    """The configuration's fields and what follows from them, with classes as pairs, which keep their order."""
    several = isinstance(config.classes, Mapping)
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    classes = [[name, count] for name, count in (config.classes if several else {"class": config.classes}).items()]
    return fields | {
        "classes": classes,
        "grid": config.grid,
        "owned_frames": owned_frames(config),
        "name": config.name,
    }
