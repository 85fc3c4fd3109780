"""Figures of clips and of how they are cut: film, raster order, tubelets."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import UInt8

from vivit_edu.config import ViViTConfig
from vivit_edu.explain.draw import theme
from vivit_edu.explain.draw.canvas import Fan, Film, label, line, on_canvas, picture, seconds, slider
from vivit_edu.explain.watch.fit import count_of, fits, frames_fit
from vivit_edu.explain.watch.sound import Index, listed, place
from vivit_edu.tokens import owned_frames

QUERY, HAIRLINE = theme.COLOURS["query"], "rgba(255, 255, 255, 0.45)"


def film(
    frames: UInt8[np.ndarray, "T H W C"],
    *,
    fps: float,
    grid: tuple[int, int, int] | None = None,
    every: int = 1,
    title: str | None = None,
) -> go.Figure:
    """A clip as a film strip, with its time in seconds below.

    Args:
      fps: frames a second of the clip as given.
      grid: (t, h, w) of a tubelet: frames of one tubelet touch, and hairlines part its patches.
      every: shows each `every`-th frame only.

    Raises:
      ValueError: where `every`, fps or a side of the grid is not above 0, or there are no frames.
    """
    frames_fit(frames)
    every = count_of(every, "every")
    if grid is not None:
        grid = tuple(count_of(side, "a side of the grid") for side in listed(grid, "grid"))
        fits("the count of the grid's sides (t, h, w)", len(grid), 3)
    strip, traces = strip_of(frames[::every], (max(1, grid[0] // every), *grid[1:]) if grid else None)
    return on_canvas(traces, strip.shape, title=title, annotations=times(strip, range(0, len(frames), every), fps))


def raster(frames: UInt8[np.ndarray, "T H W C"], config: ViViTConfig, *, fps: float) -> go.Figure:
    """The clip's tokens in their order, one outlined at a time: a slider walks through the sequence.

    Raises:
      ValueError: where the frames are not those of the configuration's clips, or fps is not above 0.
    """
    frames_fit(frames, config)
    strip, traces = strip_of(frames, config.tubelet)
    outlines = [token_outline(strip, config, token) for token in range(config.tokens)]
    steps = []
    for token, (xs, ys) in enumerate(outlines):
        time, row, column = np.unravel_index(token, config.grid)
        name = f"{token}: time {time}, row {row}, column {column}"
        steps.append((name, "restyle", [{"x": [xs], "y": [ys]}, [len(traces)]]))
    traces.append(line(*outlines[0], QUERY, 3))
    title = f"The {config.tokens} tokens run along each row, down the rows, then on in time"
    sliders = slider(steps, prefix="token ")
    notes = times(strip, range(len(frames)), fps)
    return on_canvas(traces, strip.shape, title=title, below=90, annotations=notes, sliders=sliders)


def tubelets(
    frames: UInt8[np.ndarray, "T H W C"],
    config: ViViTConfig,
    *,
    highlight: tuple[Index, Index, Index] | None = None,
) -> go.Figure:
    """The clip as a volume, cut as the configuration's tokeniser cuts it, with one token's pixels taken out.

    Args:
      highlight: (time, row, column) of the token taken out; by default one in the middle of the clip.

    Raises:
      IndexError: where there is no such token.
      ValueError: where the frames are not those of the configuration's clips.
    """
    frames_fit(frames, config)
    (nt, _, nw), (_, h, w) = config.grid, config.tubelet
    chosen = zip(("times", "rows", "columns"), highlight or (nt // 2, 0, nw - 1), config.grid, strict=True)
    time, row, column = (place(index, count, f"the grid has {axis}") for axis, index, count in chosen)
    groups = owned_frames(config)
    fan = Fan(depths=_depths(config), size=frames.shape[1:3], scale=max(1, 128 // frames.shape[1]))
    kept = {frame for group in groups for frame in group}
    strengths = [1.0 if f in kept else 0.25 for f in range(len(frames))]
    traces = [picture(fan.paint(frames, (h, w), strengths), unit=1 / fan.scale)]
    cell = (row * h, column * w, h, w)
    for frame in reversed(groups[time]):
        traces.append(line(*fan.outline(frame, cell), QUERY, 2))
    pieces = [frames[f, cell[0] : cell[0] + h, cell[1] : cell[1] + w] for f in groups[time]]
    taken, notes = _taken_out(fan, pieces, f"token ({time}, {row}, {column})")
    title = f"{config.name}: " + (
        f"{nt} of {len(frames)} frames are sampled, each is cut into patches"
        if config.tokeniser == "uniform"
        else f"every token is a box of {' × '.join(map(str, config.tubelet))} pixels (frames, height, width)"
    )
    shape = (fan.shape[0] + 0.1 * fan.shape[1], fan.shape[1])  # room for the note
    return on_canvas(traces + taken, shape, title=title, annotations=[*notes, *_time_arrow(fan)])


def strip_of(frames, grid):
    """A film of the frames and its traces; `grid` (t, h, w) of a tubelet, or None."""
    strip = Film(count=len(frames), size=frames.shape[1:3], together=grid[0] if grid else 1)
    lines = [line(*strip.hairlines(grid[1:]), HAIRLINE)] if grid else []
    return strip, [picture(strip.paint(frames)), *lines]


def under(strip, index, text):
    """A label below a frame of the film."""
    x, y = strip.corner(index)
    return label(x + strip.size[1] / 2, y + strip.size[0], text)


def times(strip, frames, fps):
    """Seconds below each frame; the first of a row says so."""
    unit = [" s" if i % strip.columns == 0 else "" for i in range(strip.count)]
    return [under(strip, i, seconds(frame, fps) + unit[i]) for i, frame in enumerate(frames)]


def token_outline(strip, config, token):
    """The patch of a token in each frame it is made of, on a strip of all frames."""
    time, row, column = (int(i) for i in np.unravel_index(token, config.grid))
    (_, h, w), xs, ys = config.tubelet, [], []
    for frame in owned_frames(config)[time]:
        x, y = strip.outline(frame, (row * h, column * w, h, w))
        xs, ys = xs + x, ys + y
    return xs, ys


def token_name(token, config):
    """A token's number and place, "7: time 1, row 0, column 1"."""
    time, row, column = np.unravel_index(token, config.grid)
    return f"{token}: time {time}, row {row}, column {column}"


