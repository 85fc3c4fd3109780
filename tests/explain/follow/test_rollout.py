"""Rollout against products of whole N x N matrices, for every body."""

from functools import reduce

import numpy as np
import pytest
from reference import on_all_tokens
from toys import POOLED, toy_clips, toy_model

import vivit_edu as ve

NT, S = 4, 6  # of the toy models


def records_of(body, pool=None, **options):
    model = toy_model(body=body, pool=pool, **options)
    return ve.explain.record_attention(model, toy_clips(model.config))[1]


def mixing(a, residual=0.5):
    """One layer's matrix from its heads' mean, written out."""
    return (1 - residual) * a + residual * np.eye(len(a))


def read(matrix, class_token):
    """The row of the class token, or the mean of all rows; without the class token as a key."""
    return matrix[0, 1:] if class_token else matrix.mean(0)


def brute_force(records, clip):
    """The map (nt, S) of one clip by multiplying matrices in the order in which they act."""
    means = [(r.over, r.weights[clip].astype(np.float64).mean(-3)) for r in records]  # heads' mean
    token, body = records[0].class_token, records[0].body
    product = lambda matrices: reduce(lambda done, m: m @ done, matrices)  # noqa: E731, the last layer stands left
    if body == "spacetime":
        return read(product([mixing(a) for _, a in means]), token).reshape(NT, S)
    space, time = ([a for kind, a in means if kind == over] for over in ("space", "time"))
    if body in ("factorised_encoder", "average_pool"):
        where = [read(product([mixing(a[t]) for a in space]), token) for t in range(NT)]
        when = read(product([mixing(a) for a in time]), token) if time else np.full(NT, 1 / NT)
        return when[:, None] * np.stack(where)
    if body == "factorised_self_attention":
        return read(product([mixing(on_all_tokens(a, over)) for over, a in means]), False).reshape(NT, S)
    layers = [
        mixing((on_all_tokens(s, "space") + on_all_tokens(t, "time")) / 2) for s, t in zip(space, time, strict=True)
    ]
    return read(product(layers), False).reshape(NT, S)


@pytest.mark.parametrize(("body", "pool"), POOLED)
def test_rollout_is_the_product_of_all_layers(body, pool):
    records = records_of(body, pool)
    maps = ve.explain.rollout(records)
    assert maps.shape == (2, 4, 2, 3)
    for clip in range(2):
        # recorded rows sum to 1 within 1e-7 in float32; rollout scales them to 1
        np.testing.assert_allclose(maps[clip].reshape(NT, S), brute_force(records, clip), rtol=2e-6)


def test_time_before_space_is_another_product():
    records = records_of("factorised_self_attention", order="time_space")
    assert [record.name for record in records[:2]] == ["time/0", "space/0"]
    np.testing.assert_allclose(ve.explain.rollout(records)[0].reshape(NT, S), brute_force(records, 0), rtol=2e-6)


@pytest.mark.parametrize("body", ["spacetime", "factorised_self_attention", "factorised_dot_product"])
def test_a_mean_pooled_map_sums_to_one(body):
    np.testing.assert_allclose(ve.explain.rollout(records_of(body, "mean")).sum((1, 2, 3)), 1, rtol=1e-6)


def test_with_nothing_but_the_residual_a_token_stays_where_it_is():
    maps = ve.explain.rollout(records_of("spacetime", "mean"), residual=1.0, query=7)
    expected = np.zeros((2, 24))
    expected[:, 7] = 1
    np.testing.assert_array_equal(maps.reshape(2, 24), expected)


def test_mean_over_queries_is_the_output_of_a_mean_pooled_model():
    records = records_of("factorised_dot_product")
    each = [ve.explain.rollout(records, query=query) for query in range(NT * S)]
    np.testing.assert_allclose(np.mean(each, axis=0), ve.explain.rollout(records), rtol=1e-10)  # float64


def test_discarding_keeps_the_largest_weights_alone():
    record = records_of("spacetime", "mean", depth=1)
    maps = ve.explain.rollout(record, residual=0.0, discard=0.99, query=3)
    largest = record[0].weights.mean(1)[:, 3].argmax(-1)  # of 24 keys, 0.99 leaves one
    np.testing.assert_array_equal(maps.reshape(2, 24).argmax(-1), largest)
    np.testing.assert_allclose(maps.reshape(2, 24).max(-1), 1)


@pytest.mark.parametrize("fuse", ["max", "min"])
def test_other_fusions_scale_rows_to_one(fuse):
    np.testing.assert_allclose(ve.explain.rollout(records_of("spacetime", "mean"), fuse=fuse).sum((1, 2, 3)), 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"residual": 1.5}, r"residual must be in \[0, 1\] and discard in \[0, 1\); got 1.5 and 0.0"),
        ({"discard": 1.0}, r"discard in \[0, 1\); got 0.5 and 1.0"),
        ({"fuse": "sum"}, "fuse must be one of mean, max, min; got 'sum'"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ve.explain.rollout(records_of("spacetime"), **options)


def test_missing_records_are_named():
    records = records_of("factorised_encoder")
    with pytest.raises(ValueError, match=r"over space there are \[1\]"):
        ve.explain.rollout(records[1:])
    with pytest.raises(ValueError, match="the records hold only time"):
        ve.explain.rollout(records[2:])
    with pytest.raises(ValueError, match="got no records"):
        ve.explain.rollout([])
    with pytest.raises(ValueError, match="query must be None; got 3"):
        ve.explain.rollout(records, query=3)


def test_records_of_some_heads_are_refused():
    model = toy_model()
    _, records = ve.explain.record_attention(model, toy_clips(model.config), heads=[1])
    with pytest.raises(ValueError, match="rollout needs every head and query; spacetime/0, spacetime/1 hold but some"):
        ve.explain.rollout(records)
