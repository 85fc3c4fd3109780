"""The exercises' numbers by plain loops in float64, and random inputs for them: no word of the library's."""

import itertools
import math

import numpy as np


def grid(clip, tubelet):
    counts = []
    for length, step in zip(clip, tubelet, strict=True):
        starts = [start for start in range(0, length, step) if start + step <= length]
        counts.append(len(starts))
    return np.array(counts)


def cut(video, tubelet):
    t, h, w = tubelet
    nt, nh, nw = (int(n) for n in grid(video.shape[1:4], tubelet))
    out = np.zeros((len(video), nt, nh * nw, t, h, w, video.shape[4]))
    for i, j, k in itertools.product(range(nt), range(nh), range(nw)):
        for a, b, c in itertools.product(range(t), range(h), range(w)):
            out[:, i, j * nw + k, a, b, c] = video[:, i * t + a, j * h + b, k * w + c]
    return out


def sample(length, count):
    if length == count:
        return np.arange(length)
    chosen = []
    for i in range(1, count + 1):
        chosen.append(min(range(length + 1), key=lambda frame: abs(frame * (count + 1) - length * i)))
    return np.array(chosen)


def embed(video, kernel, bias):
    tubelets = cut(video, kernel.shape[:3])
    out = np.zeros((*tubelets.shape[:3], kernel.shape[-1]))
    for place in itertools.product(*map(range, kernel.shape[:3])):
        for c in range(kernel.shape[3]):
            out += tubelets[(slice(None), slice(None), slice(None), *place, c)][..., None] * kernel[(*place, c)].astype(
                float
            )
    return out + bias


def overlapping(video, tubelet, stride):
    starts = [
        [start for start in range(0, length, step) if start + size <= length]
        for length, size, step in zip(video.shape[1:4], tubelet, stride, strict=True)
    ]
    t, h, w = tubelet
    places = [[(j, k) for j in starts[1] for k in starts[2]] for _ in starts[0]]
    times = [
        [video[:, i : i + t, j : j + h, k : k + w] for j, k in row] for i, row in zip(starts[0], places, strict=True)
    ]
    return np.moveaxis(np.array(times), 2, 0).astype(float)


def in_parts(q, parts):
    return attention(q, [key for k, _ in parts for key in k], np.array([value for _, v in parts for value in v]))


def attention(q, k, v):
    out = np.zeros(q.shape)
    for i, a in itertools.product(range(len(q)), range(q.shape[1])):
        scores = [sum(float(x) * float(y) for x, y in zip(q[i, a], key[a], strict=True)) for key in k]
        weights = [math.exp((score - max(scores)) / math.sqrt(q.shape[2])) for score in scores]
        for j, weight in enumerate(weights):
            out[i, a] += weight / sum(weights) * v[j, a]
    return out


def class_token(z, token):
    return np.array([[list(token)] + [list(row) for row in clip] for clip in z])


def layer(z, attend, mlp, norms):
    z = z.astype(float)
    y = attend(norms[0](z)) + z
    return mlp(norms[1](y)) + y


def attention_bytes(tokens, heads, layers):
    return np.array(sum(4 * (tokens + 1) * (tokens + 1) for _ in range(heads * layers)))


def central(kernel, t):
    out = np.zeros((t, *kernel.shape))
    for frame in range(t):
        if frame in (t / 2, (t - 1) / 2):
            out[frame] = kernel
    return out


def inflated(kernel, t):
    return np.array([kernel.astype(float) / t for _ in range(t)])


def repeat(positions, nt):
    return np.array([positions[0], *(row for _ in range(nt) for row in positions[1:])])


def resize(positions, before, after):
    out = []
    for i, j in itertools.product(*map(range, after)):
        row, column = (k * (old - 1) / (new - 1) for k, old, new in zip((i, j), before, after, strict=True))
        up, left = min(int(row + 1e-9), before[0] - 2), min(int(column + 1e-9), before[1] - 2)
        down, right = row - up, column - left
        token = 0
        for a, b in itertools.product((0, 1), (0, 1)):
            share = (down if a else 1 - down) * (right if b else 1 - right)
            token = token + share * positions[(up + a) * before[1] + left + b]
        out.append(token)
    return np.array(out)


def silent(chosen):
    """Whether the names are a right answer: what comes out is a product, and so is what pulls at it."""
    chosen = set(chosen)
    nothing_out = {"out/kernel", "out/bias"} <= chosen or {"value/kernel", "value/bias", "out/bias"} <= chosen
    return nothing_out and not {"out/kernel", "value/kernel"} <= chosen


