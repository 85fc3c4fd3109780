"""Checks for chapter 9: inflated filters, repeated positions, and an attention that starts as the identity."""

import itertools
from collections.abc import Collection
from typing import Any

import numpy as np

from vivit_edu.pretrained.start.filters import central_frame, inflate
from vivit_edu.pretrained.start.positions import resize_space, tile_time
from vivit_edu.teach import pictures
from vivit_edu.teach.marking.answers import kind
from vivit_edu.teach.marking.cases import Case
from vivit_edu.teach.marking.watch import run
from vivit_edu.teach.parts import softmax
from vivit_edu.teach.result import Mistake, Result, Student, shorten

KERNELS = (
    (6, (4, 2, 3, 7)),
    (7, (3, 5, 2, 4)),
    (5, (1, 4, 6, 3)),
    (8, (6, 5, 4, 2)),
)  # t, (h, w, C, D)
SHORT = (
    (1, (5, 2, 3, 4)),
    (2, (3, 4, 1, 6)),
    (3, (2, 6, 4, 1)),
    (4, (2, 3, 1, 5)),
)  # where habits give one and the same
POSITIONS = ((6, 4, 3), (4, 7, 6), (10, 3, 2), (5, 2, 7))  # S, nt, D
GRIDS = (((2, 5), (4, 3), 6), ((3, 2), (5, 7), 4), ((6, 4), (3, 2), 3), ((3, 3), (5, 5), 7))  # before, after, D
NAMES = tuple(f"{linear}/{leaf}" for linear in ("query", "key", "value", "out") for leaf in ("kernel", "bias"))
MOST = 8 * len(NAMES)  # names that are read: some may be said more than once


def check_central_frame(student: Student) -> Result:
    """Checks `central(kernel, t)`: (h, w, C, D) -> (t, h, w, C, D) (Eq. 9)."""
    cases = [_central_case(t, _kernel(t, shape)) for t, shape in KERNELS + SHORT]
    picture = pictures.marked_frames(4, {"t = 4": (2,)})
    return run("central(kernel, t)", student, cases, picture=picture)


def check_inflate(student: Student) -> Result:
    """Checks `inflated(kernel, t)`: (h, w, C, D) -> (t, h, w, C, D) (Eq. 8)."""
    cases = [_inflate_case(t, _kernel(t, shape)) for t, shape in KERNELS + SHORT]
    picture = pictures.marked_frames(4, {"t = 4": range(4)})
    return run("inflated(kernel, t)", student, cases, picture=picture)


def check_repeat_positions(student: Student) -> Result:
    """Checks `repeat(positions, nt)`: (1 + S, D) -> (1 + nt S, D), the class token's position first."""
    picture = pictures.sequence(("p_cls", "p1", "p2", "p1", "p2", "..."))
    return run("repeat(positions, nt)", student, [_positions_case(*sizes) for sizes in POSITIONS], picture=picture)


def check_resize_positions(student: Student) -> Result:
    """Checks `resize(positions, before, after)`: (S, D) of one grid -> (S2, D) of another, bilinear, ends kept."""
    return run("resize(positions, before, after)", student, [_resize_case(*sizes) for sizes in GRIDS])


def check_silent_start(student: Student) -> Result:
    """Checks `silent(names)`: which of an attention's arrays to set to zero, so that it is silent and learns.

    Silent: it adds nothing to the residual, whatever comes in and whatever the other arrays hold. It learns: at least
    one of its kernels has a gradient, with the biases at zero, as the library starts them.
    """
    return run("silent(names)", student, [_Silence(about="these eight names", args=(list(NAMES),), wanted=np.zeros(0))])


def _kernel(t, shape):
    return np.random.default_rng(t).normal(size=shape).astype(np.float32)


