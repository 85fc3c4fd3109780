"""What is not finite: one sentence where it enters, and never a map, a figure or a page of it."""

import dataclasses
import json
import re

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from toys import toy_clips

import vivit_edu as ve
from vivit_edu.explain import agreement, faithfulness, figures, flow, inside, knockout, relevance, verdict
from vivit_edu.explain.draw.series import running_mean
from vivit_edu.explain.explorer.rows import record_rows

NAN, INF = float("nan"), float("inf")
ASK = {
    "record_attention": lambda m, v: ve.explain.record_attention(m, v, keep=["time/1"]),
    "chances": knockout.chances,
    "record_rows": record_rows,
    "attention": relevance.attention,
    "attention gradient": relevance.attention_gradient,
    "gradient rollout": relevance.gradient_rollout,
    "input gradient": relevance.input_gradient,
    "occlusion": relevance.occlusion,
    "Explorer": lambda m, v: ve.explain.Explorer(m, v),
}
asked = pytest.mark.parametrize("ask", ASK)


def spoilt(model, name, value):
    """A copy in which one number of the parameter is another."""
    other = nnx.clone(model)
    params = {"/".join(map(str, path)): param for path, param in nnx.to_flat_state(nnx.state(other, nnx.Param))}
    params[name][...] = params[name][...].ravel().at[1].set(value).reshape(params[name].shape)
    return other


@asked
def test_pixels_that_are_no_numbers_are_refused(model, ask):
    video = toy_clips(model.config, batch=1)
    video[0, 7, 5, :2, 1] = (NAN, -INF)
    with pytest.raises(ValueError, match=r"video must be finite: 2 of 1,728 .* the first at \[(0, )?7, 5, 0, 1\]"):
        ASK[ask](model, video)


PARAMETERS = {
    "tokenise/kernel": NAN,
    "body/time/positions": INF,
    "body/space/blocks/layers/1/mlp/first/bias": -INF,
    "heads/output/kernel": NAN,
}


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("ask", ["record_attention", "chances", "input gradient", "occlusion", "Explorer"])
def test_a_diverged_model_is_named_by_its_parameters(model, ask, name):
    bad, video = spoilt(model, name, PARAMETERS[name]), toy_clips(model.config, batch=1)
    with pytest.raises(ValueError, match=rf"parameters of the model are NaN or infinite: 1 of {name}$"):
        ASK[ask](bad, video)


def test_a_diverged_head_is_no_matter_of_rows_and_drawn_anew_it_is_refused(model):
    bad = spoilt(model, "heads/output/kernel", NAN)
    assert record_rows(bad, toy_clips(model.config, batch=1)).names[0] == "space/0"
    with pytest.raises(ValueError, match="1 of heads/output/kernel"):
        faithfulness.redrawn(bad)


def test_numbers_that_grow_too_large_are_told_from_parameters(model):
    large = nnx.clone(model)
    large.body.time.norm.bias[...], large.heads.output.kernel[...] = jnp.full(8, 9.0), jnp.full((8, 5), 3e38)
    with pytest.raises(ValueError, match="so numbers on the way are too large"):
        ve.explain.record_attention(large, toy_clips(model.config, batch=1))


@pytest.mark.parametrize("value", [NAN, INF])
def test_records_that_are_no_numbers_are_neither_followed_nor_stored_nor_drawn(model, records, value, tmp_path):
    weights = records[0].weights.copy()
    weights[1, 2, 0, 3, 4] = value
    bad = [dataclasses.replace(records[0], weights=weights), *records[1:]]
    for use in (
        ve.explain.rollout,
        flow.attention_flow,
        lambda r: ve.explain.save_records(tmp_path / "seen.npz", r),
        lambda r: figures.attention_small_multiples(r, clip=1, query=3) if r[0].over == "space" else None,
        lambda r: inside.attention_distance(r[0], model.config),
    ):
        with pytest.raises(ValueError, match="space/0 must be finite: "):
            use(bad)
    assert not list(tmp_path.iterdir())


def test_a_file_of_records_that_are_no_numbers_is_refused(records, tmp_path):
    path = ve.explain.save_records(tmp_path / "seen.npz", records)
    stored = dict(np.load(path))
    stored["2"][0, 0, 0, 0] = NAN
    np.savez(path, **stored)
    with pytest.raises(ValueError, match=r"seen\.npz holds no records .*time/0 must be finite: 1 of"):
        ve.explain.load_records(path)


