"""Checks for chapter 3: token counts, tubelets, sampled frames, embedding."""

from collections.abc import Callable

import jax
import numpy as np
from flax import nnx

from vivit_edu.config import ViViTConfig
from vivit_edu.teach import pictures
from vivit_edu.teach.result import Result, compare_arrays, compare_values, run
from vivit_edu.tokens import TubeletEmbedding, cut_tubelets, sample_frames

CASES = 6


def check_grid(student: Callable) -> Result:
    """Checks `grid(clip, tubelet) -> (nt, nh, nw)`, with clip (T, H, W) and tubelet (t, h, w)."""

    def compare(student):
        for clip, tubelet in _clips_and_tubelets(seed=3):
            config = _config(clip, tubelet)
            up = tuple(-(-n // t) for n, t in zip(clip, tubelet, strict=True))
            habits = {
                "that counts a last, incomplete tubelet: the paper drops it.": up,
                "that is the number of all tokens: return the three numbers.": config.tokens,
                "the order is (height, width, time): time comes first.": (*config.grid[1:], config.grid[0]),
            }
            mine = student(clip, tubelet)
            compare_values(mine, config.grid, case=f"a clip of {clip} and tubelets of {tubelet}", habits=habits)

    return run("grid(clip, tubelet)", student, compare, picture=pictures.numbered_grid((2, 2, 3)))


def check_cut_tubelets(student: Callable) -> Result:
    """Checks `cut(video, tubelet) -> (B, nt, S, t, h, w, C)` of a clip (B, T, H, W, C)."""

    def compare(student):
        for clip, tubelet in _clips_and_tubelets(seed=4):
            video = np.random.default_rng(sum(clip)).normal(size=(2, *clip, 3)).astype(np.float32)
            library = np.asarray(cut_tubelets(video, tubelet))
            case = f"a clip of {video.shape} and tubelets of {tubelet}"
            compare_arrays(
                _cut(student, video, tubelet), library, case=case, habits=_cut_habits(library, video, tubelet)
            )

    return run("cut(video, tubelet)", student, compare, picture=pictures.numbered_grid((2, 2, 3)))


def check_sample_frames(student: Callable) -> Result:
    """Checks `sample(T, n) -> n indices` of the released code's rule, round(T i / (n + 1)) for i = 1..n."""

    def compare(student):
        for length, count in ((16, 4), (32, 8), (30, 7), (9, 2), (17, 5), (8, 8), (64, 16)):
            config = _config((length, 4, 4), (length // count, 4, 4))
            library, count = sample_frames(config), config.grid[0]
            linspace = tuple(int(i) for i in np.linspace(0, length - 1, count).round())
            habits = {
                "every T / n-th frame from 0 is another rule: it never sees the end.": range(
                    0, length, length // count
                ),
                "the first and the last frame are not sampled by this rule.": linspace,
                "i runs from 1 to n, not from 0 to n - 1.": [round(length * i / (count + 1)) for i in range(count)],
            }
            compare_values(student(length, count), library, case=f"T = {length} and n = {count}", habits=habits)

    target = sample_frames(_config((16, 4, 4), (4, 4, 4)))
    return run("sample(T, n)", student, compare, picture=pictures.marked_frames(16, {"16, 4": target}))


def check_embed_tubelets(student: Callable) -> Result:
    """Checks `embed(video, kernel, bias) -> (B, nt, S, D)` with a kernel (t, h, w, C, D)."""

    def compare(student):
        for seed, (clip, tubelet) in enumerate(_clips_and_tubelets(seed=5)):
            rng = np.random.default_rng(seed)
            video = rng.normal(size=(2, *clip, 3)).astype(np.float32)
            layer = TubeletEmbedding(_config(clip, tubelet), rngs=nnx.Rngs(seed))
            kernel, bias = np.asarray(layer.kernel[...]), rng.normal(size=layer.bias.shape).astype(np.float32)
            without = np.asarray(layer(video))
            case = f"a clip of {video.shape} and a kernel of {kernel.shape}"
            habits = {"the bias is missing.": without}
            with jax.default_matmul_precision("highest"):
                compare_arrays(student(video, kernel, bias), without + bias, case=case, habits=habits)

    return run("embed(video, kernel, bias)", student, compare)


def _clips_and_tubelets(seed):
    """Random (T, H, W) and (t, h, w), all sizes different, some with pixels left over."""
    rng = np.random.default_rng(seed)
    for _ in range(CASES):
        tubelet = tuple(int(n) for n in rng.permutation([2, 3, 4, 5])[:3])
        grid, left = rng.permutation([2, 3, 4])[:3], rng.integers(0, 2, 3)
        yield tuple(int(n * t + r) for n, t, r in zip(grid, tubelet, left, strict=True)), tubelet


def _config(clip, tubelet):
    return ViViTConfig(frames=clip[0], size=clip[1:], tubelet=tubelet, width=6, heads=2, depth=1, classes=2)


def _cut(student, video, tubelet):
    mine = student(video, tubelet)
    return mine if mine is None else np.asarray(mine)


def _cut_habits(library, video, tubelet):
    """Wrong tubelets of the right shape: the reshape that cuts nothing, and tokens down the columns first."""
    nt, nh, nw = (n // t for n, t in zip(video.shape[1:4], tubelet, strict=True))
    whole = video[:, : nt * tubelet[0], : nh * tubelet[1], : nw * tubelet[2]]
    columns_first = np.swapaxes(library.reshape(len(video), nt, nh, nw, *library.shape[3:]), 2, 3)
    return {
        "a bare reshape keeps pixels in the order of memory: it cuts strips, not boxes.": whole.reshape(library.shape),
        "the tubelets are right, but they run down the columns first.": columns_first.reshape(library.shape),
    }
