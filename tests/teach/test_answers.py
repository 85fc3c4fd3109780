"""What is read of an answer: all of it or none, whole numbers as such, no masked ones, nothing without end."""

import itertools
import sys

import numpy as np
import pytest
from students.exercises import ANSWERS, CHECKS
from students.solutions import grid_tuple, sample_list
from students.solutions_later import central_zeros

from vivit_edu import teach

SILENT = ["out/kernel", "out/bias"]


@pytest.mark.parametrize(
    "names",
    [
        lambda: SILENT * 32 + ["rubbish"],
        lambda: SILENT * 32 + ["value/kernel"],
        lambda: SILENT * 1000,
        lambda: itertools.cycle(SILENT),
        lambda: (name for name in itertools.cycle(SILENT)),
    ],
)
def test_names_beyond_the_last_that_is_read_are_no_right_answer(names):
    assert "many more names" in teach.check_silent_start(lambda _: names()).message


def test_names_may_be_said_more_than_once():
    assert teach.check_silent_start(lambda _: iter(SILENT * 3))


class Longer(list):
    """A list that yields more than it holds."""

    def __iter__(self):
        return itertools.chain(super().__iter__(), itertools.count())


def empties():
    while True:
        yield []


def nests():
    while True:
        yield empties()


@pytest.mark.parametrize("endless", [empties, nests, itertools.count, lambda: itertools.repeat(np.zeros((3, 0)))])
@pytest.mark.parametrize("name", ["grid", "attention", "deletion_area"])
def test_endless_answer_is_told_as_one(endless, name):
    assert "does it ever end?" in CHECKS[name](lambda *_: endless()).message


def test_list_that_yields_more_than_it_holds_is_read_to_its_end():
    assert "does it ever end?" in teach.check_grid(lambda c, t: Longer(grid_tuple(c, t))).message


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("grid", lambda c, t: [n // s + 1 for n, s in zip(c, t, strict=True)][::-1], "returned (5, 4, 6)"),
        ("grid", lambda c, t: np.array([7, 5.5, 1]), "returned (7, 5.5, 1)"),
        ("sample_frames", lambda T, n: [T - i for i in range(n)], "returned (29, 28, 27"),
        ("attention_bytes", lambda *_: 983100, "returned 983100,"),
        ("attention_bytes", lambda *_: 983100.25, "returned 983100.25,"),
        ("attention_bytes", lambda *_: 1e300, "returned 1e+300,"),
        ("deletion_area", lambda curve: 3.0, "returned 3.0,"),
    ],
)
def test_whole_numbers_are_told_as_whole_where_these_are_wanted(name, answer, said):
    assert said in CHECKS[name](answer).message


@pytest.mark.parametrize("name", ["grid", "attention", "deletion_area", "pointing"])
@pytest.mark.parametrize("mask", [True, "first"])
def test_masked_numbers_are_no_answer(name, mask):
    def answer(*args):
        right = np.ma.array(ANSWERS[name][0](*args))
        right[... if mask is True else (0,) * right.ndim] = np.ma.masked
        return right

    assert "masked" in CHECKS[name](answer).message


def test_masked_numbers_in_a_list_are_no_answer_and_a_mask_of_nothing_is_one():
    assert "masked" in teach.check_grid(lambda c, t: [*grid_tuple(c, t)[:2], np.ma.masked]).message
    assert "masked" in teach.check_grid(lambda c, t: np.ma.array([1, {}, 3], object, mask=[0, 1, 0])).message
    assert teach.check_grid(lambda c, t: np.ma.array(grid_tuple(c, t), mask=[0, 0, 0]))


def depth():
    frame, steps = sys._getframe(1), 0
    while (frame := frame.f_back) is not None:
        steps += 1
    return steps


@pytest.mark.parametrize(("check", "right"), [(teach.check_grid, grid_tuple), (teach.check_sample_frames, sample_list)])
def test_settings_of_the_process_are_put_back(check, right):
    def answer(*args):
        sys.setrecursionlimit(depth() + 30)
        np.seterr(all="raise")
        np.set_printoptions(precision=2)
        return right(*args)

    before = sys.getrecursionlimit(), np.geterr(), np.get_printoptions()
    try:
        assert check(answer)
        assert (sys.getrecursionlimit(), np.geterr(), np.get_printoptions()) == before
    finally:
        sys.setrecursionlimit(before[0])
        np.set_printoptions(**before[2])


@pytest.mark.parametrize(
    ("check", "answer", "said"),
    [
        (teach.check_central_frame, lambda k, t: central_zeros(k, t)[::-1], "which one does Eq. 9 mean?"),
        (teach.check_central_frame, lambda k, t: np.roll(central_zeros(k, t), 1, axis=0), "past the centre"),
    ],
)
def test_message_leaves_more_than_the_remaining_choice(check, answer, said):
    message = check(answer).message
    assert said in message and "other one" not in message and "too late" not in message
