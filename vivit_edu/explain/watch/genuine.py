"""Which records can be: what one of its labels says, the others and the weights bear out."""

import re
from collections.abc import Iterable

import jax.numpy as jnp
import numpy as np

from vivit_edu.explain.watch.record import AttentionRecord
from vivit_edu.explain.watch.sound import finite, is_whole

OVER = {  # a body: what its attentions run over
    "spacetime": ("spacetime",),
    "factorised_encoder": ("space", "time"),
    "factorised_self_attention": ("space", "time"),
    "factorised_dot_product": ("space", "time"),
    "average_pool": ("space",),
}
PAIRED = ("factorised_self_attention", "factorised_dot_product")  # time at each place, and no class token
SLACK = 0.01  # of a row's sum: bfloat16 rounds each weight by up to 0.4 %


def several(records: Iterable[AttentionRecord]) -> list[AttentionRecord]:
    """The records as a list, whatever gives them one by one.

    Raises:
      ValueError: where it is one record alone, or anything else.
    """
    if isinstance(records, AttentionRecord):
        raise ValueError(f"expected a list of records; got {records.name} alone: put it into a list")
    found = list(records) if isinstance(records, Iterable) else [records]
    if wrong := [one for one in found if not isinstance(one, AttentionRecord)]:
        raise ValueError(f"expected a list of records; got {type(wrong[0]).__name__}")
    return found


def check_record(record: AttentionRecord) -> None:
    """Refuses a record that no model gives.

    A row may sum to less than 1, as those of a head switched off do.

    Raises:
      ValueError: where labels do not fit each other or the weights, or rows are negative or sum to more than 1.
    """
    _check_labels(record)
    name, weights, expected = record.name, record.weights, _shape(record)
    if not jnp.issubdtype(getattr(weights, "dtype", object), jnp.floating):
        raise ValueError(f"the weights of {name} must be an array of floats; got {getattr(weights, 'dtype', weights)}")
    fits = len(expected) == weights.ndim and all(
        have > 0 if side in ("B", "A") else have == side for side, have in zip(expected, weights.shape, strict=True)
    )
    if not fits:
        told = f"({', '.join(map(str, expected))}) on the grid {record.grid}"
        raise ValueError(f"the weights of {name} must be {told}; got {weights.shape}")
    weights = finite(weights, f"the weights of {name}")
    least, most = float(weights.min()), float(weights.sum(-1, dtype=np.float32).max())
    if least < 0 or most > 1 + SLACK:
        told = f"the least is {least:.3g}, the largest sum {most:.3g}"
        raise ValueError(f"the weights of {name} must be at least 0, and a row sum to at most 1; {told}")


def _check_labels(record):
    name, over, body = record.name, record.over, record.body
    if body not in list(OVER):
        raise ValueError(f"body must be one of {', '.join(OVER)}; got {body!r}")
    if over not in OVER[body] or not isinstance(name, str) or not re.fullmatch(rf"{over}/(0|[1-9]\d*)", name, re.A):
        told = f"over {' or '.join(OVER[body])}, named {OVER[body][0]}/0 and so on"
        raise ValueError(f"records of {body} are {told}; got over {over!r}, named {name!r}")
    if not _wholes(record.grid, least=1) or len(record.grid) != 3:
        raise ValueError(f"the grid of {name} must be three whole numbers (nt, nh, nw); got {record.grid!r}")
    if not isinstance(record.class_token, bool | np.bool_) or (record.class_token and body in PAIRED):
        raise ValueError(
            f"class_token of {name} must be True or False, False in Models 3 and 4; got {record.class_token}"
        )
    for what in ("heads", "queries"):
        held = getattr(record, what)
        if held is not None and not (_wholes(held, least=0) and held):
            raise ValueError(f"{what} of {name} must be None or whole numbers from 0; got {held!r}")
    names = record.all_names
    if names is not None and not (isinstance(names, tuple) and all(isinstance(one, str) for one in names)):
        raise ValueError(f"all_names of {name} must be None or names; got {names!r}")
    if record.origin is not None and not is_whole(record.origin):
        raise ValueError(f"origin of {name} must be None or a whole number; got {record.origin!r}")


def _wholes(values, least):
    return isinstance(values, tuple) and all(is_whole(one) and one >= least for one in values)


def _shape(record):
    """The weights' shape, "B" and "A" where the labels leave it open."""
    (nt, nh, nw), token = record.grid, int(record.class_token)
    keys = {"spacetime": nt * nh * nw, "space": nh * nw, "time": nt}[record.over] + token
    each = {"space": (nt,), "time": (nh * nw,) if record.body in PAIRED else ()}.get(record.over, ())
    heads = "A" if record.heads is None else len(record.heads)
    return "B", *each, heads, keys if record.queries is None else len(record.queries), keys