def roll(layers):
    size = len(layers[0])
    done = [[float(i == j) for j in range(size)] for i in range(size)]
    for a in layers:
        mixed = [[a[i][j] / 2 + (i == j) / 2 for j in range(size)] for i in range(size)]
        done = [[sum(mixed[i][m] * done[m][j] for m in range(size)) for j in range(size)] for i in range(size)]
    return np.array(done[0])


def distance(weights, far):
    out = np.zeros(weights.shape[1])
    for b, a, q in itertools.product(*map(range, weights.shape[:3])):
        row = weights[b, a, q]
        out[a] += sum(x * y for x, y in zip(row, far[q], strict=True)) / sum(row)
    return out / (len(weights) * weights.shape[2])


def follow(space, time):
    (nt, places, _), layers = space[0].shape, range(len(space) - 1, -1, -1)
    tokens = list(itertools.product(range(nt), range(places)))
    u = {token: 1 / (nt * places) for token in tokens}
    for layer in layers:
        after = {}
        for n, s in tokens:
            after[n, s] = u[n, s] / 2 + sum(u[m, s] * time[layer][s, m, n] for m in range(nt)) / 2
        u = {}
        for n, s in tokens:
            u[n, s] = after[n, s] / 2 + sum(after[n, q] * space[layer][n, q, s] for q in range(places)) / 2
    return np.array([[u[n, s] for s in range(places)] for n in range(nt)])


def greedy(ask, count):
    kept, gone = [True] * count, []
    for _ in range(count):
        best = None
        for token in range(count):
            if kept[token]:
                value = ask([k and i != token for i, k in enumerate(kept)])
                if best is None or value < best[0]:
                    best = value, token
        kept[best[1]] = False
        gone.append(best[1])
    return np.array(gone)


def pointing(maps, mask):
    hits = []
    for one, truth in zip(maps, mask, strict=True):
        best = max(itertools.product(*map(range, one.shape)), key=lambda place: one[place])
        hits.append(1 if truth[best] else 0)
    return np.array(hits, float)


def area(curve):
    total = 0.0
    for left, right in itertools.pairwise(curve):
        total += (left + right) / 2 / (len(curve) - 1)
    return np.array(total)


def agree(a, b):
    ranks = [[sum(x < y for x in values) for y in values] for values in (a, b)]
    middle = (len(a) - 1) / 2
    both = sum((x - middle) * (y - middle) for x, y in zip(*ranks, strict=True))
    return np.array(both / sum((x - middle) ** 2 for x in ranks[0]))


def of_layer(rng, width):
    """Functions of tokens as numpy's closures, unlike each other."""

    def draw(*shape):
        return rng.normal(size=shape)

    def norm(scale, shift):
        return lambda z: (z - z.mean(-1, keepdims=True)) / z.std(-1, keepdims=True) * scale + shift

    mix, out, up, down = draw(width, width), draw(width, width), draw(width, width + 2), draw(width + 2, width)

    def attend(z):
        weights = np.exp(np.tanh(z @ mix @ np.swapaxes(z, -1, -2)))
        return weights / weights.sum(-1, keepdims=True) @ z @ out

    return attend, lambda z: np.sin(z @ up) @ down, tuple(norm(draw(width), draw(width)) for _ in range(2))


