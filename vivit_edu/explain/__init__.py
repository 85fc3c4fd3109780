"""What a model looked at: attention recorded by the tap, and drawn."""

import importlib

from vivit_edu.explain.record import AttentionRecord, load_records, record_attention, save_records
from vivit_edu.explain.rollout import rollout

_ON_FIRST_USE = ("faithfulness", "figures", "film", "flow", "relevance", "theme")  # these need plotly, scipy or video
_EXPLORER = ("Explorer", "export_html")  # these need anywidget
__all__ = [
    "AttentionRecord",
    "Explorer",
    "export_html",
    "load_records",
    "record_attention",
    "rollout",
    "save_records",
    *_ON_FIRST_USE,
]


def __getattr__(name):
    if name in _ON_FIRST_USE:
        return importlib.import_module(f"vivit_edu.explain.{name}")
    if name in _EXPLORER:
        return getattr(importlib.import_module("vivit_edu.explain.explorer"), name)
    raise AttributeError(f"module 'vivit_edu.explain' has no attribute {name!r}")
