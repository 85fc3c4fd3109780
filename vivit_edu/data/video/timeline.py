"""When each frame of a film is shown."""

import dataclasses
import itertools

import numpy as np

from vivit_edu.data.video.opening import Film, reason
from vivit_edu.data.video.pictures import Pictures

# Containers with an index. In others packets tell too little, and a cut film's last picture is just cut.
INDEXED = ("mov,mp4", "matroska", "avi")
REORDERED = 16  # frames: farther than that, no codec shows them from where it decodes them
NOT_CODED = 10  # bytes: an MPEG-4 picture of no more says that there is none


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timeline:
    """The frames of a film in the order in which the decoder gives them out.

    Attributes:
      stamps: when each is shown, in units of the stream's clock.
      unit: of the clock, in seconds.
      rate: frames a second, as the file says.
      last: for how many units the last frame is shown; 0 where the file does not say.
      seekable: whether frames can be told by their stamps, so that decoding may start at any key frame.
      places: (decoded frames,) the index of each frame that the decoder gives out; None where that is its place.
      told: whether packets told it, and no frame has been decoded yet.
      missing: indices of frames that have no picture, or a broken one.
      lost: how many pictures could not be decoded, those before the first frame and behind the last included.
    """

    stamps: np.ndarray
    unit: float
    rate: float
    last: int = 0
    seekable: bool = True
    told: bool = False
    places: np.ndarray | None = None
    missing: frozenset = frozenset()
    lost: int = 0

    @property
    def first(self) -> int:
        """The index of the first frame that has a picture."""
        return next(index for index in range(len(self.stamps)) if index not in self.missing)

    @property
    def seconds(self) -> np.ndarray:
        """When each frame is shown, in seconds after the first."""
        return (self.stamps - self.stamps[0]) * self.unit

    @property
    def gap(self) -> float:
        """Seconds from one frame to the next, on average."""
        more = len(self.stamps) - 1
        return float(self.seconds[-1]) / more if more else 1 / self.rate

    @property
    def end(self) -> float:
        """Seconds until the last frame is gone; one that is told to vanish at once stays as long as others do."""
        least = np.diff(self.stamps).min() / 2 if len(self.stamps) > 1 else 0
        return float(self.seconds[-1]) + (self.last * self.unit if self.last > least else self.gap)

    @property
    def fps(self) -> float:
        """Frames a second: what the file says, unless its own stamps say otherwise."""
        if len(self.stamps) == 1:
            return 1 / self.end
        drift = abs(self.seconds[-1] - (len(self.stamps) - 1) / self.rate)
        return self.rate if drift <= self._tolerance()[-1] else 1 / self.gap

    def at(self, start: float) -> int:
        """The index of the frame that is shown `start` seconds after the first."""
        return max(0, int(np.searchsorted(self.seconds - self._tolerance(), start, side="right")) - 1)

    def before(self, end: float) -> int:
        """How many frames are shown before `end` seconds after the first."""
        last = self.at(end)
        return last + int(end > self.seconds[last] + self._tolerance()[last])

    def _tolerance(self):
        """Seconds by which each frame may be told too late: stamps are rounded, to this clock's unit or to one before.

        What frames that are nearly even lack in evenness is rounding. A tolerance is no more than an eighth of the
        time since the frame before, and next to nothing where all frames are evenly apart, as the file's rate says.
        """
        gaps = np.diff(self.stamps, prepend=self.stamps[0] - 1)
        if len(gaps) > 1 and np.ptp(gaps[1:]) == 0 and abs(gaps[1] * self.unit * self.rate - 1) < 1e-6:
            return np.full(len(gaps), 1e-6)
        uneven = np.abs(self.stamps - np.linspace(self.stamps[0], self.stamps[-1], len(gaps))).max() * self.unit
        rounded = self.unit + (2 * uneven if uneven < self.gap / 8 else 0)
        return np.minimum(rounded, gaps * self.unit / 8) + 1e-6


def of_packets(film: Film) -> Timeline | None:
    """What the packets tell, without decoding; None where it is known that they may be wrong.

    The decoder has the last word: whoever reads frames compares what comes with what was told.
    """
    codec = film.stream.codec_context.name
    if not film.container.format.name.startswith(INDEXED) or codec == "vp8":  # which hides packets
        return None
    try:
        packets = film.container.demux(film.stream)
        first = next(packets)
        facts = [(p.pts, p.dts, p.size, p.duration, p.is_discard) for p in itertools.chain([first], packets)][:-1]
    except Exception:  # whatever it is: the decoder may get further
        return None
    if not facts or not first.is_keyframe:
        return None
    stamps, decoding, sizes, durations, discarded = zip(*facts, strict=True)
    if None in stamps or min(sizes) <= (NOT_CODED if codec == "mpeg4" else 0):
        return None
    stamps, shown = np.array(stamps), ~np.array(discarded)
    if not shown.any() or not _sound(film, stamps, np.array([dts for dts in decoding if dts is not None])):
        return None
    last = durations[int(np.argmax(np.where(shown, stamps, stamps.min() - 1)))] or 0
    stamps = np.sort(stamps[shown])
    return Timeline(stamps=stamps, last=_last(film, stamps, last), told=True, **_clock(film))


