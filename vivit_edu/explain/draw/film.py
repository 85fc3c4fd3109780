"""Clips that play in a page: HTML videos that carry their own H.264; they need no kernel and no network."""

import html
from collections.abc import Mapping

import numpy as np
from jaxtyping import UInt8

from vivit_edu.data import write_clip
from vivit_edu.explain.watch.fit import frames_fit, rate

CELL = '<div style="text-align: center; font-size: 0.9em">{video}<div>{caption}</div></div>'
ROW = (
    '<div style="display: grid; gap: 12px; grid-template-columns: repeat({columns}, minmax(0, max-content))">'
    "{cells}</div>"
)
# In place of a bar of buttons over the picture: a click or the space bar stops it, and plays on.
STOP = (
    'tabindex="0" onclick="this.paused ? this.play() : this.pause()" '
    "onkeydown=\"if (event.key === ' ') { event.preventDefault(); this.click() }\" "
    "onloadeddata=\"if (matchMedia('(prefers-reduced-motion: reduce)').matches) this.pause()\""
)


def video_html(frames: UInt8[np.ndarray, "T H W 3"], *, fps: float = 8, height: int = 224, title: str | None = None):
    """A looping, silent video of the frames (IPython HTML); enlarged before encoding, so pixels stay square.

    A click stops it; where the reader's system asks for less motion, it plays only when clicked.

    Args:
      fps: frames a second.
      height: in pixels of the page; frames are enlarged by the largest whole number that fits.
      title: said to those who hear the page, and shown on hover.
    """
    from IPython.display import HTML

    return HTML(_video(frames, fps, height, title or "a clip"))


def videos_html(clips: Mapping[str, UInt8[np.ndarray, "T H W 3"]], *, fps: float = 8, height: int = 224):
    """Several such videos side by side (IPython HTML), up to three in a row, each with its name below."""
    from IPython.display import HTML

    cells = [
        CELL.format(video=_video(frames, fps, height, name), caption=html.escape(name))
        for name, frames in clips.items()
    ]
    rows = -(-len(cells) // 3)
    return HTML(ROW.format(columns=-(-len(cells) // max(rows, 1)) or 1, cells="".join(cells)))


def enlarge(frames: UInt8[np.ndarray, "T H W 3"], height: int) -> UInt8[np.ndarray, "T _ _ 3"]:
    """The frames with each pixel repeated by the largest whole number that fits the height, to even sizes."""
    times = max(1, height // frames.shape[1])
    large = frames.repeat(times, axis=1).repeat(times, axis=2)
    return large[:, : large.shape[1] // 2 * 2, : large.shape[2] // 2 * 2]


def _video(frames, fps, height, title):
    import mediapy

    frames_fit(frames)
    large, fps = enlarge(np.asarray(frames), height), rate(fps)
    size, fitting = (large.shape[2], large.shape[1]), "max-width: 100%; height: auto; cursor: pointer"
    video = mediapy.html_from_compressed_video(write_clip(None, large, fps=fps), *size, border=fitting)
    title = html.escape(title, quote=True)
    says = f'playsinline title="{title} (click to stop or play)" aria-label="{title}"'
    return video.replace("<video controls ", f"<video {says} {STOP} ", 1)
