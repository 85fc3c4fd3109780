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
            return read(folder / name)
    pytest.skip(f"the reference arrays {name} are not beside this clone")


def read(path):
    """The arrays of one file, by name; the file is closed again."""
    with np.load(path) as stored:
        return dict(stored)


def config_of(golden):
    """This library's configuration of a reference forward file."""
    return video_config(json.loads(str(golden["config"])))


def video_config(c):
    """This library's configuration of a reference video model."""
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


def params_of(golden, group="params"):
    """The reference's parameters under their '/'-joined names; of an initialisation, src, before or after."""
    return {k.removeprefix(f"{group}/"): golden[k] for k in golden if k.startswith(f"{group}/")}


def image_config(c):
    """This library's configuration of a reference image model."""
    _, *size, channels = c["image"]
    return ve.ViViTConfig(
        frames=1,
        size=tuple(size),
        channels=channels,
        classes=c["num_classes"],
        tubelet=(1, *c["patch_hw"]),
        tokeniser="uniform",
        pool="class_token" if c["classifier"] == "token" else "mean",
        width=c["hidden_size"],
        depth=c["num_layers"],
        heads=c["num_heads"],
        mlp=c["mlp_dim"],
    )


def initialisation_of(golden):
    """Source, model before and model after of an initialisation file, and its options in this library's words."""
    c = json.loads(str(golden["config"]))
    from_image = c["source"]["model"] == "vit"
    theirs, ours = (image_config if from_image else video_config)(c["source"]), video_config(c["target"])
    models = {
        name: ve.pretrained.from_scenic(params_of(golden, name), config)
        for name, config in (("src", theirs), ("before", ours), ("after", ours))
    }
    filters = {"central": "central_frame", "average_frame": "inflate", "average_arp": "rank_pool"}
    method = c["target"]["kernel_init_method"] or "central"
    options = {"tubelet": next(ours for theirs, ours in filters.items() if method.startswith(theirs))}
    options["heads"] = "copy" if c["restore_output_proj"] else "new"
    if from_image:
        options["temporal"] = "copy" if c["init_from"].get("init_temporal_transformer", True) else "random"
    else:
        options["positions"] = c["init_from"]["positional_embed_size_change"]
    return models, options
