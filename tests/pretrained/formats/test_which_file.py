"""The file that is named, or was written last, is the one that is read; a folder is written whole or not at all."""

import json
import os
import pathlib
import shutil

import golden_files
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from toys import arrays_of, toy_clips, toy_image_model, toy_model

import vivit_edu as ve
from vivit_edu.pretrained.formats import export

INDEX = "model.safetensors.index.json"
TENSORS = load_file(golden_files.HERE / "transformers_vit" / "model.safetensors")
BIAS = "body/encoder/norm/bias"


@pytest.fixture
def vit(tmp_path):
    return shutil.copytree(golden_files.HERE / "transformers_vit", tmp_path / "vit")


def marked(number):
    """The ViT's tensors with one of them changed, by which a file is known."""
    return TENSORS | {"vit.layernorm.bias": np.full(12, number, np.float32)}


def shard(folder, tensors, count=3):
    """Writes the tensors as shards with an index; the shards' names."""
    where = {name: f"model-{i % count + 1:05}-of-{count:05}.safetensors" for i, name in enumerate(sorted(tensors))}
    for file in set(where.values()):
        save_file({name: tensors[name] for name in tensors if where[name] == file}, folder / file)
    (folder / INDEX).write_text(json.dumps({"weight_map": where}))
    return sorted(set(where.values()))


def read(place):
    return arrays_of(ve.pretrained.load(place))[BIAS][0]


def test_an_index_beside_the_whole_file_is_left_out_and_named(vit):
    shards = shard(vit, marked(3))
    save_file(marked(4), vit / "model.safetensors")
    report = ve.pretrained.Report()
    assert arrays_of(ve.pretrained.load(vit, report=report))[BIAS][0] == 4
    assert INDEX in report.left_out
    for file in shards:  # as transformers leaves it, when it has written one file where there were several
        (vit / file).unlink()
    assert read(vit) == 4
    (vit / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=rf"vit lacks model-00001-of-00003.*, of 3 that {INDEX} names"):
        ve.pretrained.load(vit)


@pytest.mark.parametrize(
    "name", ["model.fp16.safetensors", "other.safetensors", "MINE.SAFETENSORS", "a b-1.safetensors"]
)
def test_the_file_that_is_named_is_read_and_not_its_neighbour(name, vit):
    save_file(marked(5), vit / name)
    assert read(vit / name) == 5 and read(vit / "model.safetensors") != 5
    (vit / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=rf"holds neither model.safetensors nor {INDEX}; there is {name}: name"):
        ve.pretrained.load(vit)


def test_a_file_of_our_own_that_is_named_is_read(tmp_path):
    one = ve.pretrained.save(toy_model(seed=1), tmp_path / "one")
    assert arrays_of(ve.pretrained.load(one / "model.safetensors")).keys() == arrays_of(toy_model()).keys()
    ve.pretrained.save(toy_model(seed=2), tmp_path / "two")
    shutil.copy(tmp_path / "two" / "model.safetensors", one / "other.safetensors")
    with pytest.raises(ValueError, match=r"other\.safetensors is damaged, or not the file that was saved"):
        ve.pretrained.load(one / "other.safetensors")


def test_links_as_the_hub_s_cache_has_them_are_followed_to_the_file_and_not_to_its_folder(vit, tmp_path):
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    save_file(marked(6), blobs / "0123abcd")
    (vit / "model.safetensors").unlink()
    (vit / "model.safetensors").symlink_to(blobs / "0123abcd")
    (vit / "more.safetensors").symlink_to(blobs / "0123abcd")
    assert [read(place) for place in (vit, vit / "model.safetensors", vit / "more.safetensors")] == [6, 6, 6]
    (blobs / "0123abcd").unlink()
    for place in (vit, vit / "model.safetensors"):
        with pytest.raises(FileNotFoundError, match=r"model\.safetensors is a link to .*0123abcd, which is not there"):
            ve.pretrained.load(place)


def test_a_shard_named_alone_says_what_to_name(vit):
    shards = shard(vit, marked(3))
    with pytest.raises(ValueError, match=r"00002-of-00003.* is one of 3 files that make one model: name its folder"):
        ve.pretrained.load(vit / shards[1])
    (vit / INDEX).unlink()
    with pytest.raises(ValueError, match="is one of 3 files"):
        ve.pretrained.load(vit / shards[1])
    save_file(marked(7), vit / "model-00001-of-00001.safetensors")
    assert read(vit / "model-00001-of-00001.safetensors") == 7
    with pytest.raises(ValueError, match=r"config\.json is a part of a folder's model: name the folder, .*vit$"):
        ve.pretrained.load(vit / "config.json")


def test_shards_without_their_index_are_told_what_is_missing(vit):
    shards = shard(vit, marked(3), count=2)
    (vit / "model.safetensors").unlink()
    (vit / INDEX).unlink()
    with pytest.raises(FileNotFoundError, match=r"00002-of-00002\.safetensors: they make one model .* is missing$"):
        ve.pretrained.load(vit)
    for file in shards:
        with pytest.raises(ValueError, match=rf"is one of 2 files that make one model: their index, {INDEX}, is miss"):
            ve.pretrained.load(vit / file)


