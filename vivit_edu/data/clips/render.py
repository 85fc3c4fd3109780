"""Drawing of the embedded clips: a handwritten digit moves over a drifting texture, past a distractor."""

import colorsys
import dataclasses

import numpy as np
from scipy.ndimage import map_coordinates, zoom

from vivit_edu.data.clips.verbs import Track

DISTRACTORS = ("disc", "square")


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A drawn clip: frames uint8 (T, H, W, 3), and the object's mask bool (T, H, W)."""

    frames: np.ndarray
    mask: np.ndarray


def draw(digit: np.ndarray, track: Track, size: int, rng: np.random.Generator) -> Drawn:
    """The clip of a digit (8, 8) in [0, 1] that follows the track, `size` pixels high and wide."""
    canvas = _texture(len(track.progress), size, rng)
    canvas = _over(
        canvas,
        _distractor(len(track.progress), size, rng),
        _colour(rng, saturation=(0.5, 0.9), value=(0.5, 0.7)),
    )
    alpha = _object(digit, track, size, rng) * track.visible[:, None, None]
    canvas = _over(canvas, alpha, _colour(rng, saturation=(0.0, 0.4), value=(0.95, 1.0)))
    return Drawn(frames=np.round(255 * canvas).astype(np.uint8), mask=alpha > 0.3)


def _object(digit, track, size, rng):
    """How much of each pixel the digit covers, (T, H, W)."""
    fine = np.clip(zoom(digit, 4, order=3, mode="grid-constant", grid_mode=True), 0, 1)  # (32, 32)
    x, y, side, angle = _path(track, size, rng)
    grid = np.arange(size) + 0.5
    dy, dx = np.meshgrid(grid, grid, indexing="ij")
    frames = []
    for cx, cy, s, turn in zip(x, y, side, angle, strict=True):
        cos, sin = np.cos(turn), np.sin(turn)
        u = (cos * (dx - cx) + sin * (dy - cy)) / s * 32 + 15.5
        v = (-sin * (dx - cx) + cos * (dy - cy)) / s * 32 + 15.5
        frames.append(map_coordinates(fine, [v, u], order=1, mode="constant"))
    return np.stack(frames)


def _path(track, size, rng):
    """Centre (x, y) in pixels, side in pixels and angle in radians of each frame."""
    frames, p = len(track.progress), track.progress
    scale = size / 32
    side = np.full(frames, rng.uniform(18, 21) * scale)
    angle = np.full(frames, rng.uniform(-0.15, 0.15))
    if track.axis == "size":
        side = scale * (rng.uniform(10, 12) + p * rng.uniform(11, 13))
    if track.axis == "angle":
        half = np.deg2rad(rng.uniform(50, 60))
        angle = half * (2 * p - 1)
    margin = side.max() / 2 - 1.5 * scale
    moving = np.abs(np.diff(p)).max() if track.axis in ("x", "y") else 0
    travel = min(rng.uniform(1.6, 2.3) * scale / moving, size - 2 * margin) if moving else 0
    start = rng.uniform(margin, max(margin, size - margin - travel))
    still = np.full(frames, size / 2 + rng.uniform(-2, 2) * scale)
    along = start + p * travel if moving else np.full(frames, size / 2 + rng.uniform(-2, 2) * scale)
    return (still, along, side, angle) if track.axis == "y" else (along, still, side, angle)


def _texture(frames, size, rng):
    """Four slow waves in each colour, drifting together: stationary in time, so that no frame tells the time."""
    base = rng.uniform(0.3, 0.55, 3)  # with the bright object, near the middle grey that [-1, 1] maps to 0
    velocity = rng.uniform(-0.6, 0.6, 2)
    t, y, x = np.meshgrid(np.arange(frames), np.arange(size), np.arange(size), indexing="ij")
    waves = np.zeros((frames, size, size, 3))
    for _ in range(4):
        ky, kx = rng.uniform(-1, 1, 2) * 2 * np.pi / (0.5 * size)
        phase = kx * (x - velocity[1] * t) + ky * (y - velocity[0] * t)
        waves += np.cos(phase[..., None] + rng.uniform(0, 2 * np.pi, 3))
    return np.clip(base + 0.03 * waves, 0, 1)


def _distractor(frames, size, rng):
    """How much of each pixel a small shape covers, (T, H, W); it goes its own straight way and bounces."""
    kind = DISTRACTORS[rng.integers(len(DISTRACTORS))]
    radius = rng.uniform(1.5, 2.5) * size / 32
    start, speed = rng.uniform(0, 2 * size, 2), rng.uniform(-1.2, 1.2, 2) * size / 32
    at = np.abs((start + np.arange(frames)[:, None] * speed) % (2 * size) - size)  # (T, 2), reflected at the borders
    grid = np.arange(size) + 0.5
    dy = np.abs(grid[None, :, None] - at[:, 0, None, None])
    dx = np.abs(grid[None, None, :] - at[:, 1, None, None])
    distance = np.hypot(dy, dx) if kind == "disc" else np.maximum(dy, dx)
    return np.clip(radius + 0.5 - distance, 0, 1)


def _colour(rng, saturation, value):
    return np.array(colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(*saturation), rng.uniform(*value)))


def _over(canvas, alpha, colour):
    return canvas + alpha[..., None] * (colour - canvas)
