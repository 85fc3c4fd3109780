"""Whatever a student's code does is an answer: nothing escapes a check, hangs it or floods the page."""

import asyncio
import io
import itertools
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest
from students.exercises import CHECKS
from students.solutions import cut_einops, grid_tuple

from vivit_edu import teach
from vivit_edu.teach.marking import limits
from vivit_edu.teach.result import Result

LONGEST = 3000


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


class Speechless(Exception):
    def __str__(self):
        return None


class Exits(Exception):
    def __str__(self):
        sys.exit(3)


class Hostile:
    """Raises from whatever it is asked."""

    def __init__(self, error):
        self.error = error

    def __array__(self, *_, **__):
        raise self.error

    def __eq__(self, _):
        raise self.error

    __len__ = __iter__ = __float__ = __array__
    __hash__ = None


class Lazy:
    """A list of as many numbers as there are atoms."""

    def __len__(self):
        return 10**15

    def __getitem__(self, index):
        return 0.5


class Endless:
    def __getitem__(self, index):
        return [0.5]


def raises(error):
    def answer(*_):
        raise error

    return answer


def returns(value):
    return lambda *_: value()


def endless():
    return (
        endless()
    )  # of fixed arguments: Python 3.13.0 counts no calls of functions that take any, and fills the memory


def deep(*_):
    return endless()


def nested():
    inside = []
    inside.append(inside)
    return inside


RAISED = [
    SystemExit(1),
    GeneratorExit(),
    KeyboardInterrupt(),
    asyncio.CancelledError(),
    BaseExceptionGroup("many", [SystemExit(1), ValueError("x")]),
    Unspeakable(),
    Speechless(),
    Exits(),
    StopIteration(),
    MemoryError(),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"),
    ValueError("x" * 15_000_000),
    ValueError(np.zeros(3_000_000)),
    type("E" * 100_000, (Exception,), {})("long name"),
    ValueError("\x1b[31m\udc80\x00\u202e\nline"),
]
RETURNED = {
    "endless generator": lambda: itertools.count(),
    "endless generator of lists": lambda: itertools.repeat([1.0]),
    "endless generator of nothing": lambda: itertools.repeat([]),
    "generator of endless generators": lambda: (itertools.count() for _ in itertools.count()),
    "huge list": lambda: [0.5] * 3_000_000,
    "huge list of lists": lambda: [[0.5] * 3000] * 3000,
    "huge range": lambda: range(10**15),
    "huge view": lambda: np.broadcast_to(1.0, (10**6, 10**6)),
    "huge by itself": Lazy,
    "endless by index": Endless,
    "nested in itself": nested,
    "hostile": lambda: Hostile(ValueError("no")),
    "hostile exit": lambda: Hostile(SystemExit(2)),
    "hostile text": lambda: Hostile(Unspeakable()),
    "three million characters": lambda: "x" * 3_000_000,
    "huge integer": lambda: 10**5000,
    "a list of huge integers": lambda: [10**5000] * 3,
    "a class": lambda: ValueError,
    "numbers that fail": lambda: [1.0, Hostile(KeyError("x"))],
    "bytes": lambda: bytes(10**7),
}
every = pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)


def is_a_short_failure(result):
    texts = str(result), repr(result), result.message, result._repr_html_().replace(result.picture, "")
    return result.status == "fail" and max(map(len, texts)) <= LONGEST


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__[:20])
@pytest.mark.parametrize("name", ["grid", "silent_start", "attention"])
def test_whatever_is_raised_is_a_short_failure(name, error):
    result = CHECKS[name](raises(error))
    assert is_a_short_failure(result) and type(error).__name__[:30] in result.message
    str(result).encode("ascii")


@pytest.mark.parametrize("what", RETURNED)
@pytest.mark.parametrize("name", ["grid", "silent_start", "attention", "deletion_area"])
def test_whatever_is_returned_is_a_short_failure(name, what):
    began = time.monotonic()
    assert is_a_short_failure(CHECKS[name](returns(RETURNED[what])))
    assert time.monotonic() - began < 5


@every
def test_recursion_without_end_is_a_failure(check):
    assert "RecursionError" in check(deep).message


