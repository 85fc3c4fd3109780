"""A folder that holds the old model or the new one, whatever cuts its writing short, and whoever reads meanwhile.

New weights are written beside the old, under a name with the checksum of their header. Then the configuration, which
holds that checksum, is replaced in one step: from then on the folder is the new model. Then the weights take their
name. A reader takes the file of the configuration's checksum, and looks again where files changed under its hands.

In layouts of others, where no file names another by its checksum, files take their places one by one (`renewed`): an
error half-way brings back the old ones.
"""

import contextlib
import json
import os
import re
import shutil
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import save_file

from vivit_edu.data.cache import remove_unfinished, write_whole
from vivit_edu.model import ViViT
from vivit_edu.pretrained.stored import checksums, parse_json, safetensors_header

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
PENDING = WEIGHTS + ".{:08x}"  # the weights of a configuration, until they take their name
TRIES = 3  # of a reader whose files change under its hands


@contextlib.contextmanager
def in_words(place: str | Path, done: str) -> Iterator[None]:
    """An error of the system within, "[Errno 28] …", as one sentence of its kind: what cannot be `done`, and why."""
    try:
        yield
    except OSError as error:
        if error.strerror is None:  # a sentence of this library's
            raise
        raise type(error)(f"{error.filename or place} cannot be {done}: {error.strerror}") from error


def make_folder(folder: Path) -> None:
    """Makes the folder where it is not there yet.

    Raises:
      FileExistsError: where it is a file, or a link to nothing.
      NotADirectoryError: where a file is on the way to it.
    """
    for place in (folder, *folder.parents):
        if place.is_symlink() and not place.exists():
            raise FileExistsError(f"{place} is a link to {os.readlink(place)}, which is not there")
        if place.is_file():
            if place != folder:
                raise NotADirectoryError(f"{folder} cannot be made: {place} is a file")
            raise FileExistsError(f"{folder} is a file, no folder to write a model to")
    folder.mkdir(parents=True, exist_ok=True)


def _require_no_folders(folder, names):
    """Raises IsADirectoryError where folders have the names of a model's files."""
    if taken := [name for name in names if (folder / name).is_dir()]:
        raise IsADirectoryError(f"{folder} holds folders named {', '.join(taken)}: no model can be saved there")


def write_folder(folder: Path, arrays: Mapping, record: Mapping, card: bytes | None) -> None:
    """Writes weights, configuration (`record` and "crc32", the checksum of the weights' header) and card, or nothing.

    Raises:
      OSError: where the folder cannot be written; it holds what it held.
    """
    ours = {name: folder / f"{name}.{os.getpid()}.{threading.get_ident()}.part" for name in (WEIGHTS, CONFIG, CARD)}
    try:
        _require_no_folders(folder, ours)
        try:
            save_file(dict(arrays), ours[WEIGHTS], metadata={"library": "vivit_edu", **checksums(arrays)})
        except SafetensorError as error:  # what it makes of a full disk
            raise OSError(f"{folder / WEIGHTS} cannot be written: {error}") from error
        crc = zlib.crc32(safetensors_header(ours[WEIGHTS]))
        text = json.dumps({**record, "crc32": crc}, indent=2, allow_nan=False) + "\n"
        ours[CONFIG].write_text(text, encoding="utf-8")
        if card is not None:
            ours[CARD].write_bytes(card)
        _replace(folder, ours, crc)
    finally:
        for path in ours.values():
            path.unlink(missing_ok=True)
    remove_unfinished(folder)


def _replace(folder, ours, crc):
    """The one step from the old model to the new, and what leads to it and follows."""
    pending, text = folder / PENDING.format(crc), ours[CONFIG].read_bytes()
    card = (folder / CARD).read_bytes() if (folder / CARD).exists() else None
    try:
        ours[WEIGHTS].replace(pending)
        if ours[CARD].exists():
            ours[CARD].replace(folder / CARD)
        ours[CONFIG].replace(folder / CONFIG)
    finally:
        if not ((folder / CONFIG).exists() and (folder / CONFIG).read_bytes() == text):
            pending.unlink(missing_ok=True)
            _restore(folder / CARD, card)
    pending.replace(folder / WEIGHTS)
    for path in folder.glob(WEIGHTS + ".*"):  # of saves that were killed before they were done
        if _is_pending(path):
            path.unlink(missing_ok=True)


