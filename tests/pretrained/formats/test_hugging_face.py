"""Folders of transformers are read and written: its logits are ours, and every tensor has its place."""

import json
import shutil

import golden_files
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import load_file, save_file
from toys import randomise, toy_clips, toy_config, toy_model

import vivit_edu as ve

FOLDERS = ("transformers_vit", "transformers_dinov2", "transformers_vivit")
TOLERANCE = 2e-6  # float32 sums in another order; the logits are about 1


def golden(name):
    folder = golden_files.HERE / name
    with np.load(folder / "logits.npz") as arrays:
        return folder, arrays["pixels"], arrays["logits"]


@pytest.fixture
def vit(tmp_path):
    """A copy of the ViT's folder, to be changed, with its pixels and logits."""
    folder, pixels, logits = golden("transformers_vit")
    return shutil.copytree(folder, tmp_path / "vit"), pixels, logits


def rewrite(folder, change):
    """Puts the folder's tensors through `change`."""
    tensors = load_file(folder / "model.safetensors")
    save_file(change(tensors), folder / "model.safetensors", metadata={"format": "pt"})


def edit(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize("name", FOLDERS)
def test_logits_are_those_of_transformers(name):
    folder, pixels, logits = golden(name)
    model = ve.pretrained.load(folder)
    assert type(model) is (ve.ViViT if pixels.ndim == 5 else ve.ViT)
    np.testing.assert_allclose(model(pixels), logits, atol=TOLERANCE)


def test_only_the_mask_token_is_left_out_of_dinov2_and_layer_scale_is_folded():
    report = ve.pretrained.Report()
    ve.pretrained.from_hugging_face(golden("transformers_dinov2")[0], report=report)
    assert list(report.left_out) == ["dinov2.embeddings.mask_token"]
    assert len(report.changed) == 4 and set(report.changed.values()) == {"LayerScale folded in"}


def test_many_files_with_an_index_are_one_model(vit):
    folder, pixels, logits = vit
    tensors = load_file(folder / "model.safetensors")
    where = {name: f"model-{i % 3 + 1:05}-of-00003.safetensors" for i, name in enumerate(tensors)}
    for file in set(where.values()):
        save_file({name: tensors[name] for name in tensors if where[name] == file}, folder / file)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    np.testing.assert_allclose(ve.pretrained.load(folder)(pixels), logits, atol=TOLERANCE)
    where["vit.layernorm.bias"] = "model-00009-of-00003.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    with pytest.raises((ValueError, FileNotFoundError), match="model-0000"):
        ve.pretrained.load(folder)


def test_an_index_cannot_name_files_outside_its_folder(vit):
    folder, *_ = vit
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../other/model.safetensors"}}')
    (folder / "model.safetensors").unlink()  # which has the word
    with pytest.raises(ValueError, match="outside its folder"):
        ve.pretrained.load(folder)


def test_names_of_transformers_5_in_memory_are_read_too(vit):
    folder, pixels, logits = vit
    new = {
        "encoder.layer.": "layers.",
        "attention.attention.query": "attention.q_proj",
        "attention.attention.key": "attention.k_proj",
        "attention.attention.value": "attention.v_proj",
        "attention.output.dense": "attention.o_proj",
        "intermediate.dense": "mlp.fc1",
        "output.dense": "mlp.fc2",
    }

    def rename(name):
        for before, after in new.items():
            name = name.replace(before, after)
        return name

    rewrite(folder, lambda tensors: {rename(name): value for name, value in tensors.items()})
    np.testing.assert_allclose(ve.pretrained.load(folder)(pixels), logits, atol=TOLERANCE)


def test_a_missing_and_an_extra_name_are_both_listed(vit):
    folder, *_ = vit
    rewrite(folder, lambda t: {k: v for k, v in t.items() if k != "classifier.bias"} | {"extra": np.zeros(2, "f")})
    with pytest.raises(KeyError, match=r"missing \['heads/output/bias'\]; unused \['extra'\]"):
        ve.pretrained.load(folder)


def test_two_names_for_one_parameter_are_refused(vit):
    folder, *_ = vit
    rewrite(folder, lambda t: t | {"layernorm.bias": t["vit.layernorm.bias"]})
    with pytest.raises(KeyError, match="two names for body/encoder/norm/bias"):
        ve.pretrained.load(folder)


def test_a_model_without_a_classifier_asks_how_many_classes(vit):
    folder, pixels, _ = vit
    rewrite(folder, lambda t: {k: v for k, v in t.items() if not k.startswith("classifier")})
    with pytest.raises(ValueError, match="has no classifier: say classes="):
        ve.pretrained.load(folder)
    report = ve.pretrained.Report()
    assert not np.asarray(ve.pretrained.load(folder, classes=7, report=report)(pixels)).any()
    assert "zeros for 7 classes" in report.changed["heads/output"]


def test_pixels_with_another_mean_and_deviation_are_folded_into_the_embedding(vit):
    folder, pixels, logits = vit
    mean, deviation = np.array([0.4, 0.5, 0.6], "f"), np.array([0.2, 0.3, 0.25], "f")
    record = {"do_normalize": True, "image_mean": mean.tolist(), "image_std": deviation.tolist()}
    (folder / "preprocessor_config.json").write_text(json.dumps(record))
    ours = (pixels * deviation + mean) * 2 - 1  # in [0, 1], then in [-1, 1], where it was (x - mean) / deviation
    np.testing.assert_allclose(ve.pretrained.load(folder)(ours), logits, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"model_type": "swin"}, "model_type 'swin'"),
        ({"use_swiglu_ffn": True}, "SwiGLU"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"hidden_size": -4}, "width must be a whole number"),
        ({"hidden_size": "twelve"}, r"config\.json: "),
        ({"num_hidden_layers": 3}, "missing"),
        ({"num_attention_heads": 5}, "shared equally by 5 heads"),
        ({"patch_size": 0}, "tubelet must be positive"),
        ({"image_size": [8, 12, 3]}, "size must be positive"),
        ({"layer_norm_eps": 0}, "epsilon must be above 0"),
        ({"intermediate_size": 21}, r"expected \(12, 21\)"),
    ],
)
def test_a_configuration_that_lies_is_refused_in_a_sentence(vit, fields, sentence):
    folder, *_ = vit
    edit(folder / "config.json", **fields)
    with pytest.raises((ValueError, KeyError), match=sentence):
        ve.pretrained.load(folder)


