"""Tubelets, sampled frames, the class token."""

import golden_files
import jax
import numpy as np
import pytest
from flax import nnx
from toys import toy_clips, toy_config

from vivit_edu.tokens import ClassToken, TubeletEmbedding, UniformFrames, cut_tubelets, owned_frames, sample_frames


def test_a_tubelet_holds_the_pixels_of_its_place():
    video = np.arange(2 * 9 * 7 * 13 * 3).reshape(2, 9, 7, 13, 3).astype(np.float32)  # one left over on each axis
    cut = cut_tubelets(jax.numpy.asarray(video), (2, 3, 4))
    assert cut.shape == (2, 4, 6, 2, 3, 4, 3)
    for t, s in np.ndindex(4, 6):
        h, w = divmod(s, 3)
        expected = video[:, 2 * t : 2 * t + 2, 3 * h : 3 * h + 3, 4 * w : 4 * w + 4]
        np.testing.assert_array_equal(cut[:, t, s], expected)


def test_tubelet_embedding_is_a_strided_convolution():
    config = toy_config(frames=9, size=(7, 13))
    embed, video = TubeletEmbedding(config, rngs=nnx.Rngs(0)), toy_clips(config)
    conv = jax.lax.conv_general_dilated(
        video,
        embed.kernel[...],
        config.tubelet,
        "VALID",
        dimension_numbers=("NDHWC", "DHWIO", "NDHWC"),
        precision="highest",
    )
    np.testing.assert_allclose(embed(video), conv.reshape(2, 4, 6, 8), atol=1e-5)


def test_both_tokenisers_give_the_same_number_of_tokens():
    config = toy_config()
    video = toy_clips(config)
    assert (
        TubeletEmbedding(config, rngs=nnx.Rngs(0))(video).shape == UniformFrames(config, rngs=nnx.Rngs(0))(video).shape
    )


@pytest.mark.parametrize(("length", "count"), [(32, 8), (32, 16), (32, 32), (16, 4), (8, 4), (12, 3), (64, 8), (32, 4)])
def test_sampled_frames_are_the_released_code_s(length, count):
    golden = golden_files.load("scenic_extras.npz")
    config = toy_config(frames=length, tubelet=(length // count, 3, 4))
    key = f"uniform/{length}_{count}"
    if key not in golden:
        pytest.skip(f"{key} is not among the reference arrays")
    assert sample_frames(config) == tuple(golden[key])


@pytest.mark.parametrize(("length", "count"), [(12, 5), (30, 7), (250, 8), (32, 16), (8, 8), (7, 6), (9, 1)])
def test_any_number_of_frames_is_sampled_by_the_released_code_s_rule(length, count):
    golden = golden_files.load("scenic_extras.npz")
    config = toy_config(frames=length, tokeniser="uniform", sampled=count)
    by_hand = np.round(np.arange(1, count + 1) * length / (count + 1)).astype(int)  # numpy, too, takes halves to even
    expected = golden.get(f"uniform/{length}_{count}", np.arange(length) if count == length else by_hand)
    assert sample_frames(config) == tuple(expected) and config.grid[0] == count
    assert owned_frames(config) == [[frame] for frame in expected]


@pytest.mark.parametrize("count", [1, 3, 4, 5, 7, 8, 11])
def test_any_number_of_frames_is_sampled_from_the_middle_of_equal_stretches(count):
    config = toy_config(frames=12, tokeniser="uniform", sampled=count, sampling="centre")
    stretch = 12 / count
    for i, frame in enumerate(sample_frames(config)):
        assert frame <= (i + 0.5) * stretch < frame + 1  # the frame that is shown in the middle of the stretch
    if 12 % count == 0:
        assert sample_frames(config) == sample_frames(
            toy_config(frames=12, tubelet=(12 // count, 3, 4), sampling="centre")
        )


def test_tokens_of_sampled_frames_are_those_of_an_image_model():
    config = toy_config(frames=12, tokeniser="uniform", sampled=5)
    embed, video = UniformFrames(config, rngs=nnx.Rngs(0)), toy_clips(toy_config(frames=12))
    assert sample_frames(config) == (2, 4, 6, 8, 10)
    kernel = np.asarray(embed.kernel[...], np.float64)
    for index, frame in enumerate((2, 4, 6, 8, 10)):
        for place in range(6):
            row, column = divmod(place, 3)
            patch = video[:, frame, 3 * row : 3 * row + 3, 4 * column : 4 * column + 4].astype(np.float64)
            token = np.einsum("bhwc,hwcd->bd", patch, kernel)
            np.testing.assert_allclose(embed(video)[:, index, place], token, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("frames", "t"), [(8, 3), (12, 2), (16, 8), (15, 5), (30, 4)])
@pytest.mark.parametrize("sampling", ["interior", "centre"])
def test_exactly_n_frames_are_sampled_in_order(frames, t, sampling):
    indices = sample_frames(toy_config(frames=frames, tubelet=(t, 3, 4), sampling=sampling))
    assert len(set(indices)) == frames // t == len(indices)
    assert list(indices) == sorted(indices) and 0 <= indices[0] and indices[-1] < frames


def test_centre_sampling_takes_the_middle_of_each_tubelet():
    assert sample_frames(toy_config(frames=13, tubelet=(4, 3, 4), sampling="centre")) == (2, 6, 10)


def test_a_class_token_stands_first_and_starts_at_zero():
    z = np.random.default_rng(0).normal(size=(2, 3, 5, 8)).astype(np.float32)
    out = ClassToken(8)(z)
    np.testing.assert_array_equal(out[:, :, 0], 0)
    np.testing.assert_array_equal(out[:, :, 1:], z)
