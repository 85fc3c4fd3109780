"""The explorer without a browser: its state, what it sends for a query, knock-outs, and its page."""

import json
import re

import numpy as np
import pytest
from toys import BODIES, toy_clips, toy_config, toy_model

import vivit_edu as ve
from vivit_edu.explain import knockout
from vivit_edu.explain.explorer import page as pages

pytest.importorskip("anywidget")


def explorer(body="factorised_encoder", **options):
    pool = "mean" if body in ("factorised_self_attention", "factorised_dot_product") else "class_token"
    model = toy_model(body=body, pool=pool)
    return ve.explain.Explorer(model, toy_clips(model.config)[0], **options)


def sent(widget, number=0):
    told = widget.told["panels"][number]
    return np.frombuffer(widget.rows, np.float32)[told["start"] : told["start"] + told["length"]]


@pytest.mark.parametrize("body", BODIES)
def test_a_click_is_answered_with_the_querys_row(body):
    widget = explorer(body)
    name = widget.panels[0]["layer"]
    widget.query = 7
    assert widget.told["query"] == 7 and widget.told["panels"][0]["key"] == f"0|{name}|mean"
    np.testing.assert_array_equal(sent(widget), widget._rows[0].row(name, 7))


def test_two_models_answer_the_same_query():
    other = toy_model(seed=5)
    widget = explorer("spacetime", beside=other)
    widget.query = 3
    assert [panel["key"][0] for panel in widget.told["panels"]] == ["0", "1"]
    assert not np.allclose(sent(widget, 0), sent(widget, 1))


def test_models_of_different_grids_cannot_stand_side_by_side():
    with pytest.raises(ValueError, match="need one grid; got"):
        explorer(beside=ve.ViViT(toy_config(tubelet=(4, 3, 4)), rngs=ve.model.nnx.Rngs(0)))


def test_a_clip_or_frames_that_do_not_fit_are_refused():
    model = toy_model()
    with pytest.raises(ValueError, match=r"one clip .* of \(8, 6, 12, 3\); got \(2, 8, 6, 12, 3\)"):
        ve.explain.Explorer(model, toy_clips(model.config))
    with pytest.raises(ValueError, match=r"frames must be \(T, H, W, 3\) with T = 8; got \(7, 6, 12, 3\)"):
        explorer(frames=np.zeros((7, 6, 12, 3), np.uint8))


def test_a_head_switched_off_is_that_heads_weights_at_zero():
    widget = explorer()
    before = widget.probabilities[0]["before"]
    widget.off = ["0|time/0|0"]

    def tap(name, weights):
        return weights.at[..., 0, :, :].set(0) if name == "time/0" else weights

    logits = np.asarray(widget._models[0](widget._videos[0], tap=tap), np.float64)[0]
    expected = np.exp(logits) / np.exp(logits).sum()
    assert widget.probabilities[0]["before"] == before
    np.testing.assert_allclose(widget.probabilities[0]["after"], expected, atol=2e-5)  # sent with five digits
    assert np.abs(expected - before).max() > 1e-3


def test_after_a_switch_later_layers_are_shown_as_they_look_now():
    widget = explorer("spacetime", query=7)
    widget.panels = [{"model": 0, "layer": "spacetime/1", "head": "1"}]
    intact = sent(widget)
    widget.off = ["0|spacetime/0|0"]
    zeroed, seen = lambda name, w: w.at[:, 0].set(0) if name == "spacetime/0" else w, {}
    widget._models[0](widget._videos[0], tap=lambda name, w: seen.setdefault(name, zeroed(name, w)))
    expected = seen["spacetime/1"][0, 1, 1 + 7]
    np.testing.assert_allclose(sent(widget), expected, atol=2e-6)  # compiled against not compiled
    assert widget.told["off"] == widget.off and np.abs(sent(widget) - intact).max() > 1e-4
    widget.off = []
    np.testing.assert_array_equal(sent(widget), intact)


def test_a_small_models_rows_are_all_in_the_saved_state():
    widget = explorer("factorised_self_attention")
    page = widget.state_of_page()
    assert widget.blob == page["blob"] and widget.meta["stored"] == page["meta"]["stored"] and widget.meta["live"]


def test_a_large_models_rows_are_asked_for(monkeypatch):
    monkeypatch.setattr("vivit_edu.explain.explorer.page.HELD", 1000)
    widget = explorer()
    assert not widget.blob and not widget.meta["stored"] and widget.rows


def test_classes_of_the_embedded_clips_have_names():
    classes = {"verb": 19, "noun": 10}
    widget = ve.explain.Explorer(toy_model(classes=classes), toy_clips(toy_config())[0])
    assert [(group["title"], group["names"][0]) for group in widget.probabilities] == [
        ("verb", "slide right"),
        ("noun", "digit 0"),
    ]


def test_switching_heads_traces_the_model_once(monkeypatch):
    model = toy_model(body="spacetime", seed=9)
    video, traces = toy_clips(model.config, batch=1), []
    knockout.chances(model, video)
    monkeypatch.setattr(type(model), "__call__", lambda *a, **k: traces.append(1))
    for off in ([], ["spacetime/0|1"], ["spacetime/0|0", "spacetime/1|1"]):
        knockout.chances(model, video, off)
    assert traces == []


def test_an_unknown_head_cannot_be_switched_off():
    model = toy_model()
    with pytest.raises(KeyError, match=r"there is no head 'space/0\|9'; this model has spacetime/0, spacetime/1"):
        knockout.chances(model, toy_clips(model.config, batch=1), ["space/0|9"])


