"""The checks of chapter 3: a rule for sampling is told by its own mistake, and by no other one's."""

import numpy as np
import pytest
from students.solutions import cut_einops, overlap_windows

from vivit_edu import teach

RULES = {
    "T - 1": (
        lambda T, n: range(T) if n == T else np.linspace(0, T - 1, n + 2)[1:-1].round(),
        lambda T, n: range(T) if n == T else [round((T - 1) * i / (n + 1)) for i in range(1, n + 1)],
    ),
    "in steps": (
        lambda T, n: range(T) if n == T else [round(T / (n + 1)) * i for i in range(1, n + 1)],
        lambda T, n: np.arange(1, n + 1) * int(T / (n + 1) + 0.5),
    ),
    "cuts the fraction off": (lambda T, n: [T * i // (n + 1) for i in range(1, n + 1)],),
    "divides by n:": (lambda T, n: [round(T * i / n) for i in range(1, n + 1)],),
}
# Rules that no habit is: what is said of them is no other rule's name.
STRANGE = (
    lambda T, n: [T // (n + 1) * i for i in range(1, n + 1)],
    lambda T, n: [int((T - 1) * i / (n + 1)) for i in range(1, n + 1)],
    lambda T, n: [int(T * (i + 0.5) / n) for i in range(n)],
    lambda T, n: [round((T + 1) * i / (n + 1)) for i in range(1, n + 1)],
    lambda T, n: [round(T / n) * i for i in range(n)],
)


@pytest.mark.parametrize(("said", "rule"), [(said, rule) for said, rules in RULES.items() for rule in rules])
def test_rule_for_sampling_is_told_by_its_own_mistake(said, rule):
    message = teach.check_sample_frames(rule).message
    assert said in message and " Or " not in message


@pytest.mark.parametrize("rule", STRANGE)
def test_rule_that_is_no_habit_is_told_without_a_guess(rule):
    assert "which is not right" in teach.check_sample_frames(rule).message


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda video, tubelet, stride: cut_einops(video, tubelet), "do not overlap"),
        (lambda video, tubelet, stride: overlap_windows(video, tubelet, stride[::-1]), "order of the strides"),
        (lambda video, tubelet, stride: overlap_windows(video[:, :-2, :-1, :-3], tubelet, stride), "last tubelet"),
    ],
)
def test_usual_mistakes_with_overlap_are_told(wrong, said):
    result = teach.check_overlapping_tubelets(wrong)
    assert result.status == "fail" and said in result.message