MAP, WORSE = np.ones((1, 4, 2, 3), np.float32), np.full((1, 4, 2, 3), NAN, np.float32)
CURVE = np.array([0.9, NAN, 0.1])
DRAWN = {
    "over frames": lambda c: figures.attention_over_frames(np.zeros((8, 6, 12, 3), np.uint8), WORSE, c, fps=8),
    "film": lambda c: figures.film(np.zeros((2, 6, 12, 3), np.uint8), fps=NAN),
    "filters": lambda c: figures.filters(np.full((2, 3, 4, 3, 5), INF)),
    "stretched": lambda c: figures.stretched({"copy": {1: np.full((1, 3, 4, 3), NAN)}}),
    "similarity": lambda c: figures.position_similarity(np.full((24, 8), NAN), (4, 2, 3)),
    "like": lambda c: figures.positions_like(np.full((24, 8), NAN), c, query=2),
    "stream": lambda c: figures.stream(np.full((3, 2, 7), NAN), class_token=True),
    "scores": lambda c: figures.scores({"one": {"verb": (0.5, NAN, 0.7)}}, chance={"verb": 0.1}),
    "growth": lambda c: figures.growth([1, 2], {"all": [3, INF]}, xaxis="x", yaxis="y"),
    "removal": lambda c: figures.removal({"a": CURVE}, title="t"),
    "needs": lambda c: figures.needs({"a": [(0.9, NAN, 0.2, 0.5)]}, title="t"),
    "gradients": lambda c: figures.gradients({"m": {"blocks/layers/0/space/query/kernel": NAN}}),
    "to pixels": lambda c: relevance.to_pixels(WORSE, c),
    "against truth": lambda c: agreement.against_truth(WORSE, MAP > 0, MAP[:, :, 0, 0] > 0),
    "points at": lambda c: agreement.points_at(WORSE, MAP > 0),
    "rank correlation": lambda c: agreement.rank_correlation(MAP, WORSE),
}


@pytest.mark.parametrize("what", DRAWN)
def test_maps_and_curves_that_are_no_numbers_are_not_drawn(model, what):
    with pytest.raises(ValueError, match=r"must be finite: [\d,]+ of|fps must be a number above 0; got nan"):
        DRAWN[what](model.config)


@pytest.mark.parametrize("worst", [NAN, INF, -INF])
def test_a_run_that_diverged_is_drawn_with_a_gap_and_says_so(worst):
    steps = np.arange(1, 91)
    loss = np.where(steps < 41, 3.0 - steps / 40, worst)
    history = {"step": steps, "loss": loss, "verb": steps / 100}
    history |= {
        "validation/step": steps[::45],
        "validation/loss": np.array([2.0, worst]),
        "validation/verb": [0.1, 0.2],
    }
    fig = figures.curves(history)
    text = fig.to_json()
    assert "from step 41 the loss is no number" in text and "NaN" not in text and "Infinity" not in text
    assert np.isfinite(fig.data[0].y[:40]).all() and np.isnan(fig.data[0].y[40:]).all()
    assert all(np.isfinite(note.y) for note in fig.layout.annotations)


def test_a_single_gap_does_not_spread_in_the_running_mean():
    values = np.array([1.0, 2.0, NAN, 6.0] * 30)
    smooth = running_mean(values)  # over 4 steps
    assert np.isnan(smooth[2::4]).all() and np.isfinite(np.delete(smooth, np.s_[2::4])).all()
    np.testing.assert_allclose(smooth[[3, 4, 5]], [3.0, 3.0, 3.0])


def test_a_measure_without_a_meaning_in_any_clip_is_a_dash():
    row = verdict.Row("occlusion", "half", per_clip=np.full(3, NAN))
    assert np.isnan(row.value) and np.isnan(row.interval).all()
    assert "| occlusion | – |" in verdict.Table(rows=(row,), name="toy").markdown()


@pytest.fixture
def widget(model):
    pytest.importorskip("anywidget")
    return ve.explain.Explorer(model, toy_clips(model.config)[0])


def strict(page):
    """The page's state by a reader that takes no NaN."""
    text = re.search(r'id="state">(.*?)</script>', page, flags=re.DOTALL)[1]
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_a_page_is_json_whatever_names_are_in_it(model, tmp_path):
    names = ["</script>", "<!--<script>", "NaN", "\u2028", "é"]
    path = ve.explain.export_html(model, toy_clips(model.config)[0], tmp_path / "page.html", layers=["space/0"])
    assert strict(path.read_text())["probabilities"]
    page = ve.explain.Explorer(model, toy_clips(model.config)[0], class_names=names)
    text = page.twin(layers=["time/1"]).data
    assert "<!--<script>" not in text
    written = page.export(tmp_path / "named.html", layers=["time/1"]).read_text()
    assert strict(written)["probabilities"][0]["names"] == names


def test_a_number_that_json_has_not_is_refused_by_its_name(widget, tmp_path):
    widget.probabilities = [{"title": "", "names": ["a"], "before": [NAN], "after": [INF]}]
    from vivit_edu.explain.explorer import page

    state = widget.state_of_page(layers=["space/0"]) | {"probabilities": widget.probabilities}
    with pytest.raises(
        ValueError, match="a page holds finite numbers alone; NaN or infinite ones are in probabilities"
    ):
        page.write_page(tmp_path / "page.html", state)
    assert not list(tmp_path.iterdir())
