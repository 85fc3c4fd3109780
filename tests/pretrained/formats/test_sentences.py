"""What cannot be read is told in one true sentence: what it is, and what can be."""

import json
import os
import pathlib
import shutil

import golden_files
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import vivit_edu as ve

SENTENCES = (ValueError, KeyError, FileNotFoundError)


@pytest.fixture
def vit(tmp_path):
    return shutil.copytree(golden_files.HERE / "transformers_vit", tmp_path / "vit")


def edit(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def refused(source, sentence, **options):
    with pytest.raises(SENTENCES, match=sentence) as caught:
        ve.pretrained.load(source, **options)
    assert "Errno" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["vit", "dinov2"])
@pytest.mark.parametrize("classes", [7, np.int64(7), {"verb": 3, "noun": np.int32(4)}])
def test_a_bare_model_takes_the_classes_that_it_asks_for(kind, classes, tmp_path):
    folder = shutil.copytree(golden_files.HERE / f"transformers_{kind}", tmp_path, dirs_exist_ok=True)
    tensors = load_file(
        folder / "model.safetensors"
    )  # without a classifier, and without the prefix, as it is published
    bare = {name.removeprefix(f"{kind}."): value for name, value in tensors.items() if "classifier" not in name}
    save_file(bare, folder / "model.safetensors")
    refused(folder, "has no classifier: say classes=")
    for wrong in (0, 2.5, "7", {"verb": 0.5}):
        refused(folder, "classes must be a whole number", classes=wrong)
    model = ve.pretrained.load(folder, classes=classes)
    shape = model.heads.output.kernel.shape
    assert shape == ((24 if kind == "dinov2" else 12), 7)
    size = (1, *model.config.size, 3)
    logits = model(np.zeros(size, np.float32))
    assert not any(np.asarray(part).any() for part in (logits.values() if isinstance(logits, dict) else [logits]))


FOLDERS = {
    "empty": ([], "is an empty folder: read are folders of vivit_edu or Hugging Face"),
    "peft": (["adapter_config.json", "adapter_model.safetensors"], "is a PEFT adapter, changes to another model"),
    "orbax": (["_CHECKPOINT_METADATA", "manifest.ocdbt"], "is an Orbax checkpoint"),
    "old orbax": (["_METADATA", "checkpoint/a"], "is an Orbax checkpoint"),
    "orbax manager": (["100/manifest.ocdbt"], "is a folder of Orbax checkpoints"),
    "diffusers": (["model_index.json", "unet/config.json"], "is a diffusers pipeline of several models"),
    "saved model": (["saved_model.pb"], "is a TensorFlow SavedModel"),
    "tensorflow": (["checkpoint", "a.index", "a.data-00000-of-00001"], "is a TensorFlow checkpoint"),
    "flax": (["flax_model.msgpack"], "is a Flax model of transformers"),
    "hub": (["refs/main", "snapshots/0123/config.json"], "is the hub's cache of a model: name the folder below"),
    "steps": (["checkpoint_100", "checkpoint_200"], "is a folder of Flax checkpoints: name one of its files"),
    "no config": (["model.safetensors"], r"is without the config\.json that says what its safetensors are"),
    "pickles": (["pytorch_model.bin"], "is a folder of pickled files, which are never opened"),
    "models": (["one/config.json", "two/config.json"], "is a folder of models: name one of its folders"),
    "archives": (["ViT.npz"], "is a folder of numpy archives: name one of them"),
    "clips": (["a.mp4", "b.mp4"], r"is no model, its files are \['a.mp4', 'b.mp4'\]; read are folders"),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_holds_no_model_says_what_it_is(name, tmp_path):
    files, sentence = FOLDERS[name]
    folder = tmp_path / "folder"
    folder.mkdir()
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text('model_checkpoint_path: "a"')
    for load in (ve.pretrained.load, ve.pretrained.from_hugging_face):
        with pytest.raises(ValueError, match=rf"folder {sentence}"):
            load(folder)


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({"architecture": "vit_base_patch16_224", "num_classes": 5}, "model_type None; it is timm's; read are vit"),
        ({"_class_name": "UNet2DModel"}, "model_type None; it is a diffusers model's"),
        ({"model_type": ["vit"]}, r"model_type \['vit'\]; read are vit, dinov2, vivit"),
        ({"model_type": "dinov2_with_registers"}, "model_type 'dinov2_with_registers'"),
        ({"model_type": "vit"}, "there is no 'hidden_act'"),
    ],
)
def test_a_configuration_of_another_kind_says_whose_it_is(record, sentence, vit):
    (vit / "config.json").write_text(json.dumps(record))
    refused(vit, sentence)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"hidden_size": None}, "hidden_size must be a whole number; got None"),
        ({"hidden_size": "12"}, "hidden_size must be a whole number; got '12'"),
        ({"num_attention_heads": 3.0}, r"num_attention_heads must be a whole number; got 3\.0"),
        ({"num_hidden_layers": True}, "num_hidden_layers must be a whole number; got True"),
        ({"image_size": None}, "image_size must be 2 whole numbers; got None"),
        ({"patch_size": "4"}, "patch_size must be 2 whole numbers; got '4'"),
        ({"layer_norm_eps": "1e-6"}, "layer_norm_eps must be a number; got '1e-6'"),
        ({"hidden_act": ["gelu"]}, r"hidden_act is \['gelu'\]"),
        ({"num_channels": None}, "num_channels must be a whole number; got None"),
        ({"id2label": {"0": "a", "1": "b"}}, r"names 2 classes \(id2label\); the classifier has 5 columns"),
        ({"quantization_config": {"load_in_8bit": True}}, "is of quantised weights"),
    ],
)
def test_a_field_of_another_type_is_named_as_the_file_names_it(fields, sentence, vit):
    edit(vit / "config.json", **fields)
    refused(vit, rf"config\.json.*{sentence}")


