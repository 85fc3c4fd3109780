"""Maps of relevance against matrices written out, finite differences and single questions to the model."""

from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from reference import on_all_tokens
from toys import POOLED, toy_clips, toy_config, toy_model

import vivit_edu as ve
from vivit_edu.explain import relevance
from vivit_edu.tokens import sample_frames

NT, S = 4, 6  # of the toy models
TARGET = np.array([3, 1])
TWO_HEADS = {"verb": 4, "noun": 3}


def logit(model, video, target, tap=None):
    return np.asarray(model(video, tap=tap))[np.arange(len(video)), target]


def slopes_by_differences(model, video, name, shape):
    """d logit / d weight for every weight of one attention, by central differences of one clip after another."""
    step, slopes = 1e-2, np.zeros(shape)

    @nnx.jit
    def ask(model, add):
        return model(video, tap=lambda n, weights: weights + add if n == name else weights)[jnp.arange(2), TARGET]

    for index in np.ndindex(*shape[1:]):
        add = np.zeros((1, *shape[1:]), np.float32)
        add[(0, *index)] = step
        slopes[(slice(None), *index)] = (ask(model, add) - ask(model, -add)) / (2 * step)
    return slopes


@pytest.mark.parametrize(
    ("body", "name"),
    [("factorised_encoder", "space/0"), ("factorised_encoder", "time/1"), ("spacetime", "spacetime/0")],
)
def test_gradients_of_the_weights_are_those_of_differences(body, name):
    model = toy_model(body=body, size=(6, 4), frames=6)  # S = 2, nt = 3
    video = toy_clips(model.config)
    shapes = ve.explain.record.record_shapes(model, video)
    gradients = relevance._gradients(model, jnp.asarray(video), TARGET, head=None, shapes=tuple(shapes.items()))
    expected = slopes_by_differences(model, video, name, shapes[name])
    # float32 logits of about 1 have steps of 1e-7: over twice the step, differences are right to 1e-5
    np.testing.assert_allclose(gradients[name], expected, rtol=5e-3, atol=2e-5)
    assert np.abs(expected).max() > 2e-4


def brute_force(records, clip):
    """Chefer et al.'s R <- R + A R by whole matrices, read at the class token or as the rows' mean."""
    token, body = records[0].class_token, records[0].body
    read = lambda r: r[0, 1:] if token else r.mean(0)  # noqa: E731
    grow = lambda found: reduce(lambda r, a: r + a @ r, found, np.eye(len(found[0])))  # noqa: E731
    means = [(r.over, r.weights[clip].astype(np.float64).mean(-3)) for r in records]
    if body == "spacetime":
        return read(grow([a for _, a in means]))
    if body in ("factorised_encoder", "average_pool"):
        space, time = ([a for kind, a in means if kind == over] for over in ("space", "time"))
        where = np.stack([read(grow([a[t] for a in space])) for t in range(NT)])
        when = read(grow(time)) if time else np.full(NT, 1 / NT)
        return (when[:, None] * where).ravel()
    matrices = [on_all_tokens(a, over) for over, a in means]
    if body == "factorised_dot_product":
        matrices = [(one + two) / 2 for one, two in zip(matrices[::2], matrices[1::2], strict=True)]
    return grow(matrices).mean(0)


@pytest.mark.parametrize(("body", "pool"), POOLED)
def test_gradient_rollout_is_the_sum_over_all_paths(body, pool):
    model = toy_model(body=body, pool=pool)
    video = toy_clips(model.config)
    maps = relevance.gradient_rollout(model, video, target=TARGET)
    records = relevance._weighted(model, video, None, TARGET)
    assert maps.shape == (2, 4, 2, 3) and all((r.weights >= 0).all() for r in records)
    for clip in range(2):
        np.testing.assert_allclose(maps[clip].ravel(), brute_force(records, clip), rtol=1e-5, atol=1e-7)  # float32


def test_attention_reads_the_class_tokens_row_of_the_last_layer():
    model = toy_model()
    video = toy_clips(model.config)
    last = ve.explain.record_attention(model, video)[1][-1].weights
    expected = last.mean(1)[:, 0, 1:].reshape(2, 4, 2, 3)
    np.testing.assert_allclose(relevance.attention(model, video), expected, rtol=1e-6)


def test_attention_of_the_two_encoders_is_multiplied():
    model = toy_model(body="factorised_encoder")
    video = toy_clips(model.config)
    by_name = {r.name: r.weights for r in ve.explain.record_attention(model, video)[1]}
    space, time = by_name["space/1"].mean(-3)[:, :, 0, 1:], by_name["time/1"].mean(-3)[:, 0, 1:]
    expected = (time[..., None] * space).reshape(2, 4, 2, 3)
    np.testing.assert_allclose(relevance.attention(model, video), expected, rtol=1e-6)


