"""What a checkpoint was trained on is what is said of it; what is asked of the model comes after, moving positions."""

import sys

import golden_files
import numpy as np
import pytest
from checkpoints import google, nested
from flax import serialization
from toys import toy_model

import vivit_edu as ve
from vivit_edu.pretrained.published import Published

POSITIONS = "Transformer/posembed_input/pos_embedding"


def scenic(folder, name, **arrays):
    """A checkpoint of a reference model's parameters, some of them replaced, with those parameters."""
    params = golden_files.params_of(golden_files.load(f"scenic_{name}.npz")) | arrays
    path = folder / "checkpoint"
    path.write_bytes(serialization.msgpack_serialize({"optimizer": {"target": nested(params)}}))
    return path, params


def between(grid, axis, length):
    """By hand, in float64: places along one axis, the first and the last kept."""
    at = np.linspace(0, grid.shape[axis] - 1, length)
    return np.apply_along_axis(lambda line: np.interp(at, np.arange(len(line)), line), axis, grid.astype(np.float64))


def uniform(name, count):
    """Parameters of a model that samples `count` frames, each 4 x 4 patches, from those of one that takes tubelets."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 0.1, (8, 8, 3, 48)).astype(np.float32)
    if "m2" in name:
        place, rows = "TemporalTransformer/posembed_input/pos_embedding", count + 1
    else:
        place, rows = POSITIONS, 16 * count + 1
    return {"embedding/kernel": kernel, place: rng.normal(size=(1, rows, 48)).astype(np.float32)}


@pytest.mark.parametrize("asked", [{}, {"size": 64}, {"size": (16, 64)}, {"frames": 4}, {"frames": 2}, {"frames": 32}])
def test_a_wish_that_happens_to_fit_is_not_taken_for_the_checkpoint_s_own_clip(asked, tmp_path):
    path, _ = scenic(tmp_path, "m1_token")  # 64 positions: 8 frames of 32 x 32, or 2 of 64 x 64, or 128 of 8 x 8, ...
    with pytest.raises(ValueError, match=r"the 64 positions of .* may be of many clips: say trained_on=\{'frames'"):
        ve.pretrained.load(path, **asked)


@pytest.mark.parametrize(
    "known", [{"frames": 8, "size": 32}, {"frames": 8}, {"size": (32, 32)}, {"frames": np.int64(9)}]
)
def test_what_was_said_of_the_checkpoint_is_its_own_and_what_is_asked_moves_positions(known, tmp_path):
    path, params = scenic(tmp_path, "m1_token")
    model = ve.pretrained.load(path, trained_on=known, size=(64, 48), frames=12)
    assert model.config.grid == (6, 8, 6)
    token, grid = params[POSITIONS][0, :1], params[POSITIONS][0, 1:].reshape(4, 4, 4, 48)
    moved = between(between(between(grid, 1, 8), 2, 6), 0, 6).reshape(-1, 48)
    ours = model.body.encoder.positions[...]
    np.testing.assert_allclose(ours, np.concatenate([token, moved]), rtol=1e-5, atol=1e-6)  # sums of float32 products


def test_the_checkpoint_s_own_clip_may_be_asked_for_whole_and_the_report_says_so(tmp_path):
    path, _ = scenic(tmp_path, "m1_token")
    report = ve.pretrained.Report()
    assert ve.pretrained.load(path, frames=8, size=32, report=report).config.grid == (4, 4, 4)
    assert str(report).startswith(
        "body/encoder/positions: taken for those of 8 frames of 32 x 32, as the file does not"
    )
    with pytest.raises(ValueError, match="may be of many clips"):
        ve.pretrained.load(path, frames=8, size=64)


def test_of_two_clips_that_fit_the_released_models_is_not_passed_over(tmp_path):
    kernel, rows = np.zeros((2, 112, 112, 3, 48), "f"), np.zeros((1, 65, 48), "f")  # 32 x 224 x 224, or 8 x 448 x 448
    path, _ = scenic(tmp_path, "m1_token", **{"embedding/kernel": kernel, POSITIONS: rows})
    with pytest.raises(ValueError, match="may be of many clips"):
        ve.pretrained.load(path, frames=8, size=448)
    assert ve.pretrained.load(path, frames=32, size=224).config.grid == (16, 2, 2)


def test_what_is_said_and_cannot_be_is_refused(tmp_path):
    path, _ = scenic(tmp_path, "m1_token")
    for known in ({"frames": 6}, {"frames": 8, "size": 40}, {"size": 40}):
        with pytest.raises(ValueError, match=r"the 64 positions of .* are not those of"):
            ve.pretrained.load(path, trained_on=known)
    for known in ({"frames": "8"}, {"size": (0, 8)}, {"size": 8.0}, {"frames": True}, {"size": (8, 8, 8)}):
        with pytest.raises(ValueError, match=r"whole numbers|size is"):
            ve.pretrained.load(path, trained_on=known)
    with pytest.raises(TypeError, match="trained_on says frame, no field of ViViTConfig"):
        ve.pretrained.load(path, trained_on={"frame": 8})
    path, _ = scenic(tmp_path, "m2_token")
    for known, sentence in (({"frames": 12}, "4 time indices; 12 frames"), ({"size": 40}, "16 positions in a frame")):
        with pytest.raises(ValueError, match=sentence):
            ve.pretrained.load(path, trained_on=known)


def test_a_published_name_says_its_clip(tmp_path, monkeypatch):
    path, params = scenic(tmp_path, "m1_token")
    module = sys.modules["vivit_edu.pretrained.load"]  # the package has the function under its name
    known = Published(source="a", model="ViViT-B/8x2", trained_on="nothing", config={"frames": 8, "size": (32, 32)})
    monkeypatch.setattr(module, "PUBLISHED", {"toy": known})
    monkeypatch.setattr(module, "fetch", lambda source, sha256: path)
    assert ve.pretrained.load("toy").config.grid == (4, 4, 4)
    model = ve.pretrained.load("toy", size=64)
    assert model.config.grid == (4, 8, 8) and model.config.frames == 8
    grid = between(between(params[POSITIONS][0, 1:].reshape(4, 4, 4, 48), 1, 8), 2, 8).reshape(-1, 48)
    np.testing.assert_allclose(model.body.encoder.positions[...][1:], grid, rtol=1e-5, atol=1e-6)  # as above
    for name, published in ve.pretrained.PUBLISHED.items():
        assert not name.startswith("scenic/") or dict(published.config).items() >= {"frames": 32}.items(), name


def test_an_image_model_in_scenic_s_names_is_no_video_model(tmp_path):
    params, pixels, logits = google(1)
    path = tmp_path / "checkpoint"
    path.write_bytes(serialization.msgpack_serialize({"params": nested(params)}))
    for asked in ({}, {"size": (8, 12)}, {"frames": 32}):
        with pytest.raises(ValueError, match="many clips: say trained_on"):
            ve.pretrained.load(path, **asked)
    for known in ({"trained_on": {"frames": 1, "size": (8, 12)}}, {"frames": 1, "size": (8, 12)}):
        model = ve.pretrained.load(path, **known)
        assert type(model) is ve.ViT
        np.testing.assert_allclose(model(pixels), logits, atol=2e-6)  # float32 sums in another order
    with pytest.raises(ValueError, match=r"of no square frames: say size=\(height, width\), or trained_on.*6, 6\)"):
        ve.pretrained.load(path, trained_on={"frames": 1}, size=(6, 6))


def test_a_size_that_happens_to_fit_a_square_image_is_another_size(tmp_path):
    params, *_ = google(0)
    rows = np.random.default_rng(0).normal(size=(1, 37, 12)).astype(np.float32)  # 6 x 6, which is not 4 x 9
    np.savez(tmp_path / "ViT.npz", **params | {POSITIONS: rows})
    model = ve.pretrained.load(tmp_path / "ViT.npz", size=(16, 36))
    moved = between(between(rows[0, 1:].reshape(6, 6, 12), 0, 4), 1, 9).reshape(-1, 12)
    np.testing.assert_allclose(model.body.encoder.positions[...][1:], moved, rtol=1e-5, atol=1e-6)  # as above
    own = ve.pretrained.load(tmp_path / "ViT.npz", trained_on={"size": (16, 36)})
    np.testing.assert_array_equal(own.body.encoder.positions[...], rows[0])


@pytest.mark.parametrize("name", ["avgpool_token", "m2_uniform"])
def test_a_length_that_no_array_tells_is_asked_for(name, tmp_path):
    made = uniform("m2", 5) if "uniform" in name else {}
    path, _ = scenic(tmp_path, "m2_token" if made else name, **made)
    with pytest.raises(ValueError, match="does not say how many frames it takes: say frames"):
        ve.pretrained.load(path)
    assert ve.pretrained.load(path, frames=12).config.frames == 12
    assert ve.pretrained.load(path, trained_on={"frames": 12}).config.frames == 12


def test_a_body_and_an_order_that_no_array_tells_are_asked_for(tmp_path):
    clip = {"trained_on": {"frames": 8, "size": 32}}
    path, _ = scenic(tmp_path, "m4_gap")
    with pytest.raises(ValueError, match="the parameters of Model 1 and of Model 4: say body"):
        ve.pretrained.load(path, **clip)
    assert ve.pretrained.load(path, **clip, body="factorised_dot_product").config.heads == 4
    assert ve.pretrained.load(path, trained_on={"frames": 8, "size": 32, "body": "spacetime"}).config.pool == "mean"
    path, _ = scenic(tmp_path, "m3_space_time")
    with pytest.raises(ValueError, match="does not say which attention comes first: say order"):
        ve.pretrained.load(path, **clip)
    with pytest.raises(ValueError, match=r"body must be one of spacetime, .*; got 'joint'"):
        ve.pretrained.load(path, body="joint")


def test_what_a_folder_s_configuration_says_is_not_said_otherwise(tmp_path):
    folder = ve.pretrained.save(toy_model(), tmp_path)
    assert ve.pretrained.load(folder, trained_on={"frames": 8, "size": (6, 12)}).config.frames == 8
    with pytest.raises(ValueError, match=r"was trained on frames 8; trained_on says frames 4"):
        ve.pretrained.load(folder, trained_on={"frames": 4, "size": (6, 12)})
    vit = golden_files.HERE / "transformers_vit"
    with pytest.raises(ValueError, match=r"was trained on size \(8, 12\); trained_on says size \(16, 16\)"):
        ve.pretrained.load(vit, trained_on={"size": 16})


@pytest.mark.parametrize("name", ["m1_token", "m2_token"])
def test_a_model_that_samples_frames_keeps_their_number(name, tmp_path):
    path, params = scenic(tmp_path, name, **uniform(name, 5))  # 5 of 12: no 12 // t
    clip = {"frames": 12, "size": 32}
    model = ve.pretrained.load(path, trained_on=clip)
    for same in ({"frames": 12, "sampled": 5}, {"frames": 12, "tubelet": (2, 8, 8), "sampled": 5}):
        assert ve.pretrained.load(path, trained_on=same).config.grid == (5, 4, 4)
    assert model.config.sampled == 5 and model.config.grid == (5, 4, 4) and model.tokenise.indices == (2, 4, 6, 8, 10)
    video = np.random.default_rng(1).uniform(-1, 1, (2, 12, 32, 32, 3)).astype(np.float32)
    again = ve.pretrained.from_scenic(params, model.config)
    np.testing.assert_array_equal(model(video), again(video))
    frames = ve.pretrained.load(path, trained_on=clip, frames=5)(video[:, [2, 4, 6, 8, 10]])  # now it takes them all
    np.testing.assert_allclose(frames, model(video), atol=1e-6)
    assert ve.pretrained.load(path, trained_on=clip, sampled=7).config.grid[0] == 7
    saved = ve.pretrained.load(ve.pretrained.save(model, tmp_path / "own"))
    assert saved.config == model.config
    with pytest.raises(ValueError, match=r"not Model 1|samples frames"):
        ve.pretrained.export_hugging_face(model, tmp_path / "hf")
