"""Image models as Google published them: ViT in a numpy archive (.npz), the original release and AugReg."""

from collections.abc import Mapping
from pathlib import Path

from vivit_edu.model import ViT
from vivit_edu.pretrained.formats.npz import read_npz
from vivit_edu.pretrained.formats.scenic import our_name, parameters_of, reshape, translate
from vivit_edu.pretrained.formats.sizes import sizes_of
from vivit_edu.pretrained.report import Report
from vivit_edu.pretrained.start.adapt import build
from vivit_edu.pretrained.start.heads import with_head


def from_vit_npz(
    path: str | Path, *, trained_on: Mapping | None = None, report: Report | None = None, **overrides
) -> ViT:
    """The image model of a published .npz, giving its logits for images in [-1, 1].

    The original files number their layers as Flax did before Linen, AugReg's and later ones otherwise; both are
    read, with a class token or the mean over tokens, with or without the tanh layer before the classifier. Sizes
    are read off the arrays; images are square where the positions can be.

    Args:
      trained_on: what the file does not say and is known, {"size": (height, width)} of images that are not square.
      overrides: fields of `ViViTConfig`, as in `load`; another `size` or patch resizes positions and kernel, and a file
        without a classifier needs `classes`.

    Raises:
      ValueError, KeyError: where the file is damaged, holds pickled objects, or names or shapes do not fit.
    """
    report = Report() if report is None else report
    theirs = parameters_of(read_npz(path), source=path, report=report)
    ours = translate(theirs, lambda name: our_name(name, "spacetime"), source=path)
    ours, classes = with_head(ours, source=path, overrides=overrides, report=report)
    said = {**(trained_on or {}), "frames": 1}
    known = {"source": path, "trained_on": said, "overrides": overrides, "report": report}
    config = sizes_of(ours, body="spacetime", classes=classes, **known)
    ours = {place: reshape(place, array, config) for place, array in ours.items()}
    return build(ours, config, source=path, overrides=overrides, trained_on=trained_on, report=report)
