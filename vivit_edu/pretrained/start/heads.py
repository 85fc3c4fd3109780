"""A checkpoint's classifier: counted where there is one, of zeros where there is none and the caller knows."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vivit_edu.arrays import plain
from vivit_edu.pretrained.report import Report

HEAD = "heads/output/"


def same_columns(mine: int | Mapping, theirs: int | Mapping) -> bool:
    """Whether two `classes` stand for the same columns of a classifier: mappings are equal in any order, these not."""
    return mine == theirs and (not isinstance(mine, Mapping) or list(mine) == list(theirs))


def with_head(
    arrays: Mapping, *, source: str | Path, overrides: Mapping, pool: str = "class_token", report: Report | None
) -> tuple[dict, int | Mapping]:
    """The arrays and the classes of their classifier; one of zeros is added where the checkpoint has none.

    Zeros are how a new model's classifier starts. They are never put in unasked: `overrides` must say how many
    classes there are to be.

    Args:
      arrays: by this library's paths.
      pool: of the model, by which a classifier's rows are one width or two.

    Raises:
      ValueError: where there is no classifier, and no classes in `overrides`.
    """
    if any(name.startswith(HEAD) for name in arrays):
        kernel = arrays.get(HEAD + "kernel", np.zeros((1, 1)))
        return dict(arrays), (kernel.shape or (1,))[-1]
    if "classes" not in overrides:
        raise ValueError(f"{source} has no classifier: say classes=..., and the model gets one of zeros")
    classes = plain(overrides["classes"])
    columns = int(sum(classes.values())) if isinstance(classes, Mapping) else classes
    if type(columns) is not int or columns < 1:
        raise ValueError(f"classes must be a whole number of at least 1, or a mapping to them; got {classes!r}")
    width = _width(arrays, source) * (2 if pool == "class_token_and_mean" else 1)
    width = arrays[inner].shape[0] if (inner := "heads/pre_logits/bias") in arrays else width
    zeros = {"kernel": np.zeros((width, columns), np.float32), "bias": np.zeros(columns, np.float32)}
    if report is not None:
        report.change("heads/output", f"the checkpoint has no classifier: zeros for {columns} classes")
    return {**arrays, **{HEAD + name: array for name, array in zeros.items()}}, classes


def _width(arrays, source):
    if "tokenise/bias" not in arrays:
        raise KeyError(f"{source} does not fit a model: missing ['tokenise/bias']; unused {sorted(arrays)[:20]}")
    return arrays["tokenise/bias"].shape[0]
