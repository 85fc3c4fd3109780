"""The attention explorer: a widget, and a page that needs nothing else; the only room that knows widgets."""

from vivit_edu.explain.explorer.widget import Explorer, export_html

__all__ = ["Explorer", "export_html"]
