"""A reader's own file, sent in pieces: each is acknowledged, the last chosen wins, and it comes whole or not at all."""

import numpy as np
import pytest
from toys import toy_clips, toy_model

import vivit_edu as ve
from vivit_edu.explain.explorer import sent

pytest.importorskip("anywidget")


@pytest.fixture(scope="module")
def model():
    return toy_model(body="factorised_encoder")


@pytest.fixture
def widget(model):
    widget = ve.explain.Explorer(model, toy_clips(model.config)[0])
    widget.said = []
    widget.send = widget.said.append
    return widget


@pytest.fixture(scope="module")
def films():
    frames = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), dtype=np.uint8)
    return [ve.data.write_clip(None, each, fps=10) for each in (frames, frames[::-1])]


def pieces(name, content, reading=1, piece=1000):
    """What the page's script sends: (message, buffers) of each piece, of which the last says so."""
    for start in range(0, max(1, len(content)), piece):
        message = {"reading": reading, "name": name, "start": start, "last": start + piece >= len(content)}
        yield message, [memoryview(content[start : start + piece])]


def send(widget, *args, **options):
    for message, buffers in pieces(*args, **options):
        widget._handle_custom_msg(message, buffers)


def test_a_readers_own_video_is_scaled_and_cropped_and_every_piece_acknowledged(widget, model, films, tmp_path):
    widget.frame, widget.off = 5, ["0|space/0|1"]
    send(widget, "other.mp4", films[1])
    starts = list(range(0, len(films[1]), 1000))
    expected = [{"reading": 1, "taken": start} for start in starts]
    expected[-1] |= {"done": ""}
    assert len(starts) > 3 and widget.said == expected
    (tmp_path / "other.mp4").write_bytes(films[1])
    direct = ve.explain.Explorer.from_file(model, tmp_path / "other.mp4")
    assert widget.frames == direct.frames and len(widget.frames) == 8 * 6 * 12 * 3
    assert (widget.probabilities, widget.frame, widget.off) == (direct.probabilities, 0, [])
    assert widget.clip | {"film": ""} == direct.clip | {"film": ""} and widget.clip["name"] == "other.mp4"
    np.testing.assert_allclose(widget.clip["seconds"], [0, 0.3, 0.5, 0.8, 1.1, 1.4, 1.6, 1.9], atol=1e-6)


def test_a_kernels_rows_are_those_of_the_readers_film(large, model, films):
    widget = ve.explain.Explorer(model, toy_clips(model.config)[0])
    widget.send = lambda message: None
    before = widget.rows
    send(widget, "other.mp4", films[0])
    clip = np.frombuffer(widget.frames, np.uint8).reshape(1, 8, 6, 12, 3)
    rows = ve.explain.explorer.rows.record_rows(model, ve.data.normalise(clip))
    panel = widget.panels[0]
    expected = rows.row(panel["layer"], widget.query, head=panel["head"])
    np.testing.assert_array_equal(np.frombuffer(widget.rows, np.float32), expected)
    assert widget.rows != before and widget.told["film"] == widget.clip["film"]


def test_a_film_is_told_in_one_message_with_the_answers_about_it(large, model, films):
    widget = ve.explain.Explorer(model, toy_clips(model.config)[0], off=["0|space/0|1"])
    widget.send, found = lambda message: None, []
    widget.send_state = lambda key=None: found.append(set(key)) if key else None
    send(widget, "other.mp4", films[0])
    assert found == [{"clip", "frames", "frame", "off", "probabilities", "rows", "told"}]


def test_of_two_files_the_one_chosen_last_is_shown(widget, films):
    first, last = (list(pieces(f"{n}.mp4", films[n - 1], reading=n)) for n in (1, 2))
    for message in [*first[:2], *last[:1], *first[2:], *last[1:]]:
        widget._handle_custom_msg(*message)
    done = {said["reading"]: said["done"] for said in widget.said if "done" in said}
    assert len(widget.said) == len(first) + len(last) and widget.clip["name"] == "2.mp4"
    assert done == {1: "1.mp4 did not come whole: another file was chosen meanwhile", 2: ""}


def test_a_file_that_is_broken_off_is_forgotten_and_a_missing_piece_noticed(films):
    upload, (first, *others) = sent.Upload(), list(pieces("a.mp4", films[0]))
    for each in (first, others[0], first, *others):  # begun again
        whole = upload.take(*each)
    assert whole == films[0] and not upload._pieces
    for each in (first, *others[1:]):
        assert upload.take(*each) is None
    assert upload.take({"start": 0, "reading": 7, "last": True}, [b"new"]) == b"new" and not upload._pieces


def test_files_of_two_pages_that_count_alike_are_not_mixed(widget, films):
    one, other = (list(pieces(f"{n}.mp4", films[n], reading=1)) for n in (0, 1))
    for message in [one[0], other[0], *one[1:], *other[1:]]:
        widget._handle_custom_msg(*message)
    done = [said["done"] for said in widget.said if "done" in said]
    assert done == ["0.mp4 did not come whole: another file was chosen meanwhile", ""]
    assert widget.clip["name"] == "1.mp4"


def test_a_bad_file_is_named_in_a_sentence_and_changes_nothing(widget):
    before = (widget.frames, widget.clip, widget.probabilities)
    send(widget, "notes.txt", b"these are words")
    (said,) = widget.said
    assert said["done"].startswith("notes.txt cannot be read as video") and len(said["done"].splitlines()) == 1
    send(widget, "empty.mp4", b"")
    assert "empty.mp4" in widget.said[1]["done"]
    assert (widget.frames, widget.clip, widget.probabilities) == before


@pytest.mark.parametrize("name", ["..", "", "/", "long" * 100, "nul\0.mp4", "a.mp4/.", ".mp4", "é.é"])
def test_a_readers_file_may_have_any_name(widget, films, name):
    before = widget.frames
    send(widget, name, b"these are words")
    done = widget.said[-1]["done"]
    assert "cannot be read as video" in done and "/tmp" not in done and widget.frames == before
    send(widget, name, films[0])
    assert widget.frames != before and widget.clip["name"] == (name or "a clip")


def test_a_film_that_does_not_fit_the_model_is_refused_and_the_old_one_stays():
    model = toy_model(channels=1)
    widget = ve.explain.Explorer(model, toy_clips(model.config)[0])
    before, said = (widget.frames, widget.probabilities), []
    widget.send = said.append
    send(widget, "mine.mp4", ve.data.write_clip(None, np.zeros((9, 48, 64, 3), np.uint8)))
    assert said[-1]["done"].startswith("the explorer takes one clip")
    widget.off = ["0|spacetime/0|0"]
    widget.off = []
    assert (widget.frames, widget.probabilities) == before


def test_messages_of_others_are_left_alone(widget):
    widget._receive(widget, {"kind": "anywidget-command"}, [])  # by itself, since ipywidgets only logs what it raises
    assert widget.said == []
