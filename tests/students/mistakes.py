"""Wrong answers that students may well give, one function each; right on some sizes, wrong on others."""

import itertools

import numpy as np
from einops import rearrange
from students.solutions import (
    attend_einsum,
    cut_einops,
    embed_einsum,
    grid_tuple,
    layer_plain,
    overlap_loops,
    prepend_concatenate,
    sample_list,
    streamed_running,
)
from students.solutions_later import (
    agree_argsort,
    area_pairs,
    central_zeros,
    distance_numpy,
    follow_einsum,
    greedy_list,
    inflated_stack,
    pointing_flat,
    repeat_concatenate,
    resize_matrices,
    roll_matrix,
)


def overlap_half(video, tubelet, stride):
    return overlap_loops(video, tubelet, tuple(max(1, t // 2) for t in tubelet))


def streamed_without_rescaling(q, parts):
    total, gathered, top = 0, 0, np.full(q.shape[:2], -np.inf)
    for k, v in parts:
        scores = np.einsum("qad,kad->qak", q, k) / np.sqrt(q.shape[-1])
        top = np.maximum(top, scores.max(-1))
        weights = np.exp(scores - top[..., None])
        total, gathered = total + weights.sum(-1), gathered + np.einsum("qak,kad->qad", weights, v)
    return gathered / total[..., None]


def streamed_overflowing(q, parts):
    total, gathered = 0, 0
    for k, v in parts:
        weights = np.exp(np.einsum("qad,kad->qak", q, k) / np.sqrt(q.shape[-1]))
        total, gathered = total + weights.sum(-1), gathered + np.einsum("qak,kad->qad", weights, v)
    return gathered / total[..., None]


def cut_other_grid(video, tubelet):
    t, h, w = tubelet
    video = video[:, : len(video[0]) // t * t, : video.shape[2] // h * h, : video.shape[3] // w * w]
    return rearrange(video, "b (x t) (y h) (z w) c -> b x (z y) t h w c", t=t, h=h, w=w)


def cut_turned(video, tubelet):
    return cut_einops(video, tubelet)[..., ::-1, :, :]


def cut_negative(video, tubelet):
    t, h, w = tubelet
    left = [n % s for n, s in zip(video.shape[1:4], tubelet, strict=True)]
    video = video[:, : -left[0], : -left[1], : -left[2]]  # nothing is left where nothing is left over
    return rearrange(video, "b (x t) (y h) (z w) c -> b x (y z) t h w c", t=t, h=h, w=w)


def cut_square(video, tubelet):
    return cut_einops(video, (tubelet[0], tubelet[1], tubelet[1]))


def sample_centres(T, n):
    return list(range(T)) if n == T else [int(T * (i + 0.5) / n) for i in range(n)]


def sample_never_all(T, n):
    return [round(T * i / (n + 1)) for i in range(1, n + 1)]


def sample_step(T, n):
    step = round(T / (n + 1))
    return list(range(T)) if n == T else [step * i for i in range(1, n + 1)]


def attend_batch(q, k, v):
    weights = np.exp(np.einsum("qad,kbd->abqk", q, k) / np.sqrt(q.shape[-1])).sum(1)
    return np.einsum("aqk,kad->qad", weights / weights.sum(-1, keepdims=True), v)


def attend_mean_width(q, k, v):
    return attend_einsum(q * np.sqrt(q.shape[-1] / len(k)), k, v)


def layer_same_norm(z, attend, mlp, norms):
    return layer_plain(z, attend, mlp, (norms[0], norms[0]))


def layer_swapped_norms(z, attend, mlp, norms):
    return layer_plain(z, attend, mlp, norms[::-1])


def roll_transposed(layers):
    return roll_matrix([np.transpose(a) for a in layers])


def roll_renormalised(layers):
    row = roll_matrix(layers)
    return row / row.max()


def distance_symmetric(weights, far):
    return distance_numpy(weights, (far + np.swapaxes(np.resize(far, far.shape[::-1]), 0, 1)) / 2)


def distance_of_mean(weights, far):
    mean = weights.mean((0, 2))
    return (mean / mean.sum(-1, keepdims=True) * far.mean(0)).sum(-1)


def pointing_product(maps, mask):
    return ((maps * mask).max((1, 2, 3)) == maps.max((1, 2, 3))) * 1


def pointing_absolute(maps, mask):
    return pointing_flat(np.abs(maps), mask)


def pointing_squared(maps, mask):
    return pointing_flat(maps**2, mask)


def pointing_inside_first(maps, mask):
    return (np.where(mask, maps, 0).max((1, 2, 3)) >= np.where(mask, 0, maps).max((1, 2, 3))) * 1


def pointing_summed(maps, mask):
    return (maps * mask).sum((1, 2, 3)) > (maps * ~mask).sum((1, 2, 3))


def area_sorted(curve):
    return area_pairs(np.sort(curve)[::-1])


def area_lowest(curve):
    return area_pairs(np.minimum.accumulate(curve))


def area_falls(curve):
    return sum(min(a, b) + abs(a - b) / 2 for a, b in itertools.pairwise(curve)) / len(curve)


def area_larger_side(curve):
    return sum(max(a, b) - (a - b) / 2 for a, b in itertools.pairwise(curve)) / (len(curve) - 1)


def agree_absolute(a, b):
    return agree_argsort(np.abs(a), np.abs(b))


def agree_positive(a, b):
    return abs(agree_argsort(a, b))


def agree_logarithm(a, b):
    return np.corrcoef(np.arcsinh(a), np.arcsinh(b))[0, 1]


WRONG = [
    ("grid", lambda clip, tubelet: [round(n / t) for n, t in zip(clip, tubelet, strict=True)]),
    ("grid", lambda clip, tubelet: [n // t + (n % t > t // 2) for n, t in zip(clip, tubelet, strict=True)]),
    ("grid", lambda clip, tubelet: [(n - 1) // t + (n % t != 1) for n, t in zip(clip, tubelet, strict=True)]),
    ("grid", lambda clip, tubelet: [(n - 1) // t for n, t in zip(clip, tubelet, strict=True)]),
    ("grid", lambda clip, tubelet: [int(n * (1 / t)) for n, t in zip(clip, tubelet, strict=True)]),
    ("grid", lambda clip, tubelet: [len(range(t // 2, n, t)) for n, t in zip(clip, tubelet, strict=True)]),
    ("grid", lambda clip, tubelet: (grid_tuple(clip, tubelet)[0], *[grid_tuple(clip, tubelet)[1]] * 2)),
    ("cut_tubelets", cut_other_grid),
    ("cut_tubelets", cut_turned),
    ("cut_tubelets", cut_negative),
    ("cut_tubelets", cut_square),
    ("cut_tubelets", lambda video, tubelet: cut_einops(video[:, ::-1], tubelet)[:, ::-1]),
    ("cut_tubelets", lambda video, tubelet: cut_einops(video, tubelet).astype(int)),
    ("sample_frames", sample_centres),
    ("sample_frames", sample_never_all),
    ("sample_frames", sample_step),
    ("sample_frames", lambda T, n: sorted(set(sample_list(T, n)) | {T - 1})[-n:]),
    ("embed_tubelets", lambda video, kernel, bias: embed_einsum(video, kernel, bias[::-1])),
    ("embed_tubelets", lambda video, kernel, bias: embed_einsum(video, kernel, bias.mean())),
    ("embed_tubelets", lambda video, kernel, bias: embed_einsum(video, kernel[:, ::-1], bias)),
    ("embed_tubelets", lambda video, kernel, bias: embed_einsum(video, kernel.mean(3, keepdims=True), bias)),
    ("overlapping_tubelets", overlap_half),
    ("overlapping_tubelets", lambda video, tubelet, stride: overlap_loops(video, stride, tubelet)),
    ("overlapping_tubelets", lambda video, tubelet, stride: overlap_loops(video[:, ::-1], tubelet, stride)),
    ("overlapping_tubelets", lambda video, tubelet, stride: overlap_loops(video, tubelet, (stride[0], *tubelet[1:]))),
    ("attention_in_parts", streamed_without_rescaling),
    ("attention_in_parts", streamed_overflowing),
    ("attention_in_parts", lambda q, parts: streamed_running(q, [(v, k) for k, v in parts])),
    ("attention_in_parts", lambda q, parts: streamed_running(q, parts[::2])),
    ("attention", attend_batch),
    ("attention", attend_mean_width),
    ("attention", lambda q, k, v: attend_einsum(q, k[: len(q)], v[: len(q)])),
    ("attention", lambda q, k, v: attend_einsum(k, q, np.resize(v, q.shape))),
    ("class_token", lambda z, token: prepend_concatenate(z, token)[:, [0, *range(z.shape[1], 0, -1)]]),
    ("class_token", lambda z, token: np.insert(z, 0, token[::-1], axis=1)),
    ("class_token", lambda z, token: np.insert(z, 1, token, axis=1)),
    ("layer", layer_same_norm),
    ("layer", layer_swapped_norms),
    ("layer", lambda z, attend, mlp, norms: layer_plain(z, attend, mlp, (norms[1], norms[1]))),
    ("layer", lambda z, attend, mlp, norms: layer_plain(z, mlp, attend, norms)),
    ("layer", lambda z, attend, mlp, norms: layer_plain(z, attend, mlp, norms) + norms[0](z)),
    ("attention_bytes", lambda tokens, heads, layers: 4 * layers * heads * (tokens + 1) * (tokens + 2) // 2 * 2),
    ("attention_bytes", lambda tokens, heads, layers: 4 * layers * layers * (tokens + 1) ** 2),
    (
        "attention_bytes",
        lambda tokens, heads, layers: np.int32(4 * layers * heads) * np.array((tokens + 1) ** 2, np.int32),
    ),
    ("central_frame", lambda kernel, t: np.roll(central_zeros(kernel, t), 1 - t % 2, axis=0)),
    ("central_frame", lambda kernel, t: central_zeros(kernel, t)[:, ::-1]),
    ("central_frame", lambda kernel, t: np.round(central_zeros(kernel, t), 2)),
    ("inflate", lambda kernel, t: inflated_stack(kernel, t) * t / (t + 1)),
    ("inflate", lambda kernel, t: inflated_stack(kernel, t) * np.arange(t).reshape(-1, 1, 1, 1, 1)),
    ("inflate", lambda kernel, t: inflated_stack(kernel.swapaxes(0, 1), t).swapaxes(1, 2) / np.sqrt(t)),
    ("repeat_positions", lambda positions, nt: repeat_concatenate(positions[:, ::-1], nt)),
    ("repeat_positions", lambda positions, nt: repeat_concatenate(positions - positions[:1], nt)),
    ("repeat_positions", lambda positions, nt: np.roll(repeat_concatenate(positions, nt), 1, axis=0)),
    ("resize_positions", lambda p, before, after: resize_matrices(p, before[::-1], after[::-1])),
    ("resize_positions", lambda p, before, after: resize_matrices(p[:, ::-1], before, after)),
    ("resize_positions", lambda p, before, after: np.resize(p, (after[0] * after[1], p.shape[1]))),
    ("resize_positions", lambda p, before, after: resize_matrices(resize_matrices(p, before, (2, 2)), (2, 2), after)),
    ("resize_positions", lambda p, before, after: p[[i * len(p) // np.prod(after) for i in range(np.prod(after))]]),
    ("factorised_rollout", lambda space, time: follow_einsum(space[::-1], time)),
    ("factorised_rollout", lambda space, time: follow_einsum(space, time[::-1])),
    ("factorised_rollout", lambda space, time: follow_einsum([a.swapaxes(1, 2) for a in space], time)),
    ("factorised_rollout", lambda space, time: follow_einsum(space, [a.swapaxes(1, 2) for a in time])),
    ("factorised_rollout", lambda space, time: follow_einsum(space[-1:], time[-1:])),
    ("factorised_rollout", lambda space, time: follow_einsum(space, time) / np.max(follow_einsum(space, time))),
    ("greedy", lambda ask, count: greedy_list(ask, count)[::-1]),
    ("greedy", lambda ask, count: [*greedy_list(ask, count)[:-1]]),
    ("greedy", lambda ask, count: greedy_list(lambda kept: -ask(kept), count)),
    ("greedy", lambda ask, count: np.argsort([ask(np.arange(count) != t) for t in range(count)])),
    ("greedy", lambda ask, count: np.argsort([-ask(np.arange(count) == t) for t in range(count)])),
    ("silent_start", lambda names: ["out/kernel"]),
    ("silent_start", lambda names: [name for name in names if name.endswith("kernel")] + ["out/bias"]),
    ("silent_start", lambda names: ["value/kernel", "out/kernel", "out/bias"]),
    ("silent_start", lambda names: ["query/kernel", "value/kernel", "out/kernel", "out/bias"]),
    ("silent_start", lambda names: {*names} - {"value/bias"}),
    ("silent_start", lambda names: {*names} - {"query/kernel", "query/bias", "key/bias", "value/bias"}),
    ("silent_start", lambda names: []),
    ("rollout", roll_transposed),
    ("rollout", roll_renormalised),
    ("rollout", lambda layers: roll_matrix(layers[-2:])),
    ("rollout", lambda layers: np.mean([roll_matrix(layers), roll_matrix(layers[::-1])], axis=0)),
    ("distance", distance_symmetric),
    ("distance", distance_of_mean),
    ("distance", lambda weights, far: distance_numpy(weights, np.sqrt(far))),
    ("distance", lambda weights, far: distance_numpy(weights, np.sort(far))),
    ("distance", lambda weights, far: distance_numpy(weights[:1], far)),
    ("distance", lambda weights, far: distance_numpy(weights, far[:1])),
    ("pointing", pointing_product),
    ("pointing", pointing_absolute),
    ("pointing", pointing_squared),
    ("pointing", pointing_inside_first),
    ("pointing", pointing_summed),
    ("deletion_area", area_sorted),
    ("deletion_area", area_lowest),
    ("deletion_area", area_falls),
    ("deletion_area", area_larger_side),
    ("deletion_area", lambda curve: area_pairs(np.maximum.accumulate(curve[::-1]))),
    ("rank_correlation", agree_absolute),
    ("rank_correlation", agree_positive),
    ("rank_correlation", agree_logarithm),
    ("rank_correlation", lambda a, b: agree_argsort(a, b) * len(a) / (len(a) - 1)),
]
