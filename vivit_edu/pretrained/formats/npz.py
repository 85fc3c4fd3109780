"""Arrays in a numpy archive (.npz), where they lie: no pickled object is ever opened, no size is believed."""

import dataclasses
import math
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from vivit_edu.pretrained.stored import Stored, first_line

LOCAL = struct.Struct("<4s22x2H")  # signature, length of the name, length of the extra field
ALLOWANCE = 64 * 2**20  # bytes that a compressed archive may hold beyond 8 times its own size


@dataclasses.dataclass(frozen=True, kw_only=True)
class Packed:
    """A compressed array of an archive, unpacked by `np.asarray`."""

    path: Path
    name: str
    member: str
    skip: int
    shape: tuple[int, ...]
    dtype: np.dtype
    order: str

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        size = self.skip + math.prod(self.shape) * self.dtype.itemsize
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file:
                data = file.read(size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{self.path} is damaged: {self.name!r} cannot be unpacked ({error})") from error
        if len(data) != size:
            raise ValueError(f"{self.path} is damaged: {self.name!r} has not the {size} bytes it declares")
        numbers = np.frombuffer(data, self.dtype, offset=self.skip)
        return numbers.reshape(self.shape, order=self.order).astype(dtype or self.dtype, copy=False)


def read_npz(path: str | Path) -> dict[str, Stored | Packed]:
    """The arrays of a numpy archive by name, none of them read yet.

    Raises:
      ValueError: where the archive is damaged, holds anything but plain arrays, or declares more bytes than a
        file of its size can honestly hold.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_sizes(path, members)
            found = [_entry(path, archive, member) for member in members]
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, struct.error, RuntimeError) as error:
        raise ValueError(f"{path} is no numpy archive, or damaged: {error}") from error
    arrays = {array.name: array for array in found}
    if len(arrays) != len(found):
        raise ValueError(f"{path} is damaged: it holds two arrays of one name")
    return arrays


def _check_sizes(path, members):
    size, declared = os.path.getsize(path), sum(member.file_size for member in members)
    if declared > 8 * size + ALLOWANCE:
        raise ValueError(f"{path} declares {declared} bytes of arrays in a file of {size}: it is no honest archive")
    if stored := sum(m.file_size for m in members if m.compress_type == zipfile.ZIP_STORED):
        if stored > size:
            raise ValueError(f"{path} is damaged: it declares {stored} bytes of arrays and has {size}")


def _entry(path, archive, member):
    name = member.filename.removesuffix(".npy")
    with archive.open(member) as file:
        try:
            version = np.lib.format.read_magic(file)
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
            shape, fortran, dtype = read(file)
        except Exception as error:  # numpy raises what its parser, tokeniser and memory raise
            raise ValueError(f"{path}: {name!r} is no numpy array ({first_line(error)})") from error
        skip = file.tell()
    if dtype.hasobject or dtype.fields or dtype.kind not in "fiub":
        raise ValueError(f"{path}: {name!r} is an array of {dtype}; only plain numbers are read, never pickled objects")
    if any(n < 0 for n in shape) or skip + math.prod(shape) * dtype.itemsize != member.file_size:
        raise ValueError(f"{path}: {name!r} declares shape {shape} in {member.file_size} bytes")
    common = {"path": path, "name": name, "shape": shape, "dtype": dtype, "order": "F" if fortran else "C"}
    if member.compress_type != zipfile.ZIP_STORED:
        return Packed(member=member.filename, skip=skip, **common)
    start = _start(archive, member)
    archive.fp.seek(start)
    crc = zlib.crc32(archive.fp.read(skip))
    return Stored(offset=start + skip, crc=(crc, member.CRC), **common)


def _start(archive, member):
    """The offset of a stored member's first byte, after its local header."""
    archive.fp.seek(member.header_offset)
    _, name, extra = LOCAL.unpack(archive.fp.read(LOCAL.size))
    return member.header_offset + LOCAL.size + name + extra
