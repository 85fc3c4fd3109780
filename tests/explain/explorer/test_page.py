"""An explorer's page: what it holds, that it is sound HTML whatever the names in it, and when it is refused."""

import base64
import json
import re
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest
from toys import toy_clips, toy_model

import vivit_edu as ve
from vivit_edu.explain.explorer import engine
from vivit_edu.explain.explorer import page as pages
from vivit_edu.explain.explorer.rows import record_rows

pytest.importorskip("anywidget")


def explorer(body="factorised_encoder", **options):
    pool = "mean" if body == "factorised_self_attention" else "class_token"
    model = toy_model(body=body, pool=pool)
    return ve.explain.Explorer(model, toy_clips(model.config)[0], **options)


def rows_of(body, pool="class_token"):
    model = toy_model(body=body, pool=pool)
    return record_rows(model, toy_clips(model.config)[:1])


class Parsed(HTMLParser):
    """A page as a parser of HTML sees it: how often each tag is there, and the text within each."""

    def __init__(self, text):
        super().__init__()
        self.open, self.count, self.text, self.outside = [], {}, {}, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        self.outside += [value for name, value in attrs if name in ("src", "href") and not value.startswith("data:")]
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.text[self.open[-1]] = self.text.get(self.open[-1], "") + data


def state_in(text):
    """The page's state, by a reader of JSON that takes no NaN; what is deflated, inflated."""
    start = text.index('id="state">') + len('id="state">')
    state = json.loads(text[start : text.index("</script>", start)], parse_constant=lambda name: pytest.fail(name))
    return inflated(state)


def inflated(value):
    if isinstance(value, dict) and "deflated" in value:
        return zlib.decompress(base64.b64decode(value["deflated"]))
    return {name: inflated(part) for name, part in value.items()} if isinstance(value, dict) else value


