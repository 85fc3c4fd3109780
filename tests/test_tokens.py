"""Tubelets, sampled frames, the class token."""

import golden_files
import jax
import numpy as np
import pytest
from flax import nnx
from toys import toy_clips, toy_config

from vivit_edu.tokens import ClassToken, TubeletEmbedding, UniformFrames, cut_tubelets, sample_frames


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
