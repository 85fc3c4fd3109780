"""What the figures are made of: films on a canvas, pictures as data URIs, axes that keep a pixel square."""

import dataclasses
from collections.abc import Iterable

import numpy as np
import plotly.graph_objects as go

from vivit_edu.explain.draw import theme
from vivit_edu.explain.draw.plain.png import png
from vivit_edu.explain.watch.fit import rate
from vivit_edu.explain.watch.sound import finite

Box = tuple[float, float, float, float]  # (top, left, height, width)
WIDTH = 720  # pixels of a figure on a wide page; narrow pages scale it down


@dataclasses.dataclass(frozen=True, kw_only=True)
class Film:
    """Where frames lie on one canvas, in pixels of the clip: rows that run in time, with labels below.

    Attributes:
      count: frames shown.
      size: (height, width) of a frame.
      columns: frames in a row.
      together: frames that touch, those of one tubelet; a gap follows them.
      labels: whether there is room for a label below each row.
    """

    count: int
    size: tuple[int, int]
    columns: int = 8
    together: int = 1
    labels: bool = True

    @property
    def gap(self) -> int:
        """Pixels between frames that do not touch."""
        return max(1, self.size[1] // 12)

    @property
    def pitch(self) -> int:
        """Pixels from one row to the next."""
        return self.size[0] + (round(0.36 * self.size[1]) if self.labels else self.gap)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the canvas."""
        rows, used = -(-self.count // self.columns), min(self.columns, self.count)
        return rows * self.pitch, used * self.size[1] + (-(-used // self.together) - 1) * self.gap

    def corner(self, index: int) -> tuple[int, int]:
        """(x, y) of a frame's top left corner."""
        row, column = divmod(index, self.columns)
        return column * self.size[1] + column // self.together * self.gap, row * self.pitch

    def paint(self, frames: np.ndarray) -> np.ndarray:
        """uint8 (height, width, 4): frames (count, H, W, 1, 3 or 4) on a transparent canvas."""
        canvas = np.zeros((*self.shape, 4), np.uint8)
        for index, frame in enumerate(opaque(frames)):
            x, y = self.corner(index)
            canvas[y : y + self.size[0], x : x + self.size[1]] = frame
        return canvas

    def outline(self, index: int, box: Box) -> tuple[list, list]:
        """x and y of a closed line around `box` within a frame."""
        return around(self.corner(index), box)

    def hairlines(self, patch: tuple[int, int]) -> tuple[list, list]:
        """x and y of the lines between patches of (h, w) pixels, in every frame."""
        (height, width), xs, ys = self.size, [], []
        for index in range(self.count):
            x, y = self.corner(index)
            for cut in range(patch[1], width, patch[1]):
                xs, ys = [*xs, x + cut, x + cut, None], [*ys, y, y + height, None]
            for cut in range(patch[0], height, patch[0]):
                xs, ys = [*xs, x, x + width, None], [*ys, y + cut, y + cut, None]
        return xs, ys

    def cells(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """z, x and y of one heatmap over all frames: values (count, nh, nw), nothing in the gaps between."""
        nh, nw = values.shape[1:]
        used, rows = min(self.columns, self.count), -(-self.count // self.columns)
        z = np.full((rows * (nh + 1) - 1, used * (nw + 1) - 1), np.nan)
        for index, value in enumerate(values):
            row, column = divmod(index, self.columns)
            z[row * (nh + 1) :, column * (nw + 1) :][:nh, :nw] = value
        x = [np.linspace(0, self.size[1], nw + 1) + self.corner(column)[0] for column in range(used)]
        y = [np.linspace(0, self.size[0], nh + 1) + row * self.pitch for row in range(rows)]
        return {"z": z, "x": np.concatenate(x), "y": np.concatenate(y)}


def around(corner: tuple[float, float], box: Box) -> tuple[list, list]:
    """x and y of a closed line around `box`, which counts from `corner` (x, y)."""
    left, top = corner[0] + box[1], corner[1] + box[0]
    right, bottom = left + box[3], top + box[2]
    return [left, right, right, left, left, None], [top, top, bottom, bottom, top, None]


def opaque(pixels: np.ndarray) -> np.ndarray:
    """uint8 RGBA of uint8 pixels, or of floats in [-1, 1], with 1, 3 or 4 colours."""
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8:
        pixels = finite(pixels, "pixels")
        pixels = np.clip(np.rint((pixels + 1) * 127.5), 0, 255).astype(np.uint8)
    if pixels.shape[-1] == 1:
        pixels = np.repeat(pixels, 3, axis=-1)
    if pixels.shape[-1] == 3:
        pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=-1)
    return pixels


def faded(pixels: np.ndarray, strength: float) -> np.ndarray:
    """RGBA pixels with their opacity multiplied."""
    pixels = opaque(pixels).copy()
    pixels[..., 3] = (pixels[..., 3] * strength).astype(np.uint8)
    return pixels


def picture(pixels: np.ndarray, *, corner: tuple[float, float] = (0, 0), unit: float = 1) -> go.Image:
    """A trace that shows pixels as they are, each `unit` wide and high, the first at `corner` (x, y)."""
    x, y = (at + unit / 2 for at in corner)
    return go.Image(source=png(opaque(pixels)), x0=x, y0=y, dx=unit, dy=unit, hoverinfo="skip")


def line(xs: list, ys: list, colour: str, width: float = 1) -> go.Scatter:
    """Line pieces without hover."""
    style = {"color": colour, "width": width}
    return go.Scatter(x=xs, y=ys, mode="lines", line=style, hoverinfo="skip", showlegend=False, cliponaxis=False)


def label(x: float, y: float, text: str, **options) -> dict:
    """An annotation without an arrow, centred below its point unless told otherwise."""
    return {"x": x, "y": y, "text": text, "showarrow": False, "xanchor": "center", "yanchor": "top"} | options


def on_canvas(
    traces: list,
    shape: tuple[float, float],
    *,
    title: str | None,
    start: tuple[float, float] = (0, 0),
    below: int = 8,
    **layout,
) -> go.Figure:
    """A figure on a canvas of (height, width) units, as wide as high, without axes.

    Args:
      start: (x, y) of the canvas's top left corner.
      below: pixels left free under the canvas.
    """
    hidden = {"visible": False, "fixedrange": True, "constrain": "domain"}
    (height, width), (x, y), top = shape, start, 44 if title else 8
    fitting = {
        "width": WIDTH,
        "height": round((WIDTH - 16) * height / width) + top + below,
        "margin": {"l": 8, "r": 8, "t": top, "b": below},
        "xaxis": hidden | {"range": [x, x + width]},
        "yaxis": hidden | {"range": [y + height, y], "scaleanchor": "x", "scaleratio": 1},
    }
    return go.Figure(traces, go.Layout(template=theme.TEMPLATE, title={"text": title}, **(fitting | layout)))


def seconds(frame: float, fps: float) -> str:
    """The time of a frame in seconds, to a hundredth: "0.12".

    Raises:
      ValueError: where there are not more than 0 frames a second.
    """
    return f"{frame / rate(fps):.2f}".rstrip("0").rstrip(".")


def slider(steps: Iterable, *, prefix: str, below: int = 8) -> list[dict]:
    """One plotly slider from (label, method, args) steps, `below` pixels under the canvas."""
    entries = [{"label": name, "method": method, "args": args} for name, method, args in steps]
    value = {"prefix": prefix, "xanchor": "left", "font": {"size": 13}}
    quiet = {
        "ticklen": 0,
        "minorticklen": 0,
        "font": {"size": 1, "color": "rgba(0, 0, 0, 0)"},
    }  # no labels at the ticks
    room = {"x": 0, "len": 1, "y": 0, "yanchor": "top", "pad": {"t": below, "b": 0, "l": 8, "r": 8}}
    return [{"active": 0, "steps": entries, "currentvalue": value} | quiet | room]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fan:
    """Frames one behind the other, time running away to the upper right; in units of a clip's pixels.

    Attributes:
      depths: of each frame, in widths of a frame to the right; it rises half as much.
      size: (height, width) of a frame.
      scale: pixels painted for each of the clip's.
    """

    depths: tuple[float, ...]
    size: tuple[int, int]
    scale: int = 4

    @property
    def shape(self) -> tuple[float, float]:
        """(height, width) of the canvas."""
        (height, width), far = self.size, max(self.depths)
        return height + round(far * width / 2), width + round(far * width)

    def corner(self, index: int) -> tuple[float, float]:
        """(x, y) of a frame's top left corner."""
        shift = self.depths[index] * self.size[1]
        return round(shift), self.shape[0] - self.size[0] - round(shift / 2)

    def outline(self, index: int, box: Box) -> tuple[list, list]:
        """x and y of a closed line around `box` within a frame."""
        return around(self.corner(index), box)

    def paint(self, frames: np.ndarray, patch: tuple[int, int], strengths: list[float]) -> np.ndarray:
        """RGBA: the last frame first, hiding what is behind it; slits part whole ones into (h, w) patches."""
        canvas = np.zeros((*(side * self.scale for side in self.shape), 4), np.uint8)
        ys, xs = (np.arange(side * self.scale) for side in self.size)
        slit = ((ys % (patch[0] * self.scale) == 0)[:, None]) | (xs % (patch[1] * self.scale) == 0)
        for index in reversed(range(len(frames))):
            frame = faded(frames[index], strengths[index]).repeat(self.scale, 0).repeat(self.scale, 1)
            if strengths[index] == 1:
                frame[slit, :3] = 128
            x, y = (side * self.scale for side in self.corner(index))
            canvas[y : y + len(ys), x : x + len(xs)] = frame
        return canvas
