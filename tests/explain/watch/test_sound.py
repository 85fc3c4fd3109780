"""What is no video, no list and no number is refused in a sentence; what fits is taken however it is written."""

import numpy as np
import pytest
from toys import toy_clips, toy_model

import vivit_edu as ve
from vivit_edu.explain.judge import agreement
from vivit_edu.explain.watch import sound

REFUSED = (ValueError, TypeError)  # by what a test run checks of types, before the sentence that users see
MAPS = np.ones((2, 4, 2, 3), np.float32)


@pytest.mark.parametrize("wrong", [None, "video", object(), [[1, 2], [3]], ["1"], 1j])
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises(ValueError, match=r"^video must be (real numbers; got|numbers in rows of one length)"):
        sound.finite(wrong, "video")


def test_a_list_of_numbers_is_a_video_everywhere():
    video = toy_clips(toy_model().config, batch=1)
    for take in (sound.clips, sound.one_clip):
        np.testing.assert_allclose(take(video.tolist()), video, rtol=1e-6)  # float32


def test_no_clip_is_refused():
    model = toy_model()
    with pytest.raises(ValueError, match=r"one clip or more, .* got \(0, 8, 6, 12, 3\)"):
        ve.explain.record_attention(model, toy_clips(model.config)[:0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"heads": 0}, ValueError, "has heads: expected a list; got 0"),
        ({"heads": "0"}, IndexError, "has heads 0 to 1; asked for '0'"),
        ({"queries": 3}, ValueError, "has queries: expected a list; got 3"),
        ({"keep": [None]}, KeyError, "no attention is named None"),
        ({"keep": 1}, ValueError, "expected a list; got 1"),
    ],
)
def test_what_to_keep_is_a_list_of_what_there_is(options, error, message):
    model = toy_model()
    with pytest.raises((error, TypeError), match=f"{message}|Type-check"):
        ve.explain.record_attention(model, toy_clips(model.config), **options)


def test_places_are_told_as_they_were_written():
    with pytest.raises(IndexError, match="has heads 0 to 1; asked for '0', None"):
        sound.places(["0", 1, None], 2, "it has heads")


@pytest.mark.parametrize("fuse", [["mean"], {"mean"}, None])
def test_a_fusion_is_one_name(fuse):
    model = toy_model()
    records = ve.explain.record_attention(model, toy_clips(model.config))[1]
    with pytest.raises(REFUSED, match=r"fuse must be one of mean, max, min; got|Type-check"):
        ve.explain.rollout(records, fuse=fuse)


@pytest.mark.parametrize(
    "use",
    [
        lambda: agreement.points_at(MAPS, np.ones((2, 4, 2, 2), bool)),
        lambda: agreement.against_truth(MAPS, np.ones((1, 4, 2, 3), bool), np.ones((2, 4), bool)),
        lambda: agreement.against_truth(MAPS, MAPS > 0, np.ones((2, 3), bool)),
        lambda: agreement.rank_correlation(MAPS, MAPS[:, :3]),
    ],
)
def test_maps_are_held_against_what_is_of_their_size(use):
    with pytest.raises(REFUSED, match=r"must be \(2, 4|Type-check"):
        use()
