"""Checks for chapter 3: token counts, tubelets, sampled frames, embedding, tubelets that overlap."""

import numpy as np

from vivit_edu.config import ViViTConfig
from vivit_edu.teach import pictures
from vivit_edu.teach.marking.cases import Case
from vivit_edu.teach.marking.watch import run
from vivit_edu.teach.result import Result, Student
from vivit_edu.tokens import cut_tubelets, sample_frames

# Batch, grid, tubelet and what is left over, each (time, height, width), channels, width. All sizes of a case differ,
# S too; what is left over is nothing, one, a few, and all but one of a tubelet.
CUTS = (
    (2, (5, 3, 4), (7, 6, 8), (5, 1, 7), 1, 9),
    (4, (2, 3, 5), (1, 8, 7), (0, 7, 2), 6, 13),
    (1, (3, 2, 5), (7, 6, 8), (6, 0, 1), 4, 14),
    (3, (1, 2, 4), (5, 7, 6), (2, 4, 0), 9, 10),
)
# Batch, grid, tubelet, stride, left over, channels; in the last case a stride is longer than its tubelet.
OVERLAPS = (
    (2, (5, 3, 4), (7, 6, 8), (3, 4, 5), (1, 0, 2), 1),
    (6, (2, 4, 5), (4, 8, 7), (1, 3, 5), (0, 2, 4), 3),
    (1, (3, 2, 5), (4, 6, 3), (2, 5, 7), (1, 3, 2), 8),
)
# T and n. From the first pair every rule in `_sample_case` makes something else, and so do others that are no habit.
SAMPLES = (
    *((29, 10), (33, 8), (45, 6), (30, 13), (17, 6), (250, 32), (34, 5)),
    *((19, 4), (8, 8), (23, 2), (31, 30), (14, 1)),
)


def check_grid(student: Student) -> Result:
    """Checks `grid(clip, tubelet) -> (nt, nh, nw)`, with clip (T, H, W) and tubelet (t, h, w)."""
    sizes = [(_clip(cut), cut[2]) for cut in CUTS]
    sizes += [((16, 120, 210), (3, 16, 14)), ((98, 160, 200), (49, 25, 103)), ((33, 225, 118), (2, 20, 59))]
    cases = [_grid_case(clip, tubelet) for clip, tubelet in sizes]
    return run("grid(clip, tubelet)", student, cases, picture=pictures.numbered_grid((2, 2, 3)))


def check_cut_tubelets(student: Student) -> Result:
    """Checks `cut(video, tubelet) -> (B, nt, S, t, h, w, C)` of a clip (B, T, H, W, C)."""
    cases = [_cut_case(*_video(cut), cut[2]) for cut in CUTS]
    return run("cut(video, tubelet)", student, cases, picture=pictures.numbered_grid((2, 2, 3)))


def check_sample_frames(student: Student) -> Result:
    """Checks `sample(T, n) -> n indices` of the released code's rule, round(T i / (n + 1)) for i = 1..n.

    In no case does that lie half-way between two frames, so any way to round to the nearest is right.
    """
    cases = [_sample_case(length, count) for length, count in SAMPLES]
    target = sample_frames(_config((16, 4, 4), (4, 4, 4)))
    return run("sample(T, n)", student, cases, picture=pictures.marked_frames(16, {"16, 4": target}))


def check_embed_tubelets(student: Student) -> Result:
    """Checks `embed(video, kernel, bias) -> (B, nt, S, D)` with a kernel (t, h, w, C, D)."""
    cases = [_embed_case(*_video(cut), cut[2], cut[-1]) for cut in CUTS]
    return run("embed(video, kernel, bias)", student, cases)


def check_overlapping_tubelets(student: Student) -> Result:
    """Checks `overlap(video, tubelet, stride) -> (B, nt, S, t, h, w, C)`, a tubelet at every stride that holds one."""
    cases = [_overlap_case(*sizes) for sizes in OVERLAPS]
    return run("overlap(video, tubelet, stride)", student, cases)


def _clip(cut):
    """(T, H, W) of a grid of tubelets with something left over."""
    _, grid, tubelet, left, *_ = cut
    return tuple(n * t + r for n, t, r in zip(grid, tubelet, left, strict=True))


def _video(cut):
    """Random pixels (B, T, H, W, C), and the generator for what goes with them."""
    rng = np.random.default_rng(sum(_clip(cut)))
    return rng.normal(size=(cut[0], *_clip(cut), cut[4])).astype(np.float32), rng


def _config(clip, tubelet):
    return ViViTConfig(frames=clip[0], size=clip[1:], tubelet=tubelet, width=6, heads=2, depth=1, classes=2)


