"""The verbs of the embedded clips: how an object moves, tubelet by tubelet.

Time is counted in tubelets of two frames, and every change falls between two of them: a turning point inside a
tubelet would give the order away to a model that sees one tubelet at a time. A track runs between two states, a and
b, by a progress p in [0, 1]; going and coming back pass through the same states, so that the two verbs of a pair show
the same bag of tubelets in another order.
"""

import dataclasses

import numpy as np

TUBELET = 2  # frames; the t of the nano models

MOTIONS = {  # verb: (what changes, whether it runs from a to b or back)
    "slide_right": ("x", "go"),
    "slide_left": ("x", "back"),
    "slide_down": ("y", "go"),
    "slide_up": ("y", "back"),
    "turn_right": ("angle", "go"),
    "turn_left": ("angle", "back"),
    "grow": ("size", "go"),
    "shrink": ("size", "back"),
}
COUNTS = {"blink_once": 1, "blink_twice": 2, "blink_thrice": 3}
RETURNS = {  # verb: (what changes, where it starts)
    "right_then_left": ("x", "a"),
    "left_then_right": ("x", "b"),
    "down_then_up": ("y", "a"),
    "up_then_down": ("y", "b"),
    "grow_then_shrink": ("size", "a"),
    "shrink_then_grow": ("size", "b"),
}
BLINK_AND_SLIDE = ("blink_then_slide", "slide_then_blink")

VERBS = (*MOTIONS, *COUNTS, *RETURNS, *BLINK_AND_SLIDE)
KINDS = (
    dict.fromkeys(MOTIONS, "motion")
    | dict.fromkeys(COUNTS, "count")
    | dict.fromkeys((*RETURNS, *BLINK_AND_SLIDE), "order")
)
PAIRS = (
    ("right_then_left", "left_then_right"),
    ("down_then_up", "up_then_down"),
    ("grow_then_shrink", "shrink_then_grow"),
    BLINK_AND_SLIDE,
)


@dataclasses.dataclass(frozen=True)
class Track:
    """What happens in a clip, frame by frame.

    Attributes:
      axis: what changes between the states a and b: "x", "y", "size", "angle", or "none".
      progress: (T,) from 0 at a to 1 at b.
      visible: (T,) whether the object is to be seen.
      events: (name, first frame, frame after the last) of each phase: rest, go, back, blink.
    """

    axis: str
    progress: np.ndarray
    visible: np.ndarray
    events: tuple[tuple[str, int, int], ...]


def track(verb: str, tubelets: int, rng: np.random.Generator) -> Track:
    """A random track of the verb over `tubelets` tubelets."""
    if verb in MOTIONS:
        axis, way = MOTIONS[verb]
        return _assemble(axis, _one_way(way, tubelets, rng))
    if verb in COUNTS:
        return _assemble("none", _blinks(COUNTS[verb], tubelets, rng))
    moves = _between(tubelets // 4, 3 * tubelets // 8, rng)
    if verb in RETURNS:
        axis, start = RETURNS[verb]
        return _assemble(axis, there_and_back(start, moves, tubelets, rng))
    axis, reverse = ("x", "y")[rng.integers(2)], bool(rng.integers(2))
    phases = blink_and_slide(verb, moves, tubelets, rng)
    return _assemble(axis, [_mirrored(phase) for phase in phases] if reverse else phases)


def _one_way(way, tubelets, rng):
    moves = _between(3 * tubelets // 8, tubelets // 2, rng)
    before = _between(0, tubelets - moves, rng)
    first, last = ("a", "b") if way == "go" else ("b", "a")
    return [(f"rest {first}", before), (way, moves), (f"rest {last}", tubelets - moves - before)]


def there_and_back(start: str, moves: int, tubelets: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    """Phases of a verb that returns; rests at a and at b are as long, in distribution, whichever end it starts at."""
    rests = tubelets - 2 * moves
    at_a = _between(0, rests, rng)
    at = {"a": at_a, "b": rests - at_a}
    other, out, home = ("b", "go", "back") if start == "a" else ("a", "back", "go")
    before = _between(0, at[start], rng)
    return [
        (f"rest {start}", before),
        (out, moves),
        (f"rest {other}", at[other]),
        (home, moves),
        (f"rest {start}", at[start] - before),
    ]


def blink_and_slide(verb: str, moves: int, tubelets: int, rng: np.random.Generator) -> list[tuple[str, int]]:
    """Phases of a blink at a before, or at b after, a slide from a to b; rests are alike in distribution."""
    rests = tubelets - moves - 1
    at_a = _between(2, rests - 2, rng)
    at_b = rests - at_a
    if verb == "blink_then_slide":
        before = _between(1, at_a - 1, rng)
        return [("rest a", before), ("blink", 1), ("rest a", at_a - before), ("go", moves), ("rest b", at_b)]
    before = _between(1, at_b - 1, rng)
    return [("rest a", at_a), ("go", moves), ("rest b", before), ("blink", 1), ("rest b", at_b - before)]


def _blinks(count, tubelets, rng):
    """`count` dark tubelets, none at an end, no two side by side."""
    gaps = np.sort(rng.choice(tubelets - 1 - count, count, replace=False)) + np.arange(count) + 1
    dark = np.isin(np.arange(tubelets), gaps)
    return [("blink" if is_dark else "rest a", 1) for is_dark in dark]


def _between(low, high, rng):
    """A whole number from low to high, both possible."""
    return int(rng.integers(low, high, endpoint=True))


def _mirrored(phase):
    name, length = phase
    return {"rest a": "rest b", "rest b": "rest a", "go": "back"}.get(name, name), length


def _assemble(axis, phases):
    """Frames of the phases: rests at 0 or 1, moves through the midpoints of 2k equal steps, the same both ways."""
    progress, visible, events = [], [], []
    for name, tubelets in phases:
        frames = TUBELET * tubelets
        if not frames:
            continue
        steps = (np.arange(frames) + 0.5) / frames
        stay = np.full(frames, progress[-1] if progress else 0.0)  # an invisible object stays where it was
        moves = {"go": steps, "back": 1 - steps, "rest a": 0 * steps, "rest b": 0 * steps + 1, "blink": stay}
        start = len(visible)
        progress.extend(moves[name])
        visible.extend([name != "blink"] * frames)
        label = name.split()[0]
        if events and events[-1][0] == label == "rest":
            start = events.pop()[1]
        events.append((label, start, len(visible)))
    return Track(axis, np.array(progress), np.array(visible), tuple(events))
