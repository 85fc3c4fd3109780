"""Checks for chapter 14: pointing, the area under a deletion curve, whether two maps agree, and greedy deletion."""

import numpy as np

from vivit_edu.explain.judge.agreement import points_at, rank_correlation
from vivit_edu.teach.marking.cases import Case
from vivit_edu.teach.marking.watch import run
from vivit_edu.teach.result import Result, Student


def check_pointing(student: Student) -> Result:
    """Checks `pointing(maps, mask)`: (B, nt, nh, nw) and bool of the same shape -> (B,) of 0 and 1."""
    cases = [_pointing_case(shape) for shape in ((12, 3, 2, 4), (11, 2, 5, 3), (10, 4, 3, 1), (8, 1, 6, 5))]
    return run("pointing(maps, mask)", student, cases)


def check_deletion_area(student: Student) -> Result:
    """Checks `area(curve)`: probabilities (K + 1,), all tokens to none, evenly apart -> the area, in [0, 1]."""
    cases = [_area_case(steps) for steps in (4, 9, 16, 3, 2, 1)]
    return run("area(curve)", student, cases)


def check_rank_correlation(student: Student) -> Result:
    """Checks `agree(a, b)`: two maps (N,) without ties -> Spearman's correlation, in [-1, 1]."""
    cases = [_agreement_case(*sizes) for sizes in ((11, 1), (8, -1), (24, 1), (7, -1))]
    return run("agree(a, b)", student, cases)


def check_greedy(student: Student) -> Result:
    """Checks `greedy(ask, count)`: of tokens 0 to count - 1, the order in which to take them away, int (count,)."""
    return run("greedy(ask, count)", student, [_greedy_case(count) for count in (6, 4, 7, 5)])


def _pointing_case(shape):
    """Maps with numbers of both signs, some with negative ones only; hits and misses in equal parts, no ties."""
    rng = np.random.default_rng(sum(shape))
    tokens = int(np.prod(shape[1:]))
    rows = np.arange(shape[0])
    maps = np.stack([rng.permutation(np.linspace(-2 + row % 2, 1 + row % 2, tokens)) for row in rows])
    maps *= rng.uniform(0.5, 2, size=(shape[0], 1))
    maps -= 5 * (rng.permutation(rows) % 3 == 0)[:, None]
    mask = rng.uniform(size=maps.shape) < 0.4
    mask[rows, maps.argmax(1)] = rng.permutation(rows % 2 == 0)
    mask[rows, maps.argmin(1)] = rng.permutation(rows % 2 == 0)
    maps, mask = maps.reshape(shape), mask.reshape(shape)
    about = f"maps of {shape}"
    return Case(about=about, args=(maps, mask), wanted=points_at(maps, mask), habits=_pointing_habits(maps, mask))


def _pointing_habits(maps, mask):
    flat, truth, rows = maps.reshape(len(maps), -1), mask.reshape(len(mask), -1), np.arange(len(maps))
    hits = truth[rows, flat.argmax(1)] * 1.0
    return {
        "that is the mean over clips: each clip has a hit of its own.": hits.mean(),
        "that is the number of hits: each clip has one of its own.": hits.sum(),
        "that is the peak of all clips together: each has its own.": truth[:, flat.max(0).argmax()] * 1.0,
        "that is chance: the share of tokens that hold the object.": truth.mean(1),
        "the peak is taken for the smallest number.": truth[rows, flat.argmin(1)] * 1.0,
        "the peak is taken without regard to signs.": truth[rows, np.abs(flat).argmax(1)] * 1.0,
        "hits and misses are exchanged.": 1 - hits,
        "that is where the peak is, not whether it hits.": flat.argmax(1) * 1.0,
        "that is how large the peak is, not whether it hits.": flat.max(1),
        "that is whether the clip has an object at all.": truth.any(1) * 1.0,
        "that is the sum of the map in the mask.": (flat * truth).sum(1),
    }


def _area_case(steps):
    """A curve that falls and rises, as curves of real models do."""
    curve = np.random.default_rng(steps).uniform(0.05, 0.95, size=steps + 1)
    wanted = (curve[1:] + curve[:-1]).sum() / (2 * steps)
    whole = (curve[1:] + curve[:-1]).sum() / 2
    habits = {
        "that is the mean of the points: the first and last border on one interval only.": curve.mean(),
        "that is the sum of the points.": curve.sum(),
        "a curve that is 1 throughout has an area of 1: yours would get K.": whole,
        "a curve that is 1 throughout has an area of 1: is K the number of points?": whole / (steps + 1),
        "each interval has the height of its left end: between two points the curve is a line.": curve[:-1].mean(),
        "each interval has the height of its right end: between two points the curve is a line.": curve[1:].mean(),
        "that is one less the area.": 1 - wanted,
        "the sign is turned.": -wanted,
        "that is the middle between first and last: the curve has more points.": (curve[0] + curve[-1]) / 2,
        "that is the fall from first to last, not an area.": curve[0] - curve[-1],
        "the heights of both ends are added: what is their mean?": 2 * wanted,
        "the points are sorted first: the curve may rise as well as fall.": _trapezoids(np.sort(curve)),
        "that is the area under the smallest value so far: the curve may rise again.": _trapezoids(
            np.minimum.accumulate(curve)
        ),
    }
    about = f"{steps + 1} probabilities"
    return Case(about=about, args=(curve,), wanted=np.asarray(wanted), habits=habits if steps > 2 else {})


