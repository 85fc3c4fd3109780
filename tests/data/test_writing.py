"""H.264 files: the same bytes each time, frames coded alone, and what the codec cannot hold."""

import numpy as np
import pytest

from vivit_edu.data import read_frames, write_clip


def test_what_is_written_is_what_was_given_and_the_same_bytes_each_time(tmp_path):
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 216, (8, 4, 6, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    content = write_clip(tmp_path / "one.mp4", coarse, fps=8, crf=10)
    assert content == write_clip(None, coarse, fps=8, crf=10) == (tmp_path / "one.mp4").read_bytes()
    assert np.abs(read_frames(tmp_path / "one.mp4").astype(int) - coarse).mean() < 6  # colours at half resolution
    assert [path.name for path in tmp_path.iterdir()] == ["one.mp4"]


def test_frames_coded_alone_are_equal_wherever_they_come(tmp_path):
    rng = np.random.default_rng(0)
    frames = rng.integers(40, 216, (12, 4, 6, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    order = rng.permutation(12)
    write_clip(tmp_path / "one.mp4", frames, key_every=1)
    write_clip(tmp_path / "other.mp4", frames[order], key_every=1)
    one, other = (read_frames(tmp_path / name) for name in ("one.mp4", "other.mp4"))
    np.testing.assert_array_equal(other, one[order])


@pytest.mark.parametrize("key_every", [0, -1])
def test_a_key_frame_must_come_some_time(key_every):
    with pytest.raises(ValueError, match=f"key_every must be at least 1; got {key_every}"):
        write_clip(None, np.zeros((2, 32, 48, 3), np.uint8), key_every=key_every)


@pytest.mark.parametrize("shape", [(0, 32, 32, 3), (4, 31, 32, 3), (4, 32, 33, 3)])
def test_frames_that_h264_cannot_hold_are_refused(shape):
    with pytest.raises(ValueError, match=r"at least one frame of even height and width"):
        write_clip(None, np.zeros(shape, np.uint8))
