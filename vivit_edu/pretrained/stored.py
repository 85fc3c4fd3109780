"""Arrays where they lie in a file: name, shape and place known at once, numbers read when they are asked for."""

import contextlib
import dataclasses
import json
import math
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax.numpy as jnp
import numpy as np

HEADER_LIMIT = 8 * 2**20  # bytes; that of a model with thousands of tensors takes a twentieth
ALIGNMENT = 64  # bytes
READERS = 4  # threads; reading, checking and converting leave the interpreter free
STRIP = 16  # numbers of a transposed array's last axis that are copied together: a line of the cache, read once
PIECE = 2**20  # bytes read at once, whose checksum is taken while they are in the processor's cache
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

    fresh = True  # what it gives is memory of its own

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        memory = aligned(_bytes(self))
        before, expected = self.crc or (0, None)
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self.offset)
            filled, crc = 0, before
            while filled < memory.size and (count := file.readinto(memory[filled : filled + PIECE])):
                crc = crc if expected is None else zlib.crc32(memory[filled : filled + count], crc)
                filled += count
        if filled != memory.size:
            raise ValueError(f"{self.path} ends within {self.name!r}")
        if expected not in (None, crc):
            raise ValueError(f"{self.path} is damaged: the checksum of {self.name!r} differs")
        numbers = memory.view(self.dtype).reshape(self.shape, order=self.order)
        return numbers.astype(dtype or self.dtype, copy=False)


def aligned(size: int) -> np.ndarray:
    """`size` bytes of new memory from which jax on a CPU computes without copying them."""
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size]


class Derived:
    """An array computed from others when it is asked for, whose shape is known before: `fold(*arrays)`."""

    def __init__(self, fold: Callable[..., np.ndarray], *arrays):
        self.fold, self.arrays = fold, arrays
        self.shape = fold(*(_hollow(array) for array in arrays)).shape
        self.fresh = all(getattr(array, "fresh", False) for array in arrays)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self.fold(*(np.asarray(array) for array in self.arrays)), dtype)


@contextlib.contextmanager
def reading(arrays: Mapping) -> Iterator[dict[str, "Ahead"]]:
    """The arrays, which a few threads read from now on, as float32; at the end, what nobody waited for is left."""
    pool = ThreadPoolExecutor(READERS)
    try:
        yield {name: Ahead(array, pool) for name, array in arrays.items()}
    finally:
        pool.shutdown(cancel_futures=True)


class Ahead:
    """An array on its way: its shape is known, and `np.asarray` waits for its numbers."""

    fresh = True

    def __init__(self, array, pool: ThreadPoolExecutor):
        self.shape, self._numbers = array.shape, pool.submit(settled, array, np.dtype(np.float32))

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self._numbers.result()


def settled(array, dtype: np.dtype) -> np.ndarray:
    """The array's numbers in memory that nobody else writes to, where jax on a CPU can leave them."""
    numbers = np.asarray(array)
    at_rest = numbers.dtype == dtype and numbers.flags.c_contiguous and numbers.ctypes.data % ALIGNMENT == 0
    if at_rest and getattr(array, "fresh", False):
        return numbers
    copy = aligned(numbers.size * dtype.itemsize).view(dtype).reshape(numbers.shape)
    if numbers.flags.c_contiguous:
        np.copyto(copy, numbers, casting="unsafe")
        return copy
    for start in range(0, numbers.shape[-1], STRIP):
        np.copyto(copy[..., start : start + STRIP], numbers[..., start : start + STRIP], casting="unsafe")
    return copy


def _hollow(array):
    return np.broadcast_to(np.zeros((), np.float32), array.shape)  # one number, whatever the shape


def read_safetensors(path: str | Path, *, crc: int | None = None) -> dict[str, Stored]:
    """The arrays of a safetensors file by name, none of them read yet.

    Args:
      crc: CRC-32 of the header, which then holds every array's own, as `checksums` wrote them.

    Raises:
      ValueError: where the header is damaged, or its tensors are not exactly the file's bytes.
    """
    path, text = Path(path), safetensors_header(path)
    if crc is not None and zlib.crc32(text) != crc:
        raise ValueError(f"{path} is damaged, or not the file that was saved: the checksum of its header differs")
    header, end, size = parse_json(text, source=f"the header of {path}"), 8 + len(text), os.path.getsize(path)
    metadata = header.pop("__metadata__", None)
    stored = {name: _entry(path, name, entry, end) for name, entry in header.items()}
    if crc is not None:
        stored = _checked(stored, metadata, path)
    for array in sorted(stored.values(), key=lambda array: (array.offset, _bytes(array))):
        if array.offset != end:
            raise ValueError(f"{path} is damaged: {array.name!r} does not begin where the tensor before it ends")
        end += _bytes(array)
    if end != size:
        raise ValueError(f"{path} is damaged or cut short: its header describes {end} bytes, it has {size}")
    return stored


def safetensors_header(path: Path) -> bytes:
    """The header's JSON, still as text.

    Raises:
      ValueError: where the file is too short to hold one.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, HEADER_LIMIT):
            raise ValueError(f"{path} is no safetensors file, or cut short: a header of {length} in {size} bytes")
        return file.read(length)


def checksums(arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Metadata for a safetensors file of these arrays: the CRC-32 of the bytes of each."""
    return {"crc32": json.dumps({name: zlib.crc32(array) for name, array in arrays.items()})}


def _checked(stored, metadata, path):
    text = metadata.get("crc32") if isinstance(metadata, dict) else None
    crcs = parse_json(text, source=f"the checksums of {path}") if isinstance(text, str) else {}
    if missing := sorted(stored.keys() - crcs.keys()):
        raise ValueError(f"the header of {path} has no checksum of {', '.join(missing)[:200]}")
    return {name: dataclasses.replace(array, crc=(0, crcs[name])) for name, array in stored.items()}


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


def parse_json(text: str | bytes, *, source: str) -> dict:
    """The object that the JSON text holds."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source} is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise ValueError(f"{source} holds no JSON object")
    return record


def first_line(error: Exception) -> str:
    """What the error says, in one line of at most 300 characters."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def nest(arrays: Mapping, prefix: str) -> dict:
    """The arrays whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
