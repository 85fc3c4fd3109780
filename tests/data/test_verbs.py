"""The verbs: changes between tubelets, pairs of equal tubelets, and nothing in one frame that tells the class."""

import collections

import numpy as np
import pytest

import vivit_edu as ve
from vivit_edu.data import clips, write_clip
from vivit_edu.data.clips import embedded, render
from vivit_edu.data.clips.render import draw
from vivit_edu.data.clips.verbs import RETURNS, blink_and_slide, there_and_back, track


@pytest.mark.parametrize("verb", clips.VERBS)
def test_every_change_falls_between_two_tubelets(verb):
    rng = np.random.default_rng(0)
    for _ in range(50):
        path = track(verb, 8, rng)
        assert len(path.progress) == len(path.visible) == 16
        assert all(start % 2 == stop % 2 == 0 for _, start, stop in path.events)


def bag(phases):
    """How many tubelets each phase has in all, whatever their order."""
    total = collections.Counter()
    for name, tubelets in phases:
        total[name] += int(tubelets)
    return +total


def tubelets_of(verb, seed, count=4000):
    """How often each tubelet, (progress at its two frames, visible), comes in many random tracks of a verb."""
    rng, seen = np.random.default_rng(seed), collections.Counter()
    for _ in range(count):
        path = track(verb, 8, rng)
        pairs = zip(path.progress.reshape(-1, 2).round(4).tolist(), path.visible[::2], strict=True)
        seen.update((tuple(p) if visible else "dark") for p, visible in pairs)
    return {key: n / (8 * count) for key, n in seen.items()}


@pytest.mark.parametrize(("one", "other"), clips.PAIRS)
def test_the_verbs_of_a_pair_hold_the_same_tubelets(one, other):
    first, second = tubelets_of(one, seed=1), tubelets_of(other, seed=2)
    assert first.keys() == second.keys()
    for key, share in first.items():
        assert abs(share - second[key]) < 0.012  # four standard deviations of a share of 0.3 in 32,000


@pytest.mark.parametrize("moves", [2, 3])
def test_from_the_same_draws_a_pair_is_the_same_bag_exactly(moves):
    bags = {start: set() for start in "ab"}
    for start in bags:
        for seed in range(200):
            bags[start].add(frozenset(bag(there_and_back(start, moves, 8, np.random.default_rng(seed))).items()))
    assert bags["a"] == bags["b"]


def test_blink_then_slide_rests_as_long_as_slide_then_blink():
    for seed in range(50):
        one, other = (bag(blink_and_slide(v, 2, 8, np.random.default_rng(seed))) for v in clips.PAIRS[-1])
        assert one == other


@pytest.fixture
def plain(monkeypatch):
    """Drawing without texture and distractor, which take their own ways in each clip."""
    monkeypatch.setattr(render, "_texture", lambda frames, size, rng: np.full((frames, size, size, 3), 0.4))
    monkeypatch.setattr(render, "_distractor", lambda frames, size, rng: np.zeros((frames, size, size)))


@pytest.mark.parametrize("pair", clips.PAIRS)
def test_from_the_same_draws_a_pair_shows_the_same_tubelets_to_the_pixel(pair, plain, tmp_path):
    for seed in range(6):
        bags = []
        for verb in pair:
            path, rng = track(verb, 8, np.random.default_rng(seed)), np.random.default_rng(seed)
            write_clip(tmp_path / "clip.mp4", draw(embedded.digits()[0][seed], path, 32, rng).frames, key_every=1)
            frames = ve.data.read_frames(tmp_path / "clip.mp4")
            bags.append([tubelet.tobytes() for tubelet in frames.reshape(8, 2, 32, 32, 3)])
        assert bags[0] != bags[1] and sorted(bags[0]) == sorted(bags[1])


def test_the_drawing_changes_only_with_the_version_that_names_its_folder():
    rng, (images, _) = np.random.default_rng(0), embedded.digits()
    drawn = [draw(images[n], track(verb, 8, rng), 32, rng) for n, verb in enumerate(clips.VERBS)]
    means = [np.mean([clip.frames.mean() for clip in drawn]), np.mean([clip.mask.mean() for clip in drawn])]
    assert embedded.VERSION == 3 and np.allclose(means, [119.51, 0.13297], rtol=1e-4)


SLIDING = [verb for verb in clips.VERBS if "slide" in verb or RETURNS.get(verb, "-")[0] in ("x", "y")]


@pytest.mark.parametrize("verb", SLIDING)
def test_whatever_slides_is_seen_to_move_within_a_tubelet(verb, plain):
    rng, (images, _) = np.random.default_rng(0), embedded.digits()
    for n in range(20):
        path = track(verb, 8, rng)
        moved = np.abs(np.diff(centres(draw(images[n], path, 32, rng).mask), axis=0)).max(-1)
        for name, start, stop in path.events:
            if name in ("go", "back"):
                assert moved[start : stop - 1].mean() > 1.2  # pixels a frame


def centres(masks):
    """(y, x) of the object in each frame; nan where it is invisible."""
    return np.array([np.argwhere(mask).mean(0) if mask.any() else [np.nan] * 2 for mask in masks])


def test_the_change_of_an_order_verb_comes_at_many_times():
    rng = np.random.default_rng(0)
    changes = {next(e[1] for e in track("right_then_left", 8, rng).events if e[0] == "back") for _ in range(200)}
    assert len(changes) >= 4


def probe(features, labels, classes):
    """Accuracy of a least-squares classifier on the second half, fitted on the first."""
    half = len(features) // 2
    x = np.c_[features, np.ones(len(features))]
    weights = np.linalg.lstsq(x[:half], np.eye(classes)[labels[:half]], rcond=None)[0]
    return ((x[half:] @ weights).argmax(1) == labels[half:]).mean()


@pytest.fixture(scope="module")
def drawn():
    """Mean colour and object centre of one random frame of each of 1,200 clips, their direction and digit."""
    rng = np.random.default_rng(3)
    images, labels = embedded.digits()
    rows = []
    for _ in range(1200):
        index, verb = rng.integers(len(images)), ("slide_right", "slide_left")[rng.integers(2)]
        clip, frame = draw(images[index], track(verb, 8, rng), 32, rng), rng.integers(16)
        centre = [axis.mean() for axis in np.nonzero(clip.mask[frame])]
        rows.append([*clip.frames[frame].mean((0, 1)), *centre, verb == "slide_left", labels[index]])
    return np.array(rows)


def test_neither_colour_nor_position_of_a_frame_gives_the_verb_or_the_digit_away(drawn):
    features = (drawn[:, :5] - drawn[:, :5].mean(0)) / drawn[:, :5].std(0)
    assert probe(features, drawn[:, 5].astype(int), 2) < 0.5 + 3.3 * np.sqrt(0.25 / 600)  # 3.3 standard deviations
    # Digits differ in how much ink they have, and ink brightens the mean a little: twice chance is the bound.
    assert probe(features, drawn[:, 6].astype(int), 10) < 0.2
