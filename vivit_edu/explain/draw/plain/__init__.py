"""Figures where plotly is not: in words, and as a still picture. Knows their JSON, and not plotly itself."""
