"""Where a model cannot be written is told in a sentence, and what is the user's stays."""

import pathlib

import pytest
from toys import toy_model

import vivit_edu as ve

INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize("write", [ve.pretrained.save, ve.pretrained.export_hugging_face])
@pytest.mark.parametrize(
    ("place", "error", "sentence"),
    [
        ("file", FileExistsError, "file is a file, no folder to write a model to"),
        ("file/model", NotADirectoryError, r"file/model cannot be made: .*file is a file"),
        ("file/a/model", NotADirectoryError, r"file/a/model cannot be made: .*file is a file"),
        ("link", FileExistsError, "link is a link to .*gone, which is not there"),
        ("link/model", FileExistsError, "link is a link to .*gone, which is not there"),
        ("full", IsADirectoryError, r"full holds folders named model\.safetensors: no model can be saved there"),
    ],
)
def test_where_no_folder_can_be_written_is_told_in_a_sentence(write, place, error, sentence, tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    (tmp_path / "full" / "model.safetensors").mkdir(parents=True)
    with pytest.raises(error, match=sentence) as caught:
        write(toy_model(), tmp_path / place)
    assert "Errno" not in str(caught.value) and (tmp_path / "file").read_text() == "kept"
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("write", [ve.pretrained.save, ve.pretrained.export_hugging_face])
def test_what_the_system_refuses_to_write_is_told_in_a_sentence(write, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_text", full)
    with pytest.raises(OSError, match=r"^\S*model cannot be written: No space left on device$"):
        write(toy_model(), tmp_path / "model")


@pytest.mark.parametrize("name", ["mine-00001-of-00002.safetensors", INDEX, "processor_config.json"])
def test_an_export_leaves_the_user_s_files_and_folders(name, tmp_path):
    kept = tmp_path / name if name.startswith("mine") else tmp_path / name / "kept.txt"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("kept")
    ve.pretrained.export_hugging_face(toy_model(), tmp_path)
    assert kept.read_text() == "kept"
