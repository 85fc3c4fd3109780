"""A model of any number of sampled frames: what starts from it, looks into it, counts it and draws it knows which."""

import json

import jax
import numpy as np
import pytest
from flax import nnx
from toys import arrays_of, toy_clips, toy_config, toy_image_model, toy_model

import vivit_edu as ve
from vivit_edu.explain.draw import figures
from vivit_edu.explain.explorer.scene import clip_facts
from vivit_edu.explain.follow import relevance
from vivit_edu.pretrained import initialise_from_vit, initialise_from_vivit, plan

FIVE = {"frames": 12, "tokeniser": "uniform", "sampled": 5}  # 2 4 6 8 10 of 12
TAKEN = [2, 4, 6, 8, 10]
BODIES = ("spacetime", "factorised_encoder", "factorised_self_attention", "factorised_dot_product", "average_pool")


@pytest.mark.parametrize("body", BODIES[:3])
def test_only_the_sampled_frames_are_seen(body):
    model = toy_model(body=body, **FIVE)
    video = toy_clips(model.config)
    other = np.array(video)
    other[:, [t for t in range(12) if t not in TAKEN]] = 0.5
    np.testing.assert_array_equal(model(video), model(other))
    changed = np.array(video)
    changed[:, TAKEN[-1]] = 0.5
    assert np.abs(np.asarray(model(changed)) - np.asarray(model(video))).max() > 1e-4


@pytest.mark.parametrize("body", BODIES)
def test_parameters_and_operations_are_those_of_as_many_frames(body):
    five = toy_config(body=body, **FIVE)
    all_of_five = toy_config(body=body, frames=5, tokeniser="uniform", tubelet=(1, 3, 4))
    assert five.grid == all_of_five.grid and ve.cost.parameters(five) == ve.cost.parameters(all_of_five)
    shapes = lambda config: jax.tree.map(np.shape, arrays_of(ve.ViViT(config, rngs=nnx.Rngs(0))))  # noqa: E731
    assert shapes(five) == shapes(all_of_five)


@pytest.mark.parametrize("body", BODIES[1:3])
def test_it_starts_from_an_image_model_frame_by_frame(body):
    vit, model = toy_image_model(), toy_model(body=body, **FIVE)
    told = plan(model, vit)
    assert told["tokenise/kernel"].rule == "copied"
    initialise_from_vit(model, vit)
    tokens, clips = model.tokenise(toy_clips(model.config)), toy_clips(model.config)
    for index, frame in enumerate(TAKEN):
        alone = vit.tokenise(clips[:, frame : frame + 1])[:, 0]
        np.testing.assert_allclose(tokens[:, index], alone, rtol=1e-5, atol=1e-6)  # summed in another order
    if body == "factorised_self_attention":
        assert "repeated 5 times in time" in told["body/encoder/positions"].rule


@pytest.mark.parametrize("positions", ["resize", "tile"])
def test_it_starts_from_and_gives_to_models_of_another_number(positions):
    five, seven = toy_model(seed=1, **FIVE), toy_model(seed=2, **(FIVE | {"sampled": 7}))
    initialise_from_vivit(seven, five, positions=positions)
    theirs, ours = (np.asarray(m.body.encoder.positions[...])[1:].reshape(-1, 6, 8) for m in (five, seven))
    at = np.linspace(0, 4, 7)
    between = np.apply_along_axis(lambda line: np.interp(at, np.arange(5), line), 0, theirs.astype(np.float64))
    expected = theirs[[0, 1, 2, 3, 4, 0, 1]] if positions == "tile" else between
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)
    tubelets = toy_model(seed=3, frames=10)  # 5 tubelets of 2
    initialise_from_vivit(tubelets, five)
    np.testing.assert_array_equal(tubelets.body.encoder.positions[...], five.body.encoder.positions[...])
    np.testing.assert_array_equal(tubelets.tokenise.kernel[...][1], five.tokenise.kernel[...])  # the central frame
    assert not np.asarray(tubelets.tokenise.kernel[...][0]).any()


def test_it_is_saved_and_loaded_and_takes_another_number_when_asked(tmp_path):
    model = toy_model(body="factorised_encoder", **FIVE)
    again = ve.pretrained.load(ve.pretrained.save(model, tmp_path))
    assert again.config == model.config and again.config.sampled == 5
    report = ve.pretrained.Report()
    assert ve.pretrained.load(tmp_path, sampled=3, report=report).config.grid == (3, 2, 3)
    assert str(report) == "body/time/positions: time 5 -> 3, linear with aligned ends"
    assert ve.pretrained.load(tmp_path, frames=30).tokenise.indices == (5, 10, 15, 20, 25)  # still five


def test_a_folder_of_before_has_no_such_field(tmp_path):
    folder = ve.pretrained.save(toy_model(), tmp_path)
    record = json.loads((folder / "config.json").read_text())
    del record["config"]["sampled"]
    (folder / "config.json").write_text(json.dumps(record))
    assert ve.pretrained.load(folder).config == toy_config()


@pytest.mark.parametrize("body", BODIES[1:3])
def test_maps_and_pictures_show_the_frames_that_it_takes(body):
    model = toy_model(body=body, **FIVE)
    video = toy_clips(model.config, batch=1)
    _, records = ve.explain.record_attention(model, video)
    maps = np.asarray(ve.explain.rollout(records))[0]
    assert maps.shape == (5, 2, 3)
    pixels = relevance.to_pixels(maps[None], model.config)[0]
    assert [t for t in range(12) if pixels[t].any()] == TAKEN
    frames = np.random.default_rng(0).integers(0, 256, (12, 6, 12, 3), dtype=np.uint8)
    assert [t for t, time in enumerate(clip_facts(model.config, frames, "a clip", None)["times"]) if time >= 0] == TAKEN
    drawn = figures.attention_over_frames(frames, maps, model.config, fps=8)
    assert drawn.data and figures.sees(model.config).data
    assert "5 of 12 frames are sampled" in figures.tubelets(frames, model.config).layout.title.text
    assert figures.raster(frames, model.config, fps=8).data and figures.distances(records, model.config).data


def test_what_is_taken_away_for_a_test_of_faith_is_a_sampled_frame_s():
    model = toy_model(**FIVE)
    video = toy_clips(model.config, batch=1)
    falls = relevance.occlusion(model, video)
    assert falls.shape == (1, 5, 2, 3) and (np.abs(falls).max(axis=(2, 3)) > 0).all()