HOSTILE = ["<!--<script>", "</script><h1>x</h1>", "\"a\" 'b'", "two\nlines", "\u2028", "@STATE@", "&lt;</title>", "é"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_page_is_sound_whatever_the_names_in_it(hostile, tmp_path):
    names = [f"{hostile} {number}" for number in range(5)]
    one = explorer(name=f"{hostile}.mp4", class_names=names)
    text = one.export(tmp_path / "page.html").read_bytes().decode()
    parsed, best = Parsed(text), int(np.argmax(one.probabilities[0]["before"]))
    percent = 100 * one.probabilities[0]["before"][best]
    heading = f"ViViT-d8-L2-A2/(3, 4)x2 FE on {hostile}.mp4: {names[best]}, {percent:.1f} %"
    assert {tag: parsed.count[tag] for tag in ("title", "h1", "main", "script", "html")} == {
        "title": 1, "h1": 1, "main": 1, "script": 2, "html": 1
    }  # fmt: skip
    assert parsed.text["title"] == parsed.text["h1"] == heading
    assert parsed.text["span"] == f"{hostile}.mp4" and ". Made on" in parsed.text["p"]
    assert state_in(text)["probabilities"][0]["names"] == names and state_in(text)["clip"]["name"] == f"{hostile}.mp4"
    assert not parsed.open and not parsed.outside
    twin = Parsed(one.twin().data)
    assert twin.count["iframe"] == twin.count["img"] == 1 and not {"script", "h1"} & set(twin.count) and not twin.open


def test_names_that_are_no_unicode_do_not_keep_a_page_from_being_written(tmp_path):
    names = ["caf\udce9"] * 5
    text = explorer(name="caf\udce9.mp4", class_names=names).export(tmp_path / "page.html").read_bytes().decode()
    assert "on caf?.mp4: caf\ufffd, " in Parsed(text).text["title"]


def test_a_small_models_page_holds_its_weights_and_what_was_chosen(tmp_path):
    one = explorer(panels=[{"model": 0, "layer": "time/0", "head": "max"}], query=7, off=["0|space/0|1"], speed=0.5)
    state = state_in(one.export(tmp_path / "page.html", layers=["space/0", "time/1"], heads=["1", "mean"]).read_text())
    (model,) = state["meta"]["models"]
    assert state["weights"] == one.weights and model["key"] in one.weights
    assert [(each["name"], each["heads"]) for each in model["layers"]] == [
        ("space/0", ["1", "mean"]),
        ("time/1", ["1", "mean"]),
    ]
    assert not {"stored", "blob", "tops", "every"} & state.keys() and not state["rows"] and not state["told"]
    assert state["panels"] == [{"model": 0, "layer": "space/0", "head": "mean"}]
    assert (state["query"], state["speed"], state["off"]) == (7, 0.5, [])
    assert state["probabilities"][0]["after"] == state["probabilities"][0]["before"]


def test_every_of_a_small_model_changes_nothing_and_is_held_against_the_grid():
    one = explorer()
    assert one.state_of_page(every=2) == one.state_of_page()
    for wrong in (0, 3, 1.5, True):
        with pytest.raises((ValueError, TypeError), match=r"from 1 to 2, the smaller side of .* \(2, 3\)|Type-check"):
            one.state_of_page(every=wrong)


def stored_row(state, key, query):
    entry = state["stored"][key]
    start = entry["offset"] + entry["first"] + query * entry["length"]
    quantised = np.frombuffer(state["blob"], np.uint8)[start : start + entry["length"]]
    return quantised / 255 * np.frombuffer(state["tops"], np.float32)[entry["top"] + 1 + query]


def test_a_large_models_page_holds_every_row_of_what_was_chosen(large, tmp_path):
    one = explorer()
    one.off = ["0|space/0|0"]
    path = one.export(tmp_path / "page.html", layers=["space/1", "time/1"], heads=["1", "mean"])
    state = state_in(path.read_text())
    assert set(state["stored"]) == {f"0|{n}|{h}" for n in ("space/1", "time/1") for h in ("1", "mean")}
    exact = rows_of("factorised_encoder").row("space/1", 9, head="1")
    np.testing.assert_allclose(
        stored_row(state, "0|space/1|1", 9), exact, atol=exact.max() / 509
    )  # half of a 255th; of the intact model
    assert not state["weights"] and state["every"] == 1


def test_pixels_for_a_model_are_where_one_runs(large):
    frames = np.random.default_rng(0).integers(0, 255, (8, 226, 12, 3), dtype=np.uint8)
    one = explorer(frames=frames)
    state = one.state_of_page(layers=["time/0"])
    for clip, video in ((one.clip, one.video), (state["clip"], state["video"])):
        assert (clip["pixels"], video) == ("frames", b"")
    assert (state["clip"]["height"], len(state["frames"])) == (75, 8 * 75 * 4 * 3)


def test_a_large_models_page_of_every_other_patch_holds_their_rows(large):
    state = explorer("factorised_self_attention").state_of_page(layers=["space/1"], heads=["0"], every=2)
    entry = state["stored"]["0|space/1|0"]
    quantised = np.frombuffer(state["blob"], np.uint8).reshape(-1, entry["length"])
    tops = np.frombuffer(state["tops"], np.float32)
    assert len(quantised) == 4 * 1 * 2 and state["every"] == 2
    assert state["query"] == 12  # the middle, (2, 1, 1), is not kept: the nearest above and left is (2, 0, 0)
    for index, query in enumerate([6 * time + column for time in range(4) for column in (0, 2)]):
        exact = rows_of("factorised_self_attention", "mean").row("space/1", query, head="0")
        np.testing.assert_allclose(quantised[index] / 255 * tops[index], exact, atol=exact.max() / 509)


def test_a_large_models_page_that_would_be_too_large_is_refused_before_it_is_computed(large, monkeypatch, tmp_path):
    one = explorer()
    monkeypatch.setattr("vivit_edu.explain.explorer.stored.LIMIT", 100)
    monkeypatch.setattr("vivit_edu.explain.explorer.stored.held", lambda *_, **__: pytest.fail("rows were computed"))
    with pytest.raises(ValueError, match=r"choose fewer layers \(layers=\), heads \(heads=\), or every=2"):
        one.export(tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_a_small_models_page_that_is_too_large_says_what_fills_it(monkeypatch, tmp_path):
    monkeypatch.setattr("vivit_edu.explain.explorer.stored.LIMIT", 50_000)
    frames = np.random.default_rng(0).integers(0, 256, (8, 112, 200, 3), dtype=np.uint8)
    with pytest.raises(
        ValueError, match=r"would hold 0\.\d MB, more than 0, of 0\.0 MB of weights and 0\.5 MB of frames"
    ):
        explorer(frames=frames).export(tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_a_page_of_no_such_layer_or_head_is_refused_before_it_is_computed(large, tmp_path, monkeypatch):
    one = explorer()
    monkeypatch.setattr("vivit_edu.explain.explorer.stored.held", lambda *_, **__: pytest.fail("rows were computed"))
    with pytest.raises(KeyError, match="there is no layer space/7; choose from space/0"):
        one.export(tmp_path / "page.html", layers=["space/7"])
    with pytest.raises(KeyError, match="there is no head 9; choose from 0, 1, mean"):
        one.export(tmp_path / "page.html", heads=["9"])
    with pytest.raises(ValueError, match="has none of the heads chosen in the layers chosen"):
        one.export(tmp_path / "page.html", layers=["rollout"], heads=["0"])


def test_a_page_shows_large_frames_reduced_and_the_model_takes_what_it_took():
    frames = np.random.default_rng(0).integers(0, 255, (8, 226, 452, 3), dtype=np.uint8)
    one = explorer(frames=frames)
    state = one.state_of_page()
    assert (state["clip"]["height"], state["clip"]["width"]) == (75, 150)
    small = np.frombuffer(state["frames"], np.uint8).reshape(8, 75, 150, 3)
    assert small[3, 5, 7, 1] == round(frames[3, 15:18, 21:24, 1].mean())
    assert (state["clip"]["pixels"], state["video"]) == ("floats", one.video) and len(one.video) == 4 * 8 * 6 * 12 * 3


def test_a_video_of_more_than_112_rows_is_in_the_page_twice_small_and_whole():
    model = toy_model(size=(226, 12), tubelet=(2, 113, 4))
    clip = np.random.default_rng(0).integers(0, 256, (8, 226, 12, 3), dtype=np.uint8)
    one = ve.explain.Explorer(model, clip)
    state = one.state_of_page()
    assert (one.clip["pixels"], one.video) == ("frames", b"")
    assert (state["clip"]["pixels"], state["video"]) == ("uint8", clip.tobytes())
    assert (state["clip"]["height"], len(state["frames"])) == (75, 8 * 75 * 4 * 3)


def test_a_file_becomes_a_page_in_one_call(tmp_path):
    model = toy_model()
    ve.data.write_clip(tmp_path / "mine.mp4", np.zeros((20, 48, 64, 3), np.uint8), fps=10)
    path = ve.explain.export_html(model, tmp_path / "mine.mp4", tmp_path / "page.html", layers=["spacetime/1"])
    state = state_in(path.read_text())
    assert [layer["name"] for layer in state["meta"]["models"][0]["layers"]] == ["spacetime/1"]
    assert state["clip"]["name"] == "mine.mp4" and state["clip"]["seconds"][-1] == pytest.approx(1.9)


def test_the_twin_is_the_page_in_a_frame_that_has_its_heading():
    one = explorer(name='a "clip"')
    html = one.twin(layers=["space/0"], heads=["mean"]).data
    assert html.startswith("<div><iframe") and "<script" not in html
    assert 'title="ViViT-d8-L2-A2/(3, 4)x2 FE on a &quot;clip&quot;: class 2, ' in html


def test_the_embedded_models_run_in_a_page_and_the_papers_do_not():
    for name in ("ViViT-nano/8x2", "ViViT-nano/8x2 FE", "ViT-nano/8"):
        assert engine.runs_in_a_page(ve.pretrained.load(name).config)
    assert not engine.runs_in_a_page(ve.named("ViViT-B/16x2", classes=400))


def test_the_script_closes_no_tag_of_the_page():
    for part in (pages.SCRIPT, pages.SHIM, pages.STYLE):
        assert not re.search(r"</(script|style)|<!--", part, flags=re.IGNORECASE)
