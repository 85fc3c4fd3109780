"""The figures, by the data they draw; what they look like is looked at."""

import base64
import zlib

import numpy as np
import pytest
from toys import toy_clips, toy_config, toy_model

import vivit_edu as ve
from vivit_edu.explain import figures, film
from vivit_edu.explain.draw.canvas import Film, png
from vivit_edu.explain.draw.clips import owned_frames
from vivit_edu.explain.draw.inside import query_maps


@pytest.fixture
def frames():
    return np.random.default_rng(0).integers(0, 256, (8, 6, 12, 3), dtype=np.uint8)


def test_png_holds_the_pixels_unchanged():
    pixels = np.random.default_rng(1).integers(0, 256, (3, 5, 4), dtype=np.uint8)
    stored = base64.b64decode(png(pixels).split(",")[1])
    start = stored.index(b"IDAT") + 4
    raw = zlib.decompress(stored[start : stored.index(b"IEND") - 8])
    rows = np.frombuffer(raw, np.uint8).reshape(3, 1 + 5 * 4)
    np.testing.assert_array_equal(rows[:, 1:].reshape(pixels.shape), pixels)


def test_film_paints_every_frame_where_its_corner_is(frames):
    strip = Film(count=8, size=(6, 12), columns=3, together=1)
    canvas = strip.paint(frames)
    for index, frame in enumerate(frames):
        x, y = strip.corner(index)
        np.testing.assert_array_equal(canvas[y : y + 6, x : x + 12, :3], frame)
    assert (canvas[..., 3] == 255).sum() == frames[..., 0].size  # transparent elsewhere


def test_frames_of_one_tubelet_touch():
    strip = Film(count=8, size=(6, 12), together=2)
    gaps = np.diff([strip.corner(i)[0] for i in range(8)]) - 12
    assert gaps.tolist() == [0, strip.gap, 0, strip.gap, 0, strip.gap, 0]


def test_cells_put_each_value_over_its_patch():
    values = np.arange(4 * 2 * 3).reshape(4, 2, 3)
    strip = Film(count=4, size=(6, 12), columns=3)
    cells = strip.cells(values)
    assert cells["z"].shape == (len(cells["y"]) - 1, len(cells["x"]) - 1)
    assert sorted(cells["z"][~np.isnan(cells["z"])]) == list(range(24))
    row, column = np.argwhere(cells["z"] == values[1, 1, 2])[0]
    assert (cells["x"][column], cells["y"][row]) == (strip.corner(1)[0] + 8, 3)


def test_film_says_when_each_frame_was(frames):
    figure = figures.film(frames, fps=4, every=2)
    assert [note.text for note in figure.layout.annotations] == ["0 s", "0.5", "1", "1.5"]


def test_raster_has_a_step_for_each_token_in_order(frames):
    config = toy_config()
    steps = figures.raster(frames, config, fps=8).layout.sliders[0].steps
    assert len(steps) == config.tokens
    assert steps[7].label == "7: time 1, row 0, column 1"  # nt nh nw = 4 2 3


@pytest.mark.parametrize("tokeniser", ["tubelet", "uniform"])
def test_tubelets_counts_the_numbers_of_the_token_taken_out(frames, tokeniser):
    figure = figures.tubelets(frames, toy_config(tokeniser=tokeniser), highlight=(1, 0, 2))
    t = {"tubelet": 2, "uniform": 1}[tokeniser]
    assert f"{t} × 3 × 4 × 3 = {t * 36} numbers" in figure.layout.annotations[0].text


def test_uniform_tokens_own_the_sampled_frames():
    config = toy_config(tokeniser="uniform")
    assert [frame for (frame,) in owned_frames(config)] == list(ve.tokens.sample_frames(config))


def test_model_1_sees_everything():
    assert figures.visibility(toy_config()).all()


