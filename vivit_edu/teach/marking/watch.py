"""Runs a check: a student's function on every case, and whatever happens then as a `Result`."""

import contextlib
import dis
import functools
import inspect
import pathlib
import types
import warnings
from collections.abc import Iterator, Sequence

import jax
import numpy as np

from vivit_edu.teach.marking import limits
from vivit_edu.teach.marking.cases import Case
from vivit_edu.teach.result import Mistake, Result, Student, shorten, type_name

EMPTY = "the stub is still empty: write your answer in place of its last line."
BUSY = "another check is still running in this process: wait for it, or restart the kernel, and check again."
OURS = pathlib.Path(__file__).parents[1]
# What a function consists of that does nothing but raise NotImplementedError, with or without a text.
OF_A_STUB = {"RESUME", "NOP", "COPY_FREE_VARS", "PUSH_NULL", "LOAD_CONST", "PRECALL", "CALL", "RAISE_VARARGS"}


def run(name: str, student: Student, cases: Sequence[Case], *, picture: str = "") -> Result:
    """The result of the student's function on every case, and on the first one again at the end.

    Whatever the function does is an answer and no crash; only a reader's own Ctrl-C goes through. Checks in several
    threads take turns, and one that waits too long says so.

    Args:
      picture: HTML of the target, shown until the check passes.
    """
    unfinished = functools.partial(Result, name=name, picture=picture)
    if not limits.ONE_CHECK.acquire(timeout=limits.SECONDS):
        return unfinished(status="todo", message=BUSY)
    try:
        with _alike_everywhere():
            if is_stub(student):
                return unfinished(status="todo", message=EMPTY)
            _check_all(student, cases)
    except Mistake as mistake:
        return unfinished(status="fail", message=str(mistake))
    finally:
        limits.ONE_CHECK.release()
    return Result(name=name, status="pass", message="equal to the library on every case.")


def is_stub(student: Student) -> bool:
    """Whether a function's body is nothing but `raise NotImplementedError`; a written one that meets it is none."""
    try:
        steps = _guarded(_steps_of, student, tell=type_name)
    except Mistake:  # no function of Python's, or an object whose own attributes raise
        return False
    raised = [step for step in steps if "NotImplementedError" in step.argrepr and step.opname.startswith("LOAD_")]
    others = {step.opname for step in steps if step not in raised[:1]}
    return len(raised) > 0 and others <= OF_A_STUB


def _steps_of(student):
    return list(dis.get_instructions(_plain(student).__code__))


def _plain(student):
    """The function inside a partial, a method, a callable object or a decorated function."""
    while isinstance(student, functools.partial):
        student = student.func
    if not isinstance(student, types.FunctionType | types.MethodType) and not hasattr(student, "__wrapped__"):
        student = type(student).__call__
    return inspect.unwrap(getattr(student, "__func__", student))


@contextlib.contextmanager
def _alike_everywhere() -> Iterator[None]:
    """Full precision on accelerators too, warnings that stay warnings, and no more printing than a page holds.

    What a student sets of these is put back.
    """
    with (
        jax.default_matmul_precision("highest"),
        limits.bounded_printing(),
        np.errstate(all="warn"),
        np.printoptions(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("default")
        warnings.simplefilter("ignore", DeprecationWarning)  # of a library's old name for a right thing
        yield


def _check_all(student, cases):
    if not callable(student):
        raise Mistake(f"hand over the function itself, not a {type_name(student)}")
    for case in cases:
        _check(student, case)
    _check_again(student, cases[0])


def _check(student, case):
    try:
        returned = _guarded(student, *case.fresh(), tell=_of_the_call)
        case.judge(_guarded(case.read, returned, tell=_of_the_answer))
    except Mistake as mistake:
        raise Mistake(f"with {case.about}: {mistake}") from None


def _check_again(student, case):
    try:
        _check(student, case)
    except Mistake:
        text = f"with {case.about}: called again, it gives another answer: what does it keep from call to call?"
        raise Mistake(text) from None


def _guarded(function, *args, tell):
    """`function(*args)`; whatever it raises becomes a Mistake that `tell` words, but for a reader's Ctrl-C."""
    try:
        return limits.timed(lambda: function(*args))  # the object itself goes nowhere where its type is asked for
    except limits.TooLong:
        raise Mistake(f"your code still ran after {limits.SECONDS:g} seconds: does a loop never end?") from None
    except BaseException as error:  # SystemExit and the like too
        if type(error) is Mistake or _by_the_reader(error):  # a student's own kind of Mistake is an error like others
            raise
        raise Mistake(tell(error)) from None


def _by_the_reader(error):
    """Whether it is a reader's Ctrl-C, which comes between two statements; code raises one by a statement.

    Here as below the error's class is asked, and not the error: its attributes are the student's code.
    """
    if not issubclass(type(error), KeyboardInterrupt):
        return False
    *_, last = _trace(error)
    return dis.opname[last.tb_frame.f_code.co_code[last.tb_lasti]] != "RAISE_VARARGS"


def _of_the_call(error):
    *_, last = _trace(error)
    inside = OURS not in pathlib.Path(last.tb_frame.f_code.co_filename).parents
    if issubclass(type(error), TypeError) and not inside and "argument" in _text(error):
        return f"it cannot be called like that ({_text(error)})"
    where = f" in {last.tb_frame.f_code.co_name}()" if inside else ""
    return f"your code stopped with {_text(error)}{where}"


def _of_the_answer(error):
    """A generator's body and an object's own methods are the student's code; numpy's and ours are not."""
    files = [pathlib.Path(entry.tb_frame.f_code.co_filename) for entry in _trace(error)]
    if any(OURS not in path.parents and not {"site-packages", "dist-packages"} & set(path.parts) for path in files):
        return _of_the_call(error)
    return f"what it returned cannot be read as numbers ({_text(error)})"


def _trace(error):
    """The entries of an error's traceback, the outermost call first."""
    entry = vars(BaseException)["__traceback__"].__get__(error)
    while entry is not None:
        yield entry
        entry = entry.tb_next


def _text(error):
    """The error's name and text, as far as it has one: that too is the student's code."""
    try:
        text = limits.timed(lambda: shorten(str(error), 300))
    except BaseException as another:
        if _by_the_reader(another):
            raise
        text = ""
    return shorten(type_name(error), 80) + (f": {text}" if text else "")
