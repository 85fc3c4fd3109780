"""Arrays in a Flax checkpoint (msgpack), where they lie: the tree is walked, no number in it is read."""

import math
import os
import struct
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from vivit_edu.pretrained.stored import Derived, Stored

DEPTH, NODES, TEXT_LIMIT = 32, 100_000, 10_000  # a TrainState is ten deep and has a few thousand short names
NDARRAY, SCALAR = 1, 3  # Flax's codes
# The msgpack format: by a value's first byte, how its number is written, or the number of what follows.
NUMBERS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"}
NUMBERS |= {0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
BINARY = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I"}
TEXT = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
LISTS, MAPS = {0xDC: ">H", 0xDD: ">I"}, {0xDE: ">H", 0xDF: ">I"}
EXTENSIONS = {0xC7: ">B", 0xC8: ">H", 0xC9: ">I"}
FIXED_EXTENSIONS = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
CHUNKED = "__msgpack_chunked_array__"


def read_flax(path: str | Path) -> dict[str, Stored | Derived]:
    """The arrays of a Flax checkpoint by '/'-joined name, none of them read yet; other values are passed over.

    Raises:
      ValueError: where the file is no such checkpoint, damaged or cut short.
    """
    path = Path(path)
    with open(path, "rb") as file:
        walk = _Walk(path, file)
        try:
            tree = walk.value()
        except (struct.error, UnicodeDecodeError, RecursionError, OverflowError, TypeError) as error:
            raise ValueError(f"{path} is no Flax checkpoint, or damaged at byte {walk.at}: {error}") from error
    if walk.at != walk.size:
        raise ValueError(f"{path} is no Flax checkpoint: {walk.size - walk.at} bytes follow its end")
    if not isinstance(tree, dict):
        raise ValueError(f"{path} is no Flax checkpoint: it holds no mapping of names")
    return dict(_arrays(path, tree, ""))


def _arrays(path, tree, prefix):
    for name, value in tree.items():
        name = f"{prefix}/{name}" if prefix else str(name)
        if isinstance(value, dict) and CHUNKED in value:
            yield name, _joined(path, name, value)
        elif isinstance(value, dict):
            yield from _arrays(path, value, name)
        elif isinstance(value, Stored):
            yield name, value


def _joined(path, name, value):
    """An array that Flax wrote in chunks, because it is above 2^30 bytes."""
    try:
        shape = [value["shape"][str(i)] for i in range(len(value["shape"]))]
        chunks = [value["chunks"][str(i)] for i in range(len(value["chunks"]))]
        if sum(math.prod(chunk.shape) for chunk in chunks) != math.prod(shape) or min(shape) < 0:
            raise ValueError("the chunks do not add up")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: the chunks of {name!r} do not make one array ({error})") from error
    joined = Derived(lambda *parts: np.concatenate(parts), *chunks) if len(chunks) > 1 else chunks[0]
    return Derived(lambda whole: whole.reshape(shape), joined)


class _Walk:
    """A walk through the file from value to value; bytes of arrays are stepped over."""

    def __init__(self, path, file):
        self.path, self.file, self.size = path, file, os.path.getsize(path)
        self.at, self.nodes = 0, 0

    def value(self, depth=0):
        """The value that begins here: a number, text, list or mapping, or an array's place; other bytes are None."""
        self.nodes += 1
        if depth > DEPTH or self.nodes > NODES:
            raise ValueError(f"{self.path} is no model's checkpoint: deeper than {DEPTH} or above {NODES} values")
        first = self.take(1)[0]
        if first < 0x80 or first >= 0xE0:
            return first if first < 0x80 else first - 256
        if first in CONSTANTS:
            return CONSTANTS[first]
        if first in NUMBERS:
            return self.number(NUMBERS[first])
        if first in FIXED_EXTENSIONS or first in EXTENSIONS:
            return self.extension(FIXED_EXTENSIONS.get(first) or self.number(EXTENSIONS[first]))
        if first in BINARY:
            return self.step(self.number(BINARY[first]))
        if 0xA0 <= first < 0xC0 or first in TEXT:
            return self.text(first & 31 if first < 0xC0 else self.number(TEXT[first]))
        return self.many(first, depth)

    def many(self, first, depth):
        """A list or a mapping."""
        if 0x80 <= first < 0x90 or first in MAPS:
            count = first & 15 if first < 0x90 else self.number(MAPS[first])
            pairs = [(self.value(DEPTH), self.value(depth + 1)) for _ in range(self.checked(count))]
            if len({key for key, _ in pairs}) != count:
                raise ValueError(f"{self.path} is damaged: one name twice before byte {self.at}")
            return {str(key): value for key, value in pairs}
        if 0x90 <= first < 0xA0 or first in LISTS:
            count = first & 15 if first < 0xA0 else self.number(LISTS[first])
            return [self.value(depth + 1) for _ in range(self.checked(count))]
        raise ValueError(f"{self.path} is no Flax checkpoint, or damaged: byte {first:#x} at {self.at - 1}")

    def extension(self, length):
        """An array's place, where the extension is Flax's for arrays."""
        code, end = self.number(">b"), self.at + self.checked(length)
        if code not in (NDARRAY, SCALAR):
            return self.step(length)
        if self.take(1) != b"\x93":
            raise ValueError(f"{self.path} is damaged: no array at byte {self.at}")
        shape, name = self.value(DEPTH - 1), self.value(DEPTH)
        first = self.take(1)[0]
        kinds = BINARY | TEXT
        count = self.number(kinds[first]) if first in kinds else first & 31
        array = self.array(shape, name, count)
        if self.at + count != end:
            raise ValueError(f"{self.path} is damaged: an array of {count} bytes at {self.at} does not end at {end}")
        self.step(count)
        return array if code == NDARRAY else None

    def array(self, shape, dtype, count):
        """The array of `count` bytes that begins here."""
        where = f"{self.path} is damaged: at byte {self.at}, an array"
        try:
            dtype = jnp.dtype(dtype)
            if dtype.hasobject or not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 16:
                raise ValueError("not plain numbers")
        except (TypeError, ValueError) as error:
            raise ValueError(f"{where} of type {str(dtype)[:50]!r} and shape {str(shape)[:200]}") from error
        if math.prod(shape) * dtype.itemsize != count:
            raise ValueError(f"{where} of {dtype} and shape {shape} takes {count} bytes")
        return Stored(path=self.path, name=f"byte {self.at}", offset=self.at, shape=tuple(shape), dtype=dtype)

    def take(self, length):
        """The next bytes."""
        self.file.seek(self.at)
        self.at += self.checked(length)
        return self.file.read(length)

    def step(self, length):
        """Nothing: the next bytes are left unread."""
        self.at += self.checked(length)

    def checked(self, length):
        """The length, where the file has as many bytes left."""
        if length > self.size - self.at:
            raise ValueError(f"{self.path} is cut short, or no Flax checkpoint: {length} bytes after byte {self.at}")
        return length

    def number(self, form):
        """The number written here in that form of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self, length):
        """The text written here."""
        if length > TEXT_LIMIT:
            return self.step(length)
        return self.take(length).decode()
