"""Arrays where they lie in a file: name, shape and place known at once, numbers read when they are asked for."""

import dataclasses
import json
import math
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import jax.numpy as jnp
import numpy as np

HEADER_LIMIT = 8 * 2**20  # bytes; that of a model with thousands of tensors takes a twentieth
SAFETENSORS_TYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stored:
    """An array in a file, read by `np.asarray`; what its file says of it was held against the file's size.

    Attributes:
      offset: of its first byte in the file.
      order: "C", or "F" where the first axis runs fastest.
      crc: CRC-32 of the bytes before it in its record and that of all of them, where the file has one.
    """

    path: Path
    name: str
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype
    order: str = "C"
    crc: tuple[int, int] | None = None

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        numbers = np.fromfile(self.path, self.dtype, math.prod(self.shape), offset=self.offset)
        if numbers.size != math.prod(self.shape):
            raise ValueError(f"{self.path} ends within {self.name!r}")
        if self.crc is not None and zlib.crc32(numbers.view(np.uint8), self.crc[0]) != self.crc[1]:
            raise ValueError(f"{self.path} is damaged: the checksum of {self.name!r} differs")
        return numbers.reshape(self.shape, order=self.order).astype(dtype or self.dtype, copy=False)


class Derived:
    """An array computed from others when it is asked for, whose shape is known before: `fold(*arrays)`."""

    def __init__(self, fold: Callable[..., np.ndarray], *arrays):
        self.fold, self.arrays = fold, arrays
        self.shape = fold(*(_hollow(array) for array in arrays)).shape

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self.fold(*(np.asarray(array) for array in self.arrays)), dtype)


def _hollow(array):
    return np.broadcast_to(np.zeros((), np.float32), array.shape)  # one number, whatever the shape


def read_safetensors(path: str | Path) -> dict[str, Stored]:
    """The arrays of a safetensors file by name, none of them read yet.

    Raises:
      ValueError: where the header is damaged, or its tensors are not exactly the file's bytes.
    """
    path, size = Path(path), os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, HEADER_LIMIT):
            raise ValueError(f"{path} is no safetensors file, or cut short: a header of {length} in {size} bytes")
        header = parse_json(file.read(length), source=f"the header of {path}")
    header.pop("__metadata__", None)
    stored = {name: _entry(path, name, entry, 8 + length) for name, entry in header.items()}
    end = 8 + length
    for array in sorted(stored.values(), key=lambda array: (array.offset, _bytes(array))):
        if array.offset != end:
            raise ValueError(f"{path} is damaged: {array.name!r} does not begin where the tensor before it ends")
        end += _bytes(array)
    if end != size:
        raise ValueError(f"{path} is damaged or cut short: its header describes {end} bytes, it has {size}")
    return stored


def _entry(path, name, entry, start):
    try:
        dtype = jnp.dtype(SAFETENSORS_TYPES[entry["dtype"]])
        shape, (begin, end) = entry["shape"], entry["data_offsets"]
        numbers = [*shape, begin, end]
        if not all(type(n) is int and 0 <= n < 2**50 for n in numbers) or len(shape) > 16:
            raise ValueError("sizes")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the header of {path} describes {name!r} by {str(entry)[:200]}") from error
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"the header of {path} gives {name!r} {end - begin} bytes, a {dtype} of {shape} takes others")
    return Stored(path=path, name=name, offset=start + begin, shape=tuple(shape), dtype=dtype)


def _bytes(array):
    return math.prod(array.shape) * array.dtype.itemsize


def read_json(path: str | Path) -> dict:
    """The object in a JSON file.

    Raises:
      ValueError: where it is no JSON, holds no object, or is larger than any configuration.
    """
    if os.path.getsize(path) > HEADER_LIMIT:
        raise ValueError(f"{path} has {os.path.getsize(path)} bytes, more than any configuration")
    return parse_json(Path(path).read_bytes(), source=str(path))


def parse_json(text: bytes, *, source: str) -> dict:
    """The object that the JSON text holds."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source} is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise ValueError(f"{source} holds no JSON object")
    return record


def nest(arrays: Mapping, prefix: str) -> dict:
    """The arrays whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
