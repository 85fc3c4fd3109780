"""Records that no model gives, and files of them: a sentence, not a map of zeros."""

import dataclasses
import json
import pickle

import jax.numpy as jnp
import numpy as np
import pytest
from toys import POOLED, toy_clips, toy_image_model, toy_model

import vivit_edu as ve
from vivit_edu.explain.follow.flow import attention_flow, most
from vivit_edu.explain.watch.genuine import several

REFUSED = (ValueError, TypeError)  # by what a test run checks of types, before the sentence that users see


def edited(records, **labels):
    return [dataclasses.replace(record, **labels) for record in records]


def reweighted(records, change):
    return [dataclasses.replace(record, weights=change(record.weights)) for record in records]


@pytest.fixture(scope="module")
def records():
    model = toy_model()
    return ve.explain.record_attention(model, toy_clips(model.config))[1]


CANNOT_BE = {
    "negative": lambda r: reweighted(r, lambda w: -w),
    "twice as large": lambda r: reweighted(r, lambda w: 2 * w),
    "bool": lambda r: reweighted(r, lambda w: w > 0),
    "complex": lambda r: reweighted(r, lambda w: w * 1j),
    "no heads": lambda r: reweighted(r, lambda w: w[:, 0]),
    "none of the heads": lambda r: reweighted(r, lambda w: w[:, :0]),
    "no axis of batch": lambda r: reweighted(r, lambda w: w[0]),
    "no axis": lambda r: reweighted(r, lambda w: np.float32(0.5) + 0 * w.sum()),
    "a key short": lambda r: reweighted(r, lambda w: w[..., :-1]),
    "another grid": lambda r: edited(r, grid=(4, 3, 3)),
    "a grid of text": lambda r: edited(r, grid="423"),
    "a grid of floats": lambda r: edited(r, grid=(4.0, 2.0, 3.0)),
    "no class token": lambda r: edited(r, class_token=False),
    "another body": lambda r: edited(r, body="factorised_encoder"),
    "no body": lambda r: edited(r, body="x"),
    "over time": lambda r: edited(r, over="time"),
    "a name of another": lambda r: edited(r, name="time/0"),
    "no name": lambda r: edited(r, name=None),
    "heads of text": lambda r: edited(r, heads="01"),
    "names of numbers": lambda r: edited(r, all_names=(1, 2)),
    "an origin of text": lambda r: edited(r, origin="here"),
}


@pytest.mark.parametrize("how", CANNOT_BE)
def test_records_that_no_model_gives_are_neither_followed_nor_stored(records, how, tmp_path):
    for use in (ve.explain.rollout, attention_flow, lambda r: ve.explain.save_records(tmp_path / "seen.npz", r)):
        with pytest.raises(REFUSED, match=r"must be|records of|Type-check|every head and query"):
            use(CANNOT_BE[how](records))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("body", "pool"), POOLED)
def test_what_a_model_gives_can_be(body, pool, tmp_path):
    model = toy_model(body=body, pool=pool)
    for options in ({}, {"heads": [0]}, {"queries": [0, 3]}):
        _, given = ve.explain.record_attention(model, toy_clips(model.config), **options)
        ve.explain.save_records(tmp_path / "seen.npz", given)
        assert len(ve.explain.load_records(tmp_path / "seen.npz")) == len(given)


def test_what_an_image_model_gives_can_be():
    model = toy_image_model()
    _, given = ve.explain.record_attention(model, toy_clips(model.config)[:, 0])
    assert ve.explain.rollout(given).shape == (2, 1, 2, 3)


def test_heads_that_are_off_leave_tokens_in_place(records):
    maps = ve.explain.rollout(reweighted(records, np.zeros_like))
    np.testing.assert_array_equal(maps, 0)  # all stays with the class token
    half = reweighted(records, lambda w: w * np.array([1, 0], np.float32)[:, None, None])
    alone = reweighted(records, lambda w: w[:, :1])
    np.testing.assert_allclose(ve.explain.rollout(half), ve.explain.rollout(alone), rtol=1e-6)  # rows in float32


def test_records_may_come_one_by_one(records, tmp_path):
    path = ve.explain.save_records(tmp_path / "seen.npz", (record for record in records))
    assert [record.name for record in ve.explain.load_records(path)] == ["spacetime/0", "spacetime/1"]
    np.testing.assert_array_equal(ve.explain.rollout(iter(records)), ve.explain.rollout(records))
    np.testing.assert_array_equal(attention_flow(iter(records)), attention_flow(records))