def test_the_page_holds_every_row_of_what_was_chosen(tmp_path):
    widget = explorer()
    path = widget.export(tmp_path / "page.html", layers=["space/0", "time/1"], heads=["1", "mean"])
    page = path.read_text()
    assert not re.search(r"(src|href)=.?(https?:)?//|@import|import\s.*from", page)
    state = json.loads(re.search(r'id="state">(.*?)</script>', page, flags=re.DOTALL)[1])
    assert set(state["meta"]["stored"]) == {f"0|{n}|{h}" for n in ("space/0", "time/1") for h in ("1", "mean")}
    row = stored_row(widget.state_of_page(), "0|space/0|1", 9)
    exact = widget._rows[0].row("space/0", 9, head="1")
    np.testing.assert_allclose(row, exact, atol=exact.max() / 509)  # half a step of 255


def stored_row(state, key, query):
    entry = state["meta"]["stored"][key]
    start = entry["offset"] + entry["first"] + query * entry["length"]
    quantised = np.frombuffer(state["blob"], np.uint8)[start : start + entry["length"]]
    return quantised / 255 * np.frombuffer(state["tops"], np.float32)[entry["top"] + 1 + query]


def test_a_page_that_would_be_too_large_is_refused_before_it_is_computed(monkeypatch, tmp_path):
    widget = explorer()
    monkeypatch.setattr("vivit_edu.explain.explorer.page.LIMIT", 100)
    with pytest.raises(ValueError, match="choose fewer layers or heads"):
        widget.export(tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_a_page_of_every_other_patch_holds_their_rows():
    widget = explorer("factorised_self_attention")
    state = widget.state_of_page(layers=["space/1"], heads=["0"], every=2)
    entry = state["meta"]["stored"]["0|space/1|0"]
    quantised = np.frombuffer(state["blob"], np.uint8).reshape(-1, entry["length"])
    tops = np.frombuffer(state["tops"], np.float32)
    assert len(quantised) == 4 * 1 * 2 and state["query"] == 12 + 0 + 0  # the middle, (2, 1, 1), is not kept
    for index, query in enumerate([6 * time + column for time in range(4) for column in (0, 2)]):
        exact = widget._rows[0].row("space/1", query, head="0")
        np.testing.assert_allclose(quantised[index] / 255 * tops[index], exact, atol=exact.max() / 509)
    with pytest.raises(ValueError, match=r"from 1 to 2, the smaller side of .* \(2, 3\); got 3"):
        widget.state_of_page(every=3)


def test_a_page_shows_large_frames_reduced():
    frames = np.random.default_rng(0).integers(0, 255, (8, 226, 452, 3), dtype=np.uint8)
    state = explorer(frames=frames).state_of_page()
    assert (state["clip"]["height"], state["clip"]["width"]) == (75, 150)
    small = np.frombuffer(state["frames"], np.uint8).reshape(8, 75, 150, 3)
    assert small[3, 5, 7, 1] == round(frames[3, 15:18, 21:24, 1].mean())


def test_a_file_becomes_a_page_in_one_call(tmp_path):
    model = toy_model()
    ve.data.write_clip(tmp_path / "mine.mp4", np.zeros((20, 48, 64, 3), np.uint8))
    path = ve.explain.export_html(model, tmp_path / "mine.mp4", tmp_path / "page.html", layers=["spacetime/1"])
    assert "spacetime/1" in path.read_text()


def test_a_page_of_no_such_layer_or_head_is_refused_before_it_is_computed(tmp_path, monkeypatch):
    widget = explorer()
    monkeypatch.setattr(pages, "knocked", lambda *_: pytest.fail("every head was tried alone"))
    with pytest.raises(KeyError, match="there is no layer space/7; choose from space/0"):
        widget.export(tmp_path / "page.html", layers=["space/7"])
    with pytest.raises(KeyError, match="there is no head 9; choose from 0, 1, mean"):
        widget.export(tmp_path / "page.html", heads=["9"])
    with pytest.raises(ValueError, match="has none of the heads chosen in the layers chosen"):
        widget.export(tmp_path / "page.html", layers=["rollout"], heads=["0"])


def test_the_twin_is_the_page_in_a_frame():
    html = explorer().twin(layers=["space/0"], heads=["mean"]).data
    assert html.startswith("<div><iframe") and "space/0" in html and "<script" not in html


def send(widget, name, content, piece=1000):
    """As the page's script does: in pieces, of which the last says so."""
    for start in range(0, len(content), piece):
        last = start + piece >= len(content)
        widget._receive(widget, {"name": name, "start": start, "last": last}, [content[start : start + piece]])


def test_a_readers_own_video_is_scaled_and_cropped(tmp_path):
    model = toy_model()
    frames = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), dtype=np.uint8)
    ve.data.write_clip(tmp_path / "mine.mp4", frames)
    widget = ve.explain.Explorer.from_file(model, tmp_path / "mine.mp4")
    assert widget.clip["count"] == 8 and len(widget.frames) == 8 * 6 * 12 * 3
    before = widget.frames
    send(widget, "other.mp4", ve.data.write_clip(None, frames[::-1]))
    assert widget.frames != before and widget.notice == "Showing other.mp4"


def test_a_bad_file_is_named_in_a_sentence_and_changes_nothing():
    widget = explorer()
    before = widget.frames
    send(widget, "notes.txt", b"these are words")
    assert widget.notice.startswith("notes.txt cannot be read as video")
    assert widget.frames == before
