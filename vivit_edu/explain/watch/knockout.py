"""A model's answer with some of its heads switched off: a tap that multiplies each head's weights by 0 or 1."""

from collections.abc import Collection, Mapping, Sequence

import jax
import numpy as np
from jaxtyping import Float

from vivit_edu.arrays import Array
from vivit_edu.compiled import compiled, on_numbers
from vivit_edu.data.clips import NOUNS, VERBS
from vivit_edu.explain.watch.record import record_shapes
from vivit_edu.explain.watch.sound import answered, finite
from vivit_edu.model import ViViT


@on_numbers
def head_counts(model: ViViT, video: Float[Array, "1 ..."]) -> dict[str, int]:
    """How many heads each attention of the model has, by its name, in the order in which they run."""
    return {name: shape[-3] for name, shape in record_shapes(model, video).items()}


@on_numbers
def chances(model: ViViT, video: Float[Array, "1 ..."], off: Collection[str] = ()) -> dict[str, np.ndarray]:
    """The probability of each class by the classifier's name ("class" where there is one), in float32.

    Args:
      off: heads switched off, "space/2|1" for head 1 of space/2: what they gather is zero. All choices run
        through one compiled function, since the switches are an argument of it.

    Raises:
      KeyError: where the model has no such head.
      ValueError: where pixels, or parameters of the model, are NaN or infinite.
    """
    finite(video, "video")
    found = _masked(model, video, masks(model, video, off))
    answered(model, found)
    names = model.config.classes if isinstance(model.config.classes, Mapping) else found  # jax sorts them
    return {name: np.asarray(found[name])[0] for name in names}


@on_numbers
def masks(model: ViViT, video: Float[Array, "1 ..."], off: Collection[str] = ()) -> dict[str, np.ndarray]:
    """For each attention a number for each head, in the order in which they run: 1, or 0 where it is off.

    Raises:
      KeyError: where the model has no such head.
    """
    found = {name: np.ones(count, np.float32) for name, count in head_counts(model, video).items()}
    for key in off:
        name, _, head = key.partition("|")
        if name not in found or head not in map(str, range(len(found[name]))):
            raise KeyError(f"there is no head {key!r}; this model has {', '.join(found)}")
        found[name][int(head)] = 0
    return found


@compiled()
def _masked(model, video, switches):
    logits = model(video, tap=lambda name, weights: weights * switches[name][:, None, None])
    logits = logits if isinstance(logits, Mapping) else {"class": logits}
    return {name: jax.nn.softmax(values, axis=-1) for name, values in logits.items()}


def named_chances(
    before: Mapping[str, np.ndarray],
    after: Mapping[str, np.ndarray],
    *,
    names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    title: str = "",
) -> list[dict]:
    """For each classifier its title, class names, and the probabilities before and after, as plain lists."""
    groups = []
    for head in before:
        known = names.get(head) if isinstance(names, Mapping) else names
        known = list(known or _names_of(head, len(before[head])))
        spoken = " · ".join(filter(None, [title, head]))
        values = {k: [round(float(x), 5) for x in v[head]] for k, v in (("before", before), ("after", after))}
        groups.append({"title": spoken, "names": known, **values})
    return groups


def _names_of(head, count):
    """What the classes of a head are called: those of the embedded clips by their names, others by number."""
    embedded = {"verb": [verb.replace("_", " ") for verb in VERBS], "noun": NOUNS}.get(head, ())
    return embedded if len(embedded) == count else [f"class {i}" for i in range(count)]
