"""What is not there, of heads, layers, queries and records: a sentence says what was asked and what there is."""

import dataclasses

import numpy as np
import pytest
from toys import toy_clips, toy_image_model, toy_model

import vivit_edu as ve
from vivit_edu.explain import figures, flow, inside, knockout, relevance
from vivit_edu.explain.explorer.rows import record_rows

NAN = float("nan")
MAP = np.ones((1, 4, 2, 3), np.float32)
REFUSED = (IndexError, TypeError)  # by what a test run checks of types, before the sentence that users see


@pytest.fixture
def widget(model):
    pytest.importorskip("anywidget")
    return ve.explain.Explorer(model, toy_clips(model.config)[0])


TRAITS = {
    "query": (24, IndexError, "queries run from -1 to 23; got 24"),
    "frame": (8, IndexError, "the clip has frames 0 to 7; asked for 8"),
    "strength": (NAN, ValueError, "strength must be finite"),
    "off": (["0|space/0|2"], KeyError, r"there is no head '0\|space/0\|2'"),
    "panels": ([{"model": -1, "layer": "space/0", "head": "mean"}], IndexError, "has models 0 to 0; asked for -1"),
}
MORE = {
    "query": (-2, IndexError, "got -2"),
    "frame": (-1, IndexError, "asked for -1"),
    "off": (["1|space/0|0"], KeyError, "the explorer has models 0 to 0"),
    "panels": ([{"model": 0, "layer": "space/2", "head": "0"}], KeyError, "has no layer 'space/2' with a head '0'"),
}


@pytest.mark.parametrize(("trait", "wrong"), [*TRAITS.items(), *MORE.items()])
def test_a_trait_that_points_nowhere_is_refused_and_nothing_changes(widget, trait, wrong):
    value, error, message = wrong
    before = (getattr(widget, trait), widget.told, widget.probabilities)
    with pytest.raises(error, match=message):
        setattr(widget, trait, value)
    assert (getattr(widget, trait), widget.told, widget.probabilities) == before


@pytest.mark.parametrize("method", relevance.METHODS)
@pytest.mark.parametrize(
    ("asked_for", "error", "message"),
    [
        ({"target": np.array([5, 0])}, IndexError, "the model has classes 0 to 4; asked for 5"),
        ({"target": np.array([-1, -7])}, IndexError, "classes 0 to 4; asked for -1, -7"),
        ({"target": np.array([1.0, 2.0])}, ValueError, r"got float64 \(2,\)"),
        ({"target": np.array([True, False])}, ValueError, r"got bool \(2,\)"),
        ({"target": np.array([1])}, ValueError, r"for each of 2 clips; got int64 \(1,\)"),
        ({"head": "verb"}, KeyError, "the model has no head 'verb'; its only one has no name"),
    ],
)
def test_maps_of_a_class_or_head_that_is_not_there_are_refused(model, method, asked_for, error, message):
    with pytest.raises(error, match=message):
        relevance.METHODS[method](model, toy_clips(model.config), **asked_for)


def test_a_class_is_held_against_its_own_head():
    model = toy_model(classes={"verb": 4, "noun": 3})
    video, target = toy_clips(model.config), np.array([3, 0], np.uint8)
    assert relevance.input_gradient(model, video, head="verb", target=target).shape == (2, 4, 2, 3)
    with pytest.raises(IndexError, match="noun has classes 0 to 2; asked for 3"):
        relevance.input_gradient(model, video, head="noun", target=target)


@pytest.mark.parametrize("index", [-1, 2, 1.0, True, np.bool_(False), np.int64(-2), "1", None, np.array([1])])
def test_heads_and_queries_are_whole_numbers_that_are_there(model, index):
    video = toy_clips(model.config)
    for options in ({"heads": [index]}, {"heads": [0, index]}):
        with pytest.raises(REFUSED, match=r"has heads 0 to 1; asked for|Type-check"):
            ve.explain.record_attention(model, video, keep="space/0", **options)


