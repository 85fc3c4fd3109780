"""The figures of how a model starts, by the data they draw."""

import numpy as np
from toys import arrays_of, toy_model

from vivit_edu.explain import figures


def test_a_slider_chooses_the_length_of_the_filters():
    rng = np.random.default_rng(0)
    lengths = {t: rng.normal(size=(t, 3, 4, 3)) for t in (1, 2, 4)}
    figure = figures.stretched({"Eq. 9": lengths, "Eq. 8": lengths})
    steps = figure.layout.sliders[0].steps
    assert [step.label for step in steps] == ["1", "2", "4"]
    assert len({step.args[0]["source"][0] for step in steps}) == 3  # a picture for each
    assert figure.data[0].source == steps[2].args[0]["source"][0]  # the longest is shown first
    assert [note.text for note in figure.layout.annotations] == ["Eq. 9", "Eq. 8"]


def test_exact_zeros_are_crosses_at_the_left_of_the_scale():
    names = [name for name in arrays_of(toy_model(body="factorised_self_attention"))]
    norms = {name: 0.0 if "/time/" in name else 0.5 for name in names}
    figure = figures.gradients({"zeros": norms, "all": dict.fromkeys(names, 0.5)}, layer=1)
    space, time, *others = figure.data
    assert list(time.y) == [f"time: {name}" for name in ("query", "key", "value", "out")]
    assert set(time.marker.symbol) == {"x"} and set(space.marker.symbol) == {"circle"}
    assert max(time.x) < 0.5 and set(space.x) == {0.5} and len(others) == 2
    assert figure.layout.xaxis.ticktext[0] == "0"


def test_every_run_is_a_line_and_every_kind_a_name():
    rng = np.random.default_rng(0)
    figure = figures.runs({"zero": rng.random((3, 40)), "copy": rng.random((2, 40))}, chance=0.5)
    assert [trace.name for trace in figure.data] == ["zero"] * 3 + ["copy"] * 2
    np.testing.assert_array_equal(figure.data[0].x, np.arange(1, 41))
    assert [note.text for note in figure.layout.annotations] == ["zero", "copy"]
    assert figure.layout.shapes[0].y0 == 50
