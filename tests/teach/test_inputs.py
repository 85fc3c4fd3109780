"""What a student's function does to its inputs, and what it keeps, changes neither the reference nor the next call."""

import functools

import numpy as np
import pytest
from students.exercises import ANSWERS, CHECKS
from students.mistakes import WRONG
from students.solutions import attend_einsum, embed_einsum, layer_plain
from students.solutions_later import inflated_stack, roll_matrix

from vivit_edu import teach


def attend_twice(q, k, v):
    q /= np.sqrt(q.shape[-1])
    return attend_einsum(q, k, v)


def inflate_twice(kernel, t):
    kernel /= t
    return inflated_stack(kernel, t)


def embed_half(video, kernel, bias):
    kernel *= 0.5
    return embed_einsum(video, kernel, bias)


def roll_popped(layers):
    layers.pop()
    return roll_matrix(layers)


def roll_residual_twice(layers):
    for a in layers:
        a += np.eye(len(a))
        a /= 2
    return roll_matrix(layers)


def distance_unscaled(weights, far):
    weights *= far
    return weights.sum(-1).mean((0, 2))


def layer_raw_residual(z, attend, mlp, norms):
    z -= z.mean()
    return layer_plain(z, attend, mlp, norms)


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (teach.check_attention, attend_twice),
        (teach.check_inflate, inflate_twice),
        (teach.check_embed_tubelets, embed_half),
        (teach.check_rollout, roll_popped),
        (teach.check_rollout, roll_residual_twice),
        (teach.check_distance, distance_unscaled),
        (teach.check_layer, layer_raw_residual),
    ],
)
def test_wrong_answer_in_place_fails(check, wrong):
    assert check(wrong).status == "fail"


IN_PLACE = [(name, answer) for name in CHECKS for answer in ANSWERS[name] if "in_place" in answer.__name__]


@pytest.mark.parametrize(("name", "answer"), [pytest.param(n, a, id=a.__name__) for n, a in IN_PLACE])
def test_right_answer_in_place_passes_again_and_again(name, answer):
    assert CHECKS[name](answer) and CHECKS[name](answer)


@pytest.mark.parametrize("name", CHECKS)
def test_inputs_ruined_after_a_right_answer_do_no_harm(name):
    def answer(*args):
        result = np.array(right(*args)) if name != "silent_start" else list(right(*args))
        for array in args:
            if isinstance(array, np.ndarray):
                array[...] = 0
            elif isinstance(array, list):
                array.clear()
        return result

    right = ANSWERS[name][0]
    assert CHECKS[name](answer)


def test_parts_of_a_layer_that_a_student_ruins_are_those_of_one_call():
    def answer(z, attend, mlp, norms):
        result = layer_plain(z, attend, mlp, norms)
        for part in (attend, mlp, *norms):
            for array in vars(part).values():
                array[...] = 0
        return result

    assert teach.check_layer(answer)


def test_every_input_can_be_written():
    def answer(*args):
        assert all(array.flags.writeable for array in args if isinstance(array, np.ndarray))
        raise ValueError("all can be written")

    for check in CHECKS.values():
        assert "all can be written" in check(answer).message


def test_answer_that_counts_its_calls_is_told_so():
    calls = []

    def area(curve):
        calls.append(curve)
        return np.trapezoid(curve, dx=1 / (len(curve) - 1)) + (len(calls) > 6)

    assert "from call to call" in teach.check_deletion_area(area).message


def test_answer_in_one_buffer_passes():
    buffer = np.zeros(400)

    def repeat(positions, nt):
        out = buffer[: (1 + nt * (len(positions) - 1)) * positions.shape[1]].reshape(-1, positions.shape[1])
        out[:] = np.concatenate([positions[:1], *[positions[1:]] * nt])
        return out

    assert teach.check_repeat_positions(repeat)


def test_partials_methods_and_callables_are_functions():
    class Grid:
        def __call__(self, clip, tubelet):
            return [n // t for n, t in zip(clip, tubelet, strict=True)]

        def method(self, clip, tubelet, *, more=0):
            return self(clip, tubelet)

    assert teach.check_grid(Grid()) and teach.check_grid(Grid().method)
    assert teach.check_grid(functools.partial(Grid().method, more=1))
    assert teach.check_grid(functools.lru_cache(Grid().method))


def test_mistakes_are_mistakes_of_their_own_checks():
    assert {name for name, _ in WRONG} == set(CHECKS)