@pytest.mark.parametrize("wrong", [lambda r: r[0], lambda r: [r[0].weights], lambda r: "spacetime/0", lambda r: None])
def test_what_is_no_list_of_records_is_refused(records, wrong, tmp_path):
    for use in (ve.explain.rollout, several, lambda r: ve.explain.save_records(tmp_path / "seen.npz", r)):
        with pytest.raises(REFUSED, match=r"expected a list of records; got|Type-check"):
            use(wrong(records))


def test_coarser_floats_come_back_as_float32(records, tmp_path):
    coarse = reweighted(records, lambda w: np.asarray(jnp.asarray(w, jnp.bfloat16)))
    again = ve.explain.load_records(ve.explain.save_records(tmp_path / "seen.npz", coarse))
    np.testing.assert_array_equal(again[1].weights, coarse[1].weights.astype(np.float32))


LABELS = {
    "body": "bogus",
    "grid": [9, 9, 9],
    "grid ": "432",
    "grid  ": [4.0, 2.0, 3.0],
    "name": None,
    "class_token": 1,
    "more": 0,
}


@pytest.mark.parametrize("label", LABELS)
def test_a_file_with_a_label_that_cannot_be_is_refused(records, label, tmp_path):
    path = ve.explain.save_records(tmp_path / "seen.npz", records)
    stored = dict(np.load(path))
    labels = json.loads(str(stored.pop("labels")))
    np.savez(path, labels=json.dumps([labels[0], labels[1] | {label.strip(): LABELS[label]}]), **stored)
    with pytest.raises(ValueError, match="holds no records of attention, or is damaged: "):
        ve.explain.load_records(path)


@pytest.mark.parametrize("name", ["none.npz", "", "no folder/none.npz"])
def test_records_that_are_nowhere_are_said_to_be(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"there is no file .* of records of attention"):
        ve.explain.load_records(tmp_path / name)


WEIGHTS = {
    "one number": lambda w: w[0, 0, 0, 0],
    "complex": lambda w: w * 1j,
    "bool": lambda w: w > 0,
    "negative": lambda w: -w,
    "text": lambda w: w.astype(str),
    "another shape": lambda w: w[..., :-1],
}


@pytest.mark.parametrize("how", WEIGHTS)
def test_a_file_with_weights_that_cannot_be_is_refused(records, how, tmp_path):
    path = ve.explain.save_records(tmp_path / "seen.npz", records)
    stored = dict(np.load(path))
    np.savez(path, **(stored | {"1": WEIGHTS[how](stored["1"])}))
    with pytest.raises(ValueError, match="holds no records of attention, or is damaged: "):
        ve.explain.load_records(path)


def other_files(folder, content):
    """One after the other at one path: of text, a pickle, an array, labels of all kinds, and with one byte changed."""
    path = folder / "other.npz"
    for other in (b"", b"some text", pickle.dumps({"a": 1})):
        path.write_bytes(other)
        yield path
    np.save(path.with_suffix(".npy"), np.arange(3))
    yield path.with_suffix(".npy")
    for labels in ("{}", "[3]", "3", "null", "[" * 100_000, "not json"):
        np.savez(path, labels=labels)
        yield path
    for at in range(0, len(content), len(content) // 40):
        path.write_bytes(content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
        yield path


def test_files_of_anything_else_are_refused_in_our_words(records, tmp_path):
    content = ve.explain.save_records(tmp_path / "seen.npz", records).read_bytes()
    refused = 0
    for path in other_files(tmp_path, content):
        try:
            ve.explain.load_records(path)  # a byte that nothing reads may change
        except ValueError as error:
            assert "holds no records of attention, or is damaged: " in str(error) and "pickle" not in str(error)
            refused += 1
    assert refused > 40


@pytest.mark.parametrize(
    ("pipes", "message"),
    [
        ([np.full((1, 3), np.nan)], "pipes must be finite"),
        ([np.full((1, 3), 200.0)], r"widths must be in \[0, 1\]; they run from 200 to 200"),
        ([np.full((1, 3), -0.1)], r"in \[0, 1\]"),
        ([np.ones((2, 3))], r"each on the one before; got \[\(2, 3\)\]"),
        ([np.ones((1, 3)), np.ones((4, 2))], "each on the one before"),
        ([np.ones(3)], "each on the one before"),
        ([], r"got \[\]"),
    ],
)
def test_pipes_that_cannot_be_are_refused(pipes, message):
    with pytest.raises(ValueError, match=message):
        most(pipes)
