"""Pictures as PNG, without another library."""

import base64
import struct
import zlib

import numpy as np


def png(pixels: np.ndarray) -> str:
    """A data URI of uint8 pixels (height, width, 3 or 4), losslessly; the fourth number is their opacity."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + np.ascontiguousarray(row).tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[pixels.shape[2]], 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + parts).decode()
