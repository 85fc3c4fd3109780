"""Attention weights of a forward pass as plain labelled arrays."""

import dataclasses
from collections.abc import Collection
from functools import partial

import numpy as np
from flax import nnx
from jaxtyping import Float

from vivit_edu.arrays import Array
from vivit_edu.model import ViViT


@dataclasses.dataclass(frozen=True, kw_only=True)
class AttentionRecord:
    """The attention weights of one layer.

    Attributes:
      name: "spacetime/0", "space/2", "time/1": what the attention runs over, and the layer.
      weights: float32, heads before queries and keys: spacetime (B, A, N, N); space
        (B, nt, A, S, S); time (B, A, nt, nt) in Model 2, (B, S, A, nt, nt) in Models 3 and 4. Rows are queries
        and sum to 1; a class token is index 0 of both axes.
      over: "spacetime", "space" or "time".
      grid: (nt, nh, nw) of the model's tokens.
      class_token: whether index 0 of queries and keys is a class token.
    """

    name: str
    weights: np.ndarray
    over: str
    grid: tuple[int, int, int]
    class_token: bool


def record_attention(
    model: ViViT, video: Float[Array, "B ..."], *, keep: Collection[str] | None = None
) -> tuple[Array | dict[str, Array], list[AttentionRecord]]:
    """The model's logits, and a record of every attention, in the order in which they ran.

    Args:
      video: what the model takes: clips (B, T, H, W, C), or images (B, H, W, C), in [-1, 1].
      keep: names of the records wanted, "space/2"; None keeps all. ViViT-B/16x2 Model 1 holds 472 MB in each
        layer and clip: there, keep what you need.

    Raises:
      KeyError: where a name in `keep` is none of the model's.
    """
    names = _names(model, video)
    if unknown := sorted(set(keep or ()) - set(names)):
        raise KeyError(f"no attention is named {', '.join(unknown)}; this model has {', '.join(names)}")
    wanted = tuple(name for name in names if keep is None or name in keep)
    logits, weights = _run(model, video, keep=wanted)
    labels = {"grid": model.config.grid, "class_token": model.config.pool != "mean"}
    return logits, [
        AttentionRecord(name=name, weights=np.asarray(weights[name]), over=name.split("/")[0], **labels)
        for name in wanted
    ]


@partial(nnx.jit, static_argnames="keep")
def _run(model, video, *, keep):
    weights = {}

    def tap(name, value):
        if name in keep:
            weights[name] = value
        return value

    return model(video, tap=tap), weights


def _names(model, video):
    """The names of a model's attentions, in the order in which they run."""
    names = []
    nnx.eval_shape(lambda m, v: m(v, tap=lambda name, w: names.append(name) or w), model, video)
    return names
