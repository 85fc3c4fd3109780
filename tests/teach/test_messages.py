"""Messages name the mistake, and not the answer; what holds the right numbers is right, whatever holds them."""

import collections
import decimal
import fractions
import re

import jax.numpy as jnp
import numpy as np
import pytest
from students.exercises import ANSWERS, CHECKS, cases_of
from students.solutions import attend_einsum, cut_einops, embed_einsum, grid_tuple, prepend_concatenate, sample_list
from students.solutions_later import (
    agree_argsort,
    area_pairs,
    central_zeros,
    distance_numpy,
    inflated_stack,
    pointing_flat,
    roll_matrix,
)

from vivit_edu import teach

GIVEN_AWAY = (  # words of an answer, and not of a mistake
    r"sort twice|argsort\(argsort|t // 2|halve|// |n \+ 1\)|divide by the number|take the mean|scale them first"
    r"|by its root|sqrt|four bytes|\* 4|first axis|means the other one|one of them|too late|counts from"
    r"|, not (?:added|the sum|the values|at its|their|row|before|all)"
)
every = pytest.mark.parametrize("name", CHECKS)


@every
def test_no_habit_gives_the_answer_away(name, monkeypatch):
    for case in cases_of(name, monkeypatch):
        assert not [say for say in case.habits if re.search(GIVEN_AWAY, say)]


def nan_at(function, *places):
    def answer(*args):
        result = np.array(function(*args), float)
        result.flat[list(places)] = np.nan
        return result

    return answer


@pytest.mark.parametrize(
    ("check", "answer", "said"),
    [
        (teach.check_attention, nan_at(attend_einsum, 4), r"1 of 30 values is NaN, the first at index \(0, 1, 1\)"),
        (teach.check_rollout, nan_at(roll_matrix, 1, 3), r"2 of 5 values are NaN, the first at index 1"),
        (teach.check_deletion_area, lambda curve: np.nan, "1 of 1 values is NaN"),
        (teach.check_distance, lambda w, far: distance_numpy(w, far) * np.inf, "3 of 3 values are infinite"),
        (teach.check_inflate, lambda k, t: inflated_stack(k, t) * np.inf, "values are infinite"),
        (teach.check_grid, lambda c, t: [float("nan")] * 3, "3 of 3 values are NaN"),
    ],
)
def test_nan_and_infinity_are_named_counted_and_placed(check, answer, said):
    with np.errstate(all="ignore"):
        assert re.search(said, check(answer).message)


def changed(function, *places, by=1.0):
    def answer(*args):
        result = np.array(function(*args), float)
        result.flat[list(places)] += by
        return result

    return answer


@pytest.mark.parametrize(
    ("check", "answer", "said"),
    [
        (teach.check_cut_tubelets, changed(cut_einops, 40_000), r"1 of 40,320 values differs, the first at index \("),
        (
            teach.check_attention,
            changed(attend_einsum, 3, 29),
            r"2 of 30 values differ, the first at index \(0, 1, 0\)",
        ),
        (teach.check_central_frame, changed(central_zeros, 0), r"1 of 1,008 values differs"),
        (teach.check_class_token, changed(prepend_concatenate, 35), r"1 of 36 values differs, .*\(1, 5, 2\)"),
        (teach.check_embed_tubelets, changed(embed_einsum, -1, by=50), r"1 of 1,080 values differs"),
    ],
)
def test_values_that_differ_are_counted_and_placed(check, answer, said):
    message = check(answer).message
    assert re.search(said, message) and "%" not in message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda c, t: [[1, 2], [3]], "unlike shapes, such as (2,) and (1,)"),
        (lambda c, t: [1, [2, 3]], "unlike shapes, such as () and (2,)"),
        (lambda c, t: "abc", "a str where numbers"),
        (lambda c, t: ["3", "4", "5"], "a str where numbers"),
        (lambda c, t: dict(zip("thw", c, strict=True)), "a dict where numbers"),
        (lambda c, t: {*c}, "a set where numbers"),
        (lambda c, t: [1, None, 2], "None where numbers"),
        (lambda c, t: np.array(c) + 1j, "complex"),
        (lambda c, t: [True, False, True], "truth values (bool)"),
        (lambda c, t: np.array(["a", "b"]), "numbers are wanted"),
        (lambda c, t: np.array([1, object(), 2], dtype=object), "an object of type object"),
        (lambda c, t: np.array(c, dtype="datetime64[D]"), "datetime64"),
        (lambda c, t: object(), "an object of type object"),
        (lambda c, t: lambda: c, "a function where numbers"),
        (lambda c, t: [grid_tuple(c, t)], "an axis of length 1 is too many"),
        (lambda c, t: np.sum(c), "the shape is () of a single number; (3,) is wanted"),
        (lambda c: c, "cannot be called like that"),
        (lambda c, t: c / t, "your code stopped with TypeError: unsupported operand"),
        (lambda c, t: c[5], "your code stopped with IndexError"),
        (lambda c, t: (n // 0 for n in c), "your code stopped with ZeroDivisionError"),
    ],
)
def test_what_cannot_be_compared_is_said_to_be_so(answer, said):
    message = teach.check_grid(answer).message
    assert said in message and "ValueError" not in message


