"""Rows on demand: the same numbers as whole records, for every body, and what each query can reach."""

import numpy as np
import pytest
from toys import POOLED, toy_clips, toy_model

import vivit_edu as ve
from vivit_edu.explain.explorer.rows import CLASS_TOKEN, ROLLOUT, record_rows

GRID = (4, 2, 3)


def recorded_row(record, query, head):
    """The row by indexing the record: (weight on the class token, weights on the keys)."""
    weights, first = record.weights[0], int(record.class_token)
    time, place = divmod(query, 6)
    if record.over == "spacetime":
        row = weights[head, query + first]
    elif record.over == "space":
        row = weights[time, head, place + first]
    elif record.body == "factorised_encoder":
        row = weights[head, time + first]
    else:
        row = weights[place, head, time]
    return np.concatenate([row[:first] if first else [0], row[first:]])


@pytest.mark.parametrize(("body", "pool"), POOLED)
def test_rows_are_those_of_the_records(body, pool):
    model = toy_model(body=body, pool=pool)
    video = toy_clips(model.config, batch=1)
    _, records = ve.explain.record_attention(model, video)
    rows = record_rows(model, video)
    for record in records:
        for query in (0, 10, 23):
            mine = rows.row(record.name, query, head="1" if body != "factorised_dot_product" else "0")
            theirs = recorded_row(record, query, 1 if body != "factorised_dot_product" else 0)
            np.testing.assert_allclose(mine, theirs, atol=1e-5)  # softmax here in numpy, there in jax


@pytest.mark.parametrize(("body", "pool"), POOLED)
def test_heads_are_counted_in_what_is_kept_of_each_attention(body, pool):
    model = toy_model(body=body, pool=pool, width=16, heads=4)
    rows = record_rows(model, toy_clips(model.config, batch=1))
    assert rows.counts == ve.explain.knockout.head_counts(model, toy_clips(model.config, batch=1))
    assert list(rows.counts) == list(rows.projections) and set(rows.counts.values()) <= {2, 4}


@pytest.mark.parametrize("off", [(), ("space/0|1", "time/1|0")])
def test_rows_come_with_the_models_answer(off):
    model, video = toy("factorised_encoder", classes={"verb": 4, "noun": 3})
    mine, theirs = record_rows(model, video, off=off).chances, ve.explain.knockout.chances(model, video, off)
    assert list(mine) == list(theirs) == ["verb", "noun"]
    for head, values in theirs.items():
        np.testing.assert_allclose(mine[head], values, rtol=1e-5)


def test_rows_of_the_image_model_are_those_of_its_records():
    model = ve.pretrained.load("ViT-nano/8")
    image = np.random.default_rng(0).uniform(-1, 1, (1, *model.config.size, 3)).astype(np.float32)
    _, records = ve.explain.record_attention(model, image)
    rows = record_rows(model, image)
    for record in records:
        mine = rows.row(record.name, CLASS_TOKEN, head="2")
        np.testing.assert_allclose(mine, record.weights[0, 2, 0], atol=1e-5)


@pytest.mark.parametrize("fuse", ["mean", "max", "min"])
def test_fused_rows_are_the_heads_fused(fuse):
    rows = record_rows(*toy("factorised_encoder"))
    heads = [rows.row("space/1", 9, head=head) for head in ("0", "1")]
    np.testing.assert_allclose(rows.row("space/1", 9, head=fuse), getattr(np, fuse)(heads, axis=0), rtol=1e-6)


@pytest.mark.parametrize("body", ["spacetime", "factorised_encoder", "factorised_self_attention"])
def test_rollout_row_is_the_rollout_of_the_records(body):
    model, video = toy(body, pool="mean" if body == "factorised_self_attention" else "class_token")
    rows = record_rows(model, video)
    _, records = ve.explain.record_attention(model, video)
    query = CLASS_TOKEN if rows.class_token else 7
    expected = ve.explain.rollout(records, query=None if rows.class_token else 7)[0].ravel()
    np.testing.assert_allclose(rows.row(ROLLOUT, query)[1:], expected, atol=1e-6)


def test_an_unknown_layer_head_or_query_is_refused():
    rows = record_rows(*toy("average_pool"))
    with pytest.raises(KeyError, match="no attention is named time/0; this model has space/0, space/1, rollout"):
        rows.row("time/0", 0)
    with pytest.raises(KeyError, match="space/0 has no head '2', only 0, 1, mean, max, min"):
        rows.row("space/0", 0, head="2")
    with pytest.raises(IndexError, match="queries run from -1 to 23; got 24"):
        rows.row("space/0", 24)


def toy(body, **overrides):
    model = toy_model(body=body, **overrides)
    return model, toy_clips(model.config, batch=1)
