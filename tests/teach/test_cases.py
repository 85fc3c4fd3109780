"""The cases of every check tell right from wrong: right answers in many styles pass, mutants and mistakes do not."""

import itertools
import sys
import warnings

import numpy as np
import pytest
from students import exercises, mutants, oracles
from students.exercises import ANSWERS, CHECKS
from students.mistakes import WRONG

from vivit_edu.attention import attention
from vivit_edu.teach.marking import limits
from vivit_edu.teach.marking.cases import same

SCORE = 0.95  # of the mutants that are wrong on random inputs, those that a check must fail
COMPILED = ("jax", "jitted", "convolution", "library")  # answers that compile for seconds
every = pytest.mark.parametrize("name", CHECKS)


@pytest.mark.parametrize(("name", "answer"), [pytest.param(n, a, id=a.__name__) for n in CHECKS for a in ANSWERS[n]])
def test_right_answer_in_any_style_passes(name, answer):
    result = CHECKS[name](answer)
    assert result, result


@pytest.mark.parametrize(("name", "answer"), [pytest.param(n, a, id=f"{n}-{i}") for i, (n, a) in enumerate(WRONG)])
def test_plausible_mistake_fails(name, answer):
    assert CHECKS[name](answer).status == "fail"


@every
def test_wanted_is_what_plain_loops_give(name, monkeypatch):
    for case in exercises.cases_of(name, monkeypatch):
        if name != "silent_start":
            oracle = oracles.ORACLES[name](*case.fresh())
            np.testing.assert_allclose(case.wanted, oracle, rtol=1e-5, atol=1e-5 * np.abs(oracle).max())


def test_silent_start_answers_for_every_choice_of_names_as_by_hand():
    for chosen in itertools.chain.from_iterable(itertools.combinations(oracles.NAMES, n) for n in range(9)):
        assert bool(CHECKS["silent_start"](lambda names, chosen=chosen: chosen)) == oracles.silent(chosen), chosen


def test_the_first_case_of_attention_is_the_library_s(monkeypatch):
    case, *_ = exercises.cases_of("attention", monkeypatch)
    np.testing.assert_allclose(case.wanted, attention(*case.args), rtol=1e-4, atol=1e-6)


@every
def test_sizes_of_a_case_differ_and_vary_between_cases(name, monkeypatch):
    cases = [case for case in exercises.cases_of(name, monkeypatch) if name not in ("silent_start", "deletion_area")]
    for case in cases[:3]:
        shapes = [np.shape(array) for array in case.args if isinstance(array, np.ndarray)]
        sizes = max(shapes, key=len, default=[n for n in case.args if isinstance(n, int)])
        assert len(set(sizes)) == len(sizes), case.about
    assert len({case.about for case in cases}) == len(cases)


@every
def test_habits_differ_from_each_other_and_from_what_is_wanted(name, monkeypatch):
    for case in exercises.cases_of(name, monkeypatch):
        wrong = [np.asarray(habit) for habit in case.habits.values()]
        wrong = [habit for habit in wrong if not same(habit, np.asarray(case.wanted))]
        assert not [1 for a, b in itertools.combinations(wrong, 2) if same(a, b)], case.about


@every
def test_habit_is_named_alone_in_the_first_case(name, monkeypatch):
    case, *_ = exercises.cases_of(name, monkeypatch)
    for sentence, wrong in case.habits.items():
        message = CHECKS[name](lambda *_, wrong=wrong: wrong).message
        applies = not same(np.asarray(wrong), np.asarray(case.wanted))
        assert not applies or message == f"with {case.about}: {sentence}"


def test_no_sampled_frame_lies_half_way(monkeypatch):
    for case in exercises.cases_of("sample_frames", monkeypatch):
        length, count = case.args
        assert count == length or all(2 * length * i % (2 * count + 2) != count + 1 for i in range(1, count + 1))


def _in_haste(monkeypatch):
    """Mutants that never end are stopped soon, and nobody reads their warnings."""
    monkeypatch.setattr(limits, "SECONDS", 2.0)
    monkeypatch.setattr(warnings, "simplefilter", lambda *_: None)
    # one that never ends may be stopped while Python tidies up, where an exception can only be told of
    monkeypatch.setattr(sys, "unraisablehook", lambda *_: None)


def score(name, answers):
    """Mutants made, those right after all, and the sources of the wrong ones that a check passes."""
    made, right, alive = 0, 0, []
    for answer in answers:
        assert mutants.is_right(name, lambda answer=answer: answer), answer
        for source, fresh in mutants.mutants(answer):
            made += 1
            if CHECKS[name](fresh()):
                equivalent = mutants.is_right(name, fresh)
                right += equivalent
                alive += [] if equivalent else [source]
    return made, right, alive


@every
def test_mutants_of_a_right_answer_fail(name, monkeypatch):
    _in_haste(monkeypatch)
    with warnings.catch_warnings(action="ignore"):
        made, right, alive = score(name, ANSWERS[name][:1])
    assert made > 20 and len(alive) <= (1 - SCORE) * (made - right), alive


@pytest.mark.slow
@every
def test_mutants_of_right_answers_in_all_styles_fail(name, monkeypatch):
    _in_haste(monkeypatch)
    answers = [answer for answer in ANSWERS[name] if not any(word in answer.__name__ for word in COMPILED)]
    with warnings.catch_warnings(action="ignore"):
        made, right, alive = score(name, answers)
    print(f"{name:18} mutants {made:4}  equivalent {right:3}  alive {len(alive):2}  of {made - right}")
    assert len(alive) <= (1 - SCORE) * (made - right), alive
