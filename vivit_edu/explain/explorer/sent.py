"""A reader's own video, which their page sends to the kernel in pieces."""

import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from vivit_edu.data import Clip
from vivit_edu.explain.explorer.scene import read_for
from vivit_edu.model import ViViT


class Upload:
    """The file that is coming: the one that was begun last, of which every piece must be there."""

    def __init__(self):
        self._whose, self._pieces = None, []

    def take(self, said: Mapping, buffers: Iterable) -> bytes | None:
        """The whole file where this is its last piece and none is missing; else None.

        Args:
          said: of the piece, `reading` and `name`, the file's number, which each page counts for itself, and its name;
            `start`, its first byte; `last`, whether it is the last.
        """
        whose = said.get("reading"), said.get("name")
        if said["start"] == 0:
            self._whose, self._pieces = whose, []
        if whose != self._whose or said["start"] != sum(map(len, self._pieces)):
            return None  # of a file that another has overtaken
        self._pieces.extend(map(bytes, buffers))
        if not said.get("last"):
            return None
        whole, self._whose, self._pieces = b"".join(self._pieces), None, []
        return whole


def read_sent(model: ViViT, name: str, content: bytes | None) -> Clip:
    """As `scene.read_for`, of a file that came under a name, which may be any text.

    Raises:
      ValueError: where it is no video, or did not come whole; the sentence calls the file by its name.
    """
    if content is None:
        raise ValueError(f"{name} did not come whole: another file was chosen meanwhile")
    suffix = re.search(r"\.[A-Za-z0-9]{1,8}$", name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"video{suffix[0] if suffix else ''}"
        path.write_bytes(content)
        try:
            return read_for(model, path)
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), name)) from error