def test_a_field_that_is_missing_is_named(vit):
    folder, *_ = vit
    record = json.loads((folder / "config.json").read_text())
    del record["hidden_size"]
    (folder / "config.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match="there is no 'hidden_size'"):
        ve.pretrained.load(folder)


@pytest.mark.parametrize("name", ["transformers_vit", "transformers_vivit"])
def test_an_exported_folder_has_the_names_and_numbers_of_transformers(name, tmp_path):
    folder, *_ = golden(name)
    again = ve.pretrained.export_hugging_face(ve.pretrained.load(folder), tmp_path)
    theirs, ours = (load_file(path / "model.safetensors") for path in (folder, again))
    assert theirs.keys() == ours.keys()
    for key in theirs:
        np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"body": "factorised_encoder"}, "not Model 1"),
        ({"pool": "mean"}, "not by class token"),
        ({"classes": {"verb": 2, "noun": 3}}, "several heads"),
        ({"pre_logits": 4}, "tanh layer"),
        ({"tokeniser": "uniform"}, "samples frames"),
        ({"size": (7, 12)}, "no whole number of patches"),
    ],
)
def test_what_transformers_cannot_hold_is_not_exported(overrides, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        ve.pretrained.export_hugging_face(toy_model(**overrides), tmp_path)


@pytest.mark.parametrize("kind", ["vit", "vivit"])
def test_transformers_gives_the_logits_of_an_exported_model(kind, tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers, which reads the export, is not installed")
    import torch

    fields = {"frames": 1, "tubelet": (1, 3, 4), "tokeniser": "uniform"} if kind == "vit" else {}
    config = toy_config(gelu="exact", **fields)
    model = randomise((ve.ViT if kind == "vit" else ve.ViViT)(config, rngs=nnx.Rngs(0)))
    if kind == "vivit":
        config = toy_config(tubelet=(2, 3, 3))  # its class takes square patches only
        model = toy_model(tubelet=(2, 3, 3))
    ve.pretrained.export_hugging_face(model, tmp_path)
    video = toy_clips(config) if kind == "vivit" else toy_clips(config)[:, 0]
    name = {"vit": "ViTForImageClassification", "vivit": "VivitForVideoClassification"}[kind]
    theirs = getattr(transformers, name).from_pretrained(tmp_path).eval()
    with torch.no_grad():
        logits = theirs(torch.tensor(np.moveaxis(video, -1, -3).copy())).logits.numpy()
    np.testing.assert_allclose(model(video), logits, atol=2e-5)


@pytest.mark.parametrize("said", [False, None])
@pytest.mark.parametrize("name", FOLDERS)
def test_biases_that_the_configuration_denies_are_not_used(name, said, tmp_path):
    folder = shutil.copytree(golden(name)[0], tmp_path / name)
    edit(folder / "config.json", qkv_bias=said)
    with pytest.raises(
        ValueError, match=r"config\.json says qkv_bias (false|null), but the file holds \d+ such biases"
    ):
        ve.pretrained.load(folder)
