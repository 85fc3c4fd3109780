"""Every figure, in one look; the only room that knows plotly."""
