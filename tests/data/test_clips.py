"""The embedded set: balanced, deterministic, fair between its classes, and with its truth beside it."""

import collections
import csv
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import pytest

import vivit_edu as ve
from vivit_edu.data import cache, clips, render, write_clip
from vivit_edu.data.annotations import TEMPLATES
from vivit_edu.data.render import draw
from vivit_edu.data.verbs import MOTIONS, RETURNS, blink_and_slide, there_and_back, track

SMALL = {"train": 1, "validation": 0, "test": 1, "progress": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return ve.data.make_clips(tmp_path_factory.mktemp("clips"), **SMALL)


def digest(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".part")
    return {path.relative_to(folder).as_posix(): sha(path) for path in files}


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_digits_are_scikit_learn_s():
    datasets = pytest.importorskip("sklearn.datasets")
    expected, (images, labels) = datasets.load_digits(), clips.digits()
    np.testing.assert_array_equal(images * 16, expected.images)
    np.testing.assert_array_equal(labels, expected.target)


def test_every_verb_meets_every_noun_equally_often(folder):
    counts = collections.Counter((e.labels["verb"], e.labels["noun"]) for e in clips.examples("train", folder))
    assert len(counts) == len(clips.VERBS) * len(clips.NOUNS) and set(counts.values()) == {1}


def test_no_two_splits_share_a_digit_image():
    chosen = {split: np.concatenate(clips.digit_images(split, seed=0)) for split in clips.SPLITS}
    everything = np.concatenate(list(chosen.values()))
    assert len(np.unique(everything)) == len(everything) == 1797
    assert min(map(len, chosen.values())) > 100


def test_the_same_seed_gives_the_same_bytes_whatever_the_workers(folder, tmp_path):
    again = ve.data.make_clips(tmp_path, **SMALL, workers=1)
    assert digest(again) == digest(folder)


def test_an_interrupted_making_goes_on_and_ends_with_the_same_bytes(folder, tmp_path, monkeypatch):
    drawn = []

    def interrupted(*arguments):
        drawn.append(1)
        if len(drawn) > 60:
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(clips, "draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ve.data.make_clips(tmp_path, **SMALL, workers=1)
    monkeypatch.undo()
    assert not (tmp_path / "manifest.json").exists() and len(list((tmp_path / "videos").iterdir())) >= 60
    with pytest.raises(ValueError, match="no complete set of clips"):
        clips.examples("train", tmp_path)
    assert digest(ve.data.make_clips(tmp_path, **SMALL)) == digest(folder)


MAKE = """
import pathlib, sys
from vivit_edu.data import make_clips
make_clips(pathlib.Path(sys.argv[1]), train=1, validation=0, test=1, progress=False)
"""


def making(folder):
    """A process of its own that makes the small set."""
    return subprocess.Popen([sys.executable, "-c", MAKE, folder], cwd=pathlib.Path(__file__).parents[2])


def test_a_killed_process_leaves_only_whole_files_and_the_next_one_ends_its_work(folder, tmp_path):
    process = making(tmp_path)
    while len(list(tmp_path.glob("videos/*.mp4"))) < 30:
        time.sleep(0.01)
    process.kill()
    process.wait()
    expected = digest(folder)
    assert all(expected[f"videos/{path.name}"] == sha(path) for path in tmp_path.glob("videos/*.mp4"))
    assert digest(ve.data.make_clips(tmp_path, **SMALL)) == expected


def test_what_a_killed_process_left_unfinished_goes_after_ten_minutes(tmp_path):
    (tmp_path / "videos").mkdir()
    old, new = (tmp_path / "videos" / f"{name}.mp4.1.2.part" for name in ("old", "new"))
    for path, age in ((old, 700), (new, 500)):
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age,) * 2)
    cache.remove_unfinished(tmp_path / "videos")
    assert new.exists() and not old.exists()


def test_two_processes_may_make_one_folder_at_once(folder, tmp_path):
    processes = [making(tmp_path), making(tmp_path)]
    assert [process.wait() for process in processes] == [0, 0]
    assert digest(tmp_path) == digest(folder)


def test_a_folder_of_other_clips_is_left_alone(folder):
    with pytest.raises(ValueError, match="made with other arguments"):
        ve.data.make_clips(folder, **{**SMALL, "seed": 1})


def test_files_decode_to_clips_that_match_their_mask(folder):
    example = clips.examples("train", folder, verbs=["slide_right"])[3]
    frames, truth = ve.data.read_frames(example.path), clips.truth(example)
    assert frames.shape == (16, 32, 32, 3) and truth.mask.shape == (16, 32, 32)
    inside, outside = frames[truth.mask].max(-1).mean(), frames[~truth.mask].max(-1).mean()
    assert inside > outside + 60  # the digit is bright, the ground dark
    x = [np.nonzero(mask)[1].mean() for mask in truth.mask]
    (start, stop) = next(event[1:] for event in truth.events if event[0] == "go")
    assert (np.diff(x[start:stop]) > 0.8).all()