def test_numpys_whole_numbers_are_indices(model, records):
    video, rows = toy_clips(model.config), record_rows(model, toy_clips(model.config)[:1])
    some = ve.explain.record_attention(model, video, heads=np.array([1]), queries=np.arange(2))[1]
    assert some[0].heads == (1,) and type(some[0].queries[1]) is int
    np.testing.assert_array_equal(records[0].row(np.int8(3)), records[0].row(3))
    np.testing.assert_array_equal(rows.row("space/0", np.int64(5)), rows.row("space/0", 5))
    mean = toy_model(pool="mean")
    of_mean = ve.explain.record_attention(mean, video)[1]
    np.testing.assert_array_equal(ve.explain.rollout(of_mean, query=np.int32(7)), ve.explain.rollout(of_mean, query=7))


@pytest.mark.parametrize("query", [-1, 7, 1.0, True, np.int64(-7)])
def test_a_row_that_is_not_there_is_refused(model, records, query):
    with pytest.raises(REFUSED, match=r"has queries 0 to 6; asked for|Type-check"):
        records[0].row(query)
    held = dataclasses.replace(records[0], queries=(1, 2), weights=records[0].weights[..., 1:3, :])
    with pytest.raises((KeyError, TypeError), match=r"holds the rows of queries 1, 2; not|Type-check"):
        held.row(query)


@pytest.mark.parametrize("query", [-1, 24, 3.0, True, np.bool_(True)])
@pytest.mark.parametrize("body", ["spacetime", "factorised_dot_product"])
def test_a_rollout_from_nowhere_is_refused(body, query):
    model = toy_model(body=body, pool="mean")
    _, records = ve.explain.record_attention(model, toy_clips(model.config))
    with pytest.raises(REFUSED, match=r"can start at tokens 0 to 23; asked for|Type-check"):
        ve.explain.rollout(records, query=query)


@pytest.mark.parametrize("query", [1.5, True, -2, 24, "3", None])
def test_rows_of_no_token_are_refused(model, query):
    rows = record_rows(model, toy_clips(model.config, batch=1))
    for name in ("space/0", "time/1", "rollout"):
        with pytest.raises(REFUSED, match=r"queries run from -1 to 23; got|Type-check"):
            rows.row(name, query)


@pytest.mark.parametrize("key", ["space/0|²", "space/0|01", "space/0|-1", "space/0|", "space/0", "|0"])
def test_a_head_that_is_written_otherwise_is_none(model, key):
    with pytest.raises(KeyError, match="there is no head"):
        knockout.masks(model, toy_clips(model.config, batch=1), [key])


FIGURES = {
    "sees": lambda m, r: figures.sees(m.config, query=-1),
    "tubelets": lambda m, r: figures.tubelets(np.zeros((8, 6, 12, 3), np.uint8), m.config, highlight=(0, 2, 0)),
    "over frames": lambda m, r: figures.attention_over_frames(
        np.zeros((8, 6, 12, 3), np.uint8), MAP, m.config, fps=8, queries=[-1]
    ),
    "clip": lambda m, r: figures.attention_small_multiples(r[0], clip=-1),
    "query": lambda m, r: figures.attention_small_multiples(r[0], query=7),
    "layer": lambda m, r: figures.gradients({"m": {"blocks/layers/0/space/query/kernel": 1.0}}, layer=1),
}


@pytest.mark.parametrize("what", FIGURES)
def test_figures_of_what_is_not_there_are_refused(model, records, what):
    with pytest.raises(IndexError, match=r"asked for (-1|2|7)$|no gradients of attention in layer 1"):
        FIGURES[what](model, records)


def other_model(records):
    """Those of another model of the same sizes, and the same clips."""
    model = toy_model(body="factorised_encoder", seed=7)
    return ve.explain.record_attention(model, toy_clips(model.config))[1]


