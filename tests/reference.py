"""ViViT in float64 numpy, written with loops from the paper's equations; it shares no code with the library.

`forward(params, config, video)` takes this library's '/'-joined parameter names and a clip; heads, queries and keys
are looped over one by one, so that an axis taken for another cannot agree by chance.
"""

import numpy as np


def layer_norm(z, p, epsilon):
    """(z - mean) / sqrt(var + epsilon), scaled and shifted, over the last axis."""
    out = np.empty_like(z)
    for index in np.ndindex(z.shape[:-1]):
        x = z[index]
        out[index] = (x - x.mean()) / np.sqrt(((x - x.mean()) ** 2).mean() + epsilon)
    return out * p["scale"] + p["bias"]


def gelu(x):
    """The tanh form of GELU."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def softmax(x):
    """Of one vector."""
    e = np.exp(x - x.max())
    return e / e.sum()


def attend(queries, keys, values, heads, sees):
    """Eq. 7 for one sequence: q, k, v (N, A, Dh); `sees(head, q)` lists the keys that a query may look at."""
    out = np.zeros_like(queries)
    for head in heads:
        for q in range(len(queries)):
            places = sees(head, q)
            scores = np.array([queries[q, head] @ keys[k, head] for k in places]) / np.sqrt(queries.shape[-1])
            for weight, k in zip(softmax(scores), places, strict=True):
                out[q, head] += weight * values[k, head]
    return out


def msa(z, p, sees):
    """Multi-head self-attention of one sequence (N, D)."""
    q, k, v = (np.einsum("nd,dac->nac", z, p[x]["kernel"]) + p[x]["bias"] for x in ("query", "key", "value"))
    y = attend(q, k, v, range(q.shape[1]), sees)
    return np.einsum("nac,acd->nd", y, p["out"]["kernel"]) + p["out"]["bias"]


def mlp(z, p):
    """Two linear maps with a GELU between."""
    return gelu(z @ p["first"]["kernel"] + p["first"]["bias"]) @ p["second"]["kernel"] + p["second"]["bias"]


def block(z, p, eps, sees):
    """Eqs. 2 and 3."""
    y = msa(layer_norm(z, p["attention_norm"], eps), p["attention"], sees) + z
    return mlp(layer_norm(y, p["mlp_norm"], eps), p["mlp"]) + y


def factorised_block(z, p, eps, order, sees):
    """Eqs. 4 to 6."""
    for over in order:
        z = msa(layer_norm(z, p[f"{over}_norm"], eps), p[over], sees[over]) + z
    return mlp(layer_norm(z, p["mlp_norm"], eps), p["mlp"]) + z


def tokens(video, p, config):
    """Ex of Eq. 1: (nt, nh, nw, D)."""
    kernel, (nt, nh, nw), (t, h, w) = p["kernel"], config.grid, config.tubelet
    if config.tokeniser == "uniform":
        n, length = nt, len(video)
        frames = [min(int(np.round(length * (i + 1) / (n + 1))), length - 1) for i in range(n)]
        video, kernel, t = video[frames if n < length else range(length)], kernel[None], 1
    z = np.zeros((nt, nh, nw, kernel.shape[-1]))
    for i, j, k in np.ndindex(nt, nh, nw):
        patch = video[i * t : (i + 1) * t, j * h : (j + 1) * h, k * w : (k + 1) * w]
        z[i, j, k] = np.tensordot(patch, kernel, 4) + p["bias"]
    return z


def encoder(z, p, config, run_block):
    """Class token, positions, blocks, LayerNorm on one sequence (N, D)."""
    if config.pool == "class_token":
        z = np.concatenate([p["class_token"]["token"][None], z])
    z = z + p["positions"].reshape(-1, z.shape[-1])
    for layer in sorted(p["blocks"]["layers"], key=int) if "blocks" in p else ():
        z = run_block(z, p["blocks"]["layers"][layer])
    return layer_norm(z, p["norm"], config.epsilon)


def pool(z, config):
    """The class token, or the mean."""
    return z[0] if config.pool == "class_token" else z.mean(0)


def body(z, p, config):
    """The five bodies of Sec. 3.3 for one clip's tokens (nt, nh, nw, D)."""
    nt, nh, nw, width = z.shape
    everyone = lambda head, q: range(n_of[0])  # noqa: E731
    n_of = [0]

    def plain(z, p):
        n_of[0] = len(z)
        return block(z, p, config.epsilon, everyone)

    if config.body == "spacetime":
        return pool(encoder(z.reshape(-1, width), p["encoder"], config, plain), config)
    if config.body in ("factorised_encoder", "average_pool"):
        h = np.stack([pool(encoder(z[i].reshape(-1, width), p["space"], config, plain), config) for i in range(nt)])
        return pool(encoder(h, p["time"], config, plain), config) if "time" in p else h.mean(0)
    at = [index for index in np.ndindex(nt, nh * nw)]  # the place in time and in space of each token
    same = {0: lambda q: [k for k in range(len(at)) if at[k][0] == at[q][0]]}  # same time: attention over space
    same[1] = lambda q: [k for k in range(len(at)) if at[k][1] == at[q][1]]  # same place: attention over time
    order = config.order.split("_")
    if config.body == "factorised_self_attention":
        sees = {"space": lambda head, q: same[0](q), "time": lambda head, q: same[1](q)}
        run = lambda z, p: factorised_block(z, p, config.epsilon, order, sees)  # noqa: E731
    else:
        first = {"space": 0, "time": 1}[order[0]]
        half = lambda head, q: same[first if head < config.heads // 2 else 1 - first](q)  # noqa: E731
        run = lambda z, p: block(z, p, config.epsilon, half)  # noqa: E731
    return pool(encoder(z.reshape(-1, width), p["encoder"], config, run), config)


def nest(flat):
    """A '/'-joined mapping as a nested one, in float64."""
    tree = {}
    for name, value in flat.items():
        *path, last = name.split("/")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[last] = np.asarray(value, np.float64)
    return tree


def forward(params, config, video):
    """Logits (B, classes) of clips (B, T, H, W, C)."""
    p = nest(params)
    head = p["heads"]["output"]
    vectors = [body(tokens(clip, p["tokenise"], config), p["body"], config) for clip in np.asarray(video, np.float64)]
    return np.stack(vectors) @ head["kernel"] + head["bias"]


def on_all_tokens(weights, over):
    """Weights over space (nt, S, S) or time (S, nt, nt), heads already one, as one matrix over all nt S tokens."""
    groups, length = weights.shape[:2]
    nt, s = (groups, length) if over == "space" else (length, groups)
    whole = np.zeros((nt, s, nt, s))
    for one in range(groups):
        if over == "space":
            whole[one, :, one, :] = weights[one]
        else:
            whole[:, one, :, one] = weights[one]
    return whole.reshape(nt * s, nt * s)
