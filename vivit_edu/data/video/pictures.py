"""What the decoder makes of a film, in its own order: pictures, and packets that it calls broken."""

from collections.abc import Iterator

import av

from vivit_edu.data.video.opening import Film


class Pictures:
    """Iterates over the decoded frames from where the container stands; None stands for a packet that is broken.

    A packet is no frame: it may hold half of one, none, or one that cannot be decoded from here. So frames are
    what the decoder gives out, and a picture is lost where it says so.

    Attributes:
      first: the first packet that was sent, or None.
      stamps: of the packets that were sent and may be shown.
      decoding: when each of those is to be decoded, in units of the stream's clock, or None.
      broken: the stamps of those that the decoder refused.
      error: the last reason for that.
    """

    def __init__(self, film: Film):
        self.film, self.context = film, film.stream.codec_context
        self.first, self.stamps, self.decoding, self.broken, self.error = None, [], [], [], None

    def __iter__(self) -> Iterator[av.VideoFrame | None]:
        last = None
        for packet in self._packets():
            for frame in self._decoded(packet):
                last = frame or last
                yield frame
        yield from (frame for frame in self._decoded(None) if not self._repeated(frame, last))

    def _packets(self):
        packets = self.film.container.demux(self.film.stream)
        while True:
            try:
                packet = next(packets, None)
            except Exception as error:  # whatever it is, what comes after cannot be reached
                self.error = error
                return
            if packet is None:
                return
            if not packet.size:  # a picture that was left out; to the decoder it would mean the film's end
                continue
            self.first = self.first or packet
            if not packet.is_discard:
                self.stamps.append(packet.pts)
                self.decoding.append(packet.dts)
            yield packet

    def _decoded(self, packet):
        try:
            return self.context.decode(packet)
        except Exception as error:  # as ffmpeg does, one packet's fault is noted and the next one tried
            self.error = error
            if packet is None or packet.is_discard:
                return []
            self.broken.append(packet.pts)
            return [None]

    def _repeated(self, frame, last):
        """Whether the frame is the last one once more, which MPEG-4's decoder gives out at an end that is not coded."""
        if self.context.name != "mpeg4" or frame is None or last is None:
            return False
        return frame.planes[0].buffer_ptr == last.planes[0].buffer_ptr