def inputs(name, rng):
    """Random arguments of one call, of sizes of its own."""

    def some(low, high, count):
        return tuple(int(n) for n in rng.choice(np.arange(low, high), count, replace=False))

    def numbers(*shape):
        return rng.normal(size=shape).astype(np.float32)

    if name in ("grid", "cut_tubelets", "embed_tubelets"):
        tubelet = some(1, 7, 3) if name == "grid" else some(1, 5, 3)
        clip = tuple(int(n * t + rng.integers(0, t)) for n, t in zip(some(1, 5, 3), tubelet, strict=True))
        batch, channels, width = some(1, 6, 3)
        video, kernel = numbers(batch, *clip, channels), numbers(*tubelet, channels, width)
        chosen = {"grid": (clip, tubelet), "cut_tubelets": (video, tubelet)}
        return chosen.get(name, (video, kernel, numbers(width)))
    if name == "overlapping_tubelets":
        tubelet, stride, grid = some(1, 6, 3), some(1, 5, 3), some(1, 5, 3)
        clip = [int((n - 1) * step + t + rng.integers(step)) for n, step, t in zip(grid, stride, tubelet, strict=True)]
        return numbers(int(rng.integers(1, 4)), *clip, int(rng.integers(1, 4))), tubelet, stride
    if name == "attention_in_parts":
        queries, heads, width, *keys = some(1, 9, 6)
        large = 30 if rng.integers(4) == 0 else 1
        q = np.round(large * numbers(queries, heads, width)) if large > 1 else numbers(queries, heads, width)
        k = [np.round(6 * numbers(n, heads, width)) if large > 1 else numbers(n, heads, width) for n in keys]
        return q, [(one, numbers(*one.shape)) for one in k]
    if name == "sample_frames":
        while True:
            count = int(rng.integers(1, 20))
            length = count if rng.integers(6) == 0 else count + int(rng.integers(1, 60))
            if all(2 * length * i % (2 * count + 2) != count + 1 for i in range(1, count + 1)):  # none half-way
                return length, count
    if name == "attention":
        queries, keys, heads, width = some(1, 9, 4)
        return tuple(numbers(n, heads, width) for n in (queries, keys, keys))
    if name == "class_token":
        batch, tokens, width = some(1, 8, 3)
        return numbers(batch, tokens, width), numbers(width)
    if name == "layer":
        tokens, width = some(2, 9, 2)
        return numbers(tokens, width), *of_layer(rng, width)
    if name == "attention_bytes":
        return int(rng.integers(1, 4000)), int(rng.integers(1, 17)), int(rng.integers(1, 33))
    if name in ("central_frame", "inflate"):
        t, *shape = some(1, 9, 5)
        return numbers(*shape), t
    if name == "repeat_positions":
        places, nt, width = some(1, 9, 3)
        return numbers(1 + places, width), nt
    if name == "resize_positions":
        before, after = some(2, 8, 2), some(2, 8, 2)
        return numbers(before[0] * before[1], int(rng.integers(1, 6))), before, after
    if name == "factorised_rollout":
        nt, places, depth = some(2, 6, 3)
        pair = [rng.uniform(size=(depth, *shape)) ** 2 for shape in ((nt, places, places), (places, nt, nt))]
        return tuple(list(one / one.sum(-1, keepdims=True)) for one in pair)
    if name == "greedy":
        count = int(rng.integers(3, 8))
        alone, pairs = rng.normal(size=count), rng.normal(size=(count, count))
        return lambda kept: float(np.asarray(kept, float) @ (alone + pairs @ np.asarray(kept, float))), count
    if name == "rollout":
        tokens, depth = some(2, 8, 2)
        layers = rng.uniform(size=(depth, tokens, tokens)) ** 2
        return (list(layers / layers.sum(-1, keepdims=True)),)
    if name == "distance":
        shape = some(1, 8, 4)
        return rng.uniform(0.01, 1, size=shape), rng.uniform(size=shape[2:]) ** 2
    if name == "pointing":
        shape = some(2, 8, 4)
        maps, mask = (
            rng.normal(size=shape) - 4 * (rng.uniform(size=(shape[0], 1, 1, 1)) < 0.3),
            rng.uniform(size=shape) < 0.5,
        )
        mask[:, 0, 0, -1] = True
        return maps, mask
    if name == "deletion_area":
        return (rng.uniform(size=int(rng.integers(2, 20))),)
    if name == "rank_correlation":
        count = int(rng.integers(4, 30))
        return rng.normal(size=count) ** 3, rng.normal(size=count) ** 3
    return (list(NAMES),)


NAMES = tuple(f"{linear}/{leaf}" for linear in ("query", "key", "value", "out") for leaf in ("kernel", "bias"))
ORACLES = {
    "grid": grid,
    "cut_tubelets": cut,
    "sample_frames": sample,
    "embed_tubelets": embed,
    "overlapping_tubelets": overlapping,
    "attention": attention,
    "attention_in_parts": in_parts,
    "class_token": class_token,
    "layer": layer,
    "attention_bytes": attention_bytes,
    "central_frame": central,
    "inflate": inflated,
    "repeat_positions": repeat,
    "resize_positions": resize,
    "silent_start": silent,
    "rollout": roll,
    "distance": distance,
    "factorised_rollout": follow,
    "pointing": pointing,
    "deletion_area": area,
    "rank_correlation": agree,
    "greedy": greedy,
}
