"""Renders a notebook's plotly figures in the built page.

myst-nb knows no `application/vnd.plotly.v1+json`, and asks installed distributions for plug-ins. This
extension adds its own to the list, so that the library needs no entry point for the sake of the book. The
figure's JSON goes into the page as it stands; `_static/figures.js` draws it with one plotly.min.js. Those who
do not see it hear it in words.
"""

import html
import json

from docutils import nodes
from myst_nb.core.render import load_mime_renders

from vivit_edu.explain.draw.plain.words import describe

SCRIPTS = ("legible.js", "paper.js", "keys.js", "figures.js")  # the last uses the others
MIME = "application/vnd.plotly.v1+json"


class PlotlyFigure:
    mime_priority_overrides = (("*", MIME, 1),)

    @staticmethod
    def handle_mime(renderer, data, inline):
        if inline or data.mime_type != MIME:
            return None
        figure = data.content if isinstance(data.content, dict) else json.loads(data.content)
        return [nodes.raw(text=_html(figure), format="html", classes=["output", "text_html"])]


def _html(figure):
    layout = figure.get("layout", {})
    height = layout.get("height", 450)  # kept free, so that the page does not jump when it is drawn
    spec = json.dumps({part: figure.get(part) for part in ("data", "layout", "frames")}).replace("</", "<\\/")
    role = "figure" if layout.get("sliders") or layout.get("updatemenus") else "img"  # an img holds no controls
    holds = " holds-picture" if any(trace.get("type") == "image" for trace in figure.get("data", ())) else ""
    name = html.escape(describe(figure), quote=True)
    return (
        f'<div class="plotly-figure{holds}" role="{role}" aria-label="{name}" style="min-height: {height}px">'
        f'<script type="application/json">{spec}</script>'
        "<noscript>This figure needs JavaScript.</noscript></div>"
    )


def setup(app):
    renderers = load_mime_renders()
    renderers.append(PlotlyFigure)
    if PlotlyFigure not in load_mime_renders():
        raise RuntimeError("myst-nb no longer keeps one list of mime renderers: plotly figures would come out empty")
    for script in SCRIPTS:
        app.add_js_file(script, loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
