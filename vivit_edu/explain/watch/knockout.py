"""A model's answer with some of its heads switched off: a tap that multiplies each head's weights by 0 or 1."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import jax
import numpy as np
from jaxtyping import Float

from vivit_edu.arrays import Array
from vivit_edu.compiled import compiled, on_numbers
from vivit_edu.data.clips import NOUNS, VERBS
from vivit_edu.explain.watch.record import record_shapes
from vivit_edu.explain.watch.sound import answered, listed, one_clip
from vivit_edu.model import ViViT

Names = Iterable[object] | Mapping[str, Iterable[object]] | None  # of classes, each shown as str has it


@on_numbers
def head_counts(model: ViViT, video: Float[Array, "1 ..."]) -> dict[str, int]:
    """How many heads each attention of the model has, by its name, in the order in which they run."""
    return {name: shape[-3] for name, shape in record_shapes(model, one_clip(video)).items()}


@on_numbers
def chances(model: ViViT, video: Float[Array, "1 ..."], off: Collection[str] = ()) -> dict[str, np.ndarray]:
    """The probability of each class by the classifier's name ("class" where there is one), in float32.

    Args:
      off: heads switched off, "space/2|1" for head 1 of space/2: what they gather is zero. All choices run
        through one compiled function, since the switches are an argument of it.

    Raises:
      KeyError: where the model has no such head.
      ValueError: where there is not one clip, or pixels, or parameters of the model, are NaN or infinite.
    """
    video = one_clip(video)
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
    for key in listed(off, "off, names of heads"):
        name, _, head = str(key).partition("|")
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
    names: Names = None,
    title: str = "",
) -> list[dict]:
    """For each classifier its title, class names, and the probabilities before and after, as plain lists.

    Raises:
      ValueError: as `names_of`.
    """
    known, groups = names_of(names, [{head: len(values) for head, values in before.items()}]), []
    for head, values in before.items():
        spoken = " · ".join(filter(None, [title, head]))
        told = {k: [round(float(x), 5) for x in v[head]] for k, v in (("before", before), ("after", after))}
        groups.append({"title": spoken, "names": known.get(head) or _names_of(head, len(values)), **told})
    return groups


def names_of(names: Names, counts: Sequence[Mapping[str, int]]) -> dict[str, list[str]]:
    """What the classes are called by head, of the heads that have been given names.

    Args:
      names: of the classes of every head, or of each head by its name.
      counts: of each model, how many classes each head has.

    Raises:
      ValueError: where a head does not exist, or has more classes or fewer.
    """
    if names is None:
        return {}
    heads = list(dict.fromkeys(head for one in counts for head in one))
    given = dict(names) if isinstance(names, Mapping) else dict.fromkeys(heads, _as_names(names))
    if unknown := [head for head in given if head not in heads]:
        raise ValueError(
            f"there is no head {', '.join(map(repr, unknown))} to name classes of, only {', '.join(heads)}"
        )
    given = {head: _as_names(values) for head, values in given.items()}
    for one in counts:
        for head, values in given.items():
            if len(values) != one.get(head, len(values)):
                raise ValueError(f"{head} has {one[head]} classes; got {len(values)} names")
    return given


def _as_names(values):
    if isinstance(values, str | bytes):
        raise ValueError(f"names of classes must be a list; got {values!r}")
    return list(map(str, listed(values, "names of classes")))


def _names_of(head, count):
    """What the classes of a head are called: those of the embedded clips by their names, others by number."""
    embedded = {"verb": [verb.replace("_", " ") for verb in VERBS], "noun": NOUNS}.get(head, ())
    return list(embedded) if len(embedded) == count else [f"class {i}" for i in range(count)]
