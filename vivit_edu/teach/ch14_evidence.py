"""Checks for chapter 14: pointing, the area under a deletion curve, and whether two maps agree."""

from collections.abc import Callable

import numpy as np

from vivit_edu.explain.judge.faithfulness import against_truth, rank_correlation
from vivit_edu.teach.result import Result, compare_arrays, run


def check_pointing(student: Callable) -> Result:
    """Checks `pointing(maps, mask)`: (B, nt, nh, nw) and bool of the same shape -> (B,) of 0 and 1."""

    def compare(student):
        for seed, shape in enumerate(((6, 3, 2, 4), (9, 2, 5, 3))):
            rng = np.random.default_rng(seed)
            maps, mask = rng.normal(size=shape), rng.uniform(size=shape) < 0.4
            mask[:, 0, 0, 0] = True  # no clip without the object
            library = against_truth(maps, mask, mask.any((2, 3)))["pointing"]
            flat, truth = maps.reshape(len(maps), -1), mask.reshape(len(mask), -1)
            habits = {
                "that is the mean over clips; each clip's own hit is wanted.": library.mean(),
                "that is the peak of all clips together; each has its own.": truth[:, flat.max(0).argmax()] * 1.0,
                "that is chance: the share of tokens that hold the object.": truth.mean(1),
                "that is the token of the smallest number, not the largest.": truth[
                    np.arange(len(maps)), flat.argmin(1)
                ]
                * 1.0,
            }
            compare_arrays(student(maps, mask), library, case=f"maps of {shape}", habits=_arrays(habits))

    return run("pointing(maps, mask)", student, compare)


def check_deletion_area(student: Callable) -> Result:
    """Checks `area(curve)`: probabilities (K + 1,), all tokens to none, evenly apart -> the area, in [0, 1]."""

    def compare(student):
        for seed, steps in enumerate((4, 9, 1)):
            curve = np.sort(np.random.default_rng(seed).uniform(size=steps + 1))[::-1]
            library = np.trapezoid(curve, dx=1 / steps)
            habits = {
                "the ends count half: they border on one interval only.": curve.mean(),
                "divide by the number of intervals: all tokens are one unit.": library * steps,
                "that is the left end of each interval; take the mean of both.": curve[:-1].mean(),
                "that is the right end of each interval; take the mean of both.": curve[1:].mean(),
            }
            compare_arrays(student(curve), library, case=f"{steps + 1} probabilities", habits=_arrays(habits))

    return run("area(curve)", student, compare)


def check_rank_correlation(student: Callable) -> Result:
    """Checks `agree(a, b)`: two maps (N,) without ties -> Spearman's correlation, in [-1, 1]."""

    def compare(student):
        for seed, tokens in enumerate((6, 11, 24)):
            rng = np.random.default_rng(seed)
            a = np.exp(rng.normal(size=tokens))
            b = np.exp(0.5 * np.log(a) + rng.normal(size=tokens))
            library = rank_correlation(a[None], b[None])[0]
            order_a, order_b = np.argsort(a), np.argsort(b)
            habits = {
                "that is the correlation of the numbers; ranks are wanted.": np.corrcoef(a, b)[0, 1],
                "argsort alone gives which is k-th, not the rank of each: sort twice.": np.corrcoef(order_a, order_b)[
                    0, 1
                ],
                "the sign is turned.": -library,
            }
            compare_arrays(student(a, b), library, case=f"{tokens} tokens", habits=_arrays(habits))

    return run("agree(a, b)", student, compare)


def _arrays(habits):
    return {sentence: np.asarray(wrong) for sentence, wrong in habits.items()}