@pytest.mark.parametrize("tokeniser", ["tubelet", "uniform"])
def test_input_gradient_is_the_change_when_a_token_fades(tokeniser):
    model = toy_model(tokeniser=tokeniser)
    video = toy_clips(model.config)
    maps = relevance.input_gradient(model, video, target=TARGET)
    frames = relevance.frames_of(model.config)[1]
    one = np.zeros(video.shape[1:], bool)
    one[frames, 3:6, 4:8] = True  # token (1, 1, 1) of 3 x 4 pixels
    step = 1e-2
    ends = [logit(model, np.where(one, (1 + s) * video, video), TARGET) for s in (step, -step)]
    # central differences in float32
    np.testing.assert_allclose(maps[:, 1, 1, 1], np.abs(ends[0] - ends[1]) / (2 * step), rtol=0.02, atol=2e-4)


@pytest.mark.parametrize(("body", "pool"), POOLED)
@pytest.mark.parametrize("tokeniser", ["tubelet", "uniform"])
def test_occlusion_is_what_the_model_says_without_the_token(body, pool, tokeniser):
    model = toy_model(body=body, pool=pool, tokeniser=tokeniser, classes=TWO_HEADS)
    video, target = toy_clips(model.config), np.array([1, 2])
    maps = relevance.occlusion(model, video, head="noun", target=target)
    ask = lambda v: np.asarray(jax.nn.log_softmax(model(v)["noun"]))[[0, 1], target]  # noqa: E731
    hidden = video.copy()
    for clip in hidden:
        clip[np.ix_(relevance.frames_of(model.config)[2], range(3), range(8, 12))] = clip.mean((0, 1, 2))
    np.testing.assert_allclose(maps[:, 2, 0, 2], ask(video) - ask(hidden), atol=2e-6)  # float32


def test_a_token_that_already_has_the_mean_colour_is_worth_nothing():
    model = toy_model()
    video = np.full((2, 8, 6, 12, 3), 0.25, np.float32)
    np.testing.assert_allclose(relevance.occlusion(model, video, target=TARGET), 0, atol=1e-6)


def test_maps_of_methods_that_know_a_target_differ_between_heads():
    model = toy_model(classes=TWO_HEADS)
    video = toy_clips(model.config)
    for name, method in relevance.METHODS.items():
        verb, noun = (method(model, video, head=head, target=np.array([0, 1])) for head in TWO_HEADS)
        assert verb.shape == (2, 4, 2, 3) and verb.dtype == np.float32, name
        assert np.allclose(verb, noun) == (name in ("attention", "rollout"))


@pytest.mark.parametrize("name", relevance.METHODS)
def test_an_image_model_has_maps_of_one_time(name):
    config = toy_config(frames=1, tubelet=(1, 3, 4))
    model = ve.ViT(config, rngs=nnx.Rngs(0))
    images = toy_clips(config)[:, 0]
    assert relevance.METHODS[name](model, images).shape == (2, 1, 2, 3)


def test_without_a_target_the_models_own_answer_is_explained():
    model = toy_model()
    video = toy_clips(model.config)
    answer = np.asarray(model(video)).argmax(-1)
    expected = relevance.occlusion(model, video, target=answer)
    np.testing.assert_array_equal(relevance.occlusion(model, video), expected)


def test_pixels_take_the_number_of_their_token():
    config = toy_config(size=(7, 14), frames=9)  # one pixel, two pixels and a frame are left over
    maps = np.arange(24, dtype=np.float32).reshape(1, 4, 2, 3) + 1
    pixels = relevance.to_pixels(maps, config)
    assert pixels.shape == (1, 9, 7, 14) and pixels[0, 5, 4, 9] == maps[0, 2, 1, 2]
    assert not pixels[:, 8].any() and not pixels[:, :, 6].any() and not pixels[..., 12:].any()


def test_pixels_of_sampled_frames_are_those_that_the_model_sees():
    config = toy_config(tokeniser="uniform", size=(6, 12))
    pixels = relevance.to_pixels(np.ones((1, 4, 2, 3), np.float32), config)
    assert tuple(np.flatnonzero(pixels.any((0, 2, 3)))) == sample_frames(config)


def test_what_does_not_fit_is_refused():
    model = toy_model(classes=TWO_HEADS)
    video = toy_clips(model.config)
    with pytest.raises(KeyError, match="no head 'colour'; it has verb, noun"):
        relevance.occlusion(model, video, head="colour")
    with pytest.raises(ValueError, match="a class for each of 2 clips; got int64"):
        relevance.occlusion(model, video, target=np.array([1]))
    with pytest.raises(ValueError, match="do not fit the model's grid"):
        relevance.to_pixels(np.zeros((1, 4, 3, 2)), model.config)
