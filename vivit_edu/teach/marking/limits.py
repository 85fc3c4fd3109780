"""Bounds on what a student's code may do while it is checked: how long it runs, and how much it prints."""

import contextlib
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

SECONDS = 20.0  # a call: toy sizes take milliseconds, a first compilation a few seconds
PRINTED = 3_000  # characters a check
ONE_CHECK = threading.RLock()  # streams, warnings and the timer are the process's: two checks would mix them up


class TooLong(BaseException):
    """A student's code has used up its time; not an Exception, lest the code catches it."""


def timed(function: Callable, *args: Any) -> Any:
    """`function(*args)`, stopped with TooLong after `SECONDS` where the platform has a timer for that.

    It has one in the main thread of Unix; elsewhere nothing stops the call. Another's timer waits meanwhile.

    Raises:
      TooLong: where the time is up. A single call into compiled code ends first.
    """
    if not _has_timer():
        return _call(function, args)
    began, before = time.monotonic(), signal.signal(signal.SIGALRM, _stop)
    theirs, interval = signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        return _call(function, args)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if theirs:
            left = max(theirs - (time.monotonic() - began), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, left, interval)


def _has_timer():
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return False
    return signal.getsignal(signal.SIGALRM) is not None  # one set outside Python could not be put back


def _call(function, args):
    """The call, and the stack as deep as before; `_stop` leaves this function's own lines alone."""
    deepest = sys.getrecursionlimit()
    try:
        return function(*args)
    finally:
        sys.setrecursionlimit(deepest)


def _stop(_, frame):
    """Raises TooLong inside the student's code, never in our own that puts the timer back.

    Code such as `while True: try: ...; except: pass` swallows it, so that it is raised again after a moment, each time
    another one, until it falls between the two. The function is known by its name and module: what checks signatures
    may have wrapped it, and one code object is that of all wrappers.
    """
    while (frame := frame.f_back) is not None:
        if frame.f_code.co_name == "_call" and frame.f_globals is globals():
            signal.setitimer(signal.ITIMER_REAL, 1e-6 * (1 + time.perf_counter_ns() % 200))
            raise TooLong


class _Bounded:
    """A stream that lets the first characters through and drops the rest."""

    def __init__(self, stream, left=PRINTED):
        self.stream, self.left = stream, left

    def write(self, text):
        if self.left > 0 and self.stream is not None:  # without a console there is none
            more = len(text) > self.left
            self.stream.write(text[: self.left] + "\n(and more, not shown)\n" if more else text)
        self.left -= len(text)
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def __getattr__(self, name):
        return getattr(self.stream, name)


@contextlib.contextmanager
def bounded_printing() -> Iterator[None]:
    """Lets what is printed inside through up to `PRINTED` characters for each of the two streams."""
    out, err = _Bounded(sys.stdout), _Bounded(sys.stderr)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield
    finally:
        out.left = err.left = math.inf  # a student's logger or thread may hold on to one: it shall not fall silent
