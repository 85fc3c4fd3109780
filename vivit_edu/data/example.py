"""One labelled stretch of one video file: what every data set gives and what the pipeline takes."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from vivit_edu.arrays import Real


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example:
    """A labelled stretch of a video file.

    Attributes:
      path: the file; its name as a str becomes one.
      labels: the class of each head by its name, {"verb": 3, "noun": 7}.
      start, end: the stretch in seconds from the first frame; an `end` of None is the file's end.
      id: the data set's own name for it.
    """

    path: str | Path
    labels: Mapping[str, int]
    start: Real = 0.0
    end: Real | None = None
    id: str = ""

    def __post_init__(self):
        object.__setattr__(self, "path", Path(self.path))  # the dataclass is frozen
