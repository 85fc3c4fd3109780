"""How many bytes a video file says it has: what tells a cut file from a whole one.

A decoder reads what is left of a cut file and stops without complaint.
"""

from pathlib import Path
from typing import BinaryIO

UNKNOWN = 0xFFFFFFFF  # what a recorder writes that never came back to fill in the length


def announced_bytes(path: Path) -> int | None:
    """The length in bytes that an mp4, mov, mkv, webm or avi file states, or None where it states none.

    Recordings of live streams may leave it open; MPEG streams and flv have no such field, so that a cut one
    cannot be told from a short one.
    """
    with path.open("rb") as file:
        head = file.read(8)
        if head[:4] == b"RIFF":
            return _riff(head)
        if head[:4] == b"\x1a\x45\xdf\xa3":
            return _matroska(file)
        if head[4:] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return _boxes(file)
    return None


def _riff(head):
    size = int.from_bytes(head[4:], "little")
    return None if size in (0, UNKNOWN) else 8 + size


def _boxes(file: BinaryIO):
    """Where the last of the boxes of an mp4 file ends; each begins with its size and four letters."""
    end = 0
    while True:
        file.seek(end)
        head = file.read(16)
        if len(head) < 8 or not head[4:8].isalnum():
            return end
        size = int.from_bytes(head[:4], "big")
        if size == 1:  # too long for four bytes
            size = int.from_bytes(head[8:], "big")
        if size < 8:  # 0: to the file's end
            return None
        end += size


def _matroska(file: BinaryIO):
    """Where the segment ends that follows the header; each has a name of four bytes and a size."""
    file.seek(4)
    header = _size(file)
    if header is None:
        return None
    file.seek(header, 1)
    if file.read(4) != b"\x18\x53\x80\x67":
        return None
    size = _size(file)
    return None if size is None else file.tell() + size


def _size(file: BinaryIO):
    """A size of 1 to 8 bytes, one more than the first has leading zeros; None where all its bits are set."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] ^ (0x80 >> more)]) + file.read(more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value
