"""From one video model to another: classes, sizes, lengths, tubelets and temporal layers may change."""

import numpy as np
import pytest
from flax import nnx
from toys import BODIES, arrays_of, toy_config, toy_image_model, toy_model

import vivit_edu as ve
from vivit_edu.pretrained import initialise_from_vit, initialise_from_vivit, plan

VIDEO = np.random.default_rng(0).uniform(-1, 1, (2, 8, 6, 12, 3)).astype(np.float32)


@pytest.mark.parametrize("body", BODIES)
def test_a_model_of_the_same_sizes_becomes_the_same_function(body):
    source = toy_model(seed=1, body=body)
    model = initialise_from_vivit(toy_model(seed=2, body=body), source, heads="copy")
    np.testing.assert_array_equal(model(VIDEO), source(VIDEO))


@pytest.mark.parametrize("body", BODIES)
def test_other_classes_size_and_length_leave_only_the_heads_new(body):
    source = toy_model(seed=1, body=body)
    model = toy_model(seed=2, body=body, classes={"verb": 3, "noun": 4}, size=(9, 20), frames=12)
    told = plan(model, source, class_token="copy")
    assert [origin.place for origin in told if origin.source is None] == ["heads/output/bias", "heads/output/kernel"]
    before, after = arrays_of(model), arrays_of(initialise_from_vivit(model, source))
    assert {name for name in before if np.array_equal(before[name], after[name])} == {
        "heads/output/bias",
        "heads/output/kernel",
    }


def test_positions_in_time_are_interpolated_or_repeated():
    source = toy_model(seed=1, body="factorised_self_attention")
    theirs = np.asarray(source.body.encoder.positions[...])  # (4, 6, 8)
    longer = {"body": "factorised_self_attention", "frames": 14}  # nt = 7
    tiled = initialise_from_vivit(toy_model(**longer), source, positions="tile").body.encoder.positions[...]
    resized = initialise_from_vivit(toy_model(**longer), source).body.encoder.positions[...]
    np.testing.assert_array_equal(tiled, theirs[[0, 1, 2, 3, 0, 1, 2]])
    halfway = (theirs[1:] + theirs[:-1]) / 2
    np.testing.assert_allclose(resized[::2], theirs, atol=1e-6)  # float32
    np.testing.assert_allclose(resized[1::2], halfway, atol=1e-6)


@pytest.mark.parametrize(("layers", "copied"), [(1, 1), (2, 2), (3, 2)])
def test_temporal_layers_are_taken_from_the_first_on(layers, copied):
    source = toy_model(seed=1, body="factorised_encoder")
    model = toy_model(seed=2, body="factorised_encoder", temporal_depth=layers)
    own = arrays_of(model)
    after, theirs = arrays_of(initialise_from_vivit(model, source)), arrays_of(source)
    for layer in range(layers):
        name = f"body/time/blocks/layers/{layer}/mlp/first/kernel"
        np.testing.assert_array_equal(after[name], theirs[name] if layer < copied else own[name])


def test_a_baseline_gives_all_but_the_temporal_encoder():
    source, model = toy_model(seed=1, body="average_pool"), toy_model(seed=2, body="factorised_encoder")
    new = {origin.place.split("/")[1] for origin in plan(model, source, class_token="copy") if origin.rule == "new"}
    assert new == {"time", "output"}


