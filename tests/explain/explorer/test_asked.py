"""What an explorer is asked for and given: names of classes, options, panels, layers, pixels."""

import json

import numpy as np
import pytest
from toys import toy_clips, toy_model

import vivit_edu as ve
from vivit_edu.explain import knockout

REFUSED = (ValueError, TypeError)  # by what a test run checks of types, before the sentence that users see
FIVE = ["a", "b", "c", "d", "e"]
NAN = float("nan")


@pytest.fixture(scope="module")
def model():
    return toy_model(body="factorised_encoder")


@pytest.fixture
def widget(model):
    pytest.importorskip("anywidget")
    return ve.explain.Explorer(model, toy_clips(model.config)[0])


NAMES = {
    "too few": (["a"], "class has 5 classes; got 1 names"),
    "too many": ([*FIVE, *"fghi"], "class has 5 classes; got 9 names"),
    "too few of a head": ({"class": ["a"]}, "class has 5 classes; got 1 names"),
    "of no head": ({"x": FIVE}, "there is no head 'x' to name classes of, only class"),
    "none": ([], "got 0 names"),
    "text": ("abcde", "must be a list; got 'abcde'"),
    "bytes": (b"abcde", "must be a list"),
    "a number": (5, "expected a list; got 5"),
}


@pytest.mark.parametrize("what", NAMES)
def test_names_that_do_not_fit_the_classes_are_refused(model, what):
    names, message = NAMES[what]
    for use in (
        lambda: knockout.names_of(names, [{"class": 5}]),
        lambda: ve.explain.Explorer(model, toy_clips(model.config)[0], class_names=names),
    ):
        with pytest.raises(REFUSED, match=f"{message}|Type-check"):
            use()


@pytest.mark.parametrize("names", [(n for n in FIVE), np.array(FIVE), [*FIVE[:4], np.int64(7)], {"class": iter(FIVE)}])
def test_names_come_in_any_list(names):
    found = knockout.names_of(names, [{"class": 5}])
    assert len(found["class"]) == 5 and all(type(name) is str for name in found["class"])


def test_names_are_held_against_both_models(model):
    three = toy_model(classes=3, body="factorised_encoder", seed=4)
    with pytest.raises(ValueError, match="class has 3 classes; got 5 names"):
        ve.explain.Explorer(model, toy_clips(model.config)[0], beside=three, class_names=FIVE)
    assert knockout.names_of({"verb": ["a", "b"]}, [{"class": 5}, {"verb": 2, "noun": 3}]) == {"verb": ["a", "b"]}


@pytest.mark.parametrize("panels", [[], [3], [None], "three"])
def test_panels_are_one_or_two_mappings(widget, panels):
    panels = [*widget.panels] * 3 if panels == "three" else panels
    with pytest.raises(ValueError, match=r"one panel or two; got [03]|a panel is a mapping .* got (3|None)"):
        widget.panels = panels


def test_an_option_that_there_is_not_is_refused(model):
    with pytest.raises(TypeError, match="an explorer has no option foo; its state is query, panels"):
        ve.explain.Explorer(model, toy_clips(model.config)[0], foo=1)


@pytest.mark.parametrize("layers", ["space/0", (name for name in ["space/0"])])
def test_layers_are_a_name_or_names_from_anywhere(widget, layers):
    (told,) = widget.state_of_page(layers=layers, heads=iter(["0"]))["meta"]["models"]
    assert [(layer["name"], layer["heads"]) for layer in told["layers"]] == [("space/0", ["0"])]


OUT_OF_RANGE = {
    "fps 0": ({"fps": 0}, ValueError, "fps must be a number above 0; got 0"),
    "fps below": ({"fps": -1}, ValueError, "fps must be a number above 0; got -1"),
    "fps nan": ({"fps": NAN}, ValueError, "fps must be a number above 0; got nan"),
    "strength": ({"strength": 1.5}, ValueError, "'strength' trait .* 1.5"),
    "strength nan": ({"strength": NAN}, ValueError, "strength must be finite"),
    "speed": ({"speed": 3}, ValueError, r"'speed' trait .*0.25, 0.5, 1, 2.* not the int 3"),
    "maps": ({"maps": "later"}, ValueError, "'maps' trait .*'now', 'intact'.* 'later'"),
    "scale": ({"scale": "large"}, ValueError, "'scale' trait"),
    "view": ({"view": 3}, ValueError, "'view' trait"),
    "autoplay": ({"autoplay": "yes"}, ValueError, "'autoplay' trait"),
    "frame": ({"frame": 8}, IndexError, "the clip has frames 0 to 7; asked for 8"),
    "frame between": ({"frame": 0.5}, ValueError, "'frame' trait .* 0.5"),
    "query": ({"query": 24}, IndexError, "queries run from -1 to 23; got 24"),
    "query between": ({"query": 1.5}, ValueError, "'query' trait .* 1.5"),
    "off": ({"off": ["0|space/0|2"]}, KeyError, "there is no head"),
    "name": ({"name": 3}, ValueError, "a clip's name must be text; got 3"),
}


