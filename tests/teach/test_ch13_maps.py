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


@pytest.mark.parametrize(("check", "answer"), [(teach.check_rollout, roll), (teach.check_distance, distance)])
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
    ],
)
def test_usual_mistakes_are_named(check, answer, said):
    assert said in check(answer).message
