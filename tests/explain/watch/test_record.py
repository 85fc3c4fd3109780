"""Recorded attention: shapes, sums, order, and what is kept."""

import numpy as np
import pytest
from flax import nnx
from toys import POOLED, randomise, toy_clips, toy_config, toy_model

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


def test_chosen_heads_and_rows_are_those_of_the_whole():
    model = toy_model()
    video = toy_clips(model.config)
    _, whole = ve.explain.record_attention(model, video)
    _, some = ve.explain.record_attention(model, video, heads=[1], queries=[0, 9])
    for record, every in zip(some, whole, strict=True):
        assert record.weights.shape == (2, 1, 2, 25) and record.heads == (1,) and record.queries == (0, 9)
        np.testing.assert_allclose(record.weights, every.weights[:, 1:, [0, 9]], rtol=1e-6)  # compiled differently
        np.testing.assert_allclose(record.row(9), every.row(9)[:, 1:], rtol=1e-6)


def test_a_row_that_is_not_held_is_refused():
    model = toy_model()
    _, records = ve.explain.record_attention(model, toy_clips(model.config), queries=[3])
    with pytest.raises(KeyError, match="spacetime/0 holds the rows of queries 3; not 4"):
        records[0].row(4)


@pytest.mark.parametrize(("options", "message"), [({"heads": [2]}, "heads 0 to 1"), ({"queries": [25]}, "0 to 24")])
def test_heads_and_queries_that_do_not_exist_are_refused(options, message):
    model = toy_model()
    with pytest.raises(IndexError, match=f"spacetime/0 has .*{message}; asked for"):
        ve.explain.record_attention(model, toy_clips(model.config), **options)


@pytest.mark.parametrize(("body", "pool"), [*POOLED, (None, "class_token"), (None, "mean")])
def test_weights_equal_the_softmax_written_out(body, pool):
    """Recomputed in float64 from each attention's own queries and keys."""
    model = toy_image_model(pool) if body is None else toy_model(body=body, pool=pool)
    video = toy_clips(model.config)
    _, records = ve.explain.record_attention(model, video[:, 0] if body is None else video)
    expected = softmaxes(model, video[:, 0] if body is None else video)
    assert len(expected) == len(records)
    for record, weights in zip(records, expected, strict=True):
        np.testing.assert_allclose(record.weights, weights, rtol=2e-5, atol=1e-7)  # float32 against float64


def toy_image_model(pool):
    return randomise(ve.ViT(toy_config(frames=1, tubelet=(1, 3, 4), pool=pool), rngs=nnx.Rngs(0)))


def softmaxes(model, video):
    """What each call of `attention` should weigh, from the q and k it is given, in loops of numpy's float64."""
    given, attention = [], ve.attention.attention

    def note(q, k, v, **options):
        given.append((np.asarray(q, np.float64), np.asarray(k, np.float64)))
        return attention(q, k, v, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ve.attention, "attention", note)
        model(video)
    found = []
    for q, k in given:
        weights = np.empty((*q.shape[:-3], q.shape[-2], q.shape[-3], k.shape[-3]))
        for place in np.ndindex(*weights.shape[:-1]):
            lead, head, query = place[:-2], place[-2], place[-1]
            scores = k[(*lead, slice(None), head)] @ q[(*lead, query, head)] / np.sqrt(q.shape[-1])
            weights[place] = np.exp(scores) / np.exp(scores).sum()
        found.append(weights)
    return found


def test_records_come_back_from_a_file(tmp_path):
    model = toy_model(body="factorised_encoder")
    _, records = ve.explain.record_attention(model, toy_clips(model.config), queries=[1, 2])
    again = ve.explain.load_records(ve.explain.save_records(tmp_path / "seen.npz", records))
    for one, other in zip(records, again, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
        assert {**vars(one), "weights": None} == {**vars(other), "weights": None}


def test_a_damaged_file_of_records_is_refused(tmp_path):
    model = toy_model()
    _, records = ve.explain.record_attention(model, toy_clips(model.config))
    path = ve.explain.save_records(tmp_path / "seen.npz", records)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="holds no records of attention, or is damaged"):
        ve.explain.load_records(path)
