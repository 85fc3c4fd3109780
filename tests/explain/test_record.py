"""Recorded attention: shapes, sums, order, and what is kept."""

import numpy as np
import pytest
from toys import POOLED, toy_clips, toy_model

import vivit_edu as ve


@pytest.mark.parametrize(("body", "pool"), POOLED)
def test_rows_sum_to_one_and_logits_stay(body, pool):
    model = toy_model(body=body, pool=pool)
    video = toy_clips(model.config)
    logits, records = ve.explain.record_attention(model, video)
    np.testing.assert_allclose(logits, model(video), atol=1e-5)  # compiled against not compiled
    for record in records:
        np.testing.assert_allclose(record.weights.sum(-1), 1, atol=1e-6)
        assert record.grid == (4, 2, 3) and record.class_token == (pool == "class_token")


def test_records_come_in_the_order_in_which_they_ran():
    model = toy_model(body="factorised_self_attention")
    _, records = ve.explain.record_attention(model, toy_clips(model.config))
    assert [r.name for r in records] == ["space/0", "time/0", "space/1", "time/1"]
    assert [r.weights.shape for r in records[:2]] == [(2, 4, 2, 6, 6), (2, 6, 2, 4, 4)]


def test_only_what_is_asked_for_is_kept():
    model = toy_model(body="factorised_encoder")
    _, records = ve.explain.record_attention(model, toy_clips(model.config), keep=["time/1"])
    assert [r.name for r in records] == ["time/1"] and records[0].weights.shape == (2, 2, 5, 5)


def test_an_unknown_name_is_refused_and_the_known_ones_listed():
    model = toy_model()
    with pytest.raises(KeyError, match="no attention is named time/0; this model has spacetime/0, spacetime/1"):
        ve.explain.record_attention(model, toy_clips(model.config), keep=["time/0"])
