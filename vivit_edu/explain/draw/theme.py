"""The one look of every figure, in notebooks, book and explorer: a palette, in which a colour means one
thing, and a plotly template that is legible on a light and on a dark page.

Importing this needs no plotly; `use()` and `TEMPLATE` do.
"""

COLOURS = {
    "space": "#3f8fd2",  # blue: attention over, or sizes along, height and width
    "time": "#e08214",  # orange: the same along time
    "class_token": "#8c8f94",  # grey
    "query": "#e0218a",  # magenta: the outline of the token that looks
    "ink": "#777c83",  # text and axes: 4.2:1 on white, 4.5:1 on the book's dark page
    "grid": "rgba(128, 132, 138, 0.25)",  # hairlines
    "light": "#ffffff",  # a label on a dark frame
    "dark": "#14181e",  # a label on a light one
}

# Okabe and Ito's categories, for any colour vision; space and time come first, in their own colours.
CATEGORIES = (
    COLOURS["space"],
    COLOURS["time"],
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#b8a800",
)

# Attention weights: one perceptually uniform map for each ground it is drawn on.
ATTENTION = {"dark": "Inferno", "light": "Cividis"}

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
NAME = "vivit_edu"


def template():
    """The plotly template: transparent grounds, neutral greys, small margins, the title at the top left."""
    import plotly.graph_objects as go

    return go.layout.Template(layout=_layout(), data=_traces(go))


def use():
    """Makes the template plotly's default, on top of no other; returns its name. Call it once a notebook.

    Figures then say in words what they show wherever plotly does not live: in stored notebooks, nbconvert, a diff.
    """
    import plotly.io as pio

    pio.templates[NAME] = template()
    pio.templates.default = NAME
    _tell_in_words(pio)
    return NAME


def __getattr__(name):
    if name == "TEMPLATE":
        return template()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _tell_in_words(pio):
    """Puts words before what plotly shows in notebooks: front ends take the richest, and Colab's HTML replaces ours."""
    from plotly.io.base_renderers import MimetypeRenderer

    from vivit_edu.explain.draw.plain.still import page
    from vivit_edu.explain.draw.plain.words import describe

    class Words(MimetypeRenderer):
        def to_mimebundle(self, fig_dict):
            return {"text/html": page(fig_dict), "text/plain": describe(fig_dict)}

    pio.renderers[NAME] = Words()
    shown = [name for name in pio.renderers.default.split("+") if name and name != NAME]
    if shown and all(isinstance(pio.renderers[name], MimetypeRenderer) for name in shown):  # no browser, no nothing
        pio.renderers.default = "+".join([NAME, *shown])


def _layout():
    control = {"bgcolor": "rgba(128, 132, 138, 0.18)", "bordercolor": COLOURS["grid"], "font": {"size": 12}}
    return {
        "font": {"family": FONT, "size": 13, "color": COLOURS["ink"]},
        "title": {"font": {"size": 15}, **_TOP_LEFT},
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "colorway": list(CATEGORIES),
        "colorscale": {"sequential": ATTENTION["light"], "diverging": _DIVERGING},
        "coloraxis": {"colorbar": _colour_bar()},
        "margin": {"l": 8, "r": 8, "t": 56, "b": 8, "pad": 2},
        "xaxis": _axis(),
        "yaxis": _axis(),
        "hoverlabel": {"font": {"family": FONT, "size": 12}, "align": "left"},
        "legend": {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom", "title": {"text": ""}},
        "annotationdefaults": {"font": {"size": 12}, "arrowcolor": COLOURS["ink"], "arrowwidth": 1},
        "shapedefaults": {"line": {"color": COLOURS["ink"], "width": 1}},
        "sliderdefaults": {
            **control,
            "activebgcolor": COLOURS["query"],
            "pad": {"t": 48},
            "transition": {"duration": 0},
        },
        "updatemenudefaults": {**control, "showactive": True},
        "dragmode": False,  # a finger that scrolls the page must not zoom the figure
        "modebar": {"remove": ["lasso", "select", "autoscale"]},
    }


_TOP_LEFT = {
    "x": 0,
    "xref": "container",
    "xanchor": "left",
    "y": 1,
    "yref": "container",
    "yanchor": "top",
    "pad": {"t": 8, "l": 4},
}
_DIVERGING = [[0, COLOURS["time"]], [0.5, "#f4f4f4"], [1, COLOURS["space"]]]  # never red against green


def _axis():
    line = {"gridcolor": COLOURS["grid"], "linecolor": COLOURS["ink"], "zerolinecolor": COLOURS["grid"]}
    return {**line, "automargin": True, "zerolinewidth": 1, "ticks": "", "title": {"standoff": 8}}


def _colour_bar():
    return {"outlinewidth": 0, "ticks": "", "thickness": 12, "len": 0.8, "title": {"side": "right"}}


def _traces(go):
    bar = _colour_bar()
    return {
        "heatmap": [go.Heatmap(colorbar=bar)],
        "scatter": [go.Scatter(line={"width": 2.5}, marker={"size": 7})],
        "bar": [go.Bar(marker={"line": {"width": 0}})],
    }
