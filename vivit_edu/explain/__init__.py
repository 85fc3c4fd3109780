"""What a model looked at: attention recorded by the tap, followed to the answer, judged and drawn."""

import importlib

from vivit_edu.explain.follow.rollout import rollout
from vivit_edu.explain.watch.record import AttentionRecord, record_attention
from vivit_edu.explain.watch.stored import load_records, save_records

# What these modules need (plotly, scipy, video, anywidget) is loaded with the first of them that is asked for.
_ROOMS = {
    "watch": ("knockout", "record"),
    "follow": ("flow", "relevance"),
    "judge": ("agreement", "faithfulness", "verdict"),
    "draw": ("figures", "film", "inside", "theme"),
}
_MODULES = {module: f"vivit_edu.explain.{room}.{module}" for room, modules in _ROOMS.items() for module in modules}
_EXPLORER = ("Explorer", "export_html")
__all__ = [
    "AttentionRecord",
    "load_records",
    "record_attention",
    "rollout",
    "save_records",
    *_EXPLORER,
    *_MODULES,
]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _EXPLORER:
        return getattr(importlib.import_module("vivit_edu.explain.explorer"), name)
    raise AttributeError(f"module 'vivit_edu.explain' has no attribute {name!r}")
