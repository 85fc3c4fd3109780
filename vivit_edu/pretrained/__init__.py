"""Parameters from elsewhere: tables of foreign names, and one strict fit that leaves nothing random in silence."""

from vivit_edu.pretrained.formats.export import export_hugging_face
from vivit_edu.pretrained.formats.google import from_vit_npz
from vivit_edu.pretrained.formats.hugging_face import from_hugging_face
from vivit_edu.pretrained.formats.own import save
from vivit_edu.pretrained.formats.scenic import from_scenic
from vivit_edu.pretrained.load import load
from vivit_edu.pretrained.published import PUBLISHED
from vivit_edu.pretrained.report import Report
from vivit_edu.pretrained.start.filters import central_frame, inflate
from vivit_edu.pretrained.start.initialise import initialise_from_vit, initialise_from_vivit, plan
from vivit_edu.pretrained.start.positions import resize_space, resize_time, tile_time

__all__ = [
    "PUBLISHED",
    "Report",
    "central_frame",
    "export_hugging_face",
    "from_hugging_face",
    "from_scenic",
    "from_vit_npz",
    "inflate",
    "initialise_from_vit",
    "initialise_from_vivit",
    "load",
    "plan",
    "resize_space",
    "resize_time",
    "save",
    "tile_time",
]
