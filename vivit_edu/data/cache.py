"""Where made and downloaded files are kept, and how one is written: whole or not at all."""

import contextlib
import os
import re
import sys
import threading
import time
from pathlib import Path

UNFINISHED = re.compile(r".+\.\d+\.\d+\.part")


def cache_folder() -> Path:
    """The folder for files that can be made again: $VIVIT_EDU_CACHE, or the user's cache folder."""
    if chosen := os.environ.get("VIVIT_EDU_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "vivit_edu"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "vivit_edu"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "vivit_edu"


def write_whole(path: str | Path, content: bytes) -> None:
    """Writes a file so that a reader sees all of it or none, whoever else writes it at the same time."""
    unfinished = Path(f"{path}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_unfinished(folder: str | Path) -> None:
    """Removes what killed writers left in a folder: unfinished files that nobody has touched for ten minutes.

    Only under the names that these writers give, with a process and a thread: other programs' `.part` files stay.
    """
    for path in Path(folder).glob("*.part"):
        with contextlib.suppress(FileNotFoundError):
            ours = UNFINISHED.fullmatch(path.name) and path.is_file()
            if ours and time.time() - path.stat().st_mtime > 600:
                path.unlink()
