"""The explorer without a browser: what its page carries, what a kernel answers, heads off, a page's own film."""

import jax
import numpy as np
import optax
import pytest
from flax import nnx
from safetensors.numpy import load
from toys import BODIES, arrays_of, toy_clips, toy_config, toy_model

import vivit_edu as ve
from vivit_edu.explain import knockout
from vivit_edu.explain.explorer import widget
from vivit_edu.explain.explorer.rows import record_rows
from vivit_edu.training.step import train_step

pytest.importorskip("anywidget")


def explorer(body="factorised_encoder", **options):
    pool = "mean" if body in ("factorised_self_attention", "factorised_dot_product") else "class_token"
    model = toy_model(body=body, pool=pool)
    return ve.explain.Explorer(model, toy_clips(model.config)[0], **options)


def sent(explorer, number=0):
    """The row of a panel, as the kernel sends it."""
    lengths = explorer.told["lengths"]
    start = sum(lengths[:number])
    return np.frombuffer(explorer.rows, np.float32)[start : start + lengths[number]]


def answers(explorer):
    """Probabilities now, of the only classifier."""
    return np.array(explorer.probabilities[0]["after"])


def test_a_small_models_page_carries_its_weights_and_no_rows():
    model = toy_model(classes={"verb": 4, "noun": 3})
    one = ve.explain.Explorer(model, toy_clips(model.config)[0])
    (told,) = one.meta["models"]
    held, expected = load(one.weights[told["key"]]), arrays_of(model)
    assert list(one.weights) == [told["key"]] and held.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(held[name], array)
    assert told["classifiers"] == ["verb", "noun"] and told["config"]["classes"] == [["verb", 4], ["noun", 3]]
    one.query, one.off, one.maps = 3, ["0|spacetime/0|0"], "intact"
    assert not one.rows and not one.told


def test_a_page_knows_the_answers_names_from_the_first_message(monkeypatch):
    opened = []
    monkeypatch.setattr(widget.Explorer, "open", lambda self: opened.append(self.get_state(["probabilities", "clip"])))
    one = explorer()
    assert opened == [one.get_state(["probabilities", "clip"])] and one.probabilities[0]["names"]


def test_weights_that_are_halves_are_kept_as_halves():
    model = ve.pretrained.load("ViViT-nano/8x2 FE")
    one = ve.explain.Explorer(model, np.zeros((16, 32, 32, 3), np.uint8))
    held = load(one.weights[one.meta["models"][0]["key"]])
    assert {array.dtype for array in held.values()} == {np.dtype(np.float16)}
    for name, array in arrays_of(model).items():
        np.testing.assert_array_equal(held[name].astype(np.float32), array)


def trained(model):
    """The model, one step of training later."""
    optimiser = nnx.Optimizer(model, optax.sgd(0.5), wrt=nnx.Param)
    video = np.random.default_rng(2).integers(0, 256, (2, 8, 6, 12, 3), dtype=np.uint8)
    train_step(model, optimiser, {"video": video, "labels": {"class": np.array([0, 4])}}, smoothing=0.0)
    return model


def test_an_explorer_shows_the_model_as_it_was_when_it_was_made():
    model = toy_model(body="factorised_encoder")
    video, off = toy_clips(model.config, batch=1), ["time/0|0"]
    before = knockout.chances(model, video, off)["class"]
    first, again = (ve.explain.Explorer(model, video) for _ in range(2))
    trained(model)
    later = ve.explain.Explorer(model, video)
    keys = [one.meta["models"][0]["key"] for one in (first, again, later)]
    assert keys[0] == keys[1] != keys[2]
    first.off = later.off = ["0|time/0|0"]
    np.testing.assert_allclose(answers(first), before, atol=2e-5)  # sent with five digits
    np.testing.assert_allclose(answers(later), knockout.chances(model, video, off)["class"], atol=2e-5)
    assert np.abs(answers(first) - answers(later)).max() > 1e-3


def test_models_in_bfloat16_are_carried_as_they_are():
    model = toy_model(dtype="bfloat16")
    one = ve.explain.Explorer(model, toy_clips(model.config)[0])
    (weights,) = one.weights.values()
    for name, array in arrays_of(model).items():
        np.testing.assert_array_equal(load(weights)[name], array)


@pytest.mark.parametrize("options", [{"dtype": "bfloat16"}, {"dropout": 0.5, "attention_dropout": 0.5}])
def test_an_explorer_answers_as_its_page_does_in_float32_and_without_dropout(options):
    model, plain = toy_model(**options), toy_model()
    model.train()
    video = toy_clips(model.config, batch=1)
    one, expected = (ve.explain.Explorer(each, video) for each in (model, plain))
    assert one.probabilities == expected.probabilities and one.meta["models"][0]["config"]["dtype"] == "float32"


