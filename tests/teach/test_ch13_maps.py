"""The checks of chapter 13: right answers pass, stubs are "not yet", usual mistakes are named."""

import numpy as np
import pytest
from answers import is_told_from_stub_and_zeros

from vivit_edu import teach


def roll(layers, residual=0.5):
    row = np.eye(len(layers[0]))[0]
    for a in reversed(layers):
        row = (1 - residual) * row @ a + residual * row
    return row


def distance(weights, far):
    return (weights / weights.sum(-1, keepdims=True) * far).sum(-1).mean((0, 2))


def follow(space, time, turn=False):
    u = np.full(space[0].shape[:2], 1 / space[0][..., 0].size)
    for a_space, a_time in zip(space[::-1], time[::-1], strict=True):
        steps = [lambda u, a=a_time: np.einsum("qs,sqk->ks", u, a), lambda u, a=a_space: np.einsum("nq,nqk->nk", u, a)]
        for step in steps[::-1] if turn else steps:
            u = (u + step(u)) / 2
    return u


RIGHT = [(teach.check_rollout, roll), (teach.check_distance, distance), (teach.check_factorised_rollout, follow)]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_right_answers_pass_and_stubs_are_not_yet(check, answer):
    is_told_from_stub_and_zeros(check, answer)


@pytest.mark.parametrize(
    ("check", "answer", "said"),
    [
        (teach.check_rollout, lambda layers: roll(layers[::-1]), "in the other order"),
        (teach.check_rollout, lambda layers: roll(layers, 0.0), "without a residual"),
        (teach.check_rollout, lambda layers: roll(layers) * 2 ** len(layers), "sum to 2"),
        (teach.check_distance, lambda w, far: (w * far).sum(-1).mean((0, 2)), "do not sum to 1 yet"),
        (teach.check_distance, lambda w, far: (w * far).mean((0, 2, 3)), "weighed, then summed"),
        (teach.check_factorised_rollout, lambda space, time: follow(space, time, turn=True), "which of the two"),
        (teach.check_factorised_rollout, lambda space, time: follow(space[::-1], time[::-1]), "in the other order"),
        (teach.check_factorised_rollout, lambda space, time: follow(space, time) * time[0][..., 0].size, "too large"),
    ],
)
def test_usual_mistakes_are_named(check, answer, said):
    assert said in check(answer).message