@pytest.mark.parametrize("index", ["", "{", "[1]", '{"weight_map": {}}', '{"weight_map": {"a": "../b"}}', "shards"])
def test_an_index_of_any_kind_leaves_the_word_to_the_whole_file(index, vit):
    save_file(marked(8), vit / "other.safetensors")
    listed = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (vit / INDEX).write_text(json.dumps(listed) if index == "shards" else index)
    report = ve.pretrained.Report()
    own = arrays_of(ve.pretrained.load(vit, report=report))[BIAS][0]
    assert report.left_out == {INDEX: "model.safetensors is there"}
    assert read(vit / "model.safetensors") == own != 8 and read(vit / "other.safetensors") == 8


def test_what_stands_in_for_weights_is_told(vit):
    (vit / "model.safetensors").unlink()
    (vit / INDEX).write_text('{"weight_map": {}}')
    with pytest.raises(ValueError, match=r"index\.json lists no tensors: its weight_map is empty"):
        ve.pretrained.load(vit)
    (vit / INDEX).unlink()
    (vit / "model.safetensors").mkdir()
    with pytest.raises(FileNotFoundError, match=r"its model\.safetensors is a folder, no file$"):
        ve.pretrained.load(vit)


@pytest.mark.parametrize("kind", ["vit", "vivit"])
def test_an_exported_model_is_the_one_that_is_read_back_whatever_lay_there(kind, tmp_path):
    folder = shutil.copytree(golden_files.HERE / f"transformers_{kind}", tmp_path / "old")
    shards = shard(folder, load_file(folder / "model.safetensors"))
    (folder / "model.safetensors").unlink()
    old = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "do_rescale": False, "offset": False}
    for name in ("preprocessor_config.json", "video_preprocessor_config.json"):
        (folder / name).write_text(json.dumps(old))
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": old}))
    (folder / "notes.txt").write_text("kept")
    model = toy_image_model(seed=3) if kind == "vit" else toy_model(seed=3)
    ve.pretrained.export_hugging_face(model, folder)
    left = {"model.safetensors", "config.json", "preprocessor_config.json", "notes.txt", "logits.npz"}
    assert {path.name for path in folder.iterdir()} == left and not set(shards) & left
    report = ve.pretrained.Report()
    again = ve.pretrained.load(folder, report=report)
    clips = toy_clips(model.config)[:, 0] if kind == "vit" else toy_clips(model.config)
    np.testing.assert_array_equal(again(clips), model(clips))
    assert str(report) == "every parameter as it was"


def test_an_exported_processor_makes_pixels_in_minus_one_to_one(tmp_path):
    pixels = np.arange(256.0)
    for name, model in (("vit", toy_image_model(channels=1)), ("vivit", toy_model())):
        ve.pretrained.export_hugging_face(model, tmp_path / name)
        record = json.loads((tmp_path / name / "preprocessor_config.json").read_text())
        made = pixels * record["rescale_factor"] - record.get("offset", False)
        if record["do_normalize"]:
            made = (made - record["image_mean"][0]) / record["image_std"][0]
        np.testing.assert_allclose(made, pixels / 127.5 - 1, atol=1e-15)
        assert record["size"] == {"height": 6, "width": 12}


def test_an_export_over_a_model_of_our_own_is_what_is_read_back(tmp_path):
    ve.pretrained.save(toy_model(seed=1), tmp_path)
    model = toy_model(seed=2)
    again = ve.pretrained.load(ve.pretrained.export_hugging_face(model, tmp_path))
    np.testing.assert_array_equal(arrays_of(again)[BIAS], arrays_of(model)[BIAS])


def test_an_adapter_in_the_folder_is_not_put_on_the_exported_model(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"adapter_config\.json is of an adapter, which transformers would put on"):
        ve.pretrained.export_hugging_face(toy_model(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["adapter_config.json"]


def fails(*_, **__):
    raise OSError("no space left on device")


@pytest.mark.parametrize("moment", ["weights", "configuration", *range(1, 6)])
def test_an_export_that_fails_half_way_leaves_the_folder_as_it_was(moment, vit, monkeypatch):
    shard(vit, marked(3))
    (vit / "model.safetensors").unlink()
    before = {path.name: path.read_bytes() for path in vit.iterdir()}
    calls, moves = iter(range(1, 99)), {name: getattr(os, name) for name in ("rename", "replace")}

    def counted(move):
        return lambda *names, **options: fails() if next(calls) == moment else move(*names, **options)

    with monkeypatch.context() as patch:
        if moment == "weights":
            patch.setattr(export, "save_file", fails)
        elif moment == "configuration":
            patch.setattr(pathlib.Path, "write_text", fails)
        for name, move in moves.items():
            patch.setattr(os, name, counted(move))
        with pytest.raises(OSError, match="no space left"):
            ve.pretrained.export_hugging_face(toy_image_model(), vit)
        if isinstance(moment, str):
            with pytest.raises(OSError, match="no space left"):
                ve.pretrained.export_hugging_face(toy_image_model(), vit.parent / "new")
    assert {path.name: path.read_bytes() for path in vit.iterdir()} == before and read(vit) == 3
    assert not (vit.parent / "new").exists()
    ve.pretrained.export_hugging_face(toy_image_model(), vit)
    assert ve.pretrained.load(vit).config.width == 8
