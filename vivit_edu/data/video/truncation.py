"""How many bytes a video file says it has: what tells a cut file from a whole one.

A decoder reads what is left of a cut file and stops without complaint.
"""

from pathlib import Path
from typing import BinaryIO

UNKNOWN = 0xFFFFFFFF  # what a recorder writes that never came back to fill in the length
HOLD = (b"ftyp", b"moov", b"mdat", b"moof", b"sidx", b"meta", b"mfra")  # the boxes of an mp4 that a film needs
PAD = (b"wide", b"free", b"skip")


def announced_bytes(path: Path) -> int | None:
    """The length in bytes that an mp4, mov, mkv, webm or avi file states, or None where it states none.

    Recordings of live streams may leave it open; MPEG streams and flv have no such field, so that a cut one
    cannot be told from a short one.
    """
    with path.open("rb") as file:
        head = file.read(8)
        if head[:4] == b"RIFF":
            return _riffs(file, path.stat().st_size)
        if head[:4] == b"\x1a\x45\xdf\xa3":
            return _matroska(file)
        if head[4:] in HOLD + PAD:
            return _boxes(file, path.stat().st_size)
    return None


def _riffs(file: BinaryIO, held: int):
    """Where the last RIFF chunk ends; an avi of more than a gigabyte has several, one behind the other."""
    end, head = 0, b""
    while end < held:
        file.seek(end)
        head = file.read(8)
        if len(head) < 8 or head[:4] != b"RIFF":
            return end
        size = int.from_bytes(head[4:], "little")
        if size in (0, UNKNOWN):
            return None
        end += 8 + size + size % 2
    return end - int.from_bytes(head[4:], "little") % 2  # the last one may go without the byte that makes it even


def _boxes(file: BinaryIO, held: int):
    """Where the last of the boxes of an mp4 file ends; each begins with its size and four letters.

    What ends behind the file's end is a box cut short if its name is one that a film needs. Else it is padding, or
    no box at all: tags of other programs stand behind the last one, and their letters read as any size.
    """
    end = 0
    while end < held:
        file.seek(end)
        head = file.read(16)
        size, name = int.from_bytes(head[:4], "big"), head[4:8]
        if size == 1:  # too long for four bytes
            size = int.from_bytes(head[8:], "big")
        if size == 0 and name in HOLD:  # to the file's end
            return None
        if size < 8 or (end + size > held and name not in HOLD):
            return end
        end += size
    return end


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
