"""What is made of chosen frames of a file: sought by their stamps where those hold, else counted from the start."""

import collections
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vivit_edu.data.video.display import Size, announced_size
from vivit_edu.data.video.opening import Film, opened, reached
from vivit_edu.data.video.pictures import Pictures
from vivit_edu.data.video.timeline import Timeline, of_frames, of_packets

COMPARED = 2  # frames that are compared with what packets told, at least, where packets may share a frame
KEPT = 1 << 22  # stamps that are remembered, of all files together


def found(
    path: str | Path, choose: Callable[[Timeline, Size], np.ndarray], make: Callable[[Film], Callable]
) -> tuple[list, list[int], Timeline]:
    """What `make(film)` makes of each frame chosen by the timeline and the size of frames; their indices; the timeline.

    Packets are believed until a decoded frame says otherwise; then all frames are decoded once, to know their order,
    and `choose` is asked again.

    Raises:
      ValueError: where a chosen frame has no picture.
    """
    with opened(path) as film:
        timeline, size = _told(film), announced_size(film)
        order = choose(timeline, size).tolist()
        those = _sought(film, timeline, set(order), make(film)) if timeline.seekable else None
    if those is None:
        those = _from_the_start(path, timeline, set(order), make)
    if those is None:
        timeline = _counted(path)
        order = choose(timeline, size).tolist()
        those = _from_the_start(path, timeline, set(order), make)
    if timeline.lost:
        text = f"{path}: {timeline.lost} of its pictures cannot be decoded; the others are read"
        warnings.warn(text, UserWarning, stacklevel=4)
    return [those[index] for index in order], order, timeline


def _sought(film, timeline, needed, make):
    """What is made of the needed frames, from the key frame before the earliest of them; None where that fails."""
    try:
        film.container.seek(int(timeline.stamps[min(needed)]), stream=film.stream)
    except Exception:  # some containers refuse
        return None
    return _by_stamp(Pictures(film), timeline, needed, make)


def _from_the_start(path, timeline, needed, make):
    find, those = (_by_stamp if timeline.told else _by_place), {}
    if not needed & timeline.missing:
        with opened(path) as film:
            those = find(Pictures(film), timeline, needed, make(film))
    if those is not None and len(those) < len(needed):
        lost = len(needed & timeline.missing) or len(needed) - len(those)
        raise ValueError(f"{path} is damaged: {lost} of the {len(needed)} frames asked for do not decode")
    return those


def _by_stamp(pictures, timeline, needed, make):
    """What is made of the needed frames, by index; None where those that come are not those that were told."""
    stamps, those, index = timeline.stamps, {}, None
    compared = 1 if pictures.context.codec.intra_only else COMPARED
    for frame in pictures:
        if index is None:
            first = index = int(np.searchsorted(stamps, pictures.first.pts or 0))
            if not pictures.first.is_keyframe or first > min(needed):
                return None
        if first and frame is not None and frame.pts is not None and frame.pts < stamps[first]:
            continue  # a leading picture, whose references lie before
        if not _as_told(frame, stamps, index) or (index == first != 0 and not frame.key_frame):
            return None
        if index in needed:
            those[index] = make(frame)
        index += 1
        if index > max(needed) and index - first >= compared:
            return those
    return those if index == len(stamps) else None


def _as_told(frame, stamps, index):
    return frame is not None and not frame.is_corrupt and index < len(stamps) and frame.pts == stamps[index]


def _by_place(pictures, timeline, needed, make):
    """What is made of the needed frames, by index, counted in the order in which the decoder gives them out."""
    those, frames = {}, (frame for frame in pictures if frame is not None)
    for place, frame in enumerate(frames):
        index = place if timeline.places is None else int(timeline.places[place])
        if index in needed:
            those[index] = make(frame)
            if len(those) == len(needed):
                break
    return those


def _told(film):
    """The film's timeline: remembered, or what its packets tell, or else what its frames do."""
    if timeline := _memory.get(film.path):
        return timeline
    timeline = of_packets(film)
    return _memory.keep(film.path, timeline) if timeline else _counted(film.path)


def _counted(path):
    with opened(path) as film:
        return _memory.keep(film.path, of_frames(film))


class _Memory:
    """Timelines of files, until they change; the least recently used are forgotten; safe for threads."""

    def __init__(self):
        self.kept, self.stamps, self.lock = collections.OrderedDict(), 0, threading.Lock()

    def get(self, path: Path) -> Timeline | None:
        key = self._key(path)
        with self.lock:
            if key in self.kept:
                self.kept.move_to_end(key)
            return self.kept.get(key)

    def keep(self, path: Path, timeline: Timeline) -> Timeline:
        key = self._key(path)
        with self.lock:
            self.stamps += len(timeline.stamps) - len(self.kept.pop(key).stamps if key in self.kept else ())
            self.kept[key] = timeline
            while self.stamps > KEPT and len(self.kept) > 1:
                self.stamps -= len(self.kept.popitem(last=False)[1].stamps)
        return timeline

    def clear(self) -> None:
        with self.lock:
            self.kept.clear()
            self.stamps = 0

    def _key(self, path):
        with reached(path):
            file = path.stat()
        return path.absolute(), file.st_ino, file.st_size, file.st_mtime_ns


_memory = _Memory()
forget = _memory.clear
