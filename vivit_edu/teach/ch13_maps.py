"""Checks for chapter 13: rollout through a stack of layers, and how far heads look."""

import numpy as np

from vivit_edu.explain.follow.rollout import rollout
from vivit_edu.explain.watch.record import AttentionRecord
from vivit_edu.teach.marking.cases import Case
from vivit_edu.teach.marking.watch import run
from vivit_edu.teach.result import Result, Student


def check_rollout(student: Student) -> Result:
    """Checks `roll(layers)`: a list of (N + 1, N + 1), first layer first -> (N + 1,), the class token's row."""
    cases = [_rollout_case(*sizes) for sizes in ((5, 3), (7, 4), (6, 2), (4, 1))]
    return run("roll(layers)", student, cases)


def check_distance(student: Student) -> Result:
    """Checks `distance(weights, far)`: (B, A, q, k) and (q, k) -> (A,), each head's mean distance."""
    cases = [_distance_case(shape) for shape in ((2, 3, 5, 4), (4, 2, 6, 7), (1, 5, 3, 8), (5, 1, 7, 6))]
    return run("distance(weights, far)", student, cases)


def _rollout_case(tokens, depth):
    rng = np.random.default_rng(tokens)
    layers = rng.uniform(size=(depth, tokens, tokens)) ** 3 + 0.02
    layers = layers / layers.sum(-1, keepdims=True)
    patches = rollout(_records(layers))[0].ravel()
    wanted = np.concatenate([[1 - patches.sum()], patches])
    return Case(
        about=f"{tokens} tokens, the class token one of them, and {depth} layers",
        args=(list(layers),),
        wanted=wanted,
        habits=_rollout_habits(layers),
    )


def _rollout_habits(layers):
    depth, whole = len(layers), _product(layers)
    habits = {
        "the layers stand in the other order in the product: z' = M z.": _product(layers[::-1])[0],
        "that is without a residual: a layer adds to what was there.": _product(layers, residual=0.0)[0],
        "the rows of what is multiplied sum to 2, not to 1.": whole[0] * 2**depth,
        "that is a column: what does the first token read, and who reads it?": whole[:, 0],
        "that is the mean of all rows: one token's is wanted.": whole.mean(0),
        "that is the last token's row: the class token is the first.": whole[-1],
        "that is the whole matrix: one row is wanted.": whole,
        "that is the last layer alone.": _product(layers[-1:])[0],
        "the last layer is left out.": _product(layers[:-1])[0],
        "the first layer is left out.": _product(layers[1:])[0],
        "the class token itself is missing.": whole[0, 1:],
        "the class token is left out, and the rest is scaled.": whole[0, 1:] / whole[0, 1:].sum(),
        "that is the mean of the layers: each one reads what the one before has written.": np.mean(
            [_product([a])[0] for a in layers], axis=0
        ),
        "that multiplies entry by entry: how are matrices multiplied?": np.prod(
            [_product([a]) for a in layers], axis=0
        )[0],
        "each layer is transposed.": _product(layers.swapaxes(1, 2))[0],
    }
    return habits if depth > 2 else {}  # fewer layers, fewer ways to be wrong


def _records(layers):
    """The layers as what the library records of a Model 1 with a class token and one head."""
    facts = {"over": "spacetime", "grid": (len(layers[0]) - 1, 1, 1), "class_token": True, "body": "spacetime"}
    return [AttentionRecord(name=f"spacetime/{i}", weights=a[None, None], **facts) for i, a in enumerate(layers)]


def _product(layers, residual=0.5):
    """M_L ... M_1, the first layer's matrix at the right."""
    done = np.eye(np.shape(layers)[-1])
    for a in layers:
        done = ((1 - residual) * a + residual * np.eye(len(a))) @ done
    return done


def _distance_case(shape):
    """Rows of unlike sums, and distances that are neither symmetric nor even."""
    rng = np.random.default_rng(sum(shape))
    weights = rng.uniform(size=shape) ** 2 * rng.uniform(0.2, 3, size=(*shape[:3], 1)) + 0.01
    far = 8 * rng.uniform(size=shape[2:]) ** 2
    wanted = np.array([_mean_distance(weights[:, head], far) for head in range(shape[1])])
    rows = weights / weights.sum(-1, keepdims=True)
    total = weights * far
    habits = {
        "the rows do not sum to 1 yet.": total.sum(-1).mean((0, 2)),
        "that is the mean over places: a row's distances are weighed, then summed.": total.mean((0, 2, 3)),
        "that is the mean over places of scaled rows: a row's distances are weighed, then summed.": (rows * far).mean(
            (0, 2, 3)
        ),
        "rows with large sums count more: each query counts alike.": total.sum((0, 2, 3)) / weights.sum((0, 2, 3)),
        "the columns are scaled: whose weights sum to 1?": (weights / weights.sum(-2, keepdims=True) * far)
        .sum(-1)
        .mean((0, 2)),
        "that is the sum over clips and queries, not the mean.": (rows * far).sum((0, 2, 3)),
        "that is the sum over queries, not the mean.": (rows * far).sum((2, 3)).mean(0),
        "that is the sum over clips, not the mean.": (rows * far).sum(-1).mean(2).sum(0),
        "that is a number for each clip: one for each head is wanted.": (rows * far).sum(-1).mean((1, 2)),
        "that is a number for each clip and head: the mean over clips is missing.": (rows * far).sum(-1).mean(2),
        "that is one number: each head has its own.": (rows * far).sum(-1).mean(),
        "that is the distance of each query's favourite key.": _take(far, weights).mean((0, 2)),
        "the weights are all alike: where are they?": np.full(shape[1], far.mean()),
    }
    if 1 in shape[:2]:  # clips and heads are told apart by the other cases
        habits = {}
    about = f"weights of {shape}"
    return Case(about=about, args=(weights, far), wanted=wanted, habits=habits)


def _take(far, weights):
    """The distance (B, A, q) to the key with the largest weight."""
    return np.take_along_axis(np.broadcast_to(far, weights.shape), weights.argmax(-1)[..., None], axis=-1)[..., 0]


def _mean_distance(weights, far):
    rows = [row @ away / row.sum() for clip in weights for row, away in zip(clip, far, strict=True)]
    return np.mean(rows)