def test_model_2_sees_its_own_frame():
    seen = figures.visibility(toy_config(body="factorised_encoder"))
    np.testing.assert_array_equal(seen, np.kron(np.eye(4, dtype=bool), np.ones((6, 6), bool)))


@pytest.mark.parametrize("body", ["factorised_self_attention", "factorised_dot_product"])
def test_models_3_and_4_see_their_frame_and_their_place(body):
    seen = figures.visibility(toy_config(body=body))
    space, time = np.kron(np.eye(4), np.ones((6, 6))), np.kron(np.ones((4, 4)), np.eye(6))
    np.testing.assert_array_equal(seen, (space + time) > 0)


def test_masks_stand_side_by_side_in_the_order_given():
    configs = [toy_config(), toy_config(body="factorised_encoder")]
    figure = figures.sees_side_by_side(configs)
    seen = [np.count_nonzero(trace.z) for trace in figure.data]
    assert seen == [24 * 24, 24 * 6] and figure.data[0].x.max() < figure.data[1].x.min()


@pytest.mark.parametrize("body", ["spacetime", "factorised_dot_product"])
def test_visibility_is_what_gradients_reach_in_one_layer(body):
    import jax

    model = toy_model(body=body, depth=1, pool="mean")
    z = np.random.default_rng(2).normal(size=(1, 4, 6, 8)).astype(np.float32)
    shape = (1, 24, 8) if body == "spacetime" else z.shape
    encoder = model.body.encoder
    reach = jax.jacobian(lambda z: encoder(z.reshape(shape)).reshape(24, 8))(z).reshape(24, 8, 24, 8)
    np.testing.assert_array_equal(np.abs(reach).max((1, 3)) > 1e-8, figures.visibility(model.config))


@pytest.mark.parametrize("body", ["spacetime", "factorised_encoder", "factorised_self_attention"])
def test_query_maps_lay_weights_on_the_grid(body):
    model = toy_model(body=body)
    _, records = ve.explain.record_attention(model, toy_clips(model.config))
    for record in records:
        maps = query_maps(record, clip=1, query=1)
        assert maps.shape == (2, 4, 2, 3)
        where = (1, 0, 1, 0) if record.over == "spacetime" else None
        if where:  # key 1 + (1 * 2 + 0) * 3 + ... of the sequence after the class token
            assert maps[0, 1, 0, 2] == record.weights[1, 0, 1, 1 + 6 + 2]
        if body == "factorised_self_attention" and record.over == "time":
            assert maps[1, 3, 1, 2] == record.weights[1, 5, 1, 1, 3]
        if body == "factorised_self_attention" and record.over == "space":
            assert maps[1, 3, 1, 2] == record.weights[1, 3, 1, 1, 5]


def test_attention_over_frames_draws_raw_weights(frames):
    weights = np.random.default_rng(3).random((4, 2, 3)).astype(np.float32)
    heat = figures.attention_over_frames(frames, weights, toy_config(), fps=8).data[1]
    np.testing.assert_array_equal(np.sort(heat.z[~np.isnan(heat.z)]), np.sort(weights.ravel()))
    assert heat.zmax == pytest.approx(weights.max())


def test_attention_over_frames_has_a_step_for_each_query(frames):
    weights = np.random.default_rng(3).random((2, 4, 2, 3)).astype(np.float32)
    figure = figures.attention_over_frames(frames, weights, toy_config(), fps=8, queries=[None, 7])
    assert [s.label for s in figure.layout.sliders[0].steps] == ["class token", "7: time 1, row 0, column 1"]


@pytest.mark.parametrize(
    ("shape", "options", "says"),
    [
        ((4, 3, 2), {}, "do not fit the model's grid"),
        ((2, 4, 2, 3), {"queries": [1]}, "2 maps need as many queries"),
        ((4, 2, 3), {"scale": "log"}, "scale must be one of"),
    ],
)
def test_attention_over_frames_refuses_what_does_not_fit(frames, shape, options, says):
    with pytest.raises(ValueError, match=says):
        figures.attention_over_frames(frames, np.ones(shape, np.float32), toy_config(), fps=8, **options)