def test_a_large_model_is_computed_in_its_own_numbers(large):
    model = toy_model(dtype="bfloat16")
    video = toy_clips(model.config, batch=1)
    one = ve.explain.Explorer(model, video)
    np.testing.assert_allclose(answers(one), knockout.chances(model, video)["class"], atol=1e-5)
    assert np.abs(answers(one) - knockout.chances(toy_model(), video)["class"]).max() > 3e-5


class Contrary(ve.ViViT):
    """A model of the library's parameters, which makes something else of them."""

    def __call__(self, video, *, tap=None):
        return -super().__call__(video, tap=tap)


def test_a_model_that_a_page_does_not_know_is_left_to_the_kernel():
    one = ve.explain.Explorer(Contrary(toy_config(), rngs=nnx.Rngs(0)), toy_clips(toy_config())[0])
    assert not one.weights and one.meta["models"][0]["key"] is None and one.rows


@pytest.mark.parametrize("body", BODIES)
def test_a_click_is_answered_with_the_querys_row(body, large):
    one = explorer(body)
    (panel,) = one.panels
    one.query = 7
    model = toy_model(body=body, pool="class_token" if one.meta["class_token"] else "mean")
    expected = record_rows(model, toy_clips(model.config)[:1]).row(panel["layer"], 7)
    np.testing.assert_array_equal(sent(one), expected)
    assert one.told["query"] == 7 and one.told["panels"] == [panel] and one.told["film"] == one.clip["film"]
    assert not one.weights and one.meta["models"][0]["key"] is None


def test_two_models_answer_the_same_query(large):
    other = toy_model(seed=5)
    one = explorer("spacetime", beside=other)
    one.query = 3
    rows = [record_rows(model, toy_clips(other.config)[:1]) for model in (toy_model(), other)]
    for number in (0, 1):
        np.testing.assert_array_equal(sent(one, number), rows[number].row("spacetime/1", 3))
    assert not np.allclose(sent(one, 0), sent(one, 1))


def test_beside_a_model_that_is_too_large_the_kernel_answers_for_both(monkeypatch):
    monkeypatch.setattr(widget, "runs_in_a_page", lambda config: config.depth < 3)
    one = explorer("spacetime", beside=toy_model(depth=3))
    assert not one.weights and len(one.told["lengths"]) == 2
    assert [model["key"] for model in one.meta["models"]] == [None, None]


def test_models_of_different_grids_cannot_stand_side_by_side():
    with pytest.raises(ValueError, match="need one grid; got"):
        explorer(beside=ve.ViViT(toy_config(tubelet=(4, 3, 4)), rngs=nnx.Rngs(0)))


def test_a_clip_or_frames_that_do_not_fit_are_refused():
    model = toy_model()
    with pytest.raises(ValueError, match=r"one clip .* of \(8, 6, 12, 3\); got \(2, 8, 6, 12, 3\)"):
        ve.explain.Explorer(model, toy_clips(model.config))
    with pytest.raises(ValueError, match=r"frames must be \(T, H, W, 3\) with T = 8; got \(7, 6, 12, 3\)"):
        explorer(frames=np.zeros((7, 6, 12, 3), np.uint8))


@pytest.mark.parametrize("when", ["made", "set"])
def test_a_head_switched_off_is_that_heads_weights_at_zero(when):
    off = ["0|time/0|0"]
    one = explorer(**({"off": off} if when == "made" else {}))
    before = one.probabilities[0]["before"]
    one.off = off

    def tap(name, weights):
        return weights.at[..., 0, :, :].set(0) if name == "time/0" else weights

    model = toy_model(body="factorised_encoder")
    expected = jax.nn.softmax(model(toy_clips(model.config)[:1], tap=tap))[0]
    assert one.probabilities[0]["before"] == before
    np.testing.assert_allclose(answers(one), expected, atol=2e-5)  # sent with five digits
    assert np.abs(expected - np.array(before)).max() > 1e-3


def messages(explorer):
    """What is sent to pages from now on: the names of the traits in each message."""
    found = []
    explorer.send_state = lambda key=None: found.append({key} if isinstance(key, str) else set(key)) if key else None
    return found


def test_an_answer_is_sent_whole_together_with_what_it_answers(large):
    one = explorer("spacetime")
    found = messages(one)
    one.set_state({"query": 5, "off": ["0|spacetime/0|0"]})  # as a page sets them
    assert found == [{"rows", "told", "probabilities"}]
    one.set_state({"maps": "intact"})
    assert found[1:] == [{"rows", "told"}]
    one.query = 6
    assert found[2:] == [{"query"}, {"rows", "told"}]


def test_a_state_that_is_given_is_as_one_that_is_set(large):
    state = {"query": 5, "frame": 2, "scale": "unit", "view": "contour", "strength": 0.25, "speed": 2, "maps": "intact"}
    state |= {"off": ["0|space/1|0"], "panels": [{"model": 0, "layer": "time/1", "head": "min"}], "autoplay": False}
    given, later = explorer(**state), explorer()
    plain = {name: getattr(later, name) for name in state}
    for name, value in state.items():
        setattr(later, name, value)
    for name in (*state, "rows", "probabilities"):
        assert getattr(given, name) == getattr(later, name) != plain.get(name), name
    assert given.told | {"film": ""} == later.told | {"film": ""}


