"""The figures of what maps are worth, by the numbers they draw."""

import numpy as np
import pytest

from vivit_edu.explain import figures
from vivit_edu.explain.judge.verdict import Row, Table


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    rows = [
        Row(m, n, per_clip=rng.random(7)) for m in ("attention", "chance", "rollout") for n in ("pointing", "deletion")
    ]
    return Table(rows=tuple(rows), name="toy")


def test_measures_draws_every_method_with_its_interval_and_chance_dashed(table):
    figure = figures.measures(table, ["deletion", "pointing"], title="toys")
    for trace, name in zip(figure.data, ("deletion", "pointing"), strict=True):
        assert trace.y == ("rollout", "attention")  # drawn from below
        for method, x, up, down in zip(trace.y, trace.x, trace.error_x.array, trace.error_x.arrayminus, strict=True):
            assert x == table[method, name].value
            np.testing.assert_allclose((x - down, x + up), table[method, name].interval, rtol=1e-12)  # float64
    assert [line.x0 for line in figure.layout.shapes] == [table["chance", n].value for n in ("deletion", "pointing")]
    assert [note.text for note in figure.layout.annotations] == ["deletion: low is good", "pointing: high is good"]


def test_what_is_redrawn_should_come_to_chance():
    rows = [Row(m, "redrawn half", per_clip=np.array([0.4, 0.6])) for m in ("attention", "chance")]
    figure = figures.measures(Table(rows=tuple(rows), name="toy"), ["redrawn half"], title="toys")
    assert figure.layout.annotations[0].text == "redrawn half: chance is good"


def test_measures_refuses_one_that_is_not_there(table):
    with pytest.raises(KeyError, match="overlap"):
        figures.measures(table, ["overlap"], title="toys")


def test_removal_runs_from_all_tokens_to_none():
    figure = figures.removal({"a": np.array([0.9, 0.4, 0.1]), "b": np.array([0.9, 0.8, 0.1])}, title="toys")
    assert [trace.name for trace in figure.data] == ["a", "b"]
    assert figure.data[1].x.tolist() == [0, 50, 100] and figure.data[1].y.tolist() == [0.9, 0.8, 0.1]


def test_needs_has_a_dot_for_each_head_with_its_interval():
    figure = figures.needs({"space/0": [(0.9, 0.3, 0.2, 0.5)], "space/1": [(0.5, 0.1, 0.0, 0.2)] * 2}, title="toys")
    assert [len(trace.x) for trace in figure.data] == [1, 2]
    assert figure.layout.xaxis.title.text == "maps whose peak lies on the object (share)" and not figure.layout.shapes
    dashed = figures.needs({"a": [(0.9, 0.3, 0.2, 0.5)]}, title="toys", what="an event", chance=0.4)
    assert dashed.layout.shapes[0].x0 == 0.4 and "lies on an event" in dashed.layout.xaxis.title.text
    first = figure.data[0]
    assert (first.x[0], first.y[0], first.text[0]) == (0.9, 0.3, "space/0 · 0")
    np.testing.assert_allclose((first.error_y.arrayminus[0], first.error_y.array[0]), (0.1, 0.2), rtol=1e-12)
