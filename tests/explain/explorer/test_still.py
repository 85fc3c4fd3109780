"""An explorer where no widget can live: a sentence, and a picture in which the row is brightest where it is largest."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from plotly.colors import hex_to_rgb, sequential
from toys import BODIES, toy_clips, toy_model

import vivit_edu as ve
from vivit_edu.explain.explorer import still
from vivit_edu.explain.explorer.rows import CLASS_TOKEN, ROLLOUT, record_rows

pytest.importorskip("anywidget")


def rows_of(body, **options):
    pool = "mean" if body in ("factorised_self_attention", "factorised_dot_product") else "class_token"
    model = toy_model(body=body, pool=pool, **options)
    return record_rows(model, toy_clips(model.config)[:1])


def seen_by_hand(rows, name, query, row):
    """Token by token, in the words of `Layers.reach`; by its name for whom the class token asks."""
    heat, (nt, nh, nw) = np.zeros((4, 2, 3)), rows.config.grid
    for token in range(nt * nh * nw):
        time, place = divmod(token, nh * nw)
        own_time, own_place = divmod(query, nh * nw)
        key = {
            "all": token,
            "output": token,
            "frame": token if query == CLASS_TOKEN else place if time == own_time else None,
            "place": time if place == own_place else None,
            "time": time,
        }[rows.reach(name)]
        if key is not None:
            heat[np.unravel_index(token, heat.shape)] = row[1 + key]
    return heat


@pytest.mark.parametrize("body", BODIES)
def test_a_row_lies_on_the_tokens_that_its_query_can_see(body):
    rows, reaches = rows_of(body), set()
    for name in rows.names:
        for query in (CLASS_TOKEN, 0, 10, 23) if rows.class_token else (0, 10, 23):
            row = rows.row(name, query)
            heat = still.on_grid(rows, name, query, row)
            np.testing.assert_array_equal(heat, seen_by_hand(rows, name, query, row).astype(np.float32))
            reaches.add(rows.reach(name))
    assert rows.reach(ROLLOUT) in reaches and len(reaches) == {"spacetime": 1, "average_pool": 2}.get(body, 3)


def shown(explorer):
    """The words, and the picture as floats (height, width, 3)."""
    bundle = explorer._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
    return data["text/plain"], np.asarray(picture, np.float64)


@pytest.mark.parametrize("which", ["large", "small"])
def test_what_is_displayed_has_words_and_a_picture(which, request):
    if which == "large":
        request.getfixturevalue("large")
    model = toy_model(body="factorised_encoder")
    black = np.zeros((8, 6, 12, 3), np.uint8)
    panel = {"model": 0, "layer": "space/1", "head": "1"}
    one = ve.explain.Explorer(model, toy_clips(model.config)[0], frames=black, panels=[panel], query=15, name="a film")
    words, picture = shown(one)
    best = one.probabilities[0]["before"]
    answer = f"class {np.argmax(best)}, {100 * max(best):.1f} %"
    assert words == repr(one) == f"Explorer(ViViT-d8-L2-A2/(3, 4)x2 FE on a film: {answer})"
    assert picture.shape == (60 + 4, 4 * (120 + 4), 3)  # four time indices, 12 pixels ten times as wide, and a frame
    row = rows_of("factorised_encoder").row("space/1", 15, head="1")[1:]
    tiles = picture.reshape(64, 4, 124, 3)[2:62, :, 2:122].swapaxes(0, 1)  # (4, 60, 120, 3)
    tokens = tiles.reshape(4, 2, 30, 3, 40, 3).mean((2, 4, 5))
    assert np.unravel_index(tokens.argmax(), tokens.shape) == (2, *np.unravel_index(row.argmax(), (2, 3)))
    assert np.array_equal(np.argsort(tokens[2].ravel()), np.argsort(row)) and tokens[[0, 1, 3]].max() < 5
    assert (picture[:2] == 255).all()


def test_the_picture_is_of_the_heads_that_are_on():
    panel = {"model": 0, "layer": "spacetime/1", "head": "1"}
    model = toy_model()
    one = ve.explain.Explorer(model, toy_clips(model.config)[0], panels=[panel])
    intact = shown(one)[1]
    one.off = ["0|spacetime/0|0"]
    assert np.abs(shown(one)[1] - intact).max() > 1
    one.maps = "intact"
    np.testing.assert_array_equal(shown(one)[1], intact)


def test_large_frames_are_small_in_the_picture_and_many_are_in_lines():
    model = toy_model(frames=22)  # eleven time indices
    frames = np.full((22, 226, 452, 3), 200, np.uint8)
    one = ve.explain.Explorer(model, toy_clips(model.config)[0], frames=frames)
    _, picture = shown(one)
    assert picture.shape == (2 * (75 + 4), 8 * (150 + 4), 3)
    assert (picture[79:, 3 * 154 :] == 255).all() and not (picture[79:, 2 * 154 : 3 * 154] == 255).all()


def test_the_colours_are_those_of_the_figures():
    figures = [list(hex_to_rgb(colour)) for colour in sequential.Inferno]
    np.testing.assert_array_equal(still._inferno(np.linspace(0, 1, 10)), figures)