def _last(film, stamps, duration):
    """For how many units the last frame is shown; Matroska often tells only how long all of it lasts."""
    whole, alone = film.container.duration, len(film.container.streams) == 1
    if not film.container.format.name.startswith("matroska") or whole is None or not alone or stamps[0] != 0:
        return duration
    return max(duration, round(whole / 1e6 / float(film.stream.time_base)) - int(stamps[-1]))


def _sound(film, stamps, decoding):
    """Whether stamps can be those of a film: each once, none before the key frame, no later than the decoder waits."""
    context = film.stream.codec_context
    waits = getattr(context, "reorder_depth", len(stamps) if context.has_b_frames else 0)
    if _is_avi(film) and waits:
        return False
    ranks = np.argsort(np.argsort(stamps, kind="stable"), kind="stable")
    late = (np.arange(len(stamps)) - ranks).max()  # how many packets come before one that is shown before them
    each_once = (np.diff(np.sort(stamps)) > 0).all() and (np.diff(decoding) > 0).all()
    return each_once and stamps.min() == stamps[0] and late <= waits


def of_frames(film: Film) -> Timeline:
    """What the decoder says: frames in its order, at the times that their stamps have in theirs.

    Where stamps are lacking, twice the same or far from their places, frames are evenly spaced.

    Raises:
      ValueError: where not a single frame can be decoded.
    """
    pictures = Pictures(film)
    frames = [(frame.pts, frame.duration or 0, frame.is_corrupt) for frame in pictures if frame is not None]
    if all(corrupt for *_, corrupt in frames):
        why = f" ({reason(pictures.error)})" if pictures.error else ""
        raise ValueError(f"{film.path} is damaged: not a frame of it could be decoded{why}")
    stamps, durations, corrupt = zip(*frames, strict=True)
    lost = sum(corrupt) + len(pictures.broken)
    told = {"missing": frozenset(np.flatnonzero(corrupt).tolist()), "lost": lost, "seekable": False}
    if None not in stamps and len(set(stamps)) == len(stamps):
        order = np.argsort(stamps)
        if (moved := abs(order - np.arange(len(order))).max()) == 0:
            return _with_gaps(film, pictures, np.array(stamps), np.array(corrupt), durations[-1])
        if moved <= REORDERED and not _is_avi(film):
            return Timeline(stamps=np.sort(stamps), last=durations[-1], **told, **_clock(film))
    rate = _rate(film, pictures, len(frames))
    return Timeline(stamps=np.arange(len(frames)), last=1, unit=1 / rate, rate=rate, **told)


def _with_gaps(film, pictures, stamps, corrupt, last):
    """The timeline of decoded frames, with gaps where the decoder refused a packet or gave out a broken picture.

    It begins with the first good frame where the film does not begin with a key frame, and ends with the last good
    one where the container has no index: such a film was cut, and what the cut went through never was a frame.
    """
    indexed = film.container.format.name.startswith(INDEXED)
    good = stamps[~corrupt]
    first = stamps[0] if pictures.first.is_keyframe else good[0]
    final = np.inf if indexed else good[-1]
    coded = np.union1d(stamps, np.array([stamp for stamp in pictures.broken if stamp is not None], stamps.dtype))
    every = coded[(coded >= first) & (coded <= final)]
    missing = frozenset(np.flatnonzero(~np.isin(every, good)).tolist())
    early = sum(stamp is not None and stamp < first for stamp in pictures.stamps)
    lost = int(early + len(missing) + (coded > final).sum())
    told = {"last": _last(film, every, last), "missing": missing, "lost": lost, **_clock(film)}
    if indexed and not missing and len(every) == len(stamps):
        return Timeline(stamps=every, **told)
    places = np.where(np.isin(stamps, every), np.searchsorted(every, stamps), -1)
    return Timeline(stamps=every, seekable=False, places=places, **told)


def _rate(film, pictures, count):
    """Frames a second: what the file says, unless by the times at which packets are decoded it is far from that."""
    clock = _clock(film)
    known = [stamp for stamp in pictures.decoding if stamp is not None]
    steps = np.diff(known)
    steps = steps[steps > 0]  # stamps may jump back where a film was put together
    if not len(steps):
        return clock["rate"]
    seconds = (steps.sum() + np.median(steps)) * clock["unit"] / len(known) * len(pictures.decoding)
    decoded = float(count / seconds)
    return clock["rate"] if 0.9 < decoded / clock["rate"] < 1.1 else decoded


def _is_avi(film):
    """Whether stamps tell when packets are decoded, not when frames are shown."""
    return film.container.format.name == "avi"


def _clock(film):
    """The stream's unit of time, in seconds, and its frames a second."""
    rate = float(film.stream.average_rate or film.stream.guessed_rate or 25)
    return {"unit": float(film.stream.time_base), "rate": rate}
