"""A check leaves the process as it was, and the student's object cannot end it by what its attributes do."""

import logging
import sys
import threading
import time
import warnings

import pytest
from students.solutions import grid_tuple, sample_list
from students.solutions_later import area_pairs

from vivit_edu import teach
from vivit_edu.teach.marking import limits
from vivit_edu.teach.result import Mistake


def slow(function, seconds):
    """The function, whose first call takes a while."""
    calls = []

    def answer(*args):
        if not calls:
            calls.append(time.sleep(seconds))
        return function(*args)

    return answer


def at_once(*checks):
    """The results of (check, answer) pairs, each in a thread of its own and begun 0.1 s after the one before."""
    results = [None] * len(checks)

    def one(i, check, answer):
        results[i] = check(answer)

    threads = [threading.Thread(target=one, args=(i, *pair)) for i, pair in enumerate(checks)]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("seconds", [(0.2, 0.4), (0.4, 0.1), (0.2, 0.3, 0.3)])
def test_checks_at_once_put_streams_and_warnings_back(seconds):
    pairs = ((teach.check_grid, grid_tuple), (teach.check_deletion_area, area_pairs), (teach.check_grid, grid_tuple))
    before = sys.stdout, sys.stderr, list(warnings.filters), warnings.showwarning
    assert all(at_once(*[(check, slow(answer, s)) for s, (check, answer) in zip(seconds, pairs, strict=False)]))
    assert (sys.stdout, sys.stderr, list(warnings.filters), warnings.showwarning) == before


def test_a_check_within_an_answer_is_no_other_check():
    def answer(clip, tubelet):
        assert teach.check_sample_frames(sample_list)
        return grid_tuple(clip, tubelet)

    assert teach.check_grid(answer)


def test_a_check_that_waits_for_one_without_end_says_so(monkeypatch):
    monkeypatch.setattr(limits, "SECONDS", 0.15)
    first, second = at_once((teach.check_grid, slow(grid_tuple, 0.6)), (teach.check_grid, grid_tuple))
    assert first and second.status == "todo" and "still running" in second.message


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_what_keeps_a_stream_of_the_check_does_not_fall_silent(stream, capsys):
    kept = []

    def answer(clip, tubelet):
        kept.append(logging.StreamHandler(getattr(sys, stream)))
        kept[-1].stream.write("x" * 2 * limits.PRINTED)
        return grid_tuple(clip, tubelet)

    assert teach.check_grid(answer)
    capsys.readouterr()
    kept[0].stream.write("heard")
    assert getattr(capsys.readouterr(), stream[3:]) == "heard"


def hostile(error, base=object):
    """An object that raises from every attribute but its call."""

    class Hostile(base):
        def __getattribute__(self, name):
            raise error

        def __call__(self, clip, tubelet):
            return grid_tuple(clip, tubelet)

    return Hostile()


class Nameless(type):
    @property
    def __name__(cls):
        raise SystemExit(4)


ERRORS = [SystemExit(1), KeyboardInterrupt(), GeneratorExit(), ValueError("no")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_function_whose_attributes_raise_is_checked_all_the_same(error):
    result = teach.check_grid(hostile(error))  # apart: pytest looks through what it asserts
    assert result


@pytest.mark.parametrize("base", [Exception, TypeError, SystemExit, KeyboardInterrupt, Mistake])
def test_error_whose_attributes_raise_is_a_failure(base):
    def answer(clip, tubelet):
        raise hostile(SystemExit(2), base)

    assert "stopped with Hostile" in teach.check_grid(answer).message


@pytest.mark.parametrize("check", [teach.check_grid, teach.check_silent_start])
def test_returned_object_whose_attributes_raise_is_a_failure(check):
    for answer in (lambda *_: hostile(SystemExit(2)), lambda *_: [hostile(SystemExit(2))] * 3):
        assert check(answer).status == "fail"


def test_class_whose_name_raises_is_named_all_the_same():
    nameless = Nameless("Anything", (), {})()
    for check in (teach.check_grid, teach.check_silent_start):
        assert "Anything" in check(nameless).message and "Anything" in check(lambda *_: nameless).message
