"""Where one token looks, on demand: queries and keys of every layer kept, and a softmax for the row asked for.

The weights of ViViT-B/16x2 Model 1 are 472 MB in each layer; its queries and keys are 19 MB, and a row of them is
a millisecond's work.
"""

import dataclasses
from collections.abc import Collection, Mapping

import jax
import numpy as np
from jaxtyping import Float

from vivit_edu.arrays import Array
from vivit_edu.compiled import compiled, on_numbers
from vivit_edu.explain.explorer.layers import CLASS_TOKEN, ROLLOUT, Layers
from vivit_edu.explain.follow.rollout import FUSE, rollout
from vivit_edu.explain.watch.knockout import masks
from vivit_edu.explain.watch.record import AttentionRecord, labels_of
from vivit_edu.explain.watch.sound import Index, answered, one_clip
from vivit_edu.model import ViViT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rows(Layers):
    """Queries and keys of one clip in every attention of a model.

    Attributes:
      projections: by name, "space/2", the scaled queries and the keys, float32: (A, n, Dh) over spacetime and, in
        Model 2, over time; (nt, A, n, Dh) over space; (S, A, nt, Dh) over time in Models 3 and 4.
      chances: the probability of each class by the classifier's name, as `knockout.chances` gives them;
        none of rows that are put together by hand.
    """

    counts: dict[str, int] = dataclasses.field(init=False)
    projections: dict[str, tuple[np.ndarray, np.ndarray]]
    chances: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        counts = {name: queries.shape[-3] for name, (queries, _) in self.projections.items()}
        object.__setattr__(self, "counts", counts)

    def row(self, name: str, query: Index, *, head: str = "mean") -> Float[np.ndarray, "_"]:
        """The weight on the class token (0 where there is none), then on each token within the query's reach.

        The class token of Model 2's spatial encoder is there once in each frame: its row is those of all frames,
        one after the other, and the weight on itself their mean.

        Args:
          query: 0 to N - 1 along the grid, or -1 for the class token.
          head: a head's number, or "mean", "max" or "min" of all.

        Raises:
          KeyError: where the model has no such attention or head.
          IndexError: where there is no such query.
        """
        self.check(name, query, head)
        if name == ROLLOUT:
            return self._rolled(query, head)
        weights = self._weights(name, query)  # (A, k), or (nt, A, k)
        weights = weights[..., int(head), :] if head.isdigit() else FUSE[head](weights, axis=-2)
        own, others = (weights[..., 0], weights[..., 1:]) if self.class_token else (np.zeros(1), weights)
        return np.concatenate([[np.mean(own)], others.ravel()]).astype(np.float32)

    def _weights(self, name, query):
        q, k = self._of(name)
        time, place = divmod(query, self.places)
        first = int(self.class_token)
        reach = self.reach(name)
        if reach == "place":
            return _softmax(q[place, :, time], k[place])
        if reach == "frame":
            return _softmax(q[..., 0, :], k) if query == CLASS_TOKEN else _softmax(q[time, :, place + first], k[time])
        index = query if reach == "all" else time
        return _softmax(q[:, 0 if query == CLASS_TOKEN else index + first], k)

    def _rolled(self, query, fuse):
        factorised = self.reach(ROLLOUT) == "output"
        start = None if factorised or query == CLASS_TOKEN else query
        if start is not None and self.config.body == "spacetime":
            start += int(self.class_token)
        rolled = rollout(self.records, fuse=fuse, query=start)[0].ravel()
        return np.concatenate([[1 - rolled.sum()], rolled]).astype(np.float32)

    @property
    def records(self) -> list[AttentionRecord]:
        """All weights, as `record_attention` gives them."""
        labels = labels_of(self.config, self.projections)
        return [
            AttentionRecord(name=name, over=name.split("/")[0], weights=_all_weights(q, k)[None], **labels)
            for name, (q, k) in self.projections.items()
        ]

    def _of(self, name):
        self._check_name(name)
        return self.projections[name]


@on_numbers
def record_rows(model: ViViT, video: Float[Array, "1 ..."], *, off: Collection[str] = ()) -> Rows:
    """The queries and keys of one clip in every layer, and the model's answer, from one forward pass.

    Args:
      off: heads switched off, "space/2|1": layers after them look elsewhere.

    Raises:
      KeyError: where the model has no such head.
      ValueError: where there is not one clip, or pixels, or parameters of the model up to its last attention, are
        NaN or infinite.
    """
    video = one_clip(video)
    order = masks(model, video, off)
    kept, found = _passed(model, video, order)  # sorted by name, as jax does
    answered(model, {name: part for name, pair in kept.items() for part in pair})
    projections = {name: tuple(np.asarray(x, np.float32)[0] for x in kept[name]) for name in order}
    heads = model.config.classes if isinstance(model.config.classes, Mapping) else found
    chances = {head: np.asarray(found[head])[0] for head in heads}
    return Rows(config=model.config, projections=projections, chances=chances)


class _Keep:
    """A tap that switches heads off and keeps what the weights are made of."""

    def __init__(self, switches):
        self.switches, self.kept = switches, {}

    def __call__(self, name, weights):
        return weights * self.switches[name][:, None, None]

    def projected(self, name, q, k):
        """Keeps them under the attention's name."""
        self.kept[name] = (q, k)


@compiled()
def _passed(model, video, switches):
    tap = _Keep(switches)
    logits = model(video, tap=tap)
    logits = logits if isinstance(logits, Mapping) else {"class": logits}
    return tap.kept, {head: jax.nn.softmax(values, axis=-1) for head, values in logits.items()}


def _softmax(q, k):
    """The weights of one query in each head: (..., A, Dh) and (..., A, k, Dh) to (..., A, k)."""
    return _normal(np.matmul(k, q[..., None])[..., 0])


def _all_weights(q, k):
    return _normal(np.matmul(q, k.swapaxes(-1, -2)))


def _normal(scores):
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)
