"""Video files made on the spot: painted frames, any container and codec, packets moved about, H.264 by hand."""

import contextlib
import dataclasses
from fractions import Fraction

import av
import numpy as np

QUICK = {
    "libx264": {"preset": "veryfast", "bf": "0"},
    "libx265": {"preset": "ultrafast", "crf": "8", "x265-params": "log-level=error:bframes=0"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "0"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "b": "2000000"},
    "mpeg4": {"b": "2000000"},
    "mpeg2video": {"b": "2000000"},
    "libsvtav1": {"preset": "12", "svtav1-params": "log-level=0"},
}
FORMATS = {"mjpeg": "yuvj420p", "gif": "rgb8"}


def numbered(count, height=48, width=64):
    """Frames whose grey level tells their number: 3 n + 10, so that rounding cannot confuse two of them.

    x265 writes past its memory where frames are smaller.
    """
    frames = np.zeros((count, height, width, 3), np.uint8)
    return frames + (3 * np.arange(count) + 10).astype(np.uint8)[:, None, None, None]


def numbers(frames):
    """The numbers of such frames."""
    return np.round((frames.mean(axis=(1, 2, 3)) - 10) / 3).astype(int).tolist()


def write(path, frames, *, codec="libx264", fps=25, stamps=None, container=None, unit=None, **options):
    """A file in the container that its name asks for; stamps in 1 / unit seconds, by default one a frame."""
    with av.open(str(path), "w", options=container or {}) as out:
        stream = out.add_stream(codec, rate=Fraction(fps))
        stream.width, stream.height = frames[0].shape[1::-1]
        stream.pix_fmt = FORMATS.get(codec, "yuv420p")
        stream.codec_context.time_base = stream.time_base = Fraction(1, unit) if unit else 1 / Fraction(fps)
        stream.codec_context.thread_count = 1
        stream.options = {**QUICK.get(codec, {}), **options}
        for n, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture.pts = stamps[n] if stamps is not None else n
            picture.time_base = stream.codec_context.time_base
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return path


@dataclasses.dataclass
class Piece:
    """A packet that may be changed before it is written again."""

    data: bytes
    pts: int | None
    dts: int | None
    duration: int
    key: bool


def remux(source, target, change, *, container=None):
    """`target`, of the packets that `change` makes of the list of `source`'s; the container may be another."""
    with av.open(str(source)) as given, av.open(str(target), "w", options=container or {}) as out:
        stream = given.streams.video[0]
        copy = out.add_stream_from_template(stream)
        packets = [p for p in given.demux(stream) if p.size]
        for piece in change([Piece(bytes(p), p.pts, p.dts, p.duration, p.is_keyframe) for p in packets]):
            packet = av.Packet(piece.data)
            packet.pts, packet.dts, packet.duration = piece.pts, piece.dts, piece.duration
            packet.is_keyframe, packet.time_base, packet.stream = piece.key, stream.time_base, copy
            out.mux(packet)
    return target


def without_offsets(pieces):
    """Every packet is said to be shown when it is decoded: what is left where composition offsets are lost."""
    first = min(piece.pts for piece in pieces)
    step = pieces[0].duration
    return [dataclasses.replace(p, pts=first + n * step, dts=first + n * step) for n, p in enumerate(pieces)]


def decoded(path):
    """Mean grey of each frame in the decoder's own order, by plain sequential decoding."""
    greys = []
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            with contextlib.suppress(av.error.InvalidDataError):
                greys += [float(frame.to_ndarray(format="rgb24").mean()) for frame in packet.decode()]
    return greys


class Bits:
    """A row of bits: `u` of a fixed length, `ue` and `se` of H.264's variable ones."""

    def __init__(self):
        self.bits = ""

    def u(self, length, value):
        self.bits += f"{value:0{length}b}"
        return self

    def ue(self, *values):
        for value in values:
            digits = f"{value + 1:b}"
            self.bits += "0" * (len(digits) - 1) + digits
        return self

    def aligned(self, fill="0"):
        self.bits += fill * (-len(self.bits) % 8)
        return self

    def unit(self, head):
        """A NAL unit: a start code, the head, the bits and their end, with 3 where zeros would read as a start."""
        self.bits += "1"
        payload = bytearray([head])
        for byte in int(self.aligned().bits, 2).to_bytes(len(self.bits) // 8, "big"):
            if byte < 4 and payload[-2:] == b"\0\0":
                payload.append(3)
            payload.append(byte)
        return b"\0\0\0\1" + bytes(payload)


def handmade(greys, order, *, fields=False, rows=2, columns=3):
    """H.264 of plain pictures as they are, in the order of decoding: a list of lists of packets, one list a frame.

    Args:
      greys: the level of each picture in the order in which they are shown.
      order: which of them is coded first, second and so on; nothing announces how late pictures come.
      fields: codes each picture as two fields, a packet each.
    """
    head = Bits().u(8, 77).u(8, 0).u(8, 30).ue(0, 0, 0, 4, 4).u(1, 0)
    head.ue(columns - 1, (rows // 2 if fields else rows) - 1)
    head = head.u(2, 0b00).u(1, 1) if fields else head.u(1, 1).u(1, 1)  # frame_mbs_only, mb_adaptive; direct_8x8
    sets = head.u(2, 0).unit(0x67) + Bits().ue(0, 0).u(2, 0).ue(0, 0, 0).u(3, 0).ue(0, 0, 0).u(3, 0b100).unit(0x68)
    frames = []
    for n, shown in enumerate(order):
        frames.append([])
        for field in range(1 + fields):
            first = n == 0 and field == 0
            slice_ = Bits().ue(0, 7, 0).u(4, n % 16)
            slice_ = slice_.u(2, 0b10 + field) if fields else slice_
            slice_ = slice_.ue(0) if first else slice_
            slice_.u(8, 2 * shown + field).u(2 if first else 1, 0).ue(0, 1)
            for _ in range(columns * rows // (1 + fields)):
                slice_.ue(25).aligned()
                slice_.bits += f"{greys[shown]:08b}" * 256 + f"{128:08b}" * 128
            frames[-1].append((sets if first else b"") + slice_.unit(0x65 if first else 0x61))
    return frames


def write_handmade(path, frames, stamps, *, fps=25):
    """The packets of `handmade` in a container; stamps, one a packet, in frames."""
    raw = path.with_suffix(".h264")
    raw.write_bytes(b"".join(b"".join(packets) for packets in frames))
    pieces = [data for packets in frames for data in packets]
    late = max(n * max(stamps) / (len(stamps) - 1 or 1) - stamp for n, stamp in enumerate(stamps))
    with av.open(str(raw)) as given, av.open(str(path), "w") as out:
        copy = out.add_stream_from_template(given.streams.video[0])
        for n, (data, stamp) in enumerate(zip(pieces, stamps, strict=True)):
            packet = av.Packet(data)
            decoding = n * max(stamps) / (len(stamps) - 1 or 1) - late
            packet.time_base, packet.stream = Fraction(1, 1000 * fps), copy
            packet.pts, packet.dts = round(1000 * stamp), round(1000 * decoding)
            packet.duration, packet.is_keyframe = round(1000 * max(stamps) / (len(stamps) - 1 or 1)), n == 0
            out.mux(packet)
    return path
