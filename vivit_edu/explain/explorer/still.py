"""A still picture of an explorer, for where no widget can live: in a stored notebook, on a site without scripts."""

import html

import numpy as np
from jaxtyping import UInt8

from vivit_edu.explain.draw.plain.png import png
from vivit_edu.explain.explorer.rows import Rows
from vivit_edu.explain.explorer.scene import reduced
from vivit_edu.tokens import owned_frames

WIDTH = 112  # pixels that a tile is wide, at least, and high, at most
ACROSS = 8  # tiles in a row
STRENGTH = 0.6  # of the map over the frames
INFERNO = "000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 f7d13d fcffa4"


def picture(frames: UInt8[np.ndarray, "T H W 3"], rows: Rows, query: int, panel: dict) -> str:
    """The frames of each time index, tiled, with the weights of one row over them: a PNG as base64."""
    frames = reduced(frames, WIDTH)
    heat = on_grid(rows, panel["layer"], query, rows.row(panel["layer"], query, head=panel["head"]))
    pairs = zip(owned_frames(rows.config), heat, strict=True)
    tiles = [_tile(frames[group[0]], one, heat.max(), rows.config) for group, one in pairs]
    blank = np.full_like(tiles[0], 255)
    lines = [tiles[at : at + ACROSS] for at in range(0, len(tiles), ACROSS)]
    lines = [[*line, *[blank] * (min(ACROSS, len(tiles)) - len(line))] for line in lines]
    return png(np.concatenate([np.concatenate(line, axis=1) for line in lines])).split(",", 1)[1]


def bundle(picture: str, heading: str) -> dict[str, str]:
    """The picture by type of content, with its caption where it can have one."""
    told = f"{heading}. A still picture of the explorer: where it is live, each token can be asked."
    style = "max-width: 100%; height: auto"
    text = html.escape(told, quote=True)
    shown = f'<img src="data:image/png;base64,{picture}" alt="{text}" style="{style}">'
    figure = f'<figure class="vivit-x-still" style="margin: 0">{shown}<figcaption>{text}</figcaption></figure>'
    return {"text/html": figure, "image/png": picture, "text/plain": told}


def on_grid(rows: Rows, name: str, query: int, row: np.ndarray) -> np.ndarray:
    """A row of `Rows.row` as weights on the grid (nt, nh, nw), 0 where the query cannot look."""
    nt, nh, nw = rows.config.grid
    time, place = divmod(query, nh * nw)
    keys, heat, reach = row[1:], np.zeros((nt, nh * nw), np.float32), rows.reach(name)
    if keys.size == heat.size:
        heat[:] = keys.reshape(heat.shape)
    elif reach == "frame":
        heat[time] = keys
    elif reach == "place":
        heat[:, place] = keys
    else:
        heat[:] = keys[:, None]
    return heat.reshape(nt, nh, nw)


def _tile(frame, heat, top, config):
    """A frame enlarged, with the map over the part of it that tokens cover."""
    height, width = frame.shape[:2]
    times = max(1, -(-WIDTH // width))
    colours = np.repeat(np.repeat(frame, times, 0), times, 1).astype(np.float32)
    _, nh, nw = config.grid
    down, across = (nh * config.tubelet[1] / config.size[0], nw * config.tubelet[2] / config.size[1])
    rows = np.minimum(np.arange(round(height * times * down)) * nh // round(height * times * down), nh - 1)
    columns = np.minimum(np.arange(round(width * times * across)) * nw // round(width * times * across), nw - 1)
    over = _inferno(heat[rows][:, columns] / max(top, 1e-30))
    part = colours[: len(rows), : len(columns)]
    part[:] = (1 - STRENGTH) * part + STRENGTH * over
    return np.pad(colours.round().astype(np.uint8), ((2, 2), (2, 2), (0, 0)), constant_values=255)


def _inferno(values):
    """RGB of values from 0 to 1."""
    stops = np.array([list(bytes.fromhex(colour)) for colour in INFERNO.split()], np.float32)
    at = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(values, at, stops[:, channel]) for channel in range(3)], axis=-1)
