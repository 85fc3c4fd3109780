"""The released code's initialisations, tensor by tensor, and the paper's claims about them."""

import functools

import golden_files
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from toys import BODIES, arrays_of, toy_image_model, toy_model

from vivit_edu.pretrained import initialise_from_vit, initialise_from_vivit

# Of the files kept here, arrays are cut to a few columns, since every rule works along time and space alone.
GOLDEN = sorted({*golden_files.files("init_*.npz"), *golden_files.HERE.glob("init_*.npz")})
FROM_GOLDEN = pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parts[-4]}-{path.stem}")


@functools.lru_cache(maxsize=1)
def initialised(path):
    """The file, our model and the reference's."""
    golden = golden_files.read(path)
    models, options = golden_files.initialisation_of(golden)
    start = initialise_from_vit if models["src"].config.frames == 1 else initialise_from_vivit
    return golden, start(models["before"], models["src"], **options), models["after"]


@FROM_GOLDEN
def test_every_parameter_is_as_in_the_released_code(path):
    _, ours, theirs = initialised(path)
    ours, theirs = arrays_of(ours), arrays_of(theirs)
    assert ours.keys() == theirs.keys()
    for name in theirs:  # resized positions are float32 products summed in another order
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=1e-6, err_msg=name)


@FROM_GOLDEN
def test_logits_are_those_of_the_released_code(path):
    golden, ours, _ = initialised(path)
    if "logits" not in golden:
        pytest.skip("the arrays kept here are cut to a few columns, for which there are no logits")
    with jax.default_matmul_precision("highest"):
        logits = nnx.jit(lambda model, video: model(video))(ours, golden["video"])  # each file has sizes of its own
    np.testing.assert_allclose(logits, golden["logits"], rtol=0, atol=1e-5)  # the reference's float32 errs by 2.8e-6


def whole_numbers(model):
    """Small whole numbers in the embedding, whose sums float32 holds exactly."""
    kernel, bias = model.tokenise.kernel, model.tokenise.bias
    rng = np.random.default_rng(0)
    kernel[...] = jnp.asarray(rng.integers(-4, 5, kernel.shape), jnp.float32)
    bias[...] = jnp.asarray(rng.integers(-4, 5, bias.shape), jnp.float32)
    return model


def whole_clips(config, seed=1):
    shape = (2, config.frames, *config.size, config.channels)
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


@pytest.mark.parametrize("t", [1, 2, 3, 4])
def test_central_frame_is_uniform_sampling_of_the_centre_frames(t):
    vit = whole_numbers(toy_image_model())
    tubelets = initialise_from_vit(toy_model(tubelet=(t, 3, 4)), vit)
    uniform = toy_model(tubelet=(t, 3, 4), tokeniser="uniform", sampling="centre")
    frames = initialise_from_vit(uniform, vit)
    clips = whole_clips(tubelets.config)
    np.testing.assert_array_equal(tubelets.tokenise(clips), frames.tokenise(clips))


