"""Checkpoints of other makers, written from the reference arrays in their names and order of axes."""

import golden_files
import numpy as np
from safetensors.numpy import load_file

MIDDLE = {  # transformers' name within a layer: Google's, in the numbering before Linen and in Linen's
    "layernorm_before": ("LayerNorm_0", "LayerNorm_0"),
    "layernorm_after": ("LayerNorm_2", "LayerNorm_1"),
    "intermediate.dense": ("MlpBlock_3/Dense_0", "MlpBlock_0/Dense_0"),
    "output.dense": ("MlpBlock_3/Dense_1", "MlpBlock_0/Dense_1"),
}
ATTENTION = ("MultiHeadDotProductAttention_1", "MultiHeadDotProductAttention_0")
HEADS, WIDTH = 3, 12


def google(linen):
    """The ViT of tests/golden in Google's names and order of axes, with its pixels and transformers' logits."""
    folder = golden_files.HERE / "transformers_vit"
    theirs = load_file(folder / "model.safetensors")
    block = {}
    for index in range(2):
        at, to = f"vit.encoder.layer.{index}.", f"Transformer/encoderblock_{index}/"
        for name, numbered in MIDDLE.items():
            norm = name.startswith("layernorm")
            weight = theirs[f"{at}{name}.weight"]
            block[f"{to}{numbered[linen]}/{'scale' if norm else 'kernel'}"] = weight if norm else weight.T
            block[f"{to}{numbered[linen]}/bias"] = theirs[f"{at}{name}.bias"]
        for name in ("query", "key", "value"):
            where = f"{to}{ATTENTION[linen]}/{name}/"
            weight = theirs[f"{at}attention.attention.{name}.weight"]
            block[where + "kernel"] = weight.T.reshape(WIDTH, HEADS, WIDTH // HEADS)
            block[where + "bias"] = theirs[f"{at}attention.attention.{name}.bias"].reshape(HEADS, WIDTH // HEADS)
        out = theirs[f"{at}attention.output.dense.weight"].T.reshape(HEADS, WIDTH // HEADS, WIDTH)
        block[f"{to}{ATTENTION[linen]}/out/kernel"] = out
        block[f"{to}{ATTENTION[linen]}/out/bias"] = theirs[f"{at}attention.output.dense.bias"]
    ends = {
        "cls": theirs["vit.embeddings.cls_token"],
        "embedding/kernel": theirs["vit.embeddings.patch_embeddings.projection.weight"].transpose(2, 3, 1, 0),
        "embedding/bias": theirs["vit.embeddings.patch_embeddings.projection.bias"],
        "Transformer/posembed_input/pos_embedding": theirs["vit.embeddings.position_embeddings"],
        "Transformer/encoder_norm/scale": theirs["vit.layernorm.weight"],
        "Transformer/encoder_norm/bias": theirs["vit.layernorm.bias"],
        "head/kernel": theirs["classifier.weight"].T,
        "head/bias": theirs["classifier.bias"],
    }
    with np.load(folder / "logits.npz") as arrays:
        return block | ends, arrays["pixels"], arrays["logits"]


def nested(params):
    tree = {}
    for name, value in params.items():
        *groups, leaf = name.split("/")
        place = tree
        for group in groups:
            place = place.setdefault(group, {})
        place[leaf] = value
    return tree
