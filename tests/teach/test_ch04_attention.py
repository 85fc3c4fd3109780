"""The check of attention in parts: what goes wrong between two parts is told by its name."""

import numpy as np
import pytest
from students.solutions import attend_einsum, streamed_joined

from vivit_edu import teach


def averaged(q, parts):
    return np.mean([attend_einsum(q, k, v) for k, v in parts], axis=0)


def last(q, parts):
    for k, v in parts:
        answer = attend_einsum(q, k, v)
    return answer


def by_number(q, parts):
    return np.average([attend_einsum(q, *part) for part in parts], axis=0, weights=[len(k) for k, _ in parts])


def undivided(q, parts):
    return streamed_joined(q * np.sqrt(q.shape[-1]), parts)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [(averaged, "averaged"), (last, "only the last"), (by_number, "numbers of keys"), (undivided, "not divided")],
)
def test_usual_mistakes_are_named(wrong, said):
    result = teach.check_attention_in_parts(wrong)
    assert result.status == "fail" and said in result.message


def test_stub_is_not_yet_and_a_constant_fails():
    def stub(q, parts):
        raise NotImplementedError

    assert teach.check_attention_in_parts(stub).status == "todo"
    assert teach.check_attention_in_parts(lambda q, parts: np.zeros((5, 2, 3))).status == "fail"
