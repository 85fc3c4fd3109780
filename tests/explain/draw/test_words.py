"""Figures in words: what a stored notebook, an e-mail or a diff holds of them, and what is read out."""

import re
from xml.etree import ElementTree

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from vivit_edu.explain.draw import theme
from vivit_edu.explain.draw.plain.still import page, still
from vivit_edu.explain.draw.plain.words import describe


@pytest.fixture
def plotly_as_it_was():
    before = pio.renderers.default, pio.templates.default
    yield
    pio.renderers.default, pio.templates.default = before


def spec(*traces, **layout):
    return go.Figure(traces, layout).to_dict()


def test_words_tell_title_axes_and_numbers_of_lines():
    line = go.Scatter(x=[1, 2, 3], y=[2.5, np.nan, 0.25], name="loss", mode="lines")
    told = describe(spec(line, title="It <b>learns</b>", xaxis_title="steps", yaxis_title="nats"))
    assert told == "It learns. Across: steps. Up: nats. Line loss: 2.5 first, 0.25 last, from 0.25 to 2.5."


def test_words_tell_names_and_values_of_bars():
    told = describe(spec(go.Bar(x=[10.0, 20.0], y=["Model 1", "Model 2"], orientation="h")))
    assert told == "A figure. Values: Model 1 10, Model 2 20."


def test_words_tell_size_and_range_of_a_map_whatever_way_plotly_writes_numbers():
    values = np.array([[0.5, np.nan, 2], [1, 0, 1]])
    bar = {"colorbar": {"title": {"text": "attention weight"}}}
    for z in (values, [[0.5, None, 2], [1, 0, 1]]):
        assert "A map of 2 × 3, attention weight from 0 to 2." in describe(spec(go.Heatmap(z=z, **bar)))


def test_words_tell_what_can_be_moved():
    steps = [{"label": name, "method": "skip"} for name in ("0", "7")]
    menu = {"type": "buttons", "buttons": [{"label": "frames", "method": "skip"}]}
    told = describe(spec(sliders=[{"steps": steps, "currentvalue": {"prefix": "token "}}], updatemenus=[menu]))
    assert told == "A figure. A slider, token 0 to 7. Buttons: frames."


def test_words_of_a_page_are_text_and_never_markup():
    assert "<script>" not in page(spec(go.Scatter(y=[1], name="<script>alert(1)</script>"), title="a &lt;b&gt; c"))


@pytest.mark.parametrize("shown", ["plotly_mimetype", "vscode", "plotly_mimetype+notebook"])
def test_a_notebook_holds_the_figure_and_its_words(plotly_as_it_was, shown):
    pio.renderers.default = shown
    theme.use()
    theme.use()  # as when the cell is run again
    bundle = go.Figure(go.Scatter(y=[1, 2])).update_layout(title="Up")._repr_mimebundle_()
    assert bundle["text/plain"].startswith("Up. Line")
    assert "application/vnd.plotly.v1+json" in bundle
    assert ("Up. Line" in bundle["text/html"]) == ("notebook" not in shown), "plotly's own page is the better one"


@pytest.mark.parametrize("shown", ["browser", ""])
def test_outside_notebooks_plotly_shows_figures_as_ever(plotly_as_it_was, shown):
    pio.renderers.default = shown
    theme.use()
    assert pio.renderers.default == shown


@pytest.mark.parametrize(
    ("trace", "mark"),
    [
        (go.Scatter(y=[1.0, np.nan, 3.0, 2.0], mode="lines+markers"), "<circle"),
        (go.Bar(x=[10.0, 20.0], y=["Model 1", "Model 2"], orientation="h"), ">Model 2<"),
        (go.Heatmap(z=[[0.5, np.nan, 2], [1, 0, 1]], colorscale="Inferno"), "data:image/png;base64,"),
        (go.Scatter(x=[1, 2], y=[0.5, 0.5], mode="markers"), "<circle"),  # an axis of one number
        (go.Scatter(), "<svg"),
    ],
)
def test_a_still_picture_is_an_svg_that_xml_knows(trace, mark):
    picture = still(spec(trace, title="a &lt; b"))
    ElementTree.fromstring(picture)
    assert mark in picture and "a &lt; b" in picture
    assert not re.search(r"\bnan\b|\binf\b", picture)


def test_a_still_of_what_is_not_drawn_is_words_alone():
    assert still(spec(go.Pie(values=[1, 2]))) is None
    assert "<svg" not in page(spec(go.Pie(values=[1, 2]))) and "A pie." in page(spec(go.Pie(values=[1, 2])))
