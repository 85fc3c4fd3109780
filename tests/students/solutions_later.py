"""Right answers to every exercise of chapters 9, 13 and 14, in many styles; each is one plain function."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from scipy import ndimage


def central_zeros(kernel, t):
    frames = np.zeros((t, *kernel.shape))
    frames[t // 2] = kernel
    return frames


def central_stack(kernel, t):
    return np.stack([kernel if i == t // 2 else np.zeros_like(kernel) for i in range(t)])


def central_one_hot(kernel, t):
    return np.einsum("t,hwcd->thwcd", np.arange(t) == int(t / 2), kernel)


def central_jax(kernel, t):
    return jnp.zeros((t, *kernel.shape)).at[t // 2].set(kernel)


def central_lists(kernel, t):
    nothing = (kernel * 0).tolist()
    return [nothing] * (t // 2) + [kernel.tolist()] + [nothing] * (t - t // 2 - 1)


def central_pad(kernel, t):
    return np.pad(kernel[None], ((t // 2, t - 1 - t // 2), (0, 0), (0, 0), (0, 0), (0, 0)))


def inflated_stack(kernel, t):
    return np.stack([kernel] * t) / t


def inflated_in_place(kernel, t):
    kernel /= t
    return np.repeat(kernel[None], t, axis=0)


def inflated_broadcast(kernel, t):
    return np.broadcast_to(kernel / t, (t, *kernel.shape))


def inflated_jax(kernel, t):
    return jnp.tile(kernel[None], (t, 1, 1, 1, 1)) * (1 / t)


def inflated_generator(kernel, t):
    for _ in range(t):
        yield kernel.astype(np.float64) / t


def inflated_einsum(kernel, t):
    return np.einsum("t,hwcd->thwcd", np.full(t, 1 / t), kernel)


def repeat_concatenate(positions, nt):
    return np.concatenate([positions[:1], *[positions[1:]] * nt])


def repeat_tile(positions, nt):
    return np.vstack([positions[0], np.tile(positions[1:], (nt, 1))])


def repeat_lists(positions, nt):
    rows = positions.tolist()
    return rows[:1] + rows[1:] * nt


def repeat_jax(positions, nt):
    return jnp.concatenate([positions[:1], jnp.tile(positions[1:], (nt, 1))])


def repeat_indices(positions, nt):
    places = len(positions) - 1
    return positions[[0] + [1 + i % places for i in range(nt * places)]]


def repeat_in_place(positions, nt):
    out = np.empty((1 + nt * (len(positions) - 1), positions.shape[1]))
    out[0] = positions[0]
    out[1:].reshape(nt, len(positions) - 1, -1)[:] = positions[1:]
    return out


def silent_out(names):
    return [name for name in names if name.startswith("out/")]


def silent_set(names):
    return {"out/kernel", "out/bias"}


def silent_last(names):
    return names[-2:]


def silent_value(names):
    return ("value/kernel", "value/bias", "out/bias")


def silent_generator(names):
    return (name for name in names if name.split("/")[0] == "out")


def silent_in_place(names):
    del names[:6]
    return names


def roll_matrix(layers):
    product = np.eye(len(layers[0]))
    for a in layers:
        product = (a + np.eye(len(a))) / 2 @ product
    return product[0]


def roll_row(layers):
    row = np.eye(len(layers[0]))[0]
    for a in reversed(layers):
        row = 0.5 * row @ a + 0.5 * row
    return row


def roll_in_place(layers):
    for a in layers:
        a += np.eye(len(a))
        a /= a.sum(axis=-1, keepdims=True)
    while len(layers) > 1:
        layers[1] = layers[1] @ layers[0]
        del layers[0]
    return layers[0][0]


def roll_jax(layers):
    mixes = [0.5 * jnp.asarray(a) + 0.5 * jnp.eye(len(a)) for a in layers]
    return jnp.linalg.multi_dot(mixes[::-1])[0] if len(mixes) > 1 else mixes[0][0]


def roll_loops(layers):
    size = len(layers[0])
    row = [float(i == 0) for i in range(size)]
    for a in layers[::-1]:
        row = [sum(row[i] * (a[i][j] + (i == j)) / 2 for i in range(size)) for j in range(size)]
    return row


def roll_einsum(layers):
    row = np.zeros(layers[0].shape[0])
    row[0] = 1
    while layers:
        row = np.einsum("q,qk->k", row, 0.5 * (layers.pop() + np.eye(len(row))))
    return tuple(row)


def distance_numpy(weights, far):
    return (weights / weights.sum(-1, keepdims=True) * far).sum(-1).mean((0, 2))


def distance_in_place(weights, far):
    weights /= weights.sum(axis=3, keepdims=True)
    weights *= far
    return weights.sum(axis=3).mean(axis=2).mean(axis=0)


def distance_einsum(weights, far):
    rows = np.einsum("baqk,qk->baq", weights, far) / np.einsum("baqk->baq", weights)
    return np.einsum("baq->a", rows) / (rows.shape[0] * rows.shape[2])


@jax.jit
def distance_jitted(weights, far):
    return jnp.mean(jnp.sum(weights * far, axis=-1) / jnp.sum(weights, axis=-1), axis=(0, 2))


def distance_loops(weights, far):
    clips, heads, queries, keys = weights.shape
    means = []
    for a in range(heads):
        total = 0.0
        for b in range(clips):
            for q in range(queries):
                row = weights[b, a, q]
                total += sum(row[k] * far[q, k] for k in range(keys)) / sum(row)
        means.append(total / (clips * queries))
    return means


def distance_average(weights, far):
    rows = np.average(np.broadcast_to(far, weights.shape), axis=-1, weights=weights)
    return (rows[:, head].mean() for head in range(weights.shape[1]))


def pointing_flat(maps, mask):
    flat, truth = maps.reshape(len(maps), -1), mask.reshape(len(mask), -1)
    return truth[np.arange(len(maps)), flat.argmax(1)].astype(int)


def pointing_bools(maps, mask):
    return [bool(hit.ravel()[np.argmax(one)]) for one, hit in zip(maps, mask, strict=True)]


def pointing_inside(maps, mask):
    inside = np.where(mask, maps, -np.inf).max((1, 2, 3))
    return (inside == maps.max((1, 2, 3))) * 1.0


def pointing_jax(maps, mask):
    peak = jnp.argmax(jnp.asarray(maps).reshape(len(maps), -1), axis=1)
    return jnp.take_along_axis(jnp.asarray(mask).reshape(len(mask), -1), peak[:, None], axis=1)[:, 0].astype(
        jnp.float32
    )


def pointing_unravel(maps, mask):
    for one, hit in zip(maps, mask, strict=True):
        yield int(hit[np.unravel_index(one.argmax(), one.shape)])


def pointing_loops(maps, mask):
    hits = []
    for b in range(len(maps)):
        best, hit = -float("inf"), 0
        for place in itertools.product(*map(range, maps.shape[1:])):
            if maps[b][place] > best:
                best, hit = maps[b][place], int(mask[b][place])
        hits.append(hit)
    return tuple(hits)


def area_pairs(curve):
    return sum((a + b) / 2 for a, b in itertools.pairwise(curve)) / (len(curve) - 1)


def area_trapezoid(curve):
    return np.trapezoid(curve, dx=1 / (len(curve) - 1))


def area_in_place(curve):
    curve[0] /= 2
    curve[-1] /= 2
    return curve.sum() / (len(curve) - 1)


def area_jax(curve):
    return jnp.mean((jnp.asarray(curve)[1:] + jnp.asarray(curve)[:-1]) / 2)


def area_linspace(curve):
    x = np.linspace(0, 1, len(curve))
    return np.asarray(np.diff(x) @ (curve[1:] + curve[:-1]) / 2)


def area_loop(curve):
    total = 0.0
    for k in range(1, len(curve)):
        total += 0.5 * (float(curve[k - 1]) + float(curve[k])) / (len(curve) - 1)
    return total


def agree_counted(a, b):
    ranks = [[sum(other < one for other in values) for one in values] for values in (a, b)]
    return np.corrcoef(*ranks)[0, 1]


def agree_argsort(a, b):
    rank_a, rank_b = np.argsort(np.argsort(a)), np.argsort(np.argsort(b))
    n = len(a)
    return 1 - 6 * ((rank_a - rank_b) ** 2).sum() / (n * (n**2 - 1))


def agree_dictionary(a, b):
    rank_a = {value: i for i, value in enumerate(sorted(a))}
    rank_b = {value: i for i, value in enumerate(sorted(b))}
    apart = sum((rank_a[x] - rank_b[y]) ** 2 for x, y in zip(a, b, strict=True))
    return 1 - 6 * apart / (len(a) ** 3 - len(a))


def agree_jax(a, b):
    ranks = [jnp.argsort(jnp.argsort(jnp.asarray(x))).astype(float) for x in (a, b)]
    x, y = (r - r.mean() for r in ranks)
    return (x * y).sum() / jnp.sqrt((x**2).sum() * (y**2).sum())


def agree_in_place(a, b):
    for values in (a, b):
        values[np.argsort(values)] = np.arange(len(values))
        values -= values.mean()
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def agree_search(a, b):
    x, y = np.searchsorted(np.sort(a), a), np.searchsorted(np.sort(b), b)
    return np.cov(x, y)[0, 1] / (x.std(ddof=1) * y.std(ddof=1))


def resize_matrices(positions, before, after):
    mix = [
        np.array([np.interp(np.linspace(0, old - 1, new), np.arange(old), row) for row in np.eye(old)])
        for old, new in zip(before, after, strict=True)
    ]
    return np.einsum("hH,wW,hwd->HWd", *mix, positions.reshape(*before, -1)).reshape(-1, positions.shape[1])


def resize_twice(positions, before, after):
    grid = positions.reshape(*before, -1)
    for axis in (0, 1):
        at = np.linspace(0, before[axis] - 1, after[axis])
        low = np.minimum(at.astype(int), before[axis] - 2)
        share = (at - low).reshape([-1 if a == axis else 1 for a in range(3)])
        grid = np.take(grid, low, axis) * (1 - share) + np.take(grid, low + 1, axis) * share
    return grid.reshape(after[0] * after[1], -1)


def resize_hats(positions, before, after):
    rows, columns = (
        np.maximum(0, 1 - np.abs(np.linspace(0, old - 1, new)[:, None] - np.arange(old)))
        for old, new in zip(before, after, strict=True)
    )
    return jnp.asarray(np.kron(rows, columns) @ positions)


def resize_scipy(positions, before, after):
    grid = positions.reshape(before[0], before[1], -1)
    zoom = [new / old for old, new in zip(before, after, strict=True)]
    return ndimage.zoom(grid, (*zoom, 1), order=1).reshape(-1, positions.shape[1])


def resize_interp(positions, before, after):
    grid = positions.reshape(*before, -1)
    for row in np.linspace(0, before[0] - 1, after[0]):
        for column in np.linspace(0, before[1] - 1, after[1]):
            down, right = 1 - abs(np.arange(before[0]) - row), 1 - abs(np.arange(before[1]) - column)
            yield (np.outer(down.clip(0), right.clip(0))[..., None] * grid).sum((0, 1))


def follow_einsum(space, time):
    nt, places, _ = space[0].shape
    u = np.full((nt, places), 1 / (nt * places))
    for a_space, a_time in zip(reversed(space), reversed(time), strict=True):
        u = (u + np.einsum("qs,sqk->ks", u, a_time)) / 2
        u = (u + np.einsum("nq,nqk->nk", u, a_space)) / 2
    return u


def follow_loops(space, time):
    nt, places = len(space[0]), len(time[0])
    u = np.ones((nt, places)) / nt / places
    for layer in range(len(space))[::-1]:
        u = np.stack([0.5 * u[:, s] + 0.5 * u[:, s] @ time[layer][s] for s in range(places)], axis=1)
        u = np.stack([0.5 * u[n] + 0.5 * u[n] @ space[layer][n] for n in range(nt)])
    return u.tolist()


def follow_pop(space, time):
    u = np.full(space[0].shape[:2], 1 / space[0][..., 0].size)
    while space:
        u = u / 2 + (u.T[:, None] @ time.pop())[:, 0].T / 2
        u = u / 2 + (u[:, None] @ space.pop())[:, 0] / 2
    return jnp.asarray(u)


def follow_big(space, time):
    nt, places, _ = space[0].shape
    u = np.full(nt * places, 1 / (nt * places))
    for layer in reversed(range(len(space))):
        for over in (time, space):
            big = np.zeros((nt, places, nt, places))
            for n in range(nt):
                for s in range(places):
                    if over is space:
                        big[n, s, n] = space[layer][n, s]
                    else:
                        big[n, s, :, s] = time[layer][s, n]
            u = u @ (big.reshape(u.size, -1) + np.eye(u.size)) / 2
    return u.reshape(nt, places)


def follow_mixed(space, time):
    u = np.mean(np.ones_like(space[0]), axis=2) / (len(space[0]) * len(time[0]))
    for i in range(1, len(space) + 1):
        mixed = 0.5 * time[-i] + 0.5 * np.eye(len(u))
        u = np.einsum("qs,sqk->ks", u, mixed)
        u = np.einsum("nq,nqk->nk", u, 0.5 * (space[-i] + np.eye(u.shape[1])))
    return tuple(map(tuple, u))


def greedy_list(ask, count):
    kept, order = np.ones(count, bool), []
    for _ in range(count):
        chances = []
        for token in range(count):
            without = kept.copy()
            without[token] = False
            chances.append(ask(without) if kept[token] else np.inf)
        order.append(int(np.argmin(chances)))
        kept[order[-1]] = False
    return order


def greedy_min(ask, count):
    gone = []
    while len(gone) < count:
        rest = [token for token in range(count) if token not in gone]
        gone.append(min(rest, key=lambda token: ask([t not in (*gone, token) for t in range(count)])))
    return np.array(gone)


def greedy_generator(ask, count):
    left = set(range(count))
    while left:
        token = min(left, key=lambda one: ask(np.array([t in left - {one} for t in range(count)])))
        left.remove(token)
        yield token


def greedy_recursive(ask, count):
    def rest(kept):
        if not kept.any():
            return ()
        best = min(np.flatnonzero(kept), key=lambda token: ask(kept & (np.arange(count) != token)))
        return (int(best), *rest(kept & (np.arange(count) != best)))

    return rest(np.ones(count, bool))


def greedy_floats(ask, count):
    kept = np.ones(count)
    order = np.zeros(count, int)
    for step in range(count):
        tried = {token: ask(kept - np.eye(count)[token]) for token in range(count) if kept[token]}
        order[step] = min(tried, key=tried.get)
        kept[order[step]] = 0
    return order
