"""Attention rollout (Abnar and Zuidema 2020), right for each way in which the models factorise attention.

A layer adds what attention gathers to what was there, z' = A z + z, so a token is taken to be mixed from tokens one
layer below by M = (1 - r) A + r I with r = 1/2; A is the heads' mean, and the MLP, which works token by token, mixes
nothing. What the output is mixed from is then one row of the product M_L ... M_1. Only that row is computed, from
the top down: u <- u M_l, starting at the class token, or at 1 / N for every token where their mean is read. Thus no
N x N product is ever made, and each factorisation multiplies by its own small matrices:

- Model 1: u (N) times M (N x N).
- Model 3: a layer is two mixings, M = M_time M_space in the paper's order, each with a residual of its own; u (nt, S)
  is multiplied by the one that ran last first, M_time along times at each place, then M_space along places at each
  time.
- Model 4: half of the heads see space, half time, in one layer with one residual: all heads' mean is the mean of
  both halves' means, and u <- (1 - r) (u A_space + u A_time) / 2 + r u.
- Model 2: u of the temporal encoder ends as a weight for each time index; times u of the spatial encoder of that
  time, started at its class token, it is the clip's map. The average-pool baseline weighs all times 1 / nt.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
from jaxtyping import Float

from vivit_edu.arrays import Real
from vivit_edu.explain.watch.genuine import PAIRED, check_record, several
from vivit_edu.explain.watch.record import AttentionRecord
from vivit_edu.explain.watch.sound import Index, place

FUSE = {"mean": np.mean, "max": np.max, "min": np.min}


def rollout(
    records: Iterable[AttentionRecord],
    *,
    residual: Real = 0.5,
    fuse: str = "mean",
    discard: Real = 0.0,
    query: Index | None = None,
) -> Float[np.ndarray, "B nt nh nw"]:
    """From which patches the model's output is mixed, if attention is followed through all layers.

    A map is not negative, and sums to 1 less what stays with class tokens.

    Args:
      records: all of one model's, in the order in which they ran.
      residual: r, the share of a token that a layer leaves in place, in [0, 1].
      fuse: how heads become one matrix: "mean", "max" or "min" of their weights, rows then scaled to sum to 1. Where
        nothing is left of a row, since no two heads look at one token or all are off, its token stays in place.
      discard: the share of each row's smallest weights that is set to 0 before rows are scaled, in [0, 1).
      query: starts at this index of Model 1's tokens (0 its class token) or of Models 3 and 4's (nt S) tokens in
        place of the output.

    Raises:
      ValueError: where an option is out of its range, or the records are not all of one model and clips: where some
        are missing, in another order, hold but some heads or queries, or what no model gives: negative weights,
        numbers that are not finite, a shape that does not fit the grid.
      IndexError: where there is no such query.
    """
    if not 0 <= residual <= 1 or not 0 <= discard < 1:
        raise ValueError(f"residual must be in [0, 1] and discard in [0, 1); got {residual} and {discard}")
    if fuse not in list(FUSE):  # a list, for what cannot be hashed
        raise ValueError(f"fuse must be one of {', '.join(FUSE)}; got {fuse!r}")
    records = several(records)
    check_records(records)
    query = None if query is None else _start_of(records, query)
    mix = partial(_fused, fuse=fuse, discard=discard)
    return compose(records, mix, gather=1 - residual, keep=residual, query=query)


def compose(
    records: Sequence[AttentionRecord],
    mix: Callable[[np.ndarray], np.ndarray],
    *,
    gather: Real,
    keep: Real,
    query: Index | None = None,
) -> Float[np.ndarray, "B nt nh nw"]:
    """What the output reads, taken down through every record: u <- gather * (u A) + keep * u, with A = mix(weights)."""

    def layer(u, *found):
        return gather * np.mean([GATHER[record.over](u, mix(record.weights)) for record in found], axis=0) + keep * u

    return ROLL[records[0].body](records, layer, query).reshape(-1, *records[0].grid)


def _through(u, a):
    """u A for weights over all tokens, or over those of the last axis of u."""
    return np.einsum("...q,...qk->...k", u, a)


def _along_time(u, a):
    """u A for u (B, nt, S) and weights (B, S, nt, nt) over time at each place; or for u (B, nt), over time alone."""
    return _through(u, a) if u.ndim == 2 else _through(u.swapaxes(-1, -2), a).swapaxes(-1, -2)


GATHER = {"spacetime": _through, "space": _through, "time": _along_time}


def _joint(records, layer, query):
    u = _start(records[0], len(records[0].weights), query)
    for record in reversed(records):
        u = layer(u, record)
    return u[..., int(records[0].class_token) :]


def _factorised_encoder(records, layer, query):
    space, time = ([r for r in records if r.over == over] for over in ("space", "time"))
    batch, nt = space[0].weights.shape[:2]
    when, where = np.full((batch, nt), 1 / nt), _start(space[0], (batch, nt), None)
    if time:
        when = _joint(time, layer, None)
    for record in reversed(space):
        where = layer(where, record)
    return when[..., None] * where[..., int(space[0].class_token) :]


def _factorised_self_attention(records, layer, query):
    u = _start_on_grid(records[0], query)
    for record in reversed(records):
        u = layer(u, record)
    return u


def _factorised_dot_product(records, layer, query):
    u = _start_on_grid(records[0], query)
    for number in sorted({record.layer for record in records}, reverse=True):
        u = layer(u, *(record for record in records if record.layer == number))
    return u


ROLL = {
    "spacetime": _joint,
    "factorised_encoder": _factorised_encoder,
    "average_pool": _factorised_encoder,
    "factorised_self_attention": _factorised_self_attention,
    "factorised_dot_product": _factorised_dot_product,
}


def _start(record, lead, query):
    """What the output reads, (*lead, tokens): the class token, or all tokens alike; or one query."""
    tokens = record.weights.shape[-1]
    chosen = 0 if query is None and record.class_token else query
    u = np.full(tokens, 1 / tokens) if chosen is None else np.eye(tokens)[chosen]
    return np.broadcast_to(u, (*np.atleast_1d(lead), tokens))


def _start_on_grid(record, query):
    nt, nh, nw = record.grid
    tokens = nt * nh * nw
    u = np.full(tokens, 1 / tokens) if query is None else np.eye(tokens)[query]
    return np.broadcast_to(u.reshape(nt, nh * nw), (len(record.weights), nt, nh * nw))


def _fused(weights, *, fuse, discard):
    """Heads as one matrix whose rows sum to 1: (..., A, q, k) to (..., q, k)."""
    fused = FUSE[fuse](np.asarray(weights, np.float64), axis=-3)
    if discard:
        floor = np.quantile(fused, discard, axis=-1, keepdims=True)
        fused = np.where(fused < floor, 0, fused)
    total = fused.sum(-1, keepdims=True)
    return np.where(total > 0, fused / np.where(total > 0, total, 1), np.eye(fused.shape[-1]))


def check_records(records: Sequence[AttentionRecord]) -> None:
    """Refuses records that are not all of one model's, whole, in their order and of the same clips.

    Raises:
      ValueError: what is missing, doubled, partial or foreign.
    """
    if not records:
        raise ValueError("there is nothing to roll out: got no records")
    for record in records:
        check_record(record)
    if partial_ := [record.name for record in records if record.heads is not None or record.queries is not None]:
        raise ValueError(f"rollout needs every head and query; {', '.join(partial_)} hold but some")
    for what in ("body", "grid", "class_token", "all_names", "origin"):
        if len({getattr(record, what) for record in records}) > 1:
            raise ValueError(f"records of one model and the same clips belong together; these differ in {what}")
    if len(clips := {len(record.weights) for record in records}) > 1:
        raise ValueError(f"records of the same clips belong together; these are of {sorted(clips)} clips")
    _check_names([record.name for record in records], records[0])


def _check_names(names, first):
    """Every attention of the model once, in order; of records whose model is not known, what their body must have."""
    kinds = {over: [int(n.split("/")[1]) for n in names if n.split("/")[0] == over] for over in GATHER}
    for over, layers in kinds.items():
        if layers != list(range(len(layers))):
            raise ValueError(f"rollout needs every layer in its order; over {over} there are {layers}")
    if first.body != "spacetime" and not kinds["space"]:
        raise ValueError("rollout needs the attention over space too; the records hold only time")
    if first.body in PAIRED and len(kinds["space"]) != len(kinds["time"]):
        raise ValueError(f"rollout of {first.body} needs space and time of every layer; got {', '.join(names)}")
    if first.all_names is not None and tuple(names) != first.all_names:
        whole = ", ".join(first.all_names)
        raise ValueError(f"rollout needs every attention of the model, {whole}; got {', '.join(names)}")


def _start_of(records, query):
    """The query as an int, where the body has one to start from."""
    body, (nt, nh, nw) = records[0].body, records[0].grid
    if body in ("factorised_encoder", "average_pool"):
        raise ValueError(f"{body} reads class tokens or means of its own: query must be None; got {query}")
    tokens = records[0].weights.shape[-1] if body == "spacetime" else nt * nh * nw
    return place(query, tokens, "rollout can start at tokens")
