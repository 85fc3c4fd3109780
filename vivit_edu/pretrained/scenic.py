"""Parameters in the names of Scenic, the released code (google-research/scenic, projects/vivit)."""

import dataclasses
import re
from collections.abc import Mapping

import numpy as np
from flax import nnx

from vivit_edu.config import ViViTConfig
from vivit_edu.model import ViT, ViViT
from vivit_edu.pretrained.fit import fit, flatten

ENCODERS = {
    "spacetime": {"encoder": ("Transformer", "cls")},
    "factorised_encoder": {
        "space": ("SpatialTransformer", "cls_SpatialTransformer"),
        "time": ("TemporalTransformer", "cls_TemporalTransformer"),
    },
    "factorised_self_attention": {"encoder": ("Transformer", "cls")},
    "factorised_dot_product": {"encoder": ("Transformer", "cls")},
    "average_pool": {"space": ("SpatialTransformer", "cls_SpatialTransformer")},
}
BLOCK = {
    "LayerNorm_0": "attention_norm",
    "MultiHeadDotProductAttention_0": "attention",
    "LayerNorm_1": "mlp_norm",
    "MlpBlock_0/Dense_0": "mlp/first",
    "MlpBlock_0/Dense_1": "mlp/second",
    # Model 3
    "LayerNorm_space": "space_norm",
    "MultiHeadDotProductAttention_space": "space",
    "LayerNorm_time": "time_norm",
    "MultiHeadDotProductAttention_time": "time",
    "LayerNorm_mlp": "mlp_norm",
    "MlpBlock/Dense_0": "mlp/first",
    "MlpBlock/Dense_1": "mlp/second",
}
ENDS = {"embedding": "tokenise", "pre_logits": "heads/pre_logits", "output_projection": "heads/output"}


def from_scenic(params: Mapping, config: ViViTConfig) -> ViViT:
    """The model whose parameters are `params` in Scenic's names, giving Scenic's logits.

    Where this library follows the paper and the released code differs, the parameters are moved: Model 4's heads
    are exchanged when `config.order` is the paper's "space_time", since the released code's first half looks over
    time. A tanh layer before the head ("pre_logits") is added to the configuration where the parameters hold one.

    Args:
      params: arrays under '/'-joined or nested names, "Transformer/encoderblock_0/LayerNorm_0/scale".

    Raises:
      KeyError, ValueError: where names or shapes do not fit the configuration; all of them are listed.
    """
    theirs = flatten(params)
    if "pre_logits/bias" in theirs:
        config = dataclasses.replace(config, pre_logits=theirs["pre_logits/bias"].shape[0])
    kind = ViT if config.frames == 1 and config.body == "spacetime" else ViViT
    model = kind(config, rngs=nnx.Rngs(0))
    ours = {}
    for name, array in theirs.items():
        place = our_name(name, config)
        ours[place] = _reshape(place, array, config)
    fit(model, ours, source="the Scenic checkpoint")
    return model


def our_name(name: str, config: ViViTConfig) -> str:
    """The path of a parameter in this library's model by its name in Scenic's; an unknown name stays as it is."""
    top, _, rest = name.partition("/")
    if top in ENDS:
        return f"{ENDS[top]}/{rest}"
    for encoder, (transformer, token) in ENCODERS[config.body].items():
        if name == token:
            return f"body/{encoder}/class_token/token"
        if top == transformer:
            return f"body/{encoder}/{_within_encoder(rest)}"
    return name


def _within_encoder(name):
    if name == "posembed_input/pos_embedding":
        return "positions"
    if block := re.fullmatch(r"encoderblock_(\d+)/(.+)", name):
        index, inner = block.groups()
        theirs = next((theirs for theirs in BLOCK if inner.startswith(theirs + "/")), None)
        return f"blocks/layers/{index}/{BLOCK[theirs] + inner[len(theirs) :] if theirs else inner}"
    return name.replace("encoder_norm", "norm")


def _reshape(place, array, config):
    """Drops the batch axes that Scenic stores, folds Model 3 and 4's positions by time, exchanges Model 4's heads."""
    if place.endswith("class_token/token"):
        return array.reshape(-1) if array.shape[:-1] == (1, 1) else array
    if place.endswith("positions") and array.shape[0] == 1:
        two_axes = not config.allows_class_token and array.shape[1] == config.tokens
        return array[0].reshape(config.grid[0], -1, array.shape[-1]) if two_axes else array[0]
    if config.body == "factorised_dot_product" and config.order == "space_time" and "/attention/" in place:
        return _exchange_halves(place, array)
    return array


def _exchange_halves(place, array):
    if place.endswith("out/bias"):
        return array
    heads = 0 if "/out/" in place else array.ndim - 2  # kernels (D, A, Dh), biases (A, Dh), out (A, Dh, D)
    return np.roll(array, array.shape[heads] // 2, axis=heads)
