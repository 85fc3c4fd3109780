"""The attention explorer: a widget, and a page of its own."""

from pathlib import Path

from jaxtyping import Shaped

from vivit_edu.arrays import Array
from vivit_edu.explain.explorer.widget import Explorer
from vivit_edu.model import ViViT

__all__ = ["Explorer", "export_html"]


def export_html(model: ViViT, video: Shaped[Array, "..."] | str | Path, path: str | Path, **chosen) -> Path:
    """The HTML file written, in which a reader explores one clip, or a video file, with no kernel and no network.

    Args:
      chosen: `layers`, `heads` and `every`, as in `Explorer.export`.

    Raises:
      FileNotFoundError, KeyError, ValueError: as `Explorer.from_file` and `Explorer.export`.
    """
    make = Explorer.from_file if isinstance(video, str | Path) else Explorer
    return make(model, video).export(path, **chosen)
