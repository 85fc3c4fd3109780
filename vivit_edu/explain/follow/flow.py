"""Attention flow (Abnar and Zuidema 2020): how much can flow from the output to each patch, with weights as pipes.

Rollout multiplies shares; flow asks how much could pass at most if each weight were a pipe of that width. It is one
maximum flow for each patch through a graph of all tokens in all layers, and so for small models only.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from vivit_edu.arrays import Real
from vivit_edu.explain.follow.rollout import rollout
from vivit_edu.explain.watch.genuine import SLACK, several
from vivit_edu.explain.watch.record import AttentionRecord
from vivit_edu.explain.watch.sound import finite

NODES = 200
WIDTH = 1 << 24  # a pipe of width 1, in the whole numbers in which scipy counts


def attention_flow(records: Iterable[AttentionRecord], *, residual: Real = 0.5) -> Float[np.ndarray, "B nt nh nw"]:
    """The maximum flow from the output to each patch, in [0, 1], right to some 1e-6.

    A layer's pipes are (1 - residual) A + residual I, A the heads' mean. Where the output reads a mean, a pipe of
    1 / N leads to every token. Model 2's temporal encoder feeds the spatial graph of each time.

    Raises:
      ValueError: where the graph has more than 200 nodes, or an option or the records do not fit.
    """
    records = several(records)
    rollout(records, residual=residual)  # raises where they do not fit
    grid = records[0].grid
    flows = [most(_pipes(records, residual, clip)) for clip in range(len(records[0].weights))]
    return np.stack(flows)[:, _patches(records)].reshape(-1, *grid).astype(np.float32)


def most(pipes: Sequence[np.ndarray]) -> Float[np.ndarray, "n"]:
    """The maximum flow from one source to each node of the last level.

    Args:
      pipes: widths in [0, 1] between neighbouring levels, (nodes above, nodes below); the first has one row.

    Raises:
      ValueError: where there are more than 200 nodes, or levels do not follow each other, or a width is no number
        in [0, 1].
    """
    pipes = [finite(pipe, "pipes") for pipe in pipes]
    _check(pipes)
    first = np.cumsum([0, 1, *(pipe.shape[1] for pipe in pipes)])  # of each level; the last is their number
    if first[-1] > NODES:
        raise ValueError(f"flow is for graphs of at most {NODES} nodes; this one has {first[-1]}")
    whole = np.zeros((first[-1], first[-1]), np.int32)
    for pipe, above, below in zip(pipes, first[:-2], first[1:-1], strict=True):
        whole[above : above + len(pipe), below : below + pipe.shape[1]] = np.floor(pipe * WIDTH)
    graph = csr_array(whole)
    return np.array([maximum_flow(graph, 0, node).flow_value for node in range(first[-2], first[-1])]) / WIDTH


def _check(pipes):
    shapes = [pipe.shape for pipe in pipes]
    above = [1, *(shape[-1] for shape in shapes if shape)]
    if not pipes or any(len(shape) != 2 or shape[0] != rows for shape, rows in zip(shapes, above, strict=False)):
        raise ValueError(f"pipes must be (1, n), (n, m) and so on, each on the one before; got {shapes}")
    least, largest = min(pipe.min() for pipe in pipes), max(pipe.max() for pipe in pipes)
    if least < 0 or largest > 1 + SLACK:
        raise ValueError(f"widths must be in [0, 1]; they run from {least:.3g} to {largest:.3g}")


def _pipes(records, residual, clip):
    """One clip's levels, from the output down; all tokens of a clip, class tokens among them, are one level."""
    mean = {(r.over, r.layer): r.weights[clip].astype(np.float64).mean(-3) for r in records}
    token, body, (nt, nh, nw) = records[0].class_token, records[0].body, records[0].grid
    mix = lambda a: (1 - residual) * a + residual * np.eye(len(a))  # noqa: E731
    if body == "spacetime":
        down = [mix(a) for a in mean.values()][::-1]
        return [_start(len(down[0]), token), *down]
    whole = {key: _whole(a, key[0]) if a.ndim == 3 else a for key, a in mean.items()}
    if body == "factorised_dot_product":
        layers = sorted({layer for _, layer in whole}, reverse=True)
        down = [mix(np.mean([a for (_, one), a in whole.items() if one == layer], axis=0)) for layer in layers]
        return [_start(nt * nh * nw, False), *down]
    down = {over: [mix(a) for (one, _), a in whole.items() if one == over][::-1] for over in ("time", "space")}
    if body == "factorised_self_attention":
        return [_start(nt * nh * nw, False), *(mix(a) for a in reversed(whole.values()))]
    times = nt + (token and bool(down["time"]))
    joint = np.zeros((times, len(down["space"][0])))  # what each time reads of its spatial encoder
    joint[times - nt :] = np.kron(np.eye(nt), _start(nh * nw + token, token))
    return [_start(times, times > nt), *down["time"], joint, *down["space"]]


def _patches(records):
    """Which nodes of the last level are patches."""
    nt, nh, nw = records[0].grid
    token = int(records[0].class_token)
    if records[0].body == "spacetime":
        return np.arange(token, token + nt * nh * nw)
    return np.arange(nt * (nh * nw + token)).reshape(nt, -1)[:, token:].ravel()


def _start(tokens, class_token):
    return np.eye(1, tokens) if class_token else np.full((1, tokens), 1 / tokens)


def _whole(weights, over):
    """Weights over space (nt, S, S) or time (S, nt, nt) as one matrix over nt S tokens."""
    batch, side = weights.shape[:2]
    whole = np.zeros((batch, side, batch, side))
    whole[np.arange(batch), :, np.arange(batch), :] = weights
    return (whole if over == "space" else whole.transpose(1, 0, 3, 2)).reshape(batch * side, batch * side)