def test_an_error_of_reading_is_not_told_as_the_student_s():
    message = teach.check_grid(lambda clip, tubelet: [10**400, 1, 2]).message
    assert "cannot be read as numbers (OverflowError" in message and "your code" not in message


def test_axes_in_another_order_and_missing_ones_are_named():
    assert "another order" in teach.check_attention(lambda q, k, v: attend_einsum(q, k, v).swapaxes(0, 1)).message
    assert "too many" in teach.check_attention(lambda q, k, v: attend_einsum(q, k, v)[None]).message
    assert "too many" in teach.check_deletion_area(lambda curve: [area_pairs(curve)]).message
    assert "too few" in teach.check_class_token(lambda z, t: np.squeeze(prepend_concatenate(z, t))).message


def test_half_precision_and_small_terms_are_told_from_another_rule():
    assert "within 1 %" in teach.check_attention(lambda q, k, v: attend_einsum(q, k, v).astype(np.float16)).message
    assert "within 1 %" in teach.check_embed_tubelets(lambda v, k, b: embed_einsum(v, k, b) * 1.003).message


def test_float32_and_float64_are_both_near_enough():
    for answer in (np.float32, np.float64, jnp.asarray, jnp.float32):
        assert teach.check_attention(lambda q, k, v, answer=answer: answer(attend_einsum(q, k, v)))
        assert teach.check_deletion_area(lambda curve, answer=answer: answer(area_pairs(curve)))
        assert teach.check_rank_correlation(lambda a, b, answer=answer: answer(agree_argsort(a, b)))


HOLDERS = [
    list,
    tuple,
    iter,
    np.array,
    jnp.array,
    collections.deque,
    lambda values: (value for value in values),
    lambda values: map(np.int64, values),
    lambda values: [np.array(value) for value in values],
    lambda values: [jnp.array(value) for value in values],
    lambda values: np.array(list(values), dtype=object),
    lambda values: [fractions.Fraction(int(value)) for value in values],
    lambda values: [decimal.Decimal(int(value)) for value in values],
    lambda values: np.array(values, dtype=np.uint8 if max(values) < 256 else np.uint16),
    lambda values: np.array(values).astype("float32"),
    lambda values: dict.fromkeys(values).keys(),
]


@pytest.mark.parametrize("holder", HOLDERS)
def test_whatever_holds_the_right_numbers_is_right(holder):
    assert teach.check_sample_frames(lambda T, n: holder(sample_list(T, n)))


def test_pointing_may_answer_with_truth_values_and_whole_numbers():
    for kind in (bool, int, float, np.uint8):
        assert teach.check_pointing(lambda maps, mask, kind=kind: pointing_flat(maps, mask).astype(kind))


def test_a_single_number_may_be_an_array_without_axes():
    for holder in (float, np.float64, np.asarray, jnp.asarray, fractions.Fraction):
        assert teach.check_deletion_area(lambda curve, holder=holder: holder(float(area_pairs(curve))))


@every
def test_a_right_answer_says_nothing_of_a_mistake(name):
    assert CHECKS[name](ANSWERS[name][0]).message == "equal to the library on every case."


def test_chapter_s_dead_attention_is_no_silent_start():
    for chosen in (
        ["value/kernel", "out/kernel", "out/bias"],
        [f"{n}/kernel" for n in ("query", "key", "value", "out")],
    ):
        result = teach.check_silent_start(lambda names, chosen=chosen: [*chosen, "out/bias"])
        assert "never learn" in result.message


def test_names_that_are_none_are_told():
    assert "an object of type int among the names" in teach.check_silent_start(lambda names: [0, 1]).message
    assert "names are wanted" in teach.check_silent_start(lambda names: 3).message
    assert "no array" in teach.check_silent_start(lambda names: "out").message
    assert len(teach.check_silent_start(lambda names: ["x" * 10**6]).message) < 400
