"""The command line says what the library says, and errors in one sentence."""

import functools
import json
import re

import numpy as np
import pytest

import vivit_edu as ve
from vivit_edu.cli import main

TOY = ["ViViT-Ti/16x2 FE", "--classes=7", "--frames=4", "--size=32"]


def test_cost_prints_what_the_library_counts(capsys):
    assert main(["cost", *TOY]) == 0
    count = ve.cost.parameters(ve.named("ViViT-Ti/16x2 FE", classes=7, frames=4, size=32))
    assert f"{count / 1e6:,.2f} M" in capsys.readouterr().out


def test_views_multiply_the_operations(capsys):
    main(["cost", *TOY, "--views=1"])
    main(["cost", *TOY, "--views=10"])
    one, ten = (float(line.split()[1]) for line in capsys.readouterr().out.splitlines() if "operations" in line)
    assert ten == pytest.approx(10 * one, abs=0.5)  # printed with one decimal


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["cost", "ViViT-Q/16x2"], "no model is named 'ViViT-Q/16x2'"),
        (["cost", *TOY, "--views=0"], "views must be at least 1; got 0"),
        (["cost", *TOY, "--size=8"], r"8"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, says, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert err.startswith("vivit-edu: ") and says in err and len(err.splitlines()) == 1 and not out


def test_no_command_is_exit_code_2(capsys):
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "COMMAND" in capsys.readouterr().err


@pytest.mark.slow
def test_clips_go_where_they_are_told(tmp_path, capsys, monkeypatch):
    few = functools.partial(ve.data.make_clips, train=0, validation=0, test=1, progress=False)
    monkeypatch.setattr(ve.data, "make_clips", few)  # the whole set takes a minute
    assert main(["data", "make", str(tmp_path / "clips")]) == 0
    assert str(tmp_path / "clips") in capsys.readouterr().out
    assert list((tmp_path / "clips").rglob("*.mp4"))


def test_folder_that_is_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    assert main(["data", "make", str(tmp_path / "taken")]) == 2
    assert "taken" in capsys.readouterr().err


def test_a_clip_becomes_a_page(tmp_path, capsys):
    clip, page = tmp_path / "clip.mp4", tmp_path / "page.html"
    ve.data.write_clip(clip, np.zeros((20, 48, 64, 3), np.uint8))
    assert main(["explain", str(clip), "--layers", "space/2", "--heads", "mean", "0", "--out", str(page)]) == 0
    assert capsys.readouterr().out.strip() == str(page)
    state = json.loads(re.search(r'id="state">(.*?)</script>', page.read_text(), flags=re.DOTALL)[1])
    (model,) = state["meta"]["models"]
    assert [(layer["name"], layer["heads"]) for layer in model["layers"]] == [("space/2", ["0", "mean"])]
    assert state["clip"]["name"] == "clip.mp4" and len(state["clip"]["seconds"]) == 16


@pytest.mark.parametrize(
    "wrong, says",
    [
        ({"clip": "none.mp4"}, "there is no video file none.mp4"),
        ({"--layers": "space/9"}, "there is no layer space/9; choose from space/0"),
        ({"--every": "5"}, "every must be from 1 to 4, the smaller side of the grid (4, 4); got 5"),
        ({"--model": "no-such-model"}, "no-such-model"),
    ],
)
def test_a_page_that_cannot_be_is_one_sentence_and_no_file(wrong, says, tmp_path, capsys):
    clip, page = tmp_path / "clip.mp4", tmp_path / "page.html"
    ve.data.write_clip(clip, np.zeros((20, 48, 64, 3), np.uint8))
    options = [part for option, value in wrong.items() if option != "clip" for part in (option, value)]
    assert main(["explain", wrong.get("clip", str(clip)), "--out", str(page), *options]) == 2
    out, err = capsys.readouterr()
    assert says in err and len(err.splitlines()) == 1 and not out and not page.exists()
