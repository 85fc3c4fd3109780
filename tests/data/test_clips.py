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
from vivit_edu.data import cache, clips
from vivit_edu.data.clips import embedded
from vivit_edu.data.clips.annotations import TEMPLATES
from vivit_edu.data.clips.render import draw
from vivit_edu.data.clips.verbs import MOTIONS, RETURNS

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
    expected, (images, labels) = datasets.load_digits(), embedded.digits()
    np.testing.assert_array_equal(images * 16, expected.images)
    np.testing.assert_array_equal(labels, expected.target)


def test_every_verb_meets_every_noun_equally_often(folder):
    counts = collections.Counter((e.labels["verb"], e.labels["noun"]) for e in clips.examples("train", folder))
    assert len(counts) == len(clips.VERBS) * len(clips.NOUNS) and set(counts.values()) == {1}


def test_no_two_splits_share_a_digit_image():
    chosen = {split: np.concatenate(embedded.digit_images(split, seed=0)) for split in clips.SPLITS}
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

    monkeypatch.setattr(embedded, "draw", interrupted)
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


@pytest.mark.slow
def test_a_killed_process_leaves_only_whole_files_and_the_next_one_ends_its_work(folder, tmp_path):
    process = making(tmp_path)
    while len(list(tmp_path.glob("videos/*.mp4"))) < 30:
        time.sleep(0.01)
    process.kill()
    process.wait()
    expected = digest(folder)
    assert all(expected[f"videos/{path.name}"] == sha(path) for path in tmp_path.glob("videos/*.mp4"))
    assert digest(ve.data.make_clips(tmp_path, **SMALL)) == expected


@pytest.mark.parametrize("name", ["a folder", "nowhere/file"])
def test_a_writing_that_fails_leaves_nothing_behind(tmp_path, name):
    (tmp_path / "a folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        cache.write_whole(tmp_path / name, b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["a folder"]


def test_what_a_killed_process_left_unfinished_goes_after_ten_minutes(tmp_path):
    (tmp_path / "videos").mkdir()
    old, new = (tmp_path / "videos" / f"{name}.mp4.1.2.part" for name in ("old", "new"))
    for path, age in ((old, 700), (new, 500)):
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age,) * 2)
    cache.remove_unfinished(tmp_path / "videos")
    assert new.exists() and not old.exists()


@pytest.mark.slow
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
    epic = embedded.read_epic(folder / "epic" / "EPIC_100_train.csv")
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