def _trapezoids(curve):
    return (curve[1:] + curve[:-1]).mean() / 2


def _agreement_case(tokens, sign):
    rng = np.random.default_rng(tokens)
    a = np.exp(rng.normal(size=tokens)) - 1
    b = (np.exp(0.8 * sign * np.log(a + 1) + rng.normal(size=tokens)) - 1) ** 3
    wanted = rank_correlation(a[None], b[None])[0]
    order_a, order_b = np.argsort(a), np.argsort(b)
    rank_a, rank_b = np.argsort(order_a), np.argsort(order_b)
    apart = rank_a[:, None] - rank_a, rank_b[:, None] - rank_b
    habits = {
        "that is the correlation of the numbers; ranks are wanted.": np.corrcoef(a, b)[0, 1],
        "argsort says which token is k-th: that is not yet each token's rank.": np.corrcoef(order_a, order_b)[0, 1],
        "only one of the two maps is ranked.": np.corrcoef(rank_a, b)[0, 1],
        "only one of the two maps is ranked, the second.": np.corrcoef(a, rank_b)[0, 1],
        "one map's order is compared with the other one's ranks.": np.corrcoef(rank_a, order_b)[0, 1],
        "one map's ranks are compared with the other one's order.": np.corrcoef(order_a, rank_b)[0, 1],
        "the sign is turned.": -wanted,
        "that is one less the correlation, a distance.": 1 - wanted,
        "that is the square of the correlation.": wanted**2,
        "that is Kendall's: it counts pairs.": (np.sign(apart[0]) * np.sign(apart[1])).sum() / (tokens * (tokens - 1)),
        "the numbers are ranked without regard to signs.": _pearson_of_ranks(np.abs(a), np.abs(b)),
        "that is a matrix of all correlations: one number is wanted.": np.corrcoef(rank_a, rank_b),
        "that is a covariance: what is it divided by?": np.cov(rank_a, rank_b)[0, 1],
    }
    return Case(about=f"{tokens} tokens", args=(a, b), wanted=np.asarray(wanted), habits=habits)


def _pearson_of_ranks(a, b):
    return np.corrcoef(np.argsort(np.argsort(a)), np.argsort(np.argsort(b)))[0, 1]


def _greedy_case(count):
    """A model in which tokens stand in for each other, so that the best order is not that of single falls."""
    ask, seed = None, count
    while ask is None or not _told_apart(ask, count):
        ask, seed = _model(np.random.default_rng(seed), count), seed + 100
    order = np.array(_greedy(ask, count))
    alone = np.array([ask(np.arange(count) != token) for token in range(count)])
    habits = {
        "that ranks tokens by what each does alone: ask again once one has gone.": np.argsort(alone),
        "each token taken away leaves as much as can be left: wanted is the opposite.": np.array(
            _greedy(lambda kept: -ask(kept), count)
        ),
        "the order is turned round: the first to go comes first.": order[::-1],
        "that is each token's rank: wanted are the tokens, the first to go first.": np.argsort(order),
        "that starts with nothing and adds tokens: wanted is what to take away from all.": np.array(
            _greedy(lambda kept: -ask(~np.asarray(kept)), count)
        ),
        "the last token is missing: it goes, too.": order[:-1],
    }
    return Case(about=f"{count} tokens", args=(ask, count), wanted=order, habits=habits)


def _model(rng, count):
    """A probability (): float from which tokens are kept, bool (count,)."""
    alone, pairs = rng.normal(1, 1, size=count), np.triu(rng.normal(0, 2, size=(count, count)), 1)

    def ask(kept):
        kept = np.asarray(kept, float)
        if kept.shape != (count,):
            raise ValueError(f"ask wants {count} truth values, one for each token; got shape {kept.shape}")
        return float(1 / (1 + np.exp(-(kept @ alone + kept @ pairs @ kept) / 3)))

    return ask


def _greedy(ask, count):
    left, order = list(range(count)), []
    while left:
        fallen = {token: ask(np.isin(np.arange(count), [t for t in left if t != token])) for token in left}
        order.append(min(fallen, key=fallen.get))
        left.remove(order[-1])
    return order


def _told_apart(ask, count):
    """Whether usual mistakes lead to other orders."""
    alone = np.argsort([ask(np.arange(count) != token) for token in range(count)]).tolist()
    added = _greedy(lambda kept: -ask(~np.asarray(kept)), count)
    kept = _greedy(lambda kept: -ask(kept), count)
    found = [_greedy(ask, count), alone, added, kept]
    found += [found[0][::-1], np.argsort(found[0]).tolist()]
    return len({tuple(one) for one in found}) == len(found)