def _central_case(t, kernel):
    at = lambda *frames: np.stack([kernel * (i in frames) for i in range(t)])  # noqa: E731
    habits = {
        "the filter is in the first frame: which one does Eq. 9 mean?": at(0),
        "the filter is in the last frame: which one does Eq. 9 mean?": at(t - 1),
        "an even number of frames has two in the middle: which one does Eq. 9 mean?": at((t - 1) // 2),
        "the filter is past the centre: where does Eq. 9 begin to count?": at(t // 2 + 1),
        "the filter is in two frames, those in the middle: in how many is it in Eq. 9?": at((t - 1) // 2, t // 2),
        "the two frames in the middle share the filter: in Eq. 9 one has all of it.": at((t - 1) // 2, t // 2) / 2,
        "that is Eq. 8: in Eq. 9 all frames but one are zero.": inflate(kernel, t),
        "the filter is in every frame: in Eq. 9 all frames but one are zero.": at(*range(t)),
        "the filter is divided by t: in Eq. 9 it stays as it is.": at(t // 2) / t,
    }
    about = f"a filter of {kernel.shape} and t = {t}"
    habits = habits if t > 4 else {}
    if t % 2:  # one frame in the middle
        habits = {sentence: wrong for sentence, wrong in habits.items() if "middle" not in sentence}
    return Case(about=about, args=(kernel, t), wanted=central_frame(kernel, t), habits=habits)


def _inflate_case(t, kernel):
    wanted = inflate(kernel, t)
    habits = {
        "a still clip's tokens come out t times too large.": wanted * t,
        "a still clip's tokens come out t times too small.": wanted / t,
        "a still clip's tokens come out too large, by the root of t.": wanted * np.sqrt(t),
        "that is Eq. 9: in Eq. 8 all frames are the same.": central_frame(kernel, t),
        "the frames come last: where does time stand in `t h w C D`?": np.moveaxis(wanted, 0, -1),
    }
    about = f"a filter of {kernel.shape} and t = {t}"
    return Case(about=about, args=(kernel, t), wanted=wanted, habits=habits if t > 4 else {})


def _positions_case(places, nt, width):
    positions = np.random.default_rng(places).normal(size=(1 + places, width))
    token, rest = positions[:1], positions[1:]
    habits = {
        "the class token's position is repeated too: Model 1 has one only.": np.tile(positions, (nt, 1)),
        "the class token's position is missing.": np.tile(rest, (nt, 1)),
        "the class token's position comes last.": np.concatenate([np.tile(rest, (nt, 1)), token]),
        "each place stands nt times in a row: which token of the clip comes after its first?": np.concatenate(
            [token, rest.repeat(nt, axis=0)]
        ),
        "each row stands nt times in a row, the class token's too.": positions.repeat(nt, axis=0),
        "these are the positions of one frame.": positions,
        "that is one frame too many.": np.concatenate([token, np.tile(rest, (nt + 1, 1))]),
        "the last row is taken for the class token's position.": np.concatenate(
            [positions[-1:], np.tile(positions[:-1], (nt, 1))]
        ),
    }
    wanted = np.concatenate([token, tile_time(rest, nt)])
    return Case(about=f"{places} places and nt = {nt}", args=(positions, nt), wanted=wanted, habits=habits)


def _resize_case(before, after, width):
    positions = np.random.default_rng(sum(before)).normal(size=(before[0] * before[1], width))
    wanted = resize_space(positions, before, after)
    grid = positions.reshape(*before, width)
    ends, centres = ([_places(*sizes, how=how) for sizes in zip(before, after, strict=True)] for how in (0, 0.5))
    habits = {
        "the first and the last place of a row are moved: each keeps its position.": _between(grid, *centres),
        "each new place takes its nearest old one: what lies between two is mixed from both.": _nearest(grid, *ends),
        "height and width are exchanged: a grid is (height, width).": resize_space(
            positions, before[::-1], after[::-1]
        ),
        "the places run down the columns: in a sequence of tokens they run along the rows.": _between(grid, *ends)
        .reshape(*after, width)
        .swapaxes(0, 1)
        .reshape(-1, width),
        "the sequence is resized as one row: near places of a grid are those above and below, too.": _between(
            positions[None], np.zeros(1), _places(len(positions), after[0] * after[1], how=0)
        ),
    }
    about = f"a grid of {before} and one of {after}"
    return Case(about=about, args=(positions, before, after), wanted=wanted, habits=habits)


def _places(before, after, *, how):
    """Where each new place lies among the old ones: 0, ends on ends; 1/2, borders on borders."""
    if how == 0:
        return np.linspace(0, before - 1, after)
    return np.clip((np.arange(after) + how) * before / after - how, 0, before - 1)


def _between(grid, rows, columns):
    mix = lambda at, n: np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n)))  # noqa: E731
    mixed = np.einsum("Hh,Ww,hwd->HWd", mix(rows, len(grid)), mix(columns, grid.shape[1]), grid)
    return mixed.reshape(-1, grid.shape[-1])


def _nearest(grid, rows, columns):
    return grid[np.rint(rows).astype(int)[:, None], np.rint(columns).astype(int)].reshape(-1, grid.shape[-1])


class _Silence(Case):
    """The one case that has several right answers: each is tried on an attention."""

    def read(self, answer: Any) -> set[str]:
        """The chosen names."""
        chosen = _listed(answer)
        if no_name := [kind(name) for name in chosen if not isinstance(name, str)]:
            raise Mistake(f"it returned {no_name[0]} among the names")
        chosen = {str.__str__(name) for name in chosen}  # plain ones, whatever a student's own kind of str does
        if unknown := sorted(chosen - set(NAMES)):
            raise Mistake(f"there is no array {shorten(', '.join(unknown), 80)}; choose from {', '.join(NAMES)}")
        return chosen

    def judge(self, mine: Collection[str]) -> None:
        """Raises Mistake unless an attention is silent and learns with these at zero."""
        loudest = np.abs(_forward(_arrays(mine))[0]).max()
        if loudest > 0:
            raise Mistake(f"it is not silent: with these at zero it still adds up to {loudest:.2f} to a token")
        if _pull(_arrays((*mine, *NAMES[1::2]))) == 0:
            text = "it is silent, but while biases are zero, as they start, every kernel's gradient is exactly 0"
            raise Mistake(f"{text}: it will never learn")


def _listed(answer):
    """What the answer holds: all of it, or a Mistake."""
    if answer is None:
        raise Mistake("it returned None: is a return missing?")
    try:
        chosen = [answer] if isinstance(answer, str) else list(itertools.islice(answer, MOST + 1))
    except TypeError:
        raise Mistake(f"it returned {kind(answer)}; names are wanted") from None
    if len(chosen) > MOST:
        raise Mistake(f"it returned many more names than the {len(NAMES)} that there are")
    return chosen


def _arrays(zero):
    """An attention's arrays by name, those in `zero` at 0 and the others random."""
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=(6, 6) if name.endswith("kernel") else 6) for name in NAMES}
    return {name: array * (name not in zero) for name, array in arrays.items()}


def _forward(arrays):
    """What a single-head attention adds to five tokens, and what it has computed on the way there."""
    z = np.random.default_rng(1).normal(size=(5, 6))
    linear = lambda name, x: x @ arrays[f"{name}/kernel"] + arrays[f"{name}/bias"]  # noqa: E731
    q, k, v = (linear(name, z) for name in ("query", "key", "value"))
    weights = softmax(q @ k.T / np.sqrt(6))
    return linear("out", weights @ v), (z, q, k, v, weights)


def _pull(arrays):
    """The largest gradient of a kernel, where the loss is a random sum of what is added: backpropagation by hand."""
    _, (z, q, k, v, weights) = _forward(arrays)
    loss = np.random.default_rng(2).normal(size=(5, 6))
    gathered = loss @ arrays["out/kernel"].T
    of_weights = gathered @ v.T
    scores = weights * (of_weights - (weights * of_weights).sum(-1, keepdims=True)) / np.sqrt(6)
    gradients = (weights @ v).T @ loss, z.T @ weights.T @ gathered, z.T @ scores @ k, z.T @ scores.T @ q
    return max(np.abs(gradient).max() for gradient in gradients)
