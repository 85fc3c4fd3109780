"""Where any token of a clip looks, row by row: queries and keys are kept from one forward pass, weights are not."""

import dataclasses
from collections.abc import Collection, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float

from vivit_edu.arrays import Array
from vivit_edu.config import ViViTConfig
from vivit_edu.model import ViViT

Query = Sequence[int]  # (time, row, column); row and column are -1 for the class token
Head = tuple[str, int]  # ("space/2", 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attention:
    """One attention of a model, and how its keys lie in the clip.

    Attributes:
      name: "spacetime/0", "space/2", "time/1".
      heads: how many it has; half of the model's in Model 4.
      keys: "clip", all tokens; "frame", those of the query's frame; "place", those of the query's place at all
        times; "frames", one token a frame (Model 2's temporal encoder).
    """

    name: str
    heads: int
    keys: str


class Looks:
    """What one model does with one clip: its logits, and a row of attention weights for any token that asks.

    A row of ViViT-B/16x2, 3,137 keys in 12 heads, takes milliseconds; its queries and keys take 231 MB, all of
    its weights would take 5.7 GB.

    Args:
      video: (1, T, H, W, C) in [-1, 1], or (1, H, W, C) for an image model.
      off: heads that are switched off: their weights are zero.

    Raises:
      KeyError: where a head to switch off is none of the model's.
    """

    def __init__(self, model: ViViT, video: Float[Array, "1 ..."], *, off: Collection[Head] = ()):
        self.model, self.config, self.video = model, model.config, jnp.asarray(video)
        self.class_token = self.config.pool == "class_token"
        counts = _head_counts(model, self.video)
        self.attentions = {name: Attention(name=name, heads=n, keys=_keys(name, self.config)) for name, n in counts}
        self.logits, kept = _look(model, self.video, self.check(off))
        self._kept = {name: tuple(_rows_first(x) for x in pair) for name, pair in kept.items()}

    def row(self, name: str, query: Query) -> Float[np.ndarray, "A keys"]:
        """The weights of one query in each head; they sum to 1, and a class token is the first of the keys.

        Raises:
          KeyError: where no attention has this name.
          ValueError: where the query is no token of the clip.
        """
        sequence, index = self.place(name, query)
        q, k = self._kept[name]
        return softmax((k[sequence] @ q[sequence, :, index, :, None])[..., 0])  # (A, keys)

    def rows(self, name: str, heads: Sequence[int]) -> Iterator[Float[np.ndarray, "heads q k"]]:
        """The weights of all queries in some heads, sequence by sequence: one for each frame, place or clip."""
        q, k = self._kept[name]
        for sequence in range(len(q)):
            yield softmax(q[sequence, heads] @ k[sequence, heads].swapaxes(-1, -2))

    def sequences(self, name: str) -> tuple[int, int]:
        """How many sequences an attention runs over, and how many tokens each has."""
        q, _ = self._kept[name]
        return q.shape[0], q.shape[2]

    def place(self, name: str, query: Query) -> tuple[int, int]:
        """The sequence in which a query stands, and its index there."""
        if name not in self.attentions:
            raise KeyError(f"no attention is named {name}; this model has {', '.join(self.attentions)}")
        (nt, nh, nw), (time, row, column) = self.config.grid, query
        is_class = row < 0 or column < 0
        if not (0 <= time < nt and row < nh and column < nw) or (is_class and not self.class_token):
            also = ", or row and column -1 for the class token" if self.class_token else ""
            raise ValueError(f"a query is (time, row, column) below {self.config.grid}{also}; got {tuple(query)}")
        place, first = row * nw + column, int(self.class_token)
        return {
            "clip": (0, 0 if is_class else first + time * nh * nw + place),
            "frame": (time, 0 if is_class else first + place),
            "frames": (0, 0 if is_class else first + time),
            "place": (place, time),
        }[self.attentions[name].keys]

    def without(self, off: Collection[Head]) -> "Looks":
        """The same clip in the same model with some heads switched off, and no others; nothing is compiled anew."""
        return Looks(self.model, self.video, off=off)

    def probabilities(self, off: Collection[Head] | None = None) -> dict[str, Float[np.ndarray, "classes"]]:
        """The softmax of the logits for each head of the classifier; with other heads off where `off` is given."""
        logits = self.logits if off is None else _logits(self.model, self.video, self.check(off))
        logits = logits if isinstance(logits, dict) else {"class": logits}
        return {name: softmax(np.asarray(values[0], np.float32)) for name, values in logits.items()}

    def check(self, off: Collection[Head]) -> dict[str, np.ndarray]:
        """1 for each head that is on, 0 for one that is off: an array, so that switching compiles nothing anew.

        Raises:
          KeyError: where there is no such head.
        """
        mask = {name: np.ones(attention.heads, np.float32) for name, attention in self.attentions.items()}
        for name, head in off:
            if name not in mask or not 0 <= head < len(mask[name]):
                known = ", ".join(f"{known} ({len(heads)} heads)" for known, heads in mask.items())
                raise KeyError(f"there is no head {head} of {name} to switch off; this model has {known}")
            mask[name][head] = 0
        return mask


def softmax(scores: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Exponentials over their sum along the last axis."""
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


class _Watch:
    """A tap that keeps queries and keys, and multiplies each head's weights by its mask."""

    def __init__(self, mask):
        self.mask, self.kept = mask, {}

    def before(self, name, q, k):
        self.kept[name] = (q, k)

    def __call__(self, name, weights):
        return weights * self.mask[name][:, None, None]


@nnx.jit
def _look(model, video, mask):
    watch = _Watch(mask)
    return model(video, tap=watch), watch.kept


@nnx.jit
def _logits(model, video, mask):
    return model(video, tap=lambda name, weights: weights * mask[name][:, None, None])


def _head_counts(model, video):
    """Names and heads of a model's attentions, in the order in which they run."""
    counts = {}

    def tap(name, weights):
        counts[name] = weights.shape[-3]
        return weights

    nnx.eval_shape(lambda m, v: m(v, tap=tap), model, video)
    return list(counts.items())


def _keys(name: str, config: ViViTConfig) -> str:
    over = name.split("/")[0]
    whole_frames = over == "time" and config.body == "factorised_encoder"
    return {"spacetime": "clip", "space": "frame", "time": "frames" if whole_frames else "place"}[over]


def _rows_first(x: jax.Array) -> np.ndarray:
    """float32 (sequences, A, tokens, Dh) of the one clip, whatever the axes before."""
    return np.asarray(x, np.float32).reshape(-1, *x.shape[-3:])
