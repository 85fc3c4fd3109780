"""Video vision transformers after Arnab et al. 2021, to build, train and look inside.

The core is imported at once and needs jax, flax, numpy and einops; `data`, `training`, `pretrained`, `explain` and
`teach` load on first use.
"""

import importlib

from vivit_edu import attention, cost, encoder, model, tokens
from vivit_edu.config import ViViTConfig, named
from vivit_edu.model import ViT, ViViT

__version__ = "0.1.0"
_ON_FIRST_USE = ("data", "explain", "pretrained", "teach", "training")
__all__ = [
    "ViT",
    "ViViT",
    "ViViTConfig",
    "attention",
    "cost",
    "encoder",
    "model",
    "named",
    "tokens",
    *_ON_FIRST_USE,
]


def __getattr__(name):
    if name in _ON_FIRST_USE:
        return importlib.import_module(f"vivit_edu.{name}")
    raise AttributeError(f"module 'vivit_edu' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