def _is_pending(path):
    """Whether a save wrote this file: its name is the checksum of its header, which no file of the user's is."""
    if not re.fullmatch(r"\.[0-9a-f]{8}", path.suffix) or not path.is_file():
        return False
    with contextlib.suppress(OSError, ValueError):
        return path.name == PENDING.format(zlib.crc32(safetensors_header(path)))
    return False


def _restore(path, content):
    with contextlib.suppress(OSError):  # the error that led here is the one to tell
        if content is None:
            path.unlink(missing_ok=True)
        elif path.read_bytes() != content:
            write_whole(path, content)


def current_weights(folder: Path, crc: int) -> Path:
    """The file of the weights whose header has this checksum, if the folder's writer got so far."""
    pending = folder / PENDING.format(crc)
    return pending if pending.is_file() else folder / WEIGHTS


def read_steadily(folder: Path, read: Callable[[Path], ViViT]) -> ViViT:
    """What `read` makes of the folder; where it fails and files are others than when it began, it tries again.

    Beside a writer that does not rest, it reads a copy in the end: a file once opened is no longer replaced.
    """
    for _ in range(TRIES):
        before = _seen(folder)
        try:
            return read(folder)
        except (OSError, ValueError, KeyError):
            if _seen(folder) == before:
                raise
    with tempfile.TemporaryDirectory() as copy:
        for _ in range(10 * TRIES):
            with contextlib.suppress(OSError, ValueError, KeyError), (folder / CONFIG).open("rb") as config:
                record = config.read()
                crc = parse_json(record, source=str(folder / CONFIG))["crc32"]
                shutil.copyfile(current_weights(folder, crc), Path(copy, WEIGHTS))
                Path(copy, CONFIG).write_bytes(record)
                if zlib.crc32(safetensors_header(Path(copy, WEIGHTS))) == crc:
                    break
        return read(Path(copy))


def _seen(folder):
    """What tells a file from the one that replaces it."""
    found = []
    for path in sorted((*folder.glob(WEIGHTS + "*"), folder / CONFIG)):
        with contextlib.suppress(OSError):
            facts = path.stat()
            found.append((path.name, facts.st_ino, facts.st_size, facts.st_mtime_ns))
    return found


@contextlib.contextmanager
def renewed(folder: Path, *, obsolete: Callable[[Path], bool]) -> Iterator[Path]:
    """A new folder within, whose files take their places when the block ends, all of them or none.

    Args:
      obsolete: which files of before would speak for what is now written, and go.

    Raises:
      OSError: where the folder cannot be made, or folders have the names of files to come.
    """
    made = not folder.exists()
    make_folder(folder)
    room = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
    try:
        (room / "new").mkdir()
        (room / "old").mkdir()
        yield room / "new"
        _exchange(folder, room / "new", room / "old", obsolete)
    except BaseException:
        shutil.rmtree(room, ignore_errors=True)
        if made:
            folder.rmdir()
        raise
    shutil.rmtree(room, ignore_errors=True)


def _exchange(folder, new, old, obsolete):
    """Puts new files in their places, each at once, and takes obsolete ones away; undoes all where one cannot be."""
    coming = sorted(path.name for path in new.iterdir())
    _require_no_folders(folder, coming)
    going = [path.name for path in folder.iterdir() if path.name not in coming and obsolete(path)]
    try:
        for name in going:
            os.rename(folder / name, old / name)
        for name in coming:
            if os.path.lexists(folder / name):
                _keep(folder / name, old / name)
            os.replace(new / name, folder / name)
    except BaseException:
        for name in coming:
            if not os.path.lexists(new / name) and not os.path.lexists(old / name):
                os.unlink(folder / name)
        for path in old.iterdir():
            os.rename(path, folder / path.name)
        raise


def _keep(path, place):
    """A second name for a file, or a copy of it where the disk has no such names."""
    try:
        os.link(path, place, follow_symlinks=False)
    except OSError:
        shutil.copy2(path, place, follow_symlinks=False)
