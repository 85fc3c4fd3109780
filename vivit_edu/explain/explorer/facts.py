"""What a page must know of an explorer's models: their layers and heads, and under which name it keeps each."""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence

from vivit_edu.explain.explorer.layers import ROLLOUT, Layers


def model_facts(models: Sequence[Layers], packs: Sequence[Mapping]) -> dict:
    """What a page must know of the models; the same for every clip.

    Args:
      packs: of models that run in the page, what `engine.packed` gives; none of others.
    """
    config = models[0].config
    (_, nh, nw), (_, h, w) = config.grid, config.tubelet
    facts = [_facts(one) | _key(pack) for one, pack in itertools.zip_longest(models, packs)]
    return {
        "grid": list(config.grid),
        "crop": [nh * h / config.size[0], nw * w / config.size[1]],  # of a frame, what tokens cover
        "input": [config.frames, *config.size, config.channels],
        "class_token": all(one.class_token for one in models),
        "models": facts,
    }


def _facts(layers):
    classes = layers.config.classes
    return {
        "name": layers.config.name,
        "layers": [_layer(layers, name) for name in layers.names],
        "classifiers": list(classes) if isinstance(classes, Mapping) else ["class"],
    }


def _key(pack):
    """The name under which a page keeps the model: the same for the same parameters, whoever shows them."""
    if pack is None:
        return {"key": None, "config": None}
    config = json.dumps(pack["config"], sort_keys=True).encode()
    return {"key": hashlib.sha256(config + pack["weights"]).hexdigest()[:16], "config": pack["config"]}


def _layer(layers, name):
    over, _, layer = name.partition("/")
    return {
        "name": name,
        "label": f"{over}, layer {layer}" if layer else over,
        "heads": list(layers.heads(name)),
        "count": 0 if name == ROLLOUT else layers.counts[name],
        "reach": layers.reach(name),
    }


def first_panel(number: int, layers: Layers) -> dict:
    """The last attention over places of a model: what it answers by is gathered there."""
    name = [name for name in layers.counts if not name.startswith("time")][-1]
    return {"model": number, "layer": name, "head": "mean"}


def middle(grid: tuple[int, int, int]) -> int:
    """The token in the middle of the clip."""
    nt, nh, nw = grid
    return (nt // 2 * nh + nh // 2) * nw + nw // 2
