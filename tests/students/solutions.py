"""Right answers to every exercise of chapters 3 and 4, in many styles; each is one plain function."""

import functools
import math

import einops
import jax
import jax.numpy as jnp
import numpy as np


def grid_tuple(clip, tubelet):
    return tuple(n // t for n, t in zip(clip, tubelet, strict=True))


def grid_numpy(clip, tubelet):
    return np.array(clip) // np.array(tubelet)


def grid_floor(clip, tubelet):
    T, H, W = clip
    t, h, w = tubelet
    return [math.floor(T / t), math.floor(H / h), math.floor(W / w)]


def grid_generator(clip, tubelet):
    for i in range(3):
        yield (clip[i] - clip[i] % tubelet[i]) / tubelet[i]


def grid_jax(clip, tubelet):
    return jnp.floor_divide(jnp.asarray(clip), jnp.asarray(tubelet))


def grid_counted(clip, tubelet):
    counts = []
    for n, t in zip(clip, tubelet, strict=True):
        count = 0
        while n >= t:
            n -= t
            count += 1
        counts.append(count)
    return counts


def cut_einops(video, tubelet):
    t, h, w = tubelet
    nt, nh, nw = (n // s for n, s in zip(video.shape[1:4], tubelet, strict=True))
    video = video[:, : nt * t, : nh * h, : nw * w]
    return einops.rearrange(video, "b (x t) (y h) (z w) c -> b x (y z) t h w c", t=t, h=h, w=w)


def cut_reshape(video, tubelet):
    B, T, H, W, C = video.shape
    t, h, w = tubelet
    nt, nh, nw = T // t, H // h, W // w
    boxes = video[:, : nt * t, : nh * h, : nw * w].reshape(B, nt, t, nh, h, nw, w, C)
    return boxes.transpose(0, 1, 3, 5, 2, 4, 6, 7).reshape(B, nt, nh * nw, t, h, w, C)


def cut_loops(video, tubelet):
    t, h, w = tubelet
    T, H, W = video.shape[1:4]
    times = []
    for i in range(T // t):
        places = []
        for j in range(H // h):
            for k in range(W // w):
                places.append(video[:, i * t : i * t + t, j * h : j * h + h, k * w : k * w + w])
        times.append(np.stack(places, axis=1))
    return np.stack(times, axis=1)


def cut_lists(video, tubelet):
    t, h, w = tubelet
    T, H, W = video.shape[1:4]
    return [
        [
            [
                clip[i * t : (i + 1) * t, j * h : (j + 1) * h, k * w : (k + 1) * w].tolist()
                for j in range(H // h)
                for k in range(W // w)
            ]
            for i in range(T // t)
        ]
        for clip in video
    ]


@functools.partial(jax.jit, static_argnums=1)
def cut_jitted(video, tubelet):
    (t, h, w), (B, T, H, W, C) = tubelet, video.shape
    video = video[:, : T - T % t, : H - H % h, : W - W % w]
    boxes = jnp.reshape(video, (B, T // t, t, H // h, h, W // w, w, C))
    boxes = jnp.moveaxis(boxes, (3, 5), (2, 3))
    return jnp.reshape(boxes, (B, T // t, (H // h) * (W // w), t, h, w, C))


def cut_in_place(video, tubelet):
    t, h, w = tubelet
    B, T, H, W, C = video.shape
    out = np.zeros((B, T // t, (H // h) * (W // w), t, h, w, C))
    for i in range(T // t):
        for s in range((H // h) * (W // w)):
            y, x = divmod(s, W // w)
            out[:, i, s] = video[:, i * t : (i + 1) * t, y * h : (y + 1) * h, x * w : (x + 1) * w]
    video[...] = 0
    return out


def sample_list(T, n):
    if n == T:
        return list(range(T))
    return [round(T * i / (n + 1)) for i in range(1, n + 1)]


def sample_half_up(T, n):
    return np.arange(T) if n == T else np.floor(np.arange(1, n + 1) * T / (n + 1) + 0.5)


def sample_linspace(T, n):
    if n == T:
        return np.arange(n)
    return np.linspace(0, T, n + 2)[1:-1].round().astype(int)


def sample_generator(T, n):
    i = 1
    while i <= n:
        yield i - 1 if n == T else (2 * T * i + n + 1) // (2 * n + 2)
        i += 1


def sample_jax(T, n):
    return jnp.arange(T) if n == T else jnp.round(jnp.arange(1, n + 1) * T / (n + 1)).astype(int)


def sample_tuple(T, n):
    return tuple(range(T)) if n == T else tuple(np.rint(T * np.arange(1, n + 1) / (n + 1)).astype(np.int32))


def embed_einsum(video, kernel, bias):
    t, h, w = kernel.shape[:3]
    nt, nh, nw = video.shape[1] // t, video.shape[2] // h, video.shape[3] // w
    video = video[:, : nt * t, : nh * h, : nw * w]
    tubelets = einops.rearrange(video, "b (x t) (y h) (z w) c -> b x (y z) t h w c", t=t, h=h, w=w)
    return np.einsum("bnsthwc,thwcd->bnsd", tubelets, kernel) + bias


def embed_matrix(video, kernel, bias):
    t, h, w, C, D = kernel.shape
    B, T, H, W, _ = video.shape
    nt, nh, nw = T // t, H // h, W // w
    boxes = video[:, : nt * t, : nh * h, : nw * w].reshape(B, nt, t, nh, h, nw, w, C)
    flat = boxes.transpose(0, 1, 3, 5, 2, 4, 6, 7).reshape(B, nt, nh * nw, t * h * w * C)
    return flat @ kernel.reshape(t * h * w * C, D) + bias


def embed_loops(video, kernel, bias):
    t, h, w = kernel.shape[:3]
    B, T, H, W = video.shape[:4]
    tokens = np.empty((B, T // t, (H // h) * (W // w), kernel.shape[4]))
    for b in range(B):
        for i in range(T // t):
            s = 0
            for y in range(0, H - h + 1, h):
                for x in range(0, W - w + 1, w):
                    box = video[b, i * t : i * t + t, y : y + h, x : x + w]
                    tokens[b, i, s] = np.tensordot(box, kernel, 4) + bias
                    s += 1
    return tokens


@jax.jit
def embed_convolution(video, kernel, bias):
    strides, axes = kernel.shape[:3], ("NDHWC", "DHWIO", "NDHWC")
    tokens = jax.lax.conv_general_dilated(video, kernel, strides, "VALID", dimension_numbers=axes)
    return tokens.reshape(tokens.shape[0], tokens.shape[1], -1, tokens.shape[-1]) + bias


def embed_in_place(video, kernel, bias):
    t, h, w = kernel.shape[:3]
    video = video[:, : video.shape[1] // t * t, : video.shape[2] // h * h, : video.shape[3] // w * w]
    out = 0
    for i in range(t):
        for j in range(h):
            for k in range(w):
                out = out + np.einsum("bxyzc,cd->bxyzd", video[:, i::t, j::h, k::w], kernel[i, j, k])
    out += bias
    return out.reshape(out.shape[0], out.shape[1], -1, out.shape[4])


def embed_list(video, kernel, bias):
    video, kernel = np.float64(video), np.float64(kernel)
    t, h, w, _, D = kernel.shape
    tokens = []
    for clip in video:
        for i in range(clip.shape[0] // t):
            for j in range(clip.shape[1] // h):
                for k in range(clip.shape[2] // w):
                    box = clip[i * t : (i + 1) * t, j * h : (j + 1) * h, k * w : (k + 1) * w]
                    tokens.append(box.ravel() @ kernel.reshape(-1, D) + bias)
    return np.reshape(tokens, (len(video), video.shape[1] // t, -1, D)).tolist()


def attend_einsum(q, k, v):
    scores = np.einsum("qad,kad->aqk", q, k) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights = weights / weights.sum(-1, keepdims=True)
    return np.einsum("aqk,kad->qad", weights, v)


def attend_heads(q, k, v):
    heads = []
    for a in range(q.shape[1]):
        weights = np.exp(q[:, a] @ k[:, a].T / q.shape[2] ** 0.5)
        heads.append(weights @ v[:, a] / weights.sum(axis=1)[:, None])
    return np.stack(heads, axis=1)


def attend_in_place(q, k, v):
    q /= np.sqrt(q.shape[-1])
    q, k, v = q.swapaxes(0, 1), k.swapaxes(0, 1), v.swapaxes(0, 1)
    w = q @ k.transpose(0, 2, 1)
    np.exp(w, out=w)
    w /= w.sum(axis=-1, keepdims=True)
    return (w @ v).swapaxes(0, 1)


@jax.jit
def attend_jitted(q, k, v):
    scores = jnp.einsum("qad,kad->aqk", q, k) * q.shape[-1] ** -0.5
    return jnp.einsum("aqk,kad->qad", jax.nn.softmax(scores, axis=2), v)


def attend_loops(q, k, v):
    out = []
    for i in range(len(q)):
        row = []
        for a in range(len(q[i])):
            scores = [sum(x * y for x, y in zip(q[i][a], key[a], strict=True)) for key in k]
            weights = [math.exp(s / math.sqrt(len(q[i][a]))) for s in scores]
            total = sum(weights)
            row.append(
                [sum(u * value[a][d] for u, value in zip(weights, v, strict=True)) / total for d in range(len(v[0][a]))]
            )
        out.append(row)
    return out


def attend_library(q, k, v):
    return jax.nn.dot_product_attention(q[None], k[None], v[None])[0]


def prepend_concatenate(z, token):
    return np.concatenate([np.broadcast_to(token, (z.shape[0], 1, z.shape[2])), z], axis=1)


def prepend_zeros(z, token):
    out = np.zeros((z.shape[0], z.shape[1] + 1, z.shape[2]))
    out[:, 0] = token
    out[:, 1:] = z
    return out


def prepend_lists(z, token):
    return [[list(token), *clip.tolist()] for clip in z]


@jax.jit
def prepend_jitted(z, token):
    return jax.vmap(lambda clip: jnp.concatenate([token[None], clip]))(z)


def prepend_pad(z, token):
    padded = np.pad(z, ((0, 0), (1, 0), (0, 0)))
    padded[:, 0, :] += token
    return padded


def prepend_generator(z, token):
    return (np.vstack([token, clip]) for clip in z)


def layer_plain(z, attend, mlp, norms):
    y = attend(norms[0](z)) + z
    return mlp(norms[1](y)) + y


def layer_in_place(z, attend, mlp, norms):
    first, second = norms
    z += attend(first(z))
    z += mlp(second(z))
    return z


def layer_jax(z, attend, mlp, norms):
    z = jnp.asarray(z)
    y = jnp.add(attend(norms[0](z)), z)
    return jnp.add(mlp(norms[1](y)), y)


def layer_loop(z, attend, mlp, norms):
    for norm, part in zip(norms, (attend, mlp), strict=True):
        z = z + part(norm(z))
    return z.tolist()


@jax.jit
def layer_jitted(z, attend, mlp, norms):
    def residual(part, norm, x):
        return part(norm(x)) + x

    return residual(mlp, norms[1], residual(attend, norms[0], z))


def layer_rows(z, attend, mlp, norms):
    z = np.float64(z)
    y = z + attend(np.stack([norms[0](row) for row in z]))
    return [row + mlp(norms[1](row)) for row in y]


def bytes_plain(tokens, heads, layers):
    return 4 * layers * heads * (tokens + 1) ** 2


def bytes_float(tokens, heads, layers):
    return 4.0 * heads * layers * (tokens + 1) * (tokens + 1)


def bytes_numpy(tokens, heads, layers):
    return np.float32(0).nbytes * np.prod([layers, heads, tokens + 1, tokens + 1], dtype=np.int64)


def bytes_view(tokens, heads, layers):
    return np.broadcast_to(np.float32(0), (layers, heads, tokens + 1, tokens + 1)).size * np.dtype("float32").itemsize


def bytes_shape(tokens, heads, layers):
    return layers * jax.eval_shape(lambda: jnp.zeros((heads, 1 + tokens, 1 + tokens))).size * 32 // 8


def bytes_loop(tokens, heads, layers):
    total = 0
    for _ in range(layers):
        total += heads * (tokens**2 + 2 * tokens + 1) * 4
    return np.array(total)


def overlap_loops(video, tubelet, stride):
    starts = [range(0, n - t + 1, s) for n, t, s in zip(video.shape[1:4], tubelet, stride, strict=True)]
    t, h, w = tubelet
    times = []
    for i in starts[0]:
        boxes = [video[:, i : i + t, j : j + h, k : k + w] for j in starts[1] for k in starts[2]]
        times.append(np.stack(boxes, axis=1))
    return np.stack(times, axis=1)


def overlap_windows(video, tubelet, stride):
    windows = np.lib.stride_tricks.sliding_window_view(video, tubelet, axis=(1, 2, 3))
    windows = windows[:, :: stride[0], :: stride[1], :: stride[2]]
    return einops.rearrange(windows, "b nt nh nw c t h w -> b nt (nh nw) t h w c")


def overlap_indices(video, tubelet, stride):
    sizes = zip(video.shape[1:4], tubelet, stride, strict=True)
    rows, columns, depths = [np.arange(0, n - t + 1, s)[:, None] + np.arange(t) for n, t, s in sizes]
    boxes = video[:, rows][:, :, :, columns][:, :, :, :, :, depths]
    boxes = boxes.transpose(0, 1, 3, 5, 2, 4, 6, 7)
    return boxes.reshape(*boxes.shape[:2], -1, *boxes.shape[4:])


def overlap_lists(video, tubelet, stride):
    t, h, w = tubelet
    a, b, c = stride
    T, H, W = video.shape[1:4]
    nt, nh, nw = (T - t) // a + 1, (H - h) // b + 1, (W - w) // c + 1
    return [
        [
            [
                clip[a * i : a * i + t, b * (s // nw) : b * (s // nw) + h, c * (s % nw) : c * (s % nw) + w].tolist()
                for s in range(nh * nw)
            ]
            for i in range(nt)
        ]
        for clip in video
    ]


def overlap_jax(video, tubelet, stride):
    def cut(x, axis):
        n = (x.shape[axis] - tubelet[axis - 1]) // stride[axis - 1] + 1
        at = jnp.arange(n)[:, None] * stride[axis - 1] + jnp.arange(tubelet[axis - 1])
        return jnp.moveaxis(jnp.take(x, at, axis=axis), axis, 1)

    boxes = cut(jnp.asarray(video), 3)
    boxes = jnp.moveaxis(boxes, 1, 0)
    done = []
    for column in boxes:
        strips = jnp.moveaxis(cut(column, 2), 1, 0)
        done.append(jnp.stack([cut(strip, 1) for strip in strips]))
    grid = jnp.stack(done, axis=1)  # (nh, nw, B, nt, t, h, w, C)
    grid = jnp.moveaxis(grid, (2, 3), (0, 1))
    return grid.reshape(grid.shape[0], grid.shape[1], -1, *grid.shape[4:])


def streamed_running(q, parts):
    top = np.full(q.shape[:2], -np.inf)  # (q, A), the largest score so far
    total, gathered = np.zeros(q.shape[:2]), np.zeros(q.shape)
    for k, v in parts:
        scores = np.einsum("qad,kad->qak", q, k) / np.sqrt(q.shape[-1])
        new = np.maximum(top, scores.max(-1))
        weights, old = np.exp(scores - new[..., None]), np.exp(top - new)
        total = old * total + weights.sum(-1)
        gathered = old[..., None] * gathered + np.einsum("qak,kad->qad", weights, v)
        top = new
    return gathered / total[..., None]


def streamed_joined(q, parts):
    k, v = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    scores = np.einsum("qad,kad->aqk", q, k) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return np.einsum("aqk,kad->qad", weights / weights.sum(-1, keepdims=True), v)


def streamed_twice(q, parts):
    scores = [np.einsum("qad,kad->qak", q, k) / math.sqrt(q.shape[2]) for k, _ in parts]
    top = np.max([one.max(-1) for one in scores], axis=0)[..., None]
    weights = [np.exp(one - top) for one in scores]
    total = sum(one.sum(-1) for one in weights)[..., None]
    return sum(np.einsum("qak,kad->qad", one, v) for one, (_, v) in zip(weights, parts, strict=True)) / total


def streamed_jax(q, parts):
    answers, logs = [], []
    for k, v in parts:
        scores = np.einsum("qad,kad->qak", q, k) / np.sqrt(q.shape[-1])
        logs.append(jax.nn.logsumexp(scores, axis=-1))
        answers.append(np.einsum("qak,kad->qad", jax.nn.softmax(scores, axis=-1), v))
    shares = jax.nn.softmax(jnp.stack(logs), axis=0)
    return (jnp.stack(answers) * shares[..., None]).sum(0)


def streamed_loops(q, parts):
    out = np.zeros(q.shape)
    for i in range(q.shape[0]):
        for a in range(q.shape[1]):
            top, total, mixed = -np.inf, 0.0, np.zeros(q.shape[2])
            for k, v in parts:
                for key, value in zip(k[:, a], v[:, a], strict=True):
                    score = float(q[i, a] @ key) / math.sqrt(q.shape[2])
                    if score > top:
                        total, mixed = total * np.exp(top - score), mixed * np.exp(top - score)
                        top = score
                    total += np.exp(score - top)
                    mixed = mixed + np.exp(score - top) * value
            out[i, a] = mixed / total
    return out
