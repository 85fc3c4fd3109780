"""What is saved comes back, number for number; what was damaged is refused in a sentence."""

import json
import re
import zlib

import jax
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import save_file
from toys import POOLED, randomise, toy_clips, toy_config, toy_model

import vivit_edu as ve
from vivit_edu.pretrained.start.fit import fit, places, without_parameters
from vivit_edu.pretrained.stored import safetensors_header


def arrays(model):
    return {name: np.asarray(param[...]) for name, param in places(model).items()}


@pytest.mark.parametrize(("body", "pool"), POOLED)
def test_a_saved_model_comes_back(tmp_path, body, pool):
    model = toy_model(body=body, pool=pool, dropout=0.1, stochastic_depth=0.2)
    again = ve.pretrained.load(ve.pretrained.save(model, tmp_path / "model"))
    assert again.config == model.config and type(again) is ve.ViViT
    video = toy_clips(model.config)
    np.testing.assert_array_equal(again(video), model(video))


def test_an_image_model_comes_back_as_one(tmp_path):
    config = toy_config(frames=1, tubelet=(1, 3, 4), tokeniser="uniform", classes={"noun": 4, "verb": 3})
    model = randomise(ve.ViT(config, rngs=nnx.Rngs(0)))
    again = ve.pretrained.load(ve.pretrained.save(model, tmp_path))
    assert type(again) is ve.ViT and list(again.config.classes) == ["noun", "verb"]
    image = toy_clips(config)[:, 0]
    jax.tree.map(np.testing.assert_array_equal, again(image), model(image))


def test_half_precision_on_disk_is_float32_in_memory(tmp_path):
    model = toy_model()
    again = ve.pretrained.load(ve.pretrained.save(model, tmp_path, dtype="float16"))
    for name, value in arrays(again).items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, arrays(model)[name].astype(np.float16).astype(np.float32))


def test_a_number_beyond_half_precision_is_refused(tmp_path):
    model = toy_model()
    model.heads.output.bias[...] = model.heads.output.bias[...] + 7e4
    with pytest.raises(ValueError, match=r"heads/output/bias holds 7000.*too large for float16"):
        ve.pretrained.save(model, tmp_path, dtype="float16")


def test_the_configuration_can_be_read_and_the_card_is_kept(tmp_path):
    ve.pretrained.save(toy_model(), tmp_path, card="# A toy\n")
    record = json.loads((tmp_path / "config.json").read_text())
    assert record["config"]["tubelet"] == [2, 3, 4] and record["format"] == 2
    assert (tmp_path / "README.md").read_text() == "# A toy\n"


@pytest.mark.parametrize(("place", "said"), [(-100, "the checksum of '.*' differs"), (40, "checksum of its header")])
def test_one_flipped_bit_is_noticed(tmp_path, place, said):
    path = ve.pretrained.save(toy_model(), tmp_path) / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=said):
        ve.pretrained.load(tmp_path)


@pytest.mark.parametrize("crcs", [None, "[]", "not json", '{"tokenise/kernel": 1}'])
def test_a_header_without_every_checksum_is_refused(tmp_path, crcs):
    model = toy_model()
    ve.pretrained.save(model, tmp_path)
    save_file(arrays(model), tmp_path / "model.safetensors", metadata=crcs and {"crc32": crcs})
    record = json.loads((tmp_path / "config.json").read_text())
    record["crc32"] = zlib.crc32(safetensors_header(tmp_path / "model.safetensors"))
    (tmp_path / "config.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match="checksum"):
        ve.pretrained.load(tmp_path)


def test_a_configuration_without_a_checksum_is_refused(tmp_path):
    ve.pretrained.save(toy_model(), tmp_path)
    record = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**record, "crc32": "1"}))
    with pytest.raises(ValueError, match=r"no checksum of model\.safetensors: its crc32 is '1'"):
        ve.pretrained.load(tmp_path)


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(FileNotFoundError, match="'ViViT-nano/8x2 XX' is neither an embedded model"):
        ve.pretrained.load("ViViT-nano/8x2 XX")


def test_overrides_that_need_no_parameters_are_free(tmp_path):
    model = ve.pretrained.load(ve.pretrained.save(toy_model(), tmp_path), dropout=0.5)
    model.train()
    one, two = (np.asarray(model(toy_clips(model.config))) for _ in range(2))
    assert np.abs(one - two).max() > 1e-3


