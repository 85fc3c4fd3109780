"""Google's archives and Scenic's checkpoints load with all their names, in every numbering and nesting."""

import golden_files
import numpy as np
import pytest
from checkpoints import google, nested
from flax import serialization

import vivit_edu as ve


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("linen", [0, 1])
def test_a_google_vit_gives_the_logits_of_transformers(write, linen, tmp_path):
    params, pixels, logits = google(linen)
    write(tmp_path / "ViT.npz", **params)
    model = ve.pretrained.load(tmp_path / "ViT.npz", size=(8, 12))
    assert type(model) is ve.ViT and model.config.classes == 5
    np.testing.assert_allclose(model(pixels), logits, atol=2e-6)  # float32 sums in another order


def test_a_tanh_layer_before_the_classifier_is_found_and_used(tmp_path):
    params, pixels, _ = google(1)
    rng = np.random.default_rng(0)
    params |= {"pre_logits/kernel": rng.normal(0, 0.3, (12, 7)), "pre_logits/bias": rng.normal(0, 0.3, 7)}
    params["head/kernel"] = rng.normal(0, 0.3, (7, 5))
    np.savez(tmp_path / "ViT.npz", **params)
    model = ve.pretrained.from_vit_npz(tmp_path / "ViT.npz", size=(8, 12))
    pooled = model.body(model.tokenise(pixels[:, None]))
    hidden = np.tanh(np.asarray(pooled) @ params["pre_logits/kernel"] + params["pre_logits/bias"])
    np.testing.assert_allclose(model(pixels), hidden @ params["head/kernel"] + params["head/bias"], atol=1e-5)


def test_a_vit_without_class_token_takes_the_mean(tmp_path):
    params, pixels, _ = google(1)
    del params["cls"]
    params["Transformer/posembed_input/pos_embedding"] = params["Transformer/posembed_input/pos_embedding"][:, 1:]
    np.savez(tmp_path / "ViT.npz", **params)
    model = ve.pretrained.from_vit_npz(tmp_path / "ViT.npz", size=(8, 12))
    tokens = model.body.encoder(model.tokenise(pixels[:, None])[:, 0])  # (B, S, D): no token before the six patches
    assert tokens.shape[1] == 6
    ours = np.asarray(tokens).mean(axis=1) @ params["head/kernel"] + params["head/bias"]
    np.testing.assert_allclose(model(pixels), ours, atol=2e-6)


def test_another_size_is_said_and_the_report_says_what_was_done(tmp_path):
    params, *_ = google(0)
    np.savez(tmp_path / "ViT.npz", **params)
    with pytest.raises(ValueError, match=r"the 6 positions of .* are of no square frames: say size"):
        ve.pretrained.load(tmp_path / "ViT.npz")
    params["Transformer/posembed_input/pos_embedding"] = np.ones((1, 10, 12), "f")  # 3 x 3 and a class token
    np.savez(tmp_path / "ViT.npz", **params)
    report = ve.pretrained.Report()
    model = ve.pretrained.load(tmp_path / "ViT.npz", size=(8, 20), report=report)
    assert model.config.grid == (1, 2, 5)
    assert str(report) == "body/encoder/positions: space 3 x 3 -> 2 x 5, bilinear with aligned ends"


NESTINGS = {
    "old": lambda p: {"optimizer": {"target": p, "state": {"step": 3, "param_states": p}}, "global_step": 3},
    "pre-Linen": lambda p: {"optimizer": {"target": {"params": p}, "state": {"step": 3}}, "model_state": {}},
    "new": lambda p: {"params": p, "opt_state": {"0": {"trace": p}}, "rng": np.arange(2, dtype=np.uint32)},
    "bare": lambda p: p,
}


@pytest.mark.parametrize("nesting", NESTINGS)
@pytest.mark.parametrize("path", golden_files.files("scenic_*.npz"), ids=lambda path: path.stem)
def test_a_scenic_checkpoint_gives_scenics_logits(path, nesting, tmp_path):
    if path.stem in ("scenic_data", "scenic_extras"):
        pytest.skip("no forward pass")
    golden = golden_files.read(path)
    config = golden_files.config_of(golden)
    if nesting != "old" and config.body != "factorised_encoder":
        pytest.skip("one body is enough for the other nestings")
    tree = NESTINGS[nesting](nested(golden_files.params_of(golden)))
    (tmp_path / "checkpoint").write_bytes(serialization.msgpack_serialize(tree))
    asked = {"frames": config.frames, "size": config.size, "body": config.body, "order": config.order}
    asked = asked | ({"tubelet": config.tubelet} if config.tokeniser == "uniform" else {})
    model = ve.pretrained.load(tmp_path, **asked)
    assert model.config.grid == config.grid and model.config.pool == config.pool
    np.testing.assert_allclose(model(golden["video"]), golden["logits"], atol=1e-5)  # see the arrays' own tolerance


def test_the_optimisers_state_is_left_out_by_name_and_strangers_are_not(tmp_path):
    golden = golden_files.load("scenic_m2_token.npz")
    tree = NESTINGS["old"](nested(golden_files.params_of(golden)))
    path = tmp_path / "checkpoint"
    path.write_bytes(serialization.msgpack_serialize(tree))
    report = ve.pretrained.Report()
    ve.pretrained.load(path, report=report)
    assert report.left_out and all(name.startswith("optimizer/state/") for name in report.left_out)
    path.write_bytes(serialization.msgpack_serialize(tree | {"averaged": {"kernel": np.zeros(3)}}))
    with pytest.raises(KeyError, match=r"unused \['averaged/kernel'\]"):
        ve.pretrained.load(path)


def test_an_array_that_flax_wrote_in_chunks_is_one_array(tmp_path, monkeypatch):
    monkeypatch.setattr(serialization, "MAX_CHUNK_SIZE", 1000)
    golden = golden_files.load("scenic_m2_token.npz")
    tree = {"params": nested(golden_files.params_of(golden))}
    (tmp_path / "checkpoint").write_bytes(serialization.msgpack_serialize(tree))
    model = ve.pretrained.load(tmp_path / "checkpoint")
    np.testing.assert_allclose(model(golden["video"]), golden["logits"], atol=1e-5)


def test_more_frames_are_interpolated_or_tiled(tmp_path):
    golden = golden_files.load("scenic_m2_token.npz")
    params = golden_files.params_of(golden)
    (tmp_path / "checkpoint").write_bytes(serialization.msgpack_serialize(nested(params)))
    frames = 2 * golden_files.config_of(golden).frames
    tiled = ve.pretrained.load(tmp_path, frames=frames, time="tile").body.time.positions[...]
    rows = params["TemporalTransformer/posembed_input/pos_embedding"][0]
    np.testing.assert_array_equal(tiled, np.concatenate([rows, rows[1:]]))
    report = ve.pretrained.Report()
    between = ve.pretrained.load(tmp_path, frames=frames, report=report).body.time.positions[...]
    ends = np.array([0, 1, -1])  # class token, first, last
    np.testing.assert_allclose(between[ends], rows[ends], atol=1e-6)
    assert "linear with aligned ends" in report.changed["body/time/positions"]
