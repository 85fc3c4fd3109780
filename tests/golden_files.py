"""The reference arrays: where they lie, and how their configurations read in this library's words."""

import json
from pathlib import Path

import numpy as np
import pytest

import vivit_edu as ve

HERE = Path(__file__).parent / "golden"
ALL = Path(__file__).parents[2] / "shared" / "golden"
BODIES = {
    "m1": "spacetime",
    "m2": "factorised_encoder",
    "m3": "factorised_self_attention",
    "m4": "factorised_dot_product",
    "avg": "average_pool",
}


def files(pattern):
    """Paths of the whole set where it lies beside the clone, else of the files kept here."""
    return sorted((ALL if ALL.exists() else HERE).glob(pattern))


def load(name):
    """One file of arrays, from the whole set or from those kept here; skips where there is neither."""
    for folder in (ALL, HERE):
        if (folder / name).exists():
            return np.load(folder / name)
    pytest.skip(f"the reference arrays {name} are not beside this clone")


def config_of(golden):
    """This library's configuration of a reference forward file."""
    c = json.loads(str(golden["config"]))
    _, frames, *size, channels = c["video"]
    sampled = c["n_sampled_frames"]
    t = frames // sampled if sampled else c["patch_hwt"][2]
    return ve.ViViTConfig(
        frames=frames,
        size=tuple(size),
        channels=channels,
        classes=c["num_classes"],
        tubelet=(t, *c["patch_hwt"][:2]),
        tokeniser="uniform" if sampled else "tubelet",
        body=BODIES[c["model"]],
        pool="class_token" if c["classifier"] == "token" else "mean",
        width=c["hidden_size"],
        depth=c["num_layers"],
        heads=c["num_heads"],
        mlp=c["mlp_dim"],
        temporal_depth=c["temporal_num_layers"] or 0,
        order=c["attention_order"] or "space_time",
    )


def params_of(golden):
    """The reference's parameters under their '/'-joined names."""
    return {k.removeprefix("params/"): golden[k] for k in golden.files if k.startswith("params/")}
