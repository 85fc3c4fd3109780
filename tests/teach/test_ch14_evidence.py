"""The checks of chapter 14: right answers pass, stubs are "not yet", usual mistakes are named."""

import itertools

import numpy as np
import pytest
from answers import is_told_from_stub_and_zeros

from vivit_edu import teach


def pointing(maps, mask, peak=np.argmax):
    return np.array([float(hit.ravel()[peak(one)]) for one, hit in zip(maps, mask, strict=True)])


def area(curve):
    return sum((a + b) / 2 for a, b in itertools.pairwise(curve)) / (len(curve) - 1)


def agree(a, b):
    ranks = [[sum(other < one for other in values) for one in values] for values in (a, b)]
    return np.corrcoef(*ranks)[0, 1]


def greedy(ask, count):
    gone = []
    while len(gone) < count:
        rest = [token for token in range(count) if token not in gone]
        gone.append(min(rest, key=lambda token: ask([t not in (*gone, token) for t in range(count)])))
    return gone


RIGHT = [
    (teach.check_pointing, pointing),
    (teach.check_deletion_area, area),
    (teach.check_rank_correlation, agree),
    (teach.check_greedy, greedy),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_right_answers_pass_and_stubs_are_not_yet(check, answer):
    is_told_from_stub_and_zeros(check, answer)


@pytest.mark.parametrize(
    ("check", "answer", "said"),
    [
        (teach.check_pointing, lambda maps, mask: pointing(maps, mask).mean(), "mean over clips"),
        (teach.check_pointing, lambda maps, mask: pointing(maps, mask, np.argmin), "smallest"),
        (teach.check_pointing, lambda maps, mask: mask.mean((1, 2, 3)), "chance"),
        (
            teach.check_pointing,
            lambda maps, mask: mask.reshape(len(mask), -1)[:, maps.max(0).argmax()] * 1.0,
            "each has its own",
        ),
        (teach.check_deletion_area, lambda curve: curve.mean(), "one interval only"),
        (teach.check_deletion_area, lambda curve: area(curve) * (len(curve) - 1), "yours would get K"),
        (teach.check_deletion_area, lambda curve: curve[:-1].mean(), "left end"),
        (teach.check_deletion_area, lambda curve: curve[1:].mean(), "right end"),
        (teach.check_rank_correlation, lambda a, b: np.corrcoef(a, b)[0, 1], "ranks are wanted"),
        (
            teach.check_rank_correlation,
            lambda a, b: np.corrcoef(np.argsort(a), np.argsort(b))[0, 1],
            "not yet each token's rank",
        ),
        (teach.check_rank_correlation, lambda a, b: -agree(a, b), "sign"),
        (teach.check_greedy, lambda ask, count: np.argsort(greedy(ask, count)), "each token's rank"),
        (teach.check_greedy, lambda ask, count: greedy(lambda kept: -ask(kept), count), "the opposite"),
        (
            teach.check_greedy,
            lambda ask, count: np.argsort([ask(np.arange(count) != token) for token in range(count)]),
            "ask again",
        ),
    ],
)
def test_usual_mistakes_are_named(check, answer, said):
    assert said in check(answer).message
