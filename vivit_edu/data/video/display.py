"""Frames as they are shown: pixels made square, turned and mirrored as the file asks, all of one size."""

import dataclasses
from collections.abc import Callable

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import VideoReformatter

from vivit_edu.data.video.asking import pixels
from vivit_edu.data.video.opening import Film, opened, translated
from vivit_edu.data.video.pictures import Pictures

Size = tuple[int, int]
UNSPECIFIED = 2  # a colour matrix that is not said, so that swscale takes its usual one
NARROWEST = 1 / 16  # pixels narrower or wider than 16 are a fault of the header's


def _unnamed(kind, value):
    """A member without a name of its own: FFmpeg tells more kinds of side data than PyAV has names for.

    PyAV refuses all of a frame's side data, its display matrix too, for one such kind; Exif is one.
    """
    member = object.__new__(kind)
    member._name_, member._value_ = f"UNNAMED_{value}", value
    return member


Type._missing_ = classmethod(_unnamed)


@dataclasses.dataclass(frozen=True)
class Look:
    """How a film's pictures are shown, as its first one asks.

    Attributes:
      stored: (height, width) of the pictures in the file.
      wide: how wide a pixel is, in its heights.
      swapped: whether rows become columns, before the flips.
      flips: of rows and of columns, 1 or -1.
    """

    stored: Size
    wide: float
    swapped: bool
    flips: tuple[int, int]

    @property
    def size(self) -> Size:
        """(height, width) as shown, once turned: the height stays and the width makes pixels square, as in ffmpeg."""
        height, width = self._turned(self.stored)
        return height, max(1, round(width / self.wide if self.swapped else width * self.wide))

    def _turned(self, size):
        return size[::-1] if self.swapped else size


class Screen:
    """RGB pictures of a film's frames, in the size that `resize` makes of the one that is shown."""

    def __init__(self, film: Film, resize: Callable[[Size], Size]):
        self.film, self.resize = film, resize
        context = film.stream.codec_context
        self.header = (context.height, context.width)
        self.look, self.size = None, None
        self.reformatter = VideoReformatter()  # one for all: making it costs more than using it on a small frame

    def looked(self, frame: av.VideoFrame) -> Look:
        """The film's look; where this frame has not the header's size, it takes the first frame's."""
        if self.look is None:
            if (frame.height, frame.width) != self.header:
                frame = _first_frame(self.film.path) or frame
            self.look = _look(self.film, frame)
        return self.look

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """The frame's picture, uint8 (H, W, 3)."""
        look = self.looked(frame)
        if self.size is None:
            self.size = pixels("what resize gives", self.resize(look.size))
        height, width = look._turned(self.size)
        with translated(self.film.path):
            picture = self._reformatted(frame, {"height": height, "width": width})
        picture = picture.swapaxes(0, 1) if look.swapped else picture
        return picture[:: look.flips[0], :: look.flips[1]]

    def _reformatted(self, frame, size):
        options = {"format": "rgb24", "interpolation": "BILINEAR", "threads": 1, **size}
        try:
            return self.reformatter.reformat(frame, **options).to_ndarray()
        except av.error.FFmpegError:
            frame.colorspace = UNSPECIFIED
            return self.reformatter.reformat(frame, **options).to_ndarray()


def announced_size(film: Film) -> Size:
    """(height, width) as the file's header tells it, square pixels made, before any turn."""
    context = film.stream.codec_context
    return Look((context.height, context.width), _width(film), False, (1, 1)).size


def _first_frame(path):
    with opened(path) as film:
        return next((frame for frame in Pictures(film) if frame is not None), None)


def _look(film, frame):
    with translated(film.path):
        swapped, flips = _orientation(frame.side_data.get("DISPLAYMATRIX"))
    return Look((frame.height, frame.width), _width(film), swapped, flips)


def _width(film):
    """How wide a pixel is, in its heights."""
    wide = float(film.stream.sample_aspect_ratio or 1)
    return wide if NARROWEST <= wide <= 1 / NARROWEST else 1.0


def _orientation(matrix):
    """Whether rows become columns, and which then run backwards, of a display matrix in the order a b u c d v x y w.

    x' = a x + c y and y' = b x + d y, in fixed point. Turns are taken to the nearest quarter: one between, which
    only editors write, would leave corners that no picture fills.
    """
    if matrix is None:
        return False, (1, 1)
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).tolist()
    swapped = abs(b) + abs(c) > abs(a) + abs(d)
    down, right = (b, c) if swapped else (d, a)
    return swapped, (-1 if down < 0 else 1, -1 if right < 0 else 1)
