"""Parameters from elsewhere: tables of foreign names, and one strict fit that leaves nothing random in silence."""

from vivit_edu.pretrained.folder import save
from vivit_edu.pretrained.load import load
from vivit_edu.pretrained.scenic import from_scenic

__all__ = ["from_scenic", "load", "save"]
