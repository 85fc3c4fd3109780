"""Checks for chapter 13: rollout through a stack of layers, and how far heads look."""

from collections.abc import Callable

import numpy as np

from vivit_edu.explain.follow.rollout import rollout
from vivit_edu.explain.watch.record import AttentionRecord
from vivit_edu.teach.result import Result, compare_arrays, run


def check_rollout(student: Callable) -> Result:
    """Checks `roll(layers)`: a list of (N, N), first layer first -> (N,), the first token's row (Abnar and Zuidema)."""

    def compare(student):
        for tokens, depth in ((5, 3), (7, 2), (4, 1)):
            layers = _weights((depth, tokens, tokens))
            patches = rollout(_records(layers))[0].ravel()
            library = np.concatenate([[1 - patches.sum()], patches])
            habits = {
                "the last layer stands left in the product: z' = M z.": _product(layers[::-1]),
                "without a residual: half of each token stays in place.": _product(layers, residual=0.0),
                "A + I has rows that sum to 2: halve them.": _product(layers) * 2**depth,
            }
            compare_arrays(student(list(layers)), library, case=f"N = {tokens}, {depth} layers", habits=habits)

    return run("roll(layers)", student, compare)


def check_distance(student: Callable) -> Result:
    """Checks `distance(weights, far)`: (B, A, q, k) and (q, k) -> (A,), each head's mean distance."""

    def compare(student):
        for shape in ((2, 3, 5, 5), (1, 2, 7, 7)):
            weights = np.random.default_rng(sum(shape)).uniform(0.1, 1, shape)
            far = np.abs(np.subtract.outer(np.arange(shape[-2]), np.arange(shape[-1]))) * 8.0
            library = np.array([_mean_distance(weights[:, head], far) for head in range(shape[1])])
            habits = {
                "the rows do not sum to 1 yet: scale them first.": (weights * far).sum(-1).mean((0, 2)),
                "that is the mean over places: a row's distances are weighed, then summed.": (weights * far).mean(
                    (0, 2, 3)
                ),
            }
            compare_arrays(student(weights, far), library, case=f"weights of {shape}", habits=habits)

    return run("distance(weights, far)", student, compare)


def _weights(shape):
    weights = np.random.default_rng(sum(shape)).uniform(0.1, 1, shape)
    return weights / weights.sum(-1, keepdims=True)


def _records(layers):
    """The layers as what the library records of a Model 1 with a class token and one head."""
    facts = {"over": "spacetime", "grid": (len(layers[0]) - 1, 1, 1), "class_token": True, "body": "spacetime"}
    return [AttentionRecord(name=f"spacetime/{i}", weights=a[None, None], **facts) for i, a in enumerate(layers)]


def _product(layers, residual=0.5):
    done = np.eye(len(layers[0]))
    for a in layers:
        done = ((1 - residual) * a + residual * np.eye(len(a))) @ done
    return done[0]


def _mean_distance(weights, far):
    rows = [row @ away / row.sum() for clip in weights for row, away in zip(clip, far, strict=True)]
    return np.mean(rows)