def other_clips(records):
    model = toy_model(body="factorised_encoder")
    return ve.explain.record_attention(model, toy_clips(model.config, seed=9))[1]


INCOMPLETE = {
    "the last layer is missing": lambda r: [r[0], r[2], r[3]],
    "time is missing": lambda r: r[:2],
    "the last of time is missing": lambda r: r[:3],
    "another order": lambda r: [*r[2:], *r[:2]],
    "one twice": lambda r: [r[0], r[1], r[1], *r[2:]],
    "two models mixed": lambda r: [r[0], other_model(r)[1], *r[2:]],
    "two clips mixed": lambda r: [*r[:2], *other_clips(r)[2:]],
    "one clip of two": lambda r: [dataclasses.replace(r[0], weights=r[0].weights[:1]), *r[1:]],
}


@pytest.mark.parametrize("how", INCOMPLETE)
def test_records_that_are_not_one_models_whole_are_refused(records, how):
    for follow in (ve.explain.rollout, flow.attention_flow):
        with pytest.raises(ValueError, match=r"rollout needs every|belong together|space there are"):
            follow(INCOMPLETE[how](records))


@pytest.mark.parametrize("body", ["factorised_self_attention", "factorised_dot_product"])
def test_a_layer_without_its_time_is_refused(body):
    model = toy_model(body=body, pool="mean")
    _, records = ve.explain.record_attention(model, toy_clips(model.config))
    unknown = [dataclasses.replace(record, all_names=None) for record in records]
    for given in (records[:-1], unknown[:-1], unknown[1:]):
        with pytest.raises(ValueError, match=r"rollout .*(space and time of every layer|every attention|there are)"):
            ve.explain.rollout(given)


def test_records_kept_one_by_one_are_followed_as_those_kept_together(model, records):
    video = toy_clips(model.config)
    each = [ve.explain.record_attention(model, video, keep=record.name)[1][0] for record in records]
    np.testing.assert_allclose(ve.explain.rollout(each), ve.explain.rollout(records), rtol=1e-5)


def test_of_heads_that_share_no_token_the_least_leaves_tokens_in_place():
    model = toy_image_model(pool="mean", depth=1)
    _, records = ve.explain.record_attention(model, toy_clips(model.config)[:, 0])
    weights = np.zeros_like(records[0].weights)  # (B, 2, 6, 6): one looks at its next, one at its second next
    for head in range(2):
        weights[:, head, np.arange(6), (np.arange(6) + 1 + head) % 6] = 1
    weights[:, :, 0] = 0.5 * np.eye(6)[1] + 0.5 * np.eye(6)[2 + np.arange(2)]  # both look at 1 as well
    given = [dataclasses.replace(records[0], weights=weights)]
    for query, expected in ((4, np.eye(6)[4]), (0, [0.5, 0.5, 0, 0, 0, 0])):
        maps = ve.explain.rollout(given, fuse="min", query=query)
        np.testing.assert_allclose(maps.reshape(2, 6), np.tile(expected, (2, 1)), atol=1e-12)
    np.testing.assert_allclose(ve.explain.rollout(given, fuse="min", discard=0.9).sum((1, 2, 3)), 1, rtol=1e-9)


def test_a_query_that_looks_at_its_class_token_alone_looks_nowhere(model, records):
    weights = records[0].weights.copy()
    weights[..., 3, :] = np.eye(7)[0]
    alone = inside.attention_distance(dataclasses.replace(records[0], weights=weights), model.config)["space"]
    others = np.delete(np.arange(7), 3)
    kept = records[0].weights[..., others, :][..., 1:, 1:]
    far = inside._apart("space", model.config)["space"][others[1:] - 1]
    expected = (kept / kept.sum(-1, keepdims=True) * far).sum(-1).mean((0, 1, 3))
    np.testing.assert_allclose(alone, expected, rtol=1e-5)