def test_small_multiples_have_a_row_for_each_layer_and_head():
    model = toy_model()
    _, records = ve.explain.record_attention(model, toy_clips(model.config))
    heat = figures.attention_small_multiples(records, query=0).data[0]
    assert (~np.isnan(heat.z)).sum() == 2 * 2 * model.config.tokens


def test_curves_draw_validation_as_given_and_chance_in_percent():
    steps = np.arange(1.0, 5)
    history = {"step": steps, "loss": steps, "verb": steps / 10}
    history |= {
        "validation/step": steps[1::2],
        "validation/verb": np.array([0.2, 0.4]),
        "validation/loss": steps[:2],
    }
    figure = figures.curves(history, chance={"verb": 0.05})
    validation = next(trace for trace in figure.data if trace.name == "validation verb")
    np.testing.assert_allclose(validation.y, [20, 40])
    assert figure.layout.shapes[0].y0 == 5.0


def test_scores_draw_intervals():
    figure = figures.scores({"a": {"verb": (0.5, 0.4, 0.7)}, "b": {"verb": 0.2}}, chance={"verb": 0.1})
    bar = figure.data[0]
    assert list(bar.x) == [20, 50] and bar.error_x.array[1] == pytest.approx(20)
    assert bar.error_x.arrayminus[1] == pytest.approx(10)


def test_costs_are_the_library_s():
    config = toy_config()
    figure = figures.costs([config], published={config.name: (1e9, 2e6)})
    assert figure.data[0].x[0] == pytest.approx(ve.cost.flops(config) / 1e9)
    assert figure.data[2].x[0] == pytest.approx(ve.cost.parameters(config) / 1e6) and figure.data[1].x[0] == 1


def test_position_similarity_leaves_the_class_token_out():
    positions = np.random.default_rng(4).normal(size=(25, 8))
    time, place = figures.position_similarity(positions, (4, 2, 3)).data
    p = positions[1:] / np.linalg.norm(positions[1:], axis=-1, keepdims=True)
    assert time.z.shape == (4, 4) and place.z.shape == (6, 6)
    assert time.z[0, 2] == pytest.approx((p[:6] * p[12:18]).sum() / 6)


def test_filters_show_the_strongest_first():
    kernel = np.zeros((2, 3, 4, 3, 5), np.float32)
    kernel[..., 3], kernel[..., 1] = 2, 1
    notes = figures.filters(kernel, count=2).layout.annotations
    assert [note.text for note in notes] == ["3", "1"]


def test_growth_names_each_line_at_its_end():
    figure = figures.growth([1, 2], {"all": [3, 4]}, xaxis="frames", yaxis="GB")
    assert figure.layout.annotations[0].text == "all" and figure.layout.annotations[0].y == 4


def test_video_is_enlarged_by_whole_pixels(frames):
    large = film.enlarge(frames, height=20)
    assert large.shape == (8, 18, 36, 3)
    np.testing.assert_array_equal(large[:, ::3, ::3], frames)


def test_videos_carry_themselves_and_start_silently(frames):
    page = film.videos_html({"one & two": frames, "three": frames}).data
    assert page.count("data:video/mp4;base64,") == 2 and "one &amp; two" in page
    for word in ("playsinline", "muted", "loop", "autoplay"):
        assert page.count(word) >= 2


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3)])
def test_videos_stand_in_rows_of_like_length(frames, count, columns):
    assert f"repeat({columns}," in film.videos_html({str(i): frames for i in range(count)}).data


def test_video_has_no_buttons_over_the_picture_and_stops_on_a_click(frames):
    page = film.video_html(frames, title="a clip").data
    assert " controls" not in page and "this.pause()" in page and "prefers-reduced-motion" in page