@pytest.mark.parametrize("t", [1, 4])
def test_inflation_to_another_tubelet_keeps_the_tokens_of_a_still_clip(t):
    source, still = toy_model(seed=1), VIDEO[:, :1].repeat(8, axis=1)
    model = initialise_from_vivit(toy_model(seed=2, tubelet=(t, 3, 4)), source, tubelet="inflate")
    one = source.tokenise(still)[:, :1]
    np.testing.assert_allclose(model.tokenise(still), np.repeat(one, 8 // t, axis=1), rtol=1e-4, atol=1e-5)  # float32


def test_central_frames_of_another_tubelet_see_the_frames_around_the_centre():
    kernel = np.arange(1, 4, dtype=np.float32).reshape(3, 1, 1, 1, 1)
    assert ve.pretrained.central_frame(kernel, 6).ravel().tolist() == [0, 0, 1, 2, 3, 0]
    assert ve.pretrained.central_frame(kernel, 2).ravel().tolist() == [1, 2]


def test_frames_of_a_filter_are_shared_out_by_the_time_they_cover():
    kernel = np.array([1, 10], np.float32).reshape(2, 1, 1, 1, 1)
    np.testing.assert_allclose(ve.pretrained.inflate(kernel, 3).ravel(), [2 / 3, 1 / 3 + 10 / 3, 20 / 3], rtol=1e-6)


def test_models_1_and_4_start_from_each_other():
    one = toy_model(seed=1, pool="mean")
    four = toy_model(seed=2, body="factorised_dot_product", order="time_space")
    theirs, ours = arrays_of(one), arrays_of(initialise_from_vivit(four, one, heads="copy"))
    for name, value in theirs.items():
        np.testing.assert_array_equal(ours[name].ravel(), value.ravel())


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"width": 12}, "width 8 becomes no 12"),
        ({"depth": 3}, "depth 2 becomes no 3"),
        ({"tubelet": (2, 3, 3)}, r"patch \(h, w\) \(3, 4\) becomes no \(3, 3\)"),
        ({"channels": 1}, "channels 3 becomes no 1"),
    ],
)
def test_sizes_that_cannot_be_fitted_are_named(overrides, says):
    model = ve.ViViT(toy_config(**overrides), rngs=nnx.Rngs(0))
    before = arrays_of(model)
    with pytest.raises(ValueError, match=says):
        initialise_from_vit(model, toy_image_model())
    assert all(np.array_equal(before[name], value) for name, value in arrays_of(model).items())


def test_another_body_is_refused():
    with pytest.raises(ValueError, match="'factorised_encoder' cannot start from one with 'spacetime'"):
        initialise_from_vivit(toy_model(body="factorised_encoder"), toy_model())


@pytest.mark.parametrize("option", ["tubelet", "temporal", "class_token", "heads"])
def test_an_unknown_option_is_refused_with_those_there_are(option):
    with pytest.raises(ValueError, match=rf"{option} must be one of \w+, .*; got 'sideways'"):
        initialise_from_vit(toy_model(), toy_image_model(), **{option: "sideways"})


def test_heads_of_other_classes_are_not_copied():
    with pytest.raises(ValueError, match=r"only; got \(3, None\) and \(5, None\)"):
        initialise_from_vit(toy_model(), toy_image_model(classes=3), heads="copy")
    with pytest.raises(ValueError, match=r"only; got \(5, 7\) and \(5, None\)"):
        initialise_from_vit(toy_model(), toy_image_model(pre_logits=7), heads="copy")
    verb_first, noun_first = {"verb": 3, "noun": 4}, {"noun": 4, "verb": 3}  # equal mappings, other columns
    with pytest.raises(ValueError, match="between equal"):
        initialise_from_vit(toy_model(classes=verb_first), toy_image_model(classes=noun_first), heads="copy")


def test_each_function_names_the_other_where_the_source_is_of_the_other_kind():
    with pytest.raises(ValueError, match="initialise_from_vivit starts from a video model"):
        initialise_from_vit(toy_model(), toy_model())
    with pytest.raises(ValueError, match="initialise_from_vit starts from it"):
        initialise_from_vivit(toy_model(), toy_image_model())


def test_rank_pooling_starts_from_an_image_only():
    with pytest.raises(ValueError, match=r"got shape \(2, 3, 4, 3, 8\)"):
        initialise_from_vivit(toy_model(tubelet=(4, 3, 4)), toy_model(), tubelet="rank_pool")
