"""Checks for chapter 13: rollout through a stack of layers, and through Model 3, and how far heads look."""

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


def check_factorised_rollout(student: Student) -> Result:
    """Checks `follow(space, time)`: lists of (nt, S, S) and (S, nt, nt), a pair for each layer -> (nt, S)."""
    cases = [_factorised_case(*sizes) for sizes in ((3, 4, 3), (5, 2, 2), (2, 6, 4), (4, 3, 1))]
    return run("follow(space, time)", student, cases)


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


def _factorised_case(nt, places, depth):
    rng = np.random.default_rng(nt)
    space, time = ([_rows(rng, shape) for _ in range(depth)] for shape in ((nt, places, places), (places, nt, nt)))
    wanted = rollout(_of_model_3(space, time))[0].reshape(nt, places)
    habits = {
        "space and time are exchanged: which of the two runs last in a layer?": _factorised(space, time, first="time"),
        "the layers stand in the other order: the last one is followed first.": _factorised(space[::-1], time[::-1]),
        "each attention of a layer adds to what was there: is there a residual for either?": _factorised(
            space, time, shared=True
        ),
        "that is without residuals: each attention adds to what was there.": _factorised(space, time, residual=0.0),
        "that is space alone.": _factorised(space, []),
        "that is time alone.": _factorised([], time),
        "only the last layer is followed.": _factorised(space[-1:], time[-1:]),
        "the map is N times too large: the output is the mean over all tokens.": wanted * wanted.size,
        "each attention is transposed.": _factorised(
            [a.swapaxes(1, 2) for a in space], [a.swapaxes(1, 2) for a in time]
        ),
        "that starts at the first token: Model 3 has no class token, its output is a mean.": _factorised(
            space, time, start=np.eye(nt * places)[0]
        ),
        "places come first: (nt, S) is wanted.": wanted.T,
    }
    about = f"{nt} time indices, {places} places and {depth} layers"
    return Case(about=about, args=(space, time), wanted=wanted, habits=habits if depth > 1 else {})


def _rows(rng, shape):
    weights = rng.uniform(size=shape) ** 3 + 0.02
    return weights / weights.sum(-1, keepdims=True)


def _of_model_3(space, time):
    """The layers as what the library records of a Model 3 of one head."""
    body = {"class_token": False, "body": "factorised_self_attention", "grid": (*space[0].shape[:2], 1)}
    both = [("space", a) for a in space], [("time", a) for a in time]
    pairs = [(i, *one) for i, pair in enumerate(zip(*both, strict=True)) for one in pair]
    return [AttentionRecord(name=f"{o}/{i}", over=o, weights=a[None, :, None], **body) for i, o, a in pairs]


def _factorised(space, time, *, residual=0.5, first="space", shared=False, start=None):
    """Rollout of Model 3, and what becomes of it with a mistake; without one of the two, its attention does nothing."""
    nt, places = space[0].shape[:2] if space else time[0].shape[1::-1]
    u = np.full((nt, places), 1 / (nt * places)) if start is None else start.reshape(nt, places)
    for layer in reversed(range(max(len(space), len(time)))):
        through = {
            "space": (lambda u, a=space[layer]: np.einsum("nq,nqk->nk", u, a)) if space else (lambda u: u),
            "time": (lambda u, a=time[layer]: np.einsum("qs,sqk->ks", u, a)) if time else (lambda u: u),
        }
        order = ("time", "space") if first == "space" else ("space", "time")
        if shared:
            u = (1 - residual) * through[order[1]](through[order[0]](u)) + residual * u
            continue
        for over in order:
            u = (1 - residual) * through[over](u) + residual * u
    return u
