"""How far heads look, which positions are alike, how long vectors are: by loops, and by hand."""

import dataclasses

import numpy as np
import pytest
from toys import BODIES, toy_clips, toy_config, toy_model

import vivit_edu as ve
from vivit_edu.explain import figures, inside


def records_of(body):
    model = toy_model(body=body)
    return model.config, ve.explain.record_attention(model, toy_clips(model.config))[1]


def place(index, over, config):
    """(middle frame, middle pixel's row and column) of a key of this attention."""
    nt, nh, nw = config.grid
    time, row, column = np.unravel_index(index, {"space": (1, nh, nw), "time": (nt, 1, 1)}.get(over, config.grid))
    t, h, w = config.tubelet
    return t * time + (t - 1) / 2, h * row + h / 2, w * column + w / 2


def by_loops(weights, record, config, kind):
    """weights (..., q, k) of one head: the mean over everything but keys of the weighted distance."""
    start, found = int(record.class_token), []
    for row in np.ndindex(weights.shape[:-1]):
        if row[-1] < start:
            continue
        far = total = 0.0
        for key in range(start, weights.shape[-1]):
            a, b = (place(i - start, record.over, config) for i in (row[-1], key))
            gap = abs(a[0] - b[0]) if kind == "time" else ((a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2) ** 0.5
            far, total = far + weights[*row, key] * gap, total + weights[*row, key]
        found.append(far / total)
    return np.mean(found)


@pytest.mark.parametrize("body", BODIES)
def test_distance_is_that_of_loops_over_queries_and_keys(body):
    config, records = records_of(body)
    for record in records:
        found = inside.attention_distance(record, config)
        assert set(found) == ({"space", "time"} if record.over == "spacetime" else {record.over})
        for kind, far in found.items():
            for head, value in enumerate(far):
                one = np.take(record.weights, head, axis=-3)
                # float32 weights, sums of at most 24 terms
                assert value == pytest.approx(by_loops(one, record, config, kind), rel=1e-5)


def test_a_head_that_looks_one_tubelet_back_looks_two_frames_far():
    config, records = records_of("factorised_self_attention")
    (time,) = [record for record in records if record.name == "time/0"]
    back = np.eye(4)[[1, 0, 1, 2]]  # each time at a neighbour
    weights = np.broadcast_to(back, time.weights.shape).astype(np.float32)
    far = inside.attention_distance(dataclasses.replace(time, weights=weights), config)
    np.testing.assert_array_equal(far["time"], [2, 2])


def test_distance_refuses_some_rows_and_another_grid():
    model = toy_model()
    _, records = ve.explain.record_attention(model, toy_clips(model.config), queries=(0, 3))
    with pytest.raises(ValueError, match="every row"):
        inside.attention_distance(records[0], model.config)
    _, records = ve.explain.record_attention(model, toy_clips(model.config))
    with pytest.raises(ValueError, match="grid"):
        inside.attention_distance(records[0], toy_config(size=(9, 12)))


@pytest.mark.parametrize("body", BODIES)
def test_figure_has_a_dot_for_each_head_and_names_its_units(body):
    config, records = records_of(body)
    figure = figures.distances(records, config)
    far = [value for r in records for values in inside.attention_distance(r, config).values() for value in values]
    drawn = [value for trace in figure.data for value in trace.y]
    np.testing.assert_allclose(sorted(drawn), sorted(far), rtol=1e-6)
    units = [axis.title.text for axis in figure.select_yaxes()]
    assert any("pixels" in unit for unit in units) and (body == "average_pool" or any("frames" in u for u in units))


def test_position_likeness_is_the_cosine_with_the_query():
    positions = np.random.default_rng(0).normal(size=(1 + 24, 8))
    found = inside.position_likeness(positions, (4, 2, 3), query=7)
    for index in np.ndindex(4, 2, 3):
        a, b = positions[1 + 7], positions[1 + np.ravel_multi_index(index, (4, 2, 3))]
        cosine = sum(a * b) / (sum(a * a) ** 0.5 * sum(b * b) ** 0.5)
        assert found[index] == pytest.approx(cosine, abs=1e-12)  # float64 sums of eight
    with pytest.raises(ValueError, match="24"):
        inside.position_likeness(positions, (4, 2, 3), query=24)


@pytest.mark.parametrize("places", [25, 24, 7])
def test_positions_are_drawn_for_the_whole_clip_or_for_one_frame(places):
    positions = np.random.default_rng(0).normal(size=(places, 8))
    figure = figures.positions_like(positions, toy_config(), query=4)
    z = figure.data[0].z
    assert np.isfinite(z.astype(float)).sum() == (6 if places == 7 else 24)
    assert np.nanmax(z.astype(float)) == pytest.approx(1)


@pytest.mark.parametrize("body", BODIES[:4])
def test_residual_norms_end_where_the_encoder_does(body):
    model = toy_model(body=body)
    encoder = model.body.space if body == "factorised_encoder" else model.body.encoder
    z = model.tokenise(toy_clips(model.config))
    z = z.reshape(2, 24, 8) if body == "spacetime" else z
    norms = inside.residual_norms(encoder, z)
    with_class_token = encoder.class_token is not None
    lead = {"spacetime": (2, 24)}.get(body, (2, 4, 6))
    assert norms.shape == (3, *lead[:-1], lead[-1] + with_class_token)
    encoder.norm = lambda z: z
    last = np.sqrt(np.square(np.asarray(encoder(z))).sum(-1))
    np.testing.assert_allclose(norms[-1], last, rtol=1e-5)  # float32
    figure = figures.stream(norms, class_token=with_class_token)
    assert len(figure.layout.annotations) == 1 + with_class_token
    np.testing.assert_allclose(figure.data[2].y, np.median(norms[..., with_class_token:].reshape(3, -1), axis=1))