def _grid_case(clip, tubelet):
    config = _config(clip, tubelet)
    sizes = list(zip(clip, tubelet, strict=True))
    habits = {
        "that counts a last, incomplete tubelet: the paper drops it.": [-(-n // t) for n, t in sizes],
        "that rounds to the nearest number: how many whole tubelets fit?": [round(n / t) for n, t in sizes],
        "that is the number of all tokens: three numbers are wanted.": config.tokens,
        "that is the number of tokens in time and in space: three numbers are wanted.": (
            config.grid[0],
            config.grid[1] * config.grid[2],
        ),
        "the order is (height, width, time).": (*config.grid[1:], config.grid[0]),
        "that is a fraction of tubelets too.": [n / t for n, t in sizes],
    }
    about = f"a clip of {clip} and tubelets of {tubelet}"
    return Case(about=about, args=(clip, tubelet), wanted=np.array(config.grid), habits=habits)


def _cut_case(video, _, tubelet):
    """Habits: wrong tubelets of the right shape."""
    whole, wanted, grid = _whole(video, tubelet), cut_tubelets(video, tubelet), _grid(video, tubelet)
    late = video[:, *(slice(n % t, None) for n, t in zip(video.shape[1:4], tubelet, strict=True))]
    habits = {
        "a bare reshape keeps pixels in the order of memory: it cuts strips, not boxes.": whole.reshape(wanted.shape),
        "the tubelets are right, but they run down the columns first.": _columns_first(wanted, grid),
        "what is left over is dropped at the start of an axis: which pixel is the first tubelet's first?": cut_tubelets(
            late, tubelet
        ),
    }
    about = f"a clip of {video.shape} and tubelets of {tubelet}"
    return Case(about=about, args=(video, tubelet), wanted=wanted, habits=habits)


def _sample_case(length, count):
    """Habits: other rules, told where there are frames enough to tell them apart."""
    at = np.arange(1, count + 1) * length / (count + 1)
    wanted = np.arange(length) if count == length else np.round(at).astype(int)
    habits = {
        "every T / n-th frame from 0 is another rule: it never sees the end.": np.arange(count) * (length // count),
        "that spreads the frames from the first to the last: another rule.": np.linspace(0, length - 1, count).round(),
        "the first index is 0: where does i start?": np.round(at - length / (count + 1)),
        "that cuts the fraction off: the rule rounds.": np.floor(at),
        "that rounds up: the rule rounds to the nearest.": np.ceil(at),
        "these are no whole numbers: the rule rounds.": at,
        "that is one index too many: where does i end?": np.round(np.arange(1, count + 2) * length / (count + 1)),
        "that divides by n: look at the rule again.": np.round(np.arange(1, count + 1) * length / count),
        "that multiplies by T - 1: look at the rule again.": np.round(at * (length - 1) / length),
        "that rounds a step and then counts in steps: what does the rule round?": np.arange(1, count + 1)
        * round(at[0]),
    }
    about = f"T = {length} and n = {count}"
    return Case(about=about, args=(length, count), wanted=wanted, habits=habits if 4 < count < length - 1 else {})


def _overlap_case(batch, grid, tubelet, stride, left, channels):
    clip = [(n - 1) * step + t + r for n, step, t, r in zip(grid, stride, tubelet, left, strict=True)]
    video = np.random.default_rng(sum(clip)).normal(size=(batch, *clip, channels)).astype(np.float32)
    windows = _windows(video, tubelet, stride)  # (B, nt, nh, nw, t, h, w, C)
    flat = lambda boxes: boxes.reshape(len(boxes), boxes.shape[1], -1, *boxes.shape[4:])  # noqa: E731
    habits = {
        "these tubelets do not overlap: how far is it from one to the next?": cut_tubelets(video, tubelet),
        "the last tubelet along each axis is missing: does it not fit?": flat(windows[:, :-1, :-1, :-1]),
        "the order of the strides is (time, height, width).": flat(_windows(video, tubelet, stride[::-1])),
        "the tubelets are right, but they run down the columns first.": flat(windows.swapaxes(2, 3)),
    }
    about = f"a clip of {video.shape}, tubelets of {tubelet} and strides of {stride}"
    return Case(about=about, args=(video, tubelet, stride), wanted=flat(windows), habits=habits)


def _windows(video, tubelet, stride):
    every = np.lib.stride_tricks.sliding_window_view(video, tubelet, axis=(1, 2, 3))
    a, b, c = stride
    return np.moveaxis(every[:, ::a, ::b, ::c], 4, -1)


def _embed_case(video, rng, tubelet, width):
    kernel = rng.normal(size=(*tubelet, video.shape[-1], width)).astype(np.float32)
    bias = rng.normal(size=width).astype(np.float32)
    tubelets = cut_tubelets(video.astype(float), tubelet)  # (B, nt, S, t, h, w, C)
    embed = lambda tubelets: tubelets.reshape(*tubelets.shape[:3], -1) @ kernel.reshape(-1, width)  # noqa: E731
    without = embed(tubelets)
    strips = _whole(video, tubelet).reshape(tubelets.shape)
    habits = {
        "the bias is missing.": without,
        "the bias has the wrong sign.": without - bias,
        "the filter is turned round: Fig. 3 multiplies each pixel by the number in its own place.": embed(
            tubelets[:, :, :, ::-1, ::-1, ::-1]
        )
        + bias,
        "these are no tubelets but strips of the clip, as a bare reshape cuts them.": embed(strips) + bias,
        "the tokens run down the columns first.": _columns_first(without + bias, _grid(video, tubelet)),
        "that is the mean over a tubelet: what does a filter do with its products?": without / kernel[..., 0].size
        + bias,
    }
    about = f"a clip of {video.shape} and a kernel of {kernel.shape}"
    wanted = without + bias
    return Case(about=about, args=(video, kernel, bias), wanted=wanted, habits=habits)


def _grid(video, tubelet):
    return tuple(n // t for n, t in zip(video.shape[1:4], tubelet, strict=True))


def _whole(video, tubelet):
    """The clip without what no tubelet holds."""
    nt, nh, nw = (n * t for n, t in zip(_grid(video, tubelet), tubelet, strict=True))
    return video[:, :nt, :nh, :nw]


def _columns_first(tokens, grid):
    """Tokens (B, nt, S, ...) in the order of width, then height."""
    apart = tokens.reshape(len(tokens), *grid, *tokens.shape[3:])
    return np.swapaxes(apart, 2, 3).reshape(tokens.shape)
