"""Positions follow their places to another grid, as in the released code where that has a rule."""

import golden_files
import numpy as np
import pytest

from vivit_edu.pretrained.start.positions import resize_space, resize_time, tile_time


def ramp(height, width):
    """Positions (S, 2) that say where they are: row and column, both from 0 to 1."""
    rows, columns = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    return np.stack([rows, columns], axis=-1).reshape(-1, 2).astype(np.float32)


@pytest.mark.parametrize("places", [9, 36, 49])
def test_space_is_resized_as_in_the_released_code(places):
    golden = golden_files.load("scenic_extras.npz")
    side = int(places**0.5)
    ours = resize_space(golden["pos/grid4x4"], (4, 4), (side, side))
    # float32 products summed in another order
    np.testing.assert_allclose(ours, golden[f"pos/resize_{places}"][0], atol=1e-6)


@pytest.mark.parametrize("length", [5, 8, 31, 64])
def test_time_is_resized_as_in_the_released_code(length):
    golden = golden_files.load("scenic_extras.npz")
    source = golden["pos/grid4x4"]
    np.testing.assert_allclose(resize_time(source, length), golden[f"pos/interp1d_{length}"][0], atol=1e-6)


def test_places_keep_their_place_on_a_grid_that_is_not_square():
    np.testing.assert_allclose(resize_space(ramp(3, 5), (3, 5), (4, 7)), ramp(4, 7), atol=1e-6)  # exact but for float32
    np.testing.assert_allclose(resize_space(ramp(6, 2), (6, 2), (3, 4)), ramp(3, 4), atol=1e-6)


def test_every_frame_of_a_clip_is_resized_alike():
    clip = np.stack([ramp(3, 5), 2 * ramp(3, 5)])
    resized = resize_space(clip, (3, 5), (4, 7))
    np.testing.assert_allclose(resized, np.stack([ramp(4, 7), 2 * ramp(4, 7)]), atol=1e-6)


def test_one_time_index_takes_the_middle():
    np.testing.assert_array_equal(resize_time(np.array([[0.0], [4.0], [8.0]]), 1), [[4.0]])


def test_tiled_positions_repeat_with_the_frame():
    np.testing.assert_array_equal(tile_time(np.array([[1.0], [2.0]]), 3)[:, 0], [1, 2, 1, 2, 1, 2])


def test_positions_of_another_grid_are_refused():
    with pytest.raises(ValueError, match=r"15 positions are not those of a grid \(4, 4\)"):
        resize_space(ramp(3, 5), (4, 4), (2, 2))