@pytest.mark.parametrize("what", OUT_OF_RANGE)
def test_options_out_of_range_are_refused_in_a_sentence_when_it_is_made(model, what):
    options, error, message = OUT_OF_RANGE[what]
    with pytest.raises((error, TypeError), match=f"{message}|Type-check") as caught:
        ve.explain.Explorer(model, toy_clips(model.config)[0], **options)
    assert "Type-check" in str(caught.value) or len(str(caught.value).splitlines()) == 1


def test_numbers_of_numpy_are_taken_and_sent_as_pythons_own(model):
    panel = {"layer": "space/0", "head": "1", "model": np.int64(0)}
    state = {"query": np.int64(3), "frame": np.uint8(2), "strength": np.float32(0.5), "speed": np.float64(2)}
    one = ve.explain.Explorer(model, toy_clips(model.config)[0], panels=[panel], **state)
    told = {name: getattr(one, name) for name in state} | {"panels": one.panels}
    assert json.loads(json.dumps(told)) == {"query": 3, "frame": 2, "strength": 0.5, "speed": 2, "panels": [panel]}
    assert list(one.panels[0]) == list(panel)  # a page compares panels as they are written


@pytest.mark.parametrize("wrong", [{"query": 24}, {"off": ["0|space/0|2"]}, {"panels": [{"model": 0}]}, {"panels": []}])
def test_traits_that_are_set_together_are_set_all_or_none(large, model, wrong):
    one = ve.explain.Explorer(model, toy_clips(model.config)[0], frame=1)
    before = {name: getattr(one, name) for name in (*wrong, "frame", "probabilities", "told", "rows")}
    with pytest.raises((KeyError, IndexError, ValueError)):
        one.set_state({"frame": 3} | wrong)  # as a page sets them
    assert {name: getattr(one, name) for name in before} == before
    one.frame = 3
    assert one.frame == 3


def test_a_model_without_a_class_token_has_none_to_look_from(large):
    model = toy_model(pool="mean")
    one = ve.explain.Explorer(model, toy_clips(model.config)[0])
    with pytest.raises(IndexError, match="queries run from 0 to 23; got -1"):
        one.query = -1
    assert one.query == one.told["query"] == 16


@pytest.mark.parametrize("make", [lambda v: (v + 1) * 127.5, lambda v: np.full(v.shape, -3), lambda v: v.astype(str)])
def test_pixels_of_another_range_are_refused(model, make):
    with pytest.raises(REFUSED, match=r"video must be (floats in|whole numbers from|real numbers)|Type-check"):
        ve.explain.Explorer(model, make(toy_clips(model.config)[0]))


def test_frames_of_another_range_are_refused(model):
    with pytest.raises(ValueError, match="frames must be whole numbers from 0 to 255; got numbers from 0 to 300"):
        frames = np.zeros((8, 6, 12, 3), int)
        frames[3] = 300
        ve.explain.Explorer(model, toy_clips(model.config)[0], frames=frames)


def test_frames_that_are_no_pixels_or_none_are_refused(model):
    frames = np.full((8, 6, 12, 3), 7.0)
    assert set(ve.explain.Explorer(model, toy_clips(model.config)[0], frames=frames).frames) == {7}
    frames[2, 1, 0, 2] = 0.25
    with pytest.raises(ValueError, match=r"frames must be whole numbers from 0 to 255; got 0\.25$"):
        ve.explain.Explorer(model, toy_clips(model.config)[0], frames=frames)
    with pytest.raises(ValueError, match=r"frames must be \(T, H, W, 3\) with T = 8; got \(8, 0, 12, 3\)"):
        ve.explain.Explorer(model, toy_clips(model.config)[0], frames=np.zeros((8, 0, 12, 3), np.uint8))


@pytest.mark.parametrize("what", ["chances", "masks", "head_counts"])
def test_two_clips_are_not_answered_for_one(model, what):
    with pytest.raises(REFUSED, match=r"one clip, with an axis of batch of 1; got 2|Type-check"):
        getattr(knockout, what)(model, toy_clips(model.config))


def test_a_heads_name_alone_is_one(model):
    video = toy_clips(model.config, batch=1)
    assert knockout.masks(model, video, "space/0|1")["space/0"].tolist() == [1, 0]
    with pytest.raises((KeyError, TypeError), match=r"there is no head None|Type-check"):
        knockout.masks(model, video, [None])