@pytest.mark.parametrize("t", [1, 2, 3, 4])
def test_inflated_tubelets_of_a_still_clip_are_the_image_s_tokens(t):
    vit = whole_numbers(toy_image_model())
    model = initialise_from_vit(toy_model(tubelet=(t, 3, 4)), vit, tubelet="inflate")
    still = whole_clips(model.config)[:, :1].repeat(8, axis=1)
    image = np.asarray(vit.tokenise(still[:, :1]))
    # exact but for the rounding of a third, in sums of 36 products up to 16
    np.testing.assert_allclose(model.tokenise(still), image.repeat(8 // t, axis=1), rtol=1e-5, atol=1e-4)


def test_random_tubelets_stay_as_they_are():
    model, vit = toy_model(), toy_image_model()
    before = arrays_of(model)["tokenise/kernel"]
    np.testing.assert_array_equal(
        arrays_of(initialise_from_vit(model, vit, tubelet="random"))["tokenise/kernel"], before
    )


@pytest.mark.parametrize("body", BODIES)
def test_tokens_of_one_place_start_with_one_position(body):
    model = initialise_from_vit(toy_model(body=body, pool="mean"), toy_image_model())
    encoder = model.body.space if body in ("factorised_encoder", "average_pool") else model.body.encoder
    positions = np.asarray(encoder.positions[...]).reshape(-1, 6, 8)
    theirs = np.asarray(toy_image_model().body.encoder.positions[...])[1:]
    np.testing.assert_array_equal(positions, np.broadcast_to(theirs, positions.shape))


@pytest.mark.parametrize("body", ["factorised_self_attention", "average_pool"])
def test_a_video_model_starts_as_the_image_model_frame_by_frame(body):
    vit = toy_image_model(pool="mean")
    model = initialise_from_vit(toy_model(body=body, pool="mean"), vit, heads="copy")
    video = np.random.default_rng(0).uniform(-1, 1, (2, 8, 6, 12, 3)).astype(np.float32)
    centres = video[:, 1::2].reshape(8, 1, 6, 12, 3)
    frame_by_frame = vit.body(vit.tokenise(centres)).reshape(2, 4, -1).mean(1)
    np.testing.assert_allclose(model(video), vit.heads(frame_by_frame), rtol=1e-4, atol=1e-5)  # float32


def test_with_the_class_token_copied_the_baseline_is_the_image_model_frame_by_frame():
    vit = toy_image_model()
    model = initialise_from_vit(toy_model(body="average_pool"), vit, class_token="copy", heads="copy")
    video = np.random.default_rng(0).uniform(-1, 1, (2, 8, 6, 12, 3)).astype(np.float32)
    frame_by_frame = np.mean([vit(video[:, frame]) for frame in range(1, 8, 2)], axis=0)  # heads are linear
    np.testing.assert_allclose(model(video), frame_by_frame, rtol=1e-4, atol=1e-5)  # float32


def gradients(temporal, order="space_time"):
    """The gradients of Model 3's first temporal attention, by its arrays' names, when the heads have learnt."""
    model = toy_model(body="factorised_self_attention", order=order)
    initialise_from_vit(model, toy_image_model(), temporal=temporal)
    video = np.random.default_rng(0).uniform(-1, 1, (2, 8, 6, 12, 3)).astype(np.float32)
    state = nnx.jit(nnx.grad(lambda m: (m(video) ** 2).sum()))(model)
    flat = {"/".join(map(str, path)): np.asarray(g[...]) for path, g in nnx.to_flat_state(state)}
    start = "body/encoder/blocks/layers/0/time/"
    return {name.removeprefix(start): g for name, g in flat.items() if name.startswith(start)}


@pytest.mark.parametrize("order", ["space_time", "time_space"])
def test_temporal_attention_of_zeros_has_no_gradient_but_its_last_bias(order):
    moving = {name for name, g in gradients("zero", order).items() if np.any(g != 0)}
    assert moving == {"out/bias"}


def test_an_output_of_zeros_has_a_gradient_and_the_rest_follows_it():
    moving = {name for name, g in gradients("zero_output").items() if np.abs(g).max() > 1e-6}
    assert moving == {"out/kernel", "out/bias"}
    assert all(np.abs(g).max() > 1e-6 for name, g in gradients("copy").items() if name != "key/bias")


def test_model_3_takes_the_image_model_s_attention_for_time_where_asked():
    vit = toy_image_model()
    model = initialise_from_vit(toy_model(body="factorised_self_attention"), vit, temporal="copy")
    block, theirs = model.body.encoder.blocks.layers[1], vit.body.encoder.blocks.layers[1]
    for name, value in arrays_of(theirs.attention).items():
        np.testing.assert_array_equal(arrays_of(block.time)[name], value)
        np.testing.assert_array_equal(arrays_of(block.space)[name], value)


def test_both_orders_of_model_4_start_as_the_same_function():
    video = np.random.default_rng(0).uniform(-1, 1, (2, 8, 6, 12, 3)).astype(np.float32)
    body, vit = "factorised_dot_product", toy_image_model()
    outputs = [
        initialise_from_vit(toy_model(body=body, order=order), vit, heads="copy")(video)
        for order in ("space_time", "time_space")
    ]
    np.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-5)  # heads summed in another order, in float32


def test_the_model_is_changed_in_place_and_returned():
    model = toy_model()
    assert initialise_from_vit(model, toy_image_model()) is model
