"""The command line says what the library says, and errors in one sentence."""

import functools

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