def test_the_classifier_says_how_many_classes_there_are_where_the_configuration_does_not(vit):
    record = json.loads((vit / "config.json").read_text())
    del record["id2label"], record["label2id"]
    (vit / "config.json").write_text(json.dumps(record))
    assert ve.pretrained.load(vit).config.classes == 5


def test_frames_are_not_asked_of_an_image_model(tmp_path):
    from checkpoints import google

    np.savez(tmp_path / "ViT.npz", **google(0)[0])
    with pytest.raises(ValueError, match="are of no square frames: say size") as caught:
        ve.pretrained.load(tmp_path / "ViT.npz")
    assert "frames=" not in str(caught.value) and "and frames" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ViT-B/16 imagenet22k", "near it: .*'ViT-B/16 imagenet21k'"),
        ("scenic/ViViT-B/16x2 kinetics-400", "near it: .*'scenic/ViViT-B/16x2 kinetics400'"),
        ("ViT-B/16", "'ViT-B/16' is neither an embedded model"),
        ("ViViT-nano/8x4", "near it: .*'ViViT-nano/8x2'"),
        ("", "'' is neither|is no model|'.' is neither"),
    ],
)
def test_a_misspelt_name_is_told_those_near_it(name, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(name, rf"{sentence}|is an empty folder" if not name else sentence)


def test_a_folder_here_is_not_answered_by_an_embedded_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "ViT-nano/8"
    other = golden_files.HERE / "transformers_vit"
    for place in (name, "ViT-nano_8"):  # the second is how the library's own folder is called
        shutil.copytree(other, place)
    assert ve.pretrained.load("ViT-nano_8").config.width == 12
    refused(name, r"'ViT-nano/8' is an embedded model and also lies here: Path\('ViT-nano/8'\) names what lies here")
    assert ve.pretrained.load(pathlib.Path(name)).config.width == 12
    shutil.rmtree("ViT-nano")
    assert ve.pretrained.load(name).config.width == ve.pretrained.load(pathlib.Path(name)).config.width == 64
    refused(".", "is a folder of models: name one of its folders")


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), IsADirectoryError(21, "Is a directory")])
def test_what_the_system_refuses_is_a_sentence_with_the_file(error, vit, monkeypatch):
    error.filename = str(vit / "config.json")

    def fails(*_):
        raise error

    monkeypatch.setattr(pathlib.Path, "read_bytes", fails)
    with pytest.raises(type(error), match=rf"^{error.filename} cannot be read: {error.strerror}$"):
        ve.pretrained.load(vit)


def test_links_to_nothing_and_pointers_are_told(vit, tmp_path):
    os.symlink(tmp_path / "gone", tmp_path / "model")
    refused(tmp_path / "model", "model is a link to .*gone, which is not there")
    (vit / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    refused(vit, r"model\.safetensors is a pointer of Git LFS, not the file itself: fetch it with git lfs pull")
    (vit / "model.safetensors").unlink()
    (vit / "tf_model.h5").write_text("")
    refused(vit, r"holds neither model\.safetensors nor .*, and the folder is a TensorFlow model of transformers")
    (vit / "config.json").unlink()
    (vit / "config.json").symlink_to("elsewhere.json")
    refused(vit, "is a link to elsewhere.json, which is not there")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_halves_on_disk_are_float32_in_memory(dtype, vit):
    import jax.numpy as jnp

    tensors = {name: value.astype(jnp.dtype(dtype)) for name, value in load_file(vit / "model.safetensors").items()}
    save_file(tensors, vit / "model.safetensors")
    edit(vit / "config.json", torch_dtype=dtype)
    bias = ve.pretrained.load(vit).body.encoder.norm.bias[...]
    assert bias.dtype == np.float32
    np.testing.assert_array_equal(bias, tensors["vit.layernorm.bias"].astype(np.float32))


@pytest.mark.parametrize("whole", [np.int64, np.uint16, np.array])
def test_numpy_s_whole_numbers_are_asked_for_and_said_as_any(whole, vit):
    sizes = (whole(12), whole(8))
    assert ve.pretrained.load(vit, size=sizes, frames=whole(1)).config.grid == (1, 3, 2)
    assert ve.pretrained.load(vit, trained_on={"size": (whole(8), whole(12))}).config.grid == (1, 2, 3)
