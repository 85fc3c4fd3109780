"""Every figure of the tour and the chapters; each a plotly figure that needs no kernel once it is drawn."""

from vivit_edu.explain.draw.charts import costs, curves, filters, growth, position_similarity, scores
from vivit_edu.explain.draw.clips import film, raster, tubelets
from vivit_edu.explain.draw.inside import distances, positions_like, stream
from vivit_edu.explain.draw.maps import (
    attention_over_frames,
    attention_small_multiples,
    sees,
    sees_side_by_side,
    visibility,
)
from vivit_edu.explain.draw.measures import measures, needs, removal
from vivit_edu.explain.draw.starts import gradients, runs, stretched

__all__ = [
    "attention_over_frames",
    "attention_small_multiples",
    "costs",
    "curves",
    "distances",
    "film",
    "filters",
    "gradients",
    "growth",
    "measures",
    "needs",
    "position_similarity",
    "positions_like",
    "raster",
    "removal",
    "runs",
    "scores",
    "sees",
    "sees_side_by_side",
    "stream",
    "stretched",
    "tubelets",
    "visibility",
]
