"""Logits of random models beside those of Hugging Face's transformers, read from it and written for it.

    pip install torch transformers; python benchmarks/against_transformers.py

transformers is no dependency of this library: install it beside the library for this comparison. For each of ViT,
DINOv2 and ViViT, twelve random configurations (width, heads, depth, MLP, patch or tubelet, size, length, channels,
GELU, epsilon, biases) with random parameters; ViT and ViViT the other way too. The largest difference of any logit
is written to benchmarks/against_transformers.md. Logits are of order 1.
"""

import sys
import tempfile
from pathlib import Path

import jax
import numpy as np
from flax import nnx

import vivit_edu as ve

try:
    import torch
    import transformers
except ImportError as error:
    sys.exit(print(f"left out: {error}; pip install torch transformers"))  # others of `make bench` go on

ROUNDS = 12
PAGE = Path(__file__).with_suffix(".md")
GELUS = ("gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh")


def fields(kind: str, rng: np.random.Generator) -> dict:
    """A random configuration in transformers' words."""
    heads, patch = int(rng.integers(1, 5)), int(rng.choice([2, 3, 4, 7, 8]))
    width = heads * int(rng.choice([4, 6, 8, 16]))
    common = {
        "hidden_size": width,
        "num_attention_heads": heads,
        "num_hidden_layers": int(rng.integers(1, 5)),
        "hidden_act": str(rng.choice(GELUS)),
        "layer_norm_eps": float(rng.choice([1e-6, 1e-5, 1e-12])),
        "num_channels": int(rng.choice([1, 3])),
        "num_labels": int(rng.integers(2, 12)),
        "qkv_bias": bool(rng.random() < 0.7),
        "image_size": patch * int(rng.integers(2, 6)),
        "attn_implementation": "eager",
    }
    if kind == "DINOv2":
        return common | {"mlp_ratio": int(rng.integers(1, 5)), "patch_size": patch}
    common["intermediate_size"] = int(rng.integers(5, 4 * width))
    if kind == "ViT":
        return common | {"patch_size": patch}
    length = int(rng.integers(1, 4))
    return common | {"tubelet_size": [length, patch, patch], "num_frames": length * int(rng.integers(1, 5))}


THEIRS = {
    "ViT": (transformers.ViTConfig, transformers.ViTForImageClassification),
    "DINOv2": (transformers.Dinov2Config, transformers.Dinov2ForImageClassification),
    "ViViT": (transformers.VivitConfig, transformers.VivitForVideoClassification),
}


def pixels_for(config: ve.ViViTConfig, rng: np.random.Generator) -> np.ndarray:
    """Two clips, or two images where the model has one frame of no tubelet, in [-1, 1]."""
    shape = (2, *config.size, config.channels)
    shape = shape if config.tokeniser == "uniform" else (2, config.frames, *shape[1:])
    return rng.uniform(-1, 1, shape).astype(np.float32)


def their_logits(model: torch.nn.Module, pixels: np.ndarray) -> np.ndarray:
    """transformers' logits; its axes have channels before rows and columns."""
    with torch.no_grad():
        return model(torch.from_numpy(np.moveaxis(pixels, -1, -3).copy())).logits.numpy()


def read(kind: str, seed: int, folder: Path) -> float:
    """The largest difference where transformers writes the folder and this library reads it."""
    config_class, model_class = THEIRS[kind]
    rng = np.random.default_rng(seed)
    config = config_class(**fields(kind, rng))
    theirs = model_class(config).eval()
    draw = torch.Generator().manual_seed(seed)
    for param in theirs.parameters():  # as they are made, classifier, class token and norms would hide mistakes
        param.data = param.data + 0.2 * torch.randn(param.shape, generator=draw)
    theirs.save_pretrained(folder)
    ours = ve.pretrained.load(folder)
    pixels = pixels_for(ours.config, rng)
    return float(np.abs(np.asarray(ours(pixels)) - their_logits(theirs, pixels)).max())


def write(kind: str, seed: int, folder: Path) -> float:
    """The largest difference where this library writes the folder and transformers reads it."""
    rng = np.random.default_rng(100 + seed)
    drawn = fields(kind, rng)
    patch, size = drawn.get("patch_size"), (drawn["image_size"],) * 2
    shape = {"frames": 1, "tubelet": (1, patch, patch), "tokeniser": "uniform"}
    if kind == "ViViT":
        shape = {"frames": drawn["num_frames"], "tubelet": tuple(drawn["tubelet_size"])}
    config = ve.ViViTConfig(
        size=size,
        channels=drawn["num_channels"],
        classes=drawn["num_labels"],
        width=drawn["hidden_size"],
        depth=drawn["num_hidden_layers"],
        heads=drawn["num_attention_heads"],
        mlp=drawn["intermediate_size"],
        gelu="exact" if drawn["hidden_act"] == "gelu" else "tanh",
        epsilon=drawn["layer_norm_eps"],
        **shape,
    )
    ours = (ve.ViT if kind == "ViT" else ve.ViViT)(config, rngs=nnx.Rngs(seed))
    state = nnx.state(ours, nnx.Param)
    nnx.update(ours, jax.tree.map(lambda p: p + 0.2 * rng.normal(size=p.shape).astype(np.float32), state))
    ve.pretrained.export_hugging_face(ours, folder)
    theirs, found = THEIRS[kind][1].from_pretrained(folder, output_loading_info=True, attn_implementation="eager")
    assert not found["missing_keys"] and not found["unexpected_keys"] and not found["mismatched_keys"], found
    pixels = pixels_for(config, rng)
    return float(np.abs(np.asarray(ours(pixels)) - their_logits(theirs.eval(), pixels)).max())


def main() -> None:
    lines = ["| model | direction | configurations | largest difference of a logit |", "|---|---|---|---|"]
    for kind, way in [(kind, read) for kind in THEIRS] + [("ViT", write), ("ViViT", write)]:
        found = []
        for seed in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                found.append(way(kind, seed, Path(folder)))
            print(kind, way.__name__, seed, found[-1], flush=True)
        lines.append(f"| {kind} | {'read from' if way is read else 'written for'} it | {ROUNDS} | {max(found):.1e} |")
    title = f"# Beside transformers {transformers.__version__} (torch {torch.__version__}, float32, CPU)"
    PAGE.write_text("\n".join([title, "", *lines]) + "\n")
    print(PAGE.read_text())


if __name__ == "__main__":
    main()