def _depths(config):
    """How far back each frame lies: frames of one tubelet close together, a step between tubelets."""
    groups, step = owned_frames(config), 0.36
    if config.tokeniser == "uniform":
        return tuple(0.2 * frame for frame in range(config.frames))
    return tuple(step * time + 0.05 * place for time, group in enumerate(groups) for place in range(len(group)))


def _taken_out(fan, pieces, name):
    """The patches of one token, large, in the empty corner below the fan, and a count of their numbers."""
    (height, width), (h, w) = fan.shape, pieces[0].shape[:2]
    unit = min(0.3 * height / h, 0.5 * width / (len(pieces) * (w + 1)))
    left, top = width - len(pieces) * (w + 1) * unit, height - h * unit
    traces = [picture(p, corner=(left + i * (w + 1) * unit, top), unit=unit) for i, p in enumerate(pieces)]
    frame = [[left, width - unit, width - unit, left, left], [top, top, height, height, top]]
    count = " × ".join(map(str, (len(pieces), *pieces[0].shape)))
    text = f"{name}<br>{count} = {np.size(pieces)} numbers"
    return [*traces, line(*frame, QUERY, 2)], [label(width - unit, height + 1, text, xanchor="right", align="right")]


def _time_arrow(fan):
    """The direction of time, drawn above the fan."""
    (height, width), (frame, _) = fan.shape, fan.size
    (x0, y0), (x1, y1) = (
        (0.06 * width, height - 1.25 * frame),
        (0.3 * width, height - 1.25 * frame - 0.12 * width),
    )
    colour = theme.COLOURS["time"]
    tail = {"ax": x0, "ay": y0, "axref": "x", "ayref": "y", "arrowcolor": colour, "arrowwidth": 2}
    arrow = {"x": x1, "y": y1, "showarrow": True, "text": "", **tail}
    return arrow, label(x0, y0, "time", xanchor="left", yanchor="top", font={"color": colour})
