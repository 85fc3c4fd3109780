"""What the explorer's tests share: models that count as too large to run in a page, and are answered by the kernel."""

import pytest


@pytest.fixture
def large(monkeypatch):
    """As if every model were above the limits of a page."""
    monkeypatch.setattr("vivit_edu.explain.explorer.widget.runs_in_a_page", lambda config: False)