def test_nothing_is_seen_of_an_object_while_it_blinks(folder):
    for example in clips.examples("train", folder, verbs=["blink_twice"]):
        truth = clips.truth(example)
        dark = [event[1:] for event in truth.events if event[0] == "blink"]
        assert len(dark) == 2 and all(stop - start == 2 and start % 2 == 0 for start, stop in dark)
        seen = truth.mask.any(axis=(1, 2))
        assert not any(seen[start:stop].any() for start, stop in dark) and seen.sum() == 12


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
            write_clip(tmp_path / "clip.mp4", draw(clips.digits()[0][seed], path, 32, rng).frames, key_every=1)
            frames = ve.data.read_frames(tmp_path / "clip.mp4")
            bags.append([tubelet.tobytes() for tubelet in frames.reshape(8, 2, 32, 32, 3)])
        assert bags[0] != bags[1] and sorted(bags[0]) == sorted(bags[1])


def test_the_drawing_changes_only_with_the_version_that_names_its_folder():
    rng, (images, _) = np.random.default_rng(0), clips.digits()
    drawn = [draw(images[n], track(verb, 8, rng), 32, rng) for n, verb in enumerate(clips.VERBS)]
    means = [np.mean([clip.frames.mean() for clip in drawn]), np.mean([clip.mask.mean() for clip in drawn])]
    assert clips.VERSION == 3 and np.allclose(means, [119.51, 0.13297], rtol=1e-4)


SLIDING = [verb for verb in clips.VERBS if "slide" in verb or RETURNS.get(verb, "-")[0] in ("x", "y")]


@pytest.mark.parametrize("verb", SLIDING)
def test_whatever_slides_is_seen_to_move_within_a_tubelet(verb, plain):
    rng, (images, _) = np.random.default_rng(0), clips.digits()
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
    images, labels = clips.digits()
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


def test_the_annotation_reads_as_kinetics_something_something_and_epic_do(folder):
    with (folder / "kinetics" / "train.csv").open(newline="") as file:
        kinetics = list(csv.DictReader(file))
    assert kinetics[0].keys() == {"label", "youtube_id", "time_start", "time_end", "split"}
    row = kinetics[0]
    assert (
        folder / "videos" / f"{row['youtube_id']}_{int(row['time_start']):06d}_{int(row['time_end']):06d}.mp4"
    ).exists()
    something = json.loads((folder / "ssv2" / "something-something-v2-train.json").read_text())
    labels = json.loads((folder / "ssv2" / "something-something-v2-labels.json").read_text())
    assert {labels[s["template"].replace("[", "").replace("]", "")] for s in something} == {str(i) for i in range(19)}
    assert all((folder / "videos" / f"{s['id']}.mp4").exists() for s in something)
    epic = clips.read_epic(folder / "epic" / "EPIC_100_train.csv")
    assert epic[0]["verb"] == clips.VERBS[int(epic[0]["verb_class"])] and epic[0]["stop_timestamp"] == "00:00:02.00"
    assert TEMPLATES.keys() == set(clips.VERBS) == set(clips.KINDS)


def test_there_are_motion_count_and_order_verbs():
    kinds = collections.Counter(clips.KINDS.values())
    assert kinds == {"motion": len(MOTIONS), "count": 3, "order": len(RETURNS) + 2} and sum(kinds.values()) >= 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train": -1}, "whole numbers, not all 0; got"),
        ({"train": 0, "validation": 0, "test": 0}, "not all 0"),
        ({"frames": 15}, "frames must be at least 16 and even, whole tubelets of 2; got 15"),
        ({"size": 31}, "size must be at least 16 pixels and even; got 31"),
        ({"fps": 0}, "fps must be above 0; got 0"),
    ],
)
def test_arguments_that_do_not_fit_get_one_sentence(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        ve.data.make_clips(tmp_path, **arguments)
    assert not list(tmp_path.iterdir())


def test_unknown_splits_verbs_and_examples_are_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="split must be one of train, validation, test; got 'val'"):
        clips.examples("val", folder)
    with pytest.raises(ValueError, match="no verb is named jump: choose from slide_right"):
        clips.examples("test", folder, verbs=["jump"])
    with pytest.raises(ValueError, match="none of the embedded clips"):
        clips.truth(ve.data.Example(path=tmp_path / "a" / "b.mp4", labels={}, id="x-1"))
