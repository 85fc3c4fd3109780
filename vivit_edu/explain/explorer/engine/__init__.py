"""The model in the page, without a kernel: a script that runs any small model, and a model as that script takes it.

The script is this folder's files, joined: `vivitEngine`, a function of all a worker needs, and `Engine`, for pages.
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

# What a page runs, at most. At these limits a forward pass takes some 0.15 s of one core in WebAssembly, 1 s in plain
# loops, and 140 MB; the embedded models take a hundredth of that.
LIMITS = {"parameters": 1_000_000, "tokens": 1024, "attention weights": 2**25}


def runs_in_a_page(config: ViViTConfig) -> bool:
    """Whether the model is small enough to be carried by a page, and to answer while one looks at it."""
    return all(size <= LIMITS[what] for what, size in sizes(config).items())


def sizes(config: ViViTConfig) -> dict[str, int]:
    """What a page is limited in, of this model; its attention weights counted a little too high."""
    nt, nh, nw = config.grid
    seen = config.tokens if config.body == "spacetime" else nh * nw + nt
    weights = config.heads * (config.depth + config.temporal_depth) * config.tokens * seen
    return {"parameters": parameters(config), "tokens": config.tokens, "attention weights": weights}


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
        most, has = (", ".join(f"{size} {what}" for what, size in s.items()) for s in (LIMITS, sizes(config)))
        raise ValueError(f"a page runs models of at most {most}; {config.name} has {has}")
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
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    classes = config.classes if isinstance(config.classes, Mapping) else {"class": config.classes}
    derived = {"grid": config.grid, "owned_frames": owned_frames(config), "name": config.name}
    return fields | derived | {"classes": [list(pair) for pair in classes.items()]}
