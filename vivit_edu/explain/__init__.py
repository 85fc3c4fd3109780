"""What a model looked at: attention recorded by the tap, and drawn."""

import importlib

from vivit_edu.explain.record import AttentionRecord, record_attention

_ON_FIRST_USE = ("figures", "film", "theme")  # these need plotly
_FROM = {"Explorer": "explorer", "export_html": "export"}  # the explorer needs anywidget
__all__ = ["AttentionRecord", "record_attention", *_FROM, *_ON_FIRST_USE]


def __getattr__(name):
    if name in _FROM:
        return getattr(importlib.import_module(f"vivit_edu.explain.{_FROM[name]}"), name)
    if name in _ON_FIRST_USE:
        return importlib.import_module(f"vivit_edu.explain.{name}")
    raise AttributeError(f"module 'vivit_edu.explain' has no attribute {name!r}")
