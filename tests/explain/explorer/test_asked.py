"""What an explorer is asked for and given: names of classes, panels, layers, pixels, a reader's file."""

import numpy as np
import pytest
from toys import toy_clips, toy_model

import vivit_edu as ve
from vivit_edu.explain import knockout

REFUSED = (ValueError, TypeError)  # by what a test run checks of types, before the sentence that users see
FIVE = ["a", "b", "c", "d", "e"]


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
    stored = widget.state_of_page(layers=layers, heads=iter(["0"]))["meta"]["stored"]
    assert set(stored) == {"0|space/0|0"}


@pytest.mark.parametrize("make", [lambda v: (v + 1) * 127.5, lambda v: np.full(v.shape, -3), lambda v: v.astype(str)])
def test_pixels_of_another_range_are_refused(model, make):
    with pytest.raises(REFUSED, match=r"video must be (floats in|whole numbers from|real numbers)|Type-check"):
        ve.explain.Explorer(model, make(toy_clips(model.config)[0]))


def test_frames_of_another_range_are_refused(model):
    with pytest.raises(ValueError, match="frames must be whole numbers from 0 to 255; got numbers from 0 to 300"):
        frames = np.zeros((8, 6, 12, 3), int)
        frames[3] = 300
        ve.explain.Explorer(model, toy_clips(model.config)[0], frames=frames)


@pytest.mark.parametrize("name", ["..", "", "/", "long" * 100, "nul\0.mp4", "a.mp4/.", ".mp4", "é.é"])
def test_a_readers_file_may_have_any_name(widget, name):
    before = widget.frames
    widget._receive(widget, {"name": name, "start": 0, "last": True}, [b"these are words"])
    assert "cannot be read as video" in widget.notice and "/tmp" not in widget.notice and widget.frames == before
    content = ve.data.write_clip(None, np.full((9, 6, 12, 3), 200, np.uint8))
    widget._receive(widget, {"name": name, "start": 0, "last": True}, [content])
    assert widget.frames != before


@pytest.mark.parametrize("what", ["chances", "masks", "head_counts"])
def test_two_clips_are_not_answered_for_one(model, what):
    with pytest.raises(REFUSED, match=r"one clip, with an axis of batch of 1; got 2|Type-check"):
        getattr(knockout, what)(model, toy_clips(model.config))


def test_a_heads_name_alone_is_one(model):
    video = toy_clips(model.config, batch=1)
    assert knockout.masks(model, video, "space/0|1")["space/0"].tolist() == [1, 0]
    with pytest.raises((KeyError, TypeError), match=r"there is no head None|Type-check"):
        knockout.masks(model, video, [None])
