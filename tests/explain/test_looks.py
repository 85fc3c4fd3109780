"""Rows worked out on demand: equal to recorded ones, and moved by switching heads off."""

import numpy as np
import pytest
from toys import POOLED, toy_clips, toy_model

import vivit_edu as ve
from vivit_edu.explain import looks as module
from vivit_edu.explain.looks import Looks


def looks_at(seed=1, **overrides):
    model = toy_model(**overrides)
    return Looks(model, toy_clips(model.config, batch=1, seed=seed))


def queries(looks):
    """Every token of the toy grid, and the class tokens where there are any."""
    yield from ((t, r, c) for t in range(4) for r in range(2) for c in range(3))
    if looks.class_token:
        yield from ((t, -1, -1) for t in range(4))


def recorded_row(record, query):
    """The row of one query in a record, found by the record's own axes and not by the code under test."""
    (t, r, c), first, weights = query, int(record.class_token), record.weights[0]
    s, is_class = 3 * r + c, r < 0
    if record.over == "spacetime":
        return weights[:, 0 if is_class else first + 6 * t + s]
    if record.over == "space":
        return weights[t][:, 0 if is_class else first + s]
    if weights.ndim == 3:  # the temporal encoder's
        return weights[:, 0 if is_class else first + t]
    return weights[s][:, t]


@pytest.mark.parametrize(("body", "pool"), POOLED)
def test_every_row_is_the_recorded_one(body, pool):
    looks = looks_at(body=body, pool=pool)
    _, records = ve.explain.record_attention(looks.model, looks.video)
    assert list(looks.attentions) == [record.name for record in records]
    for record in records:
        for query in queries(looks):
            np.testing.assert_allclose(looks.row(record.name, query), recorded_row(record, query), atol=1e-5)


@pytest.mark.parametrize(("body", "pool"), POOLED)
def test_all_rows_at_once_are_the_single_ones(body, pool):
    looks = looks_at(body=body, pool=pool)
    for name in looks.attentions:
        rows = list(looks.rows(name, [1] if looks.attentions[name].heads > 1 else [0]))
        assert (len(rows), rows[0].shape[-1]) == looks.sequences(name)
        for query in queries(looks):
            sequence, index = looks.place(name, query)
            np.testing.assert_allclose(rows[sequence][0, index], looks.row(name, query)[-1 if len(rows) else 0], atol=1e-6)


def test_a_half_precision_model_gives_the_rows_it_used():
    looks = looks_at(body="factorised_encoder", dtype="bfloat16")
    _, (record, *_) = ve.explain.record_attention(looks.model, looks.video)
    # compiled together with other outputs, products in bfloat16 may be rounded elsewhere
    np.testing.assert_allclose(looks.row(record.name, (1, 1, 2)), recorded_row(record, (1, 1, 2)), atol=5e-3)


def test_logits_are_the_models_own():
    looks = looks_at()
    np.testing.assert_allclose(looks.logits, looks.model(looks.video), atol=1e-5)  # compiled against not compiled
    assert looks.probabilities()["class"].sum() == pytest.approx(1)


def test_switching_a_head_off_is_zeroing_its_weights():
    looks = looks_at(body="factorised_dot_product", heads=4, width=16)
    zeroed = lambda name, w: w.at[..., 1, :, :].set(0) if name == "time/0" else w  # noqa: E731
    expected = looks.model(looks.video, tap=zeroed)
    np.testing.assert_allclose(looks.without([("time/0", 1)]).logits, expected, atol=1e-5)  # compiled against not
    assert np.abs(expected - looks.logits).max() > 1e-3


def test_rows_after_a_switch_are_those_of_the_changed_model():
    looks = looks_at().without([("spacetime/0", 0)])
    zeroed = lambda name, w: w.at[:, 0].set(0) if name == "spacetime/0" else w  # noqa: E731
    seen = {}
    looks.model(looks.video, tap=lambda name, w: seen.setdefault(name, zeroed(name, w)))
    np.testing.assert_allclose(looks.row("spacetime/1", (1, 1, 2)), seen["spacetime/1"][0, :, 1 + 6 + 5], atol=1e-5)


def test_switching_compiles_nothing_anew(monkeypatch):
    looks, traced = looks_at(), []
    monkeypatch.setattr(module._Watch, "before", lambda self, name, q, k: traced.append(name))
    assert looks.without([("spacetime/1", 0)]) and looks.without([("spacetime/0", 1)])
    assert traced == []


def test_several_heads_of_the_classifier_keep_their_names():
    looks = looks_at(classes={"verb": 3, "noun": 4})
    assert {name: len(p) for name, p in looks.probabilities().items()} == {"verb": 3, "noun": 4}


@pytest.mark.parametrize("query", [(4, 0, 0), (0, 2, 0), (0, 0, 3), (-1, 0, 0)])
def test_a_query_outside_the_grid_is_refused(query):
    with pytest.raises(ValueError, match=r"a query is \(time, row, column\) below \(4, 2, 3\)"):
        looks_at().row("spacetime/0", query)


def test_no_class_token_is_no_query():
    with pytest.raises(ValueError, match=r"got \(0, -1, -1\)"):
        looks_at(pool="mean").row("spacetime/0", (0, -1, -1))


def test_unknown_attentions_and_heads_are_refused():
    looks = looks_at()
    with pytest.raises(KeyError, match="no attention is named time/0; this model has spacetime/0, spacetime/1"):
        looks.row("time/0", (0, 0, 0))
    with pytest.raises(KeyError, match=r"no head 2 of spacetime/1 to switch off; this model has spacetime/0 \(2 heads"):
        looks.without([("spacetime/1", 2)])
