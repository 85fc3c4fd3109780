"""The built book, and the check that looks at its pages."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book"))
check = pytest.importorskip("check", reason="the book's check is not here")
