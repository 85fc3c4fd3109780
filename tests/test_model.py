"""Every body against float64 loops and the reference arrays, and the properties that the paper states."""

import dataclasses

import golden_files
import jax
import numpy as np
import pytest
import reference
from flax import nnx
from toys import BODIES, POOLED, randomise, toy_clips, toy_config, toy_model

import vivit_edu as ve
from vivit_edu.pretrained.start.fit import fit, places


def params(model):
    return {name: np.asarray(param[...]) for name, param in places(model).items()}


@pytest.mark.parametrize(("body", "pool"), POOLED)
@pytest.mark.parametrize("tokeniser", ["tubelet", "uniform"])
def test_logits_equal_the_loops_written_from_the_equations(body, pool, tokeniser):
    model = toy_model(body=body, pool=pool, tokeniser=tokeniser)
    video = toy_clips(model.config)
    np.testing.assert_allclose(
        model(video), reference.forward(params(model), model.config, video), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("body", ["factorised_self_attention", "factorised_dot_product"])
def test_the_other_order_of_axes_equals_its_loops_and_differs_from_the_first(body):
    model = toy_model(body=body, order="time_space")
    video = toy_clips(model.config)
    np.testing.assert_allclose(
        model(video), reference.forward(params(model), model.config, video), rtol=1e-5, atol=1e-5
    )
    assert np.abs(model(video) - toy_model(body=body)(video)).max() > 1e-3


# The reference's own float32 error is 2.8e-6 at most; exact GELU in place of tanh moves logits by 8e-5 or more.
@pytest.mark.parametrize("path", golden_files.files("scenic_[ma]*.npz"), ids=lambda path: path.stem)
def test_released_parameters_give_the_released_logits(path):
    golden = golden_files.read(path)
    model = ve.pretrained.from_scenic(golden_files.params_of(golden), golden_files.config_of(golden))
    np.testing.assert_allclose(model(golden["video"]), golden["logits"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("path", golden_files.files("scenic_[ma]*.npz"), ids=lambda path: path.stem)
def test_released_parameters_give_the_released_intermediates(path):
    golden = golden_files.read(path)
    model = ve.pretrained.from_scenic(golden_files.params_of(golden), golden_files.config_of(golden))
    for name, value in intermediates(model, golden["video"]).items():
        expected = golden[f"mid/{name}"].reshape(value.shape)
        # Relative to the array's own scale: float32 rounding grows with it, layer by layer.
        assert np.abs(value - expected).max() <= 1e-5 * np.abs(expected).max(), name


def intermediates(model, video):
    """What the reference arrays store of a forward pass, by their names there."""
    z = model.tokenise(video)
    found = {"embedding": z}
    if hasattr(model.body, "space"):
        found["spatial_encoded"] = model.body.space(z)
        found["temporal_in"] = h = model.body.space.pool(found["spatial_encoded"])
        return found | ({"temporal_encoded": model.body.time(h)} if hasattr(model.body, "time") else {})
    encoder = model.body.encoder
    z = z.reshape(len(z), -1, z.shape[-1]) if model.config.body == "spacetime" else z
    z = (z if encoder.class_token is None else encoder.class_token(z)) + encoder.positions[...]
    found["posembed"] = z
    for layer, block in enumerate(encoder.blocks.layers):
        found[f"block_{layer}"] = z = block(z, layer=layer)
    return found | {"encoded": encoder.norm(z)}


def test_model_4_is_model_1_with_each_half_of_the_heads_masked():
    model = toy_model(body="factorised_dot_product")
    joint = ve.ViViT(dataclasses.replace(model.config, body="spacetime", pool="mean"), rngs=nnx.Rngs(0))
    _, nh, nw = model.config.grid
    fit(joint, {k: v.reshape(places(joint)[k].shape) for k, v in params(model).items()}, source="Model 4")
    time, place = np.divmod(np.arange(model.config.tokens), nh * nw)
    sees = np.stack([time[:, None] == time, place[:, None] == place])  # (A, q, k): head 0 space, head 1 time

    def masked(name, weights):
        kept = weights * sees
        return kept / kept.sum(-1, keepdims=True)

    video = toy_clips(model.config)
    np.testing.assert_allclose(joint(video, tap=masked), model(video), rtol=1e-5, atol=1e-6)


def test_model_3_with_a_silent_temporal_attention_sees_each_time_apart():
    model = toy_model(body="factorised_self_attention")
    for block in model.body.encoder.blocks.layers:
        block.time.out.kernel[...] = jax.numpy.zeros_like(block.time.out.kernel[...])
        block.time.out.bias[...] = jax.numpy.zeros_like(block.time.out.bias[...])
    video = toy_clips(model.config)
    encoded = model.body.encoder(model.tokenise(video))
    other = video.copy()
    other[:, :2] = -other[:, :2]  # the first tubelets only
    changed = np.abs(model.body.encoder(model.tokenise(other)) - encoded).max(axis=(0, 2, 3))  # (nt,)
    assert changed[0] > 1e-2 and (changed[1:] == 0).all()


def test_the_average_pool_baseline_is_model_2_without_temporal_layers():
    without = toy_model(body="factorised_encoder", temporal_depth=0)
    baseline = toy_model(body="average_pool")
    assert params(without).keys() == params(baseline).keys()
    video = toy_clips(baseline.config)
    np.testing.assert_array_equal(without(video), baseline(video))


@pytest.mark.parametrize("body", BODIES)
def test_permuting_tokens_without_positions_leaves_the_logits(body):
    model = toy_model(body=body, pool="mean")
    for name, param in places(model).items():
        if name.endswith("positions"):
            param[...] = jax.numpy.zeros_like(param[...])
    z = model.tokenise(toy_clips(model.config))
    rng = np.random.default_rng(0)
    shuffled = z[:, rng.permutation(z.shape[1])][:, :, rng.permutation(z.shape[2])]
    np.testing.assert_allclose(model.body(shuffled), model.body(z), rtol=1e-4, atol=1e-5)  # sums in another order


@pytest.mark.parametrize("body", BODIES)
def test_one_frame_of_a_clip_changes_the_logits_of_every_body(body):
    model = toy_model(body=body)
    video = toy_clips(model.config)
    other = video.copy()
    other[:, 5] = -other[:, 5]
    assert np.abs(model(video) - model(other)).max() > 1e-4


def test_several_heads_are_the_columns_of_one():
    one, several = toy_model(classes=5), toy_model(classes={"verb": 2, "noun": 3})
    video = toy_clips(one.config)
    logits = several(video)
    assert list(logits) == ["verb", "noun"]
    np.testing.assert_array_equal(np.concatenate([logits["verb"], logits["noun"]], axis=1), one(video))


def test_heads_keep_their_columns_when_a_model_is_split_and_merged():
    model = toy_model(classes={"verb": 2, "noun": 3})  # not in the alphabet's order
    video = toy_clips(model.config)
    again = nnx.merge(*nnx.split(model))
    jax.tree.map(np.testing.assert_array_equal, dict(again(video)), dict(model(video)))


def test_equal_configurations_share_what_is_compiled():
    one, two = (ve.ViViT(toy_config(), rngs=nnx.Rngs(seed)) for seed in (0, 1))
    assert nnx.graphdef(one) == nnx.graphdef(two)


@pytest.mark.parametrize("body", BODIES)
def test_bfloat16_stays_near_float32_and_returns_float32(body):
    exact, quick = toy_model(body=body), toy_model(body=body, dtype="bfloat16")
    video = toy_clips(exact.config)
    assert quick(video).dtype == np.float32
    np.testing.assert_allclose(quick(video), exact(video), atol=0.1)  # bfloat16 keeps 8 bits: 0.4 % of each product


@pytest.mark.parametrize("body", BODIES)
def test_a_new_model_is_in_evaluation_mode_and_training_is_random(body):
    model = randomise(ve.ViViT(toy_config(body=body, dropout=0.3, attention_dropout=0.3), rngs=nnx.Rngs(0)))
    video = toy_clips(model.config)
    np.testing.assert_array_equal(model(video), model(video))
    model.train()
    assert np.abs(model(video) - model(video)).max() > 1e-3


def test_a_second_call_does_not_trace_again():
    model, traces = toy_model(), []

    @nnx.jit
    def run(model, video):
        traces.append(1)
        return model(video)

    video = toy_clips(model.config)
    run(model, video), run(model, video), run(model, video + 0.1)
    assert len(traces) == 1


def test_an_image_model_is_model_1_on_one_frame():
    config = ve.named("ViT-nano/8", classes=7)
    image = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    vit, vivit = (randomise(kind(config, rngs=nnx.Rngs(0))) for kind in (ve.ViT, ve.ViViT))
    np.testing.assert_array_equal(vit(image), vivit(image[:, None]))


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((2, 8, 6, 12), "float32", r"got shape \(2, 8, 6, 12\)"),
        ((2, 8, 12, 6, 3), "float32", r"\(batch, 8, 6, 12, 3\); got shape \(2, 8, 12, 6, 3\)"),
    ],
)
def test_a_clip_of_another_shape_is_refused(shape, dtype, message):
    with pytest.raises(ValueError, match=message):
        ve.model.check_clip(np.zeros(shape, dtype), toy_config())


def test_integer_pixels_are_refused():
    with pytest.raises(ValueError, match=r"floats in .-1, 1.; got uint8"):
        ve.model.check_clip(np.zeros((2, 8, 6, 12, 3), np.uint8), toy_config())


def test_an_image_model_refuses_a_video_configuration():
    with pytest.raises(ValueError, match="one frame"):
        ve.ViT(toy_config(), rngs=nnx.Rngs(0))