def test_maps_are_of_the_model_now_or_of_the_intact_one(large):
    panel = {"model": 0, "layer": "spacetime/1", "head": "1"}
    one, model = explorer("spacetime", query=7, panels=[panel]), toy_model()
    one.off = ["0|spacetime/0|0"]
    found = {}
    for maps in ("now", "intact"):
        one.maps = maps
        found[maps] = sent(one)
        seen, asked = {}, [one.told["off"], one.told["maps"]]

        def zeroed(name, weights, maps=maps):
            return weights.at[:, 0].set(0) if (name, maps) == ("spacetime/0", "now") else weights

        model(toy_clips(model.config)[:1], tap=lambda name, w: seen.setdefault(name, zeroed(name, w)))  # noqa: B023
        np.testing.assert_allclose(found[maps], seen["spacetime/1"][0, 1, 8], atol=2e-6)  # compiled against not
        assert asked == [one.off, maps]
    assert np.abs(found["now"] - found["intact"]).max() > 1e-4
    one.maps, one.off = "now", []
    np.testing.assert_array_equal(sent(one), found["intact"])


def test_rows_are_kept_of_the_intact_model_and_of_the_last_heads_off_alone(large):
    one = explorer("spacetime", beside=toy_model(seed=5))
    for off in (["0|spacetime/0|0"], ["0|spacetime/1|1", "1|spacetime/0|0"], ["1|spacetime/0|0", "1|spacetime/0|0"]):
        one.off = off
    assert set(one._seen._kept) == {(0, ()), (1, ()), (1, ("spacetime/0|0",))}


def test_classes_of_the_embedded_clips_have_names():
    classes = {"verb": 19, "noun": 10}
    one = ve.explain.Explorer(toy_model(classes=classes), toy_clips(toy_config())[0])
    assert [(group["title"], group["names"][0]) for group in one.probabilities] == [
        ("verb", "slide right"),
        ("noun", "digit 0"),
    ]


def test_switching_heads_traces_the_model_once(monkeypatch):
    model = toy_model(body="spacetime", seed=9)
    video, traces = toy_clips(model.config, batch=1), []
    knockout.chances(model, video)
    record_rows(model, video)
    monkeypatch.setattr(type(model), "__call__", lambda *a, **k: traces.append(1))
    for off in ([], ["spacetime/0|1"], ["spacetime/0|0", "spacetime/1|1"]):
        knockout.chances(model, video, off)
        record_rows(model, video, off=off)
    one = ve.explain.Explorer(model, video)
    one.off = ["0|spacetime/0|0"]
    assert traces == [] and one._repr_mimebundle_()


def test_an_unknown_head_cannot_be_switched_off():
    model = toy_model()
    with pytest.raises(KeyError, match=r"there is no head 'space/0\|9'; this model has spacetime/0, spacetime/1"):
        knockout.chances(model, toy_clips(model.config, batch=1), ["space/0|9"])


def test_a_film_that_the_page_has_read_is_the_kernels_too():
    one = explorer("spacetime", off=["0|spacetime/0|0"], frame=3)
    frames = np.random.default_rng(4).integers(128, 256, (8, 6, 12, 3), dtype=np.uint8)
    told = {"count": 8, "height": 6, "width": 12, "times": one.clip["times"], "seconds": [n / 7 for n in range(8)]}
    told |= {"name": "mine.mp4", "film": "page 0.25", "pixels": "frames"}
    state, buffers = {"off": [], "frame": 0, "clip": told}, [memoryview(b""), memoryview(frames.tobytes())]
    data = {"method": "update", "state": state, "buffer_paths": [["video"], ["frames"]]}
    intact = one.probabilities[0]["before"]
    one._handle_msg({"content": {"data": data}, "buffers": buffers})  # as it comes over the wire
    expected = knockout.chances(toy_model(), ve.data.normalise(frames[None]))["class"]
    np.testing.assert_allclose(answers(one), expected, atol=1e-5)
    assert one.probabilities[0]["before"] == one.probabilities[0]["after"] != intact
    assert np.abs(expected - np.array(intact)).max() > 1e-4 and " on mine.mp4: " in repr(one)
    state = one.state_of_page()
    assert (state["frames"], state["clip"]["film"], state["video"]) == (frames.tobytes(), "page 0.25", b"")


def test_the_first_query_is_in_the_middle_and_its_frame_is_shown():
    one = explorer()
    assert (one.query, one.frame) == (16, 4)  # (2, 1, 1) of (4, 2, 3); time 2 is frames 4 and 5
    assert (explorer(query=20).frame, explorer(query=20, frame=1).frame, explorer(query=-1).frame) == (6, 1, 0)