LOOPS = {
    "plain": "while True: pass",
    "sleeping": "while True: time.sleep(0.01)",
    "catching": "while True:\n    try: time.sleep(0.01)\n    except BaseException: pass",
    "catching inside": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "generator": "return (x for x in iter(int, 1) if x)",
    "finally": "try:\n    while True: pass\nfinally:\n    time.sleep(0.01)",
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer on this platform")
def test_endless_loop_is_stopped_where_there_is_a_timer(loop, monkeypatch):
    monkeypatch.setattr(limits, "SECONDS", 0.2)
    body = "\n".join(f"    {line}" for line in LOOPS[loop].splitlines())
    names = {"time": time}
    exec(f"def answer(*_):\n{body}", names)
    began = time.monotonic()
    result = teach.check_grid(names["answer"])
    assert time.monotonic() - began < 5 and "does a loop never end?" in result.message


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer on this platform")
def test_another_s_timer_and_handler_are_put_back():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        assert teach.check_grid(grid_tuple)
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.3
        time.sleep(0.5)
        assert rung and signal.getitimer(signal.ITIMER_REAL)[0] == 0
    finally:
        signal.signal(signal.SIGALRM, before)


def test_checks_work_in_other_threads():
    results = []
    thread = threading.Thread(target=lambda: results.extend([teach.check_grid(grid_tuple), teach.check_grid(deep)]))
    thread.start()
    thread.join()
    assert [result.status for result in results] == ["pass", "fail"]


def test_a_reader_s_own_interrupt_goes_through():
    def answer(*_):
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            time.sleep(0.01)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            teach.check_grid(answer)
    finally:
        signal.signal(signal.SIGINT, before)


def helper():
    raise NotImplementedError("this kind of tubelet")


def half(clip, tubelet):
    nt = clip[0] // tubelet[0]
    raise NotImplementedError(nt)


def calls(clip, tubelet):
    return helper()


def branches(clip, tubelet):
    if clip[0] > 0:
        raise NotImplementedError
    return clip


def catches(clip, tubelet):
    try:
        return helper()
    except ValueError:
        return None


def generates(clip, tubelet):
    yield helper()


def library(clip, tubelet):
    return np.random.BitGenerator(0).random_raw()


@pytest.mark.parametrize("answer", [half, calls, branches, catches, generates, library])
def test_written_function_that_meets_not_implemented_is_no_stub(answer):
    result = teach.check_grid(answer)
    assert result.status == "fail" and "NotImplementedError" in result.message


def stub(*_):
    raise NotImplementedError


def told(*_):
    """Says what it shall do."""
    raise NotImplementedError("write me")


class Stub:
    def method(self, *_):
        raise NotImplementedError()

    def __call__(self, *_):
        ...
        raise NotImplementedError


@every
def test_stub_of_any_kind_is_not_yet(check):
    assert {check(answer).status for answer in (stub, told, Stub().method, Stub())} == {"todo"}


def test_prints_of_a_student_are_shown_up_to_a_page(capsys):
    def chatty(clip, tubelet):
        print("here is", clip)
        print("x" * 1_000_000)
        print(np.arange(10**6).tolist(), file=sys.stderr)
        return grid_tuple(clip, tubelet)

    assert teach.check_grid(chatty)
    out, err = capsys.readouterr()
    assert out.startswith("here is") and max(len(out), len(err)) < 5000


def test_streams_are_put_back(monkeypatch):
    def swaps(clip, tubelet):
        sys.stdout = io.StringIO()
        return grid_tuple(clip, tubelet)

    before = sys.stdout
    teach.check_grid(swaps)
    assert sys.stdout is before


def test_what_is_no_function_is_told_so():
    for value in (3, None, (1, 2, 3), np.zeros(3)):
        assert "the function itself" in teach.check_grid(value).message


def test_a_long_message_keeps_both_its_ends():
    result = Result(name="f", status="fail", message="begin" + "x" * 10**7 + "end")
    assert result.message.startswith("begin") and result.message.endswith("end") and len(result.message) < LONGEST


def test_right_answers_with_warnings_pass():
    def warns(video, tubelet):
        np.float64(1) / np.float64(0)
        return cut_einops(video, tubelet)

    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert teach.check_cut_tubelets(warns)