def test_heads_in_another_order_than_the_folder_s_are_refused(tmp_path):
    ve.pretrained.save(toy_model(classes={"verb": 3, "noun": 4}), tmp_path)
    with pytest.raises(ValueError, match="has heads in the order verb, noun; got noun, verb"):
        ve.pretrained.load(tmp_path, classes={"noun": 4, "verb": 3})


@pytest.mark.parametrize("rates", [{}, {"stochastic_depth": 0.3, "dropout": 0.1}])
@pytest.mark.parametrize(("body", "pool"), POOLED)
def test_a_model_without_parameters_has_the_structure_of_one_with(body, pool, rates):
    config = toy_config(body=body, pool=pool, depth=3, temporal_depth=2, **rates)
    model, whole = without_parameters(config), ve.ViViT(config, rngs=nnx.Rngs(0))
    assert nnx.graphdef(model) == nnx.graphdef(whole) and model.config == config
    shapes = lambda model: {name: param.shape for name, param in places(model).items()}  # noqa: E731
    assert shapes(model) == shapes(whole)


def test_parameters_given_as_arrays_are_copied(tmp_path):
    model = toy_model()
    given = {name: np.array(param[...]) for name, param in places(model).items()}
    again = without_parameters(model.config)
    fit(again, given, source="arrays")
    video = toy_clips(model.config)
    before = np.array(again(video))
    for array in given.values():
        array[...] = np.nan
    np.testing.assert_array_equal(again(video), before)


FSA = {"body": "factorised_self_attention", "pool": "mean"}
FDP = {"body": "factorised_dot_product", "pool": "mean"}


@pytest.mark.parametrize(
    ("fields", "overrides", "sentence"),
    [
        (FDP, {"body": "spacetime"}, "is of body 'factorised_dot_product', which .*; got body='spacetime'"),
        ({}, {"body": "factorised_self_attention"}, "is of body 'spacetime', which cannot be overridden"),
        (FDP, {"order": "time_space"}, "is of order='space_time', which cannot be overridden; got order='time_space'"),
        (FSA, {"order": "time_space"}, "is of order='space_time', which"),
        ({}, {"pool": "mean"}, "is of pool='class_token', which"),
        ({}, {"tokeniser": "uniform"}, "is of tokeniser='tubelet', which"),
        ({}, {"heads": 4, "depth": 1}, "is of depth=[2-9], heads=2, which cannot be overridden; got depth=1, heads=4"),
        ({"body": "factorised_encoder"}, {"temporal_depth": 1}, "is of temporal_depth="),
        ({}, {"pre_logits": 5}, "is of pre_logits=None, which cannot be overridden; got pre_logits=5"),
    ],
)
def test_what_parameters_were_made_for_cannot_be_overridden(tmp_path, fields, overrides, sentence):
    ve.pretrained.save(toy_model(**fields), tmp_path)
    report = ve.pretrained.Report()
    with pytest.raises(ValueError, match=sentence):
        ve.pretrained.load(tmp_path, report=report, **overrides)
    assert not report.changed and ve.pretrained.load(tmp_path, **fields).config.body == fields.get("body", "spacetime")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"gelu": "exact"}, "gelu: tanh -> exact: the same parameters compute something else"),
        ({"epsilon": 1e-5}, "epsilon: 1e-06 -> 1e-05: the same parameters compute something else"),
        ({"sampling": "centre"}, "sampling: interior -> centre: other frames are seen than in training"),
        ({"classes": {"a": 4, "b": 3}}, "classes: .* -> .*'a', 4.*: the same columns under other names"),
        (
            {"dropout": 0.1, "dtype": "bfloat16", "temporal_depth": 1, "order": "time_space"},
            "every parameter as it was",
        ),
    ],
)
def test_what_the_same_parameters_compute_otherwise_is_reported(tmp_path, overrides, told):
    ve.pretrained.save(toy_model(tokeniser="uniform", classes={"verb": 3, "noun": 4}), tmp_path)
    report = ve.pretrained.Report()
    ve.pretrained.load(tmp_path, report=report, **overrides)
    assert re.fullmatch(told, str(report))
