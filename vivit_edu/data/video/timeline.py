"""When each frame of a video is shown."""

import dataclasses

import numpy as np

# Containers whose packets tell every frame's time. In others, and for VP8, which hides packets, frames are
# decoded to be counted.
INDEXED = ("mov,mp4", "matroska", "avi")


@dataclasses.dataclass(frozen=True)
class Timeline:
    """The frames of a video in the order in which they are shown.

    Attributes:
      stamps: when each is shown, in units of the stream's clock.
      unit: of the clock, in seconds.
      counted: whether a frame is found by its place in the order, not by its stamp.
    """

    stamps: np.ndarray
    unit: float
    counted: bool

    @property
    def seconds(self) -> np.ndarray:
        """When each frame is shown, in seconds after the first."""
        return (self.stamps - self.stamps[0]) * self.unit

    @property
    def end(self) -> float:
        """Seconds until the last frame is gone, if it stays for as long as a frame does on average."""
        last, more = float(self.seconds[-1]), len(self.stamps) - 1
        return last + last / more if more else float("inf")

    def at(self, start: float) -> int:
        """The index of the frame that is shown `start` seconds after the first."""
        return int(np.searchsorted(self.seconds, start + 1e-6, side="right")) - 1


def of_packets(container, stream) -> Timeline | None:
    """The timeline that a stream's packets tell, without decoding; None where they do not tell all of it."""
    if not container.format.name.startswith(INDEXED) or stream.codec_context.name == "vp8":
        return None
    stamps = [packet.pts for packet in container.demux(stream) if packet.size and not packet.is_discard]
    return Timeline(np.unique(stamps), float(stream.time_base), False) if stamps and None not in stamps else None


def of_frames(container, stream) -> Timeline | None:
    """The timeline of the decoded frames, evenly spaced where they have no stamps; None where none come."""
    stamps = [frame.pts for frame in container.decode(stream)]
    if None in stamps or sorted(set(stamps)) != stamps:
        return Timeline(np.arange(len(stamps)), 1 / float(stream.average_rate or 25), True)
    return Timeline(np.array(stamps), float(stream.time_base), True) if stamps else None
