"""Attention weights of a forward pass as plain labelled arrays."""

import dataclasses
import zlib
from collections import OrderedDict
from collections.abc import Collection, Iterable

import numpy as np
from jaxtyping import Float

from vivit_edu.arrays import Array
from vivit_edu.compiled import compiled, on_numbers
from vivit_edu.config import ViViTConfig
from vivit_edu.explain.watch.sound import Index, answered, clips, is_whole, listed, place, places
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
      body: the model's, as in `ViViTConfig`: how its records compose.
      heads: indices of the heads held, along their axis; None where all are.
      queries: indices of the rows held, along their axis; None where all are.
      all_names: of every attention of the model, in the order in which they ran; None where it is not known.
      origin: a checksum of the model's ends and of the clips: what one map is made of has one. None: not known.
    """

    name: str
    weights: np.ndarray
    over: str
    grid: tuple[int, int, int]
    class_token: bool
    body: str
    heads: tuple[int, ...] | None = None
    queries: tuple[int, ...] | None = None
    all_names: tuple[str, ...] | None = None
    origin: int | None = None

    @property
    def layer(self) -> int:
        """The layer, counted from 0 within its encoder."""
        return int(self.name.split("/")[1])

    def row(self, query: Index) -> Float[np.ndarray, "... A k"]:
        """The weights of one query in every head held.

        Raises:
          KeyError: where the row was not recorded.
          IndexError: where all were, and there is none of this index.
        """
        if self.queries is None:
            return self.weights[..., place(query, self.weights.shape[-2], f"{self.name} has queries"), :]
        if not is_whole(query) or query not in self.queries:
            raise KeyError(f"{self.name} holds the rows of queries {', '.join(map(str, self.queries))}; not {query}")
        return self.weights[..., self.queries.index(query), :]


@on_numbers
def record_attention(
    model: ViViT,
    video: Float[Array, "B ..."],
    *,
    keep: Collection[str] | None = None,
    heads: Collection[Index] | np.ndarray | None = None,
    queries: Collection[Index] | np.ndarray | None = None,
) -> tuple[Array | dict[str, Array], list[AttentionRecord]]:
    """The model's logits, and a record of every attention, in the order in which they ran.

    ViViT-B/16x2 Model 1 holds 472 MB of weights in each layer and clip. There, keep what you need: a few rows of
    every layer take no more than one layer at a time.

    Args:
      video: what the model takes: clips (B, T, H, W, C), or images (B, H, W, C), in [-1, 1].
      keep: names of the records wanted, "space/2"; None keeps all.
      heads: of these, the heads wanted, counted from 0; None keeps all.
      queries: of these, the rows wanted, on the attention's own axis of queries: 0 is the class token where there
        is one; None keeps all.

    Raises:
      KeyError: where a name in `keep` is none of the model's.
      IndexError: where a record has no such head or query.
      ValueError: where there is no clip, or pixels, or parameters of the model, are NaN or infinite.
    """
    video = clips(video)
    shapes = record_shapes(model, video)
    wanted = _wanted(keep, shapes)
    for name in wanted:
        heads = None if heads is None else places(heads, shapes[name][-3], f"{name} has heads")
        queries = None if queries is None else places(queries, shapes[name][-2], f"{name} has queries")
    logits, weights = _run(model, video, keep=wanted, heads=heads, queries=queries)
    weights = {name: np.asarray(weights[name]) for name in wanted}
    given = {name: rows[..., 0] for name, rows in weights.items()}  # one of a row, which a softmax spoils as a whole
    answered(model, given | (logits if isinstance(logits, dict) else {"logits": logits}))
    labels = labels_of(model.config, shapes) | {"heads": heads, "queries": queries, "origin": _origin(model, video)}
    return logits, [
        AttentionRecord(name=name, weights=weights[name], over=name.split("/")[0], **labels) for name in wanted
    ]


def _wanted(keep, shapes):
    """The names to keep, in the order in which they run."""
    keep = tuple(shapes) if keep is None else listed(keep, "keep, names of attentions")
    if unknown := [name for name in keep if name not in list(shapes)]:  # a list, for what cannot be hashed
        raise KeyError(f"no attention is named {', '.join(map(str, unknown))}; this model has {', '.join(shapes)}")
    return tuple(name for name in shapes if name in keep)


def labels_of(config: ViViTConfig, names: Iterable[str]) -> dict:
    """What all records of a model have in common.

    Args:
      names: of all its attentions, in the order in which they run.
    """
    class_token = config.pool != "mean"
    return {"grid": config.grid, "class_token": class_token, "body": config.body, "all_names": tuple(names)}


def _origin(model, video):
    """Of the video and of what tells one model from another: what reads it, and what answers."""
    first = zlib.crc32(np.ascontiguousarray(video, np.float32))
    for param in (model.tokenise.kernel, model.heads.output.kernel):
        first = zlib.crc32(np.ascontiguousarray(param[...]), first)
    return first


@compiled(static=("keep", "heads", "queries"))
def _run(model, video, *, keep, heads, queries):
    weights = {}

    def tap(name, value):
        if name in keep:
            kept = value if heads is None else value[..., heads, :, :]
            weights[name] = kept if queries is None else kept[..., queries, :]
        return value

    return model(video, tap=tap), weights


def record_shapes(model, video):
    """The shape of every attention's weights by name, in the order in which they run; traced once."""
    return {name: weights.shape for name, weights in _weights.eval_shape(model, video).items()}


@compiled()
def _weights(model, video):
    weights = OrderedDict()  # jax sorts other mappings by name

    def tap(name, value):
        weights[name] = value
        return value

    model(video, tap=tap)
    return weights
