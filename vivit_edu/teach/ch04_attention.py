"""Checks for chapter 4: attention, at once and in parts, class token, one layer, and what the weights weigh."""

import numpy as np

from vivit_edu.teach import pictures
from vivit_edu.teach.marking.cases import Case
from vivit_edu.teach.marking.watch import run
from vivit_edu.teach.parts import parts_of_a_layer, softmax
from vivit_edu.teach.result import Result, Student

ATTENTIONS = ((5, 7, 2, 3), (4, 9, 3, 6), (8, 2, 1, 4), (1, 6, 5, 7), (9, 5, 6, 2))  # q, k, A, Dh

# q, A, Dh and the keys of each part. In the last case no exponential of a score fits into a number.
PARTS = ((5, 2, 3, (4, 1, 6)), (4, 3, 6, (2, 7)), (7, 1, 4, (3, 5, 2, 8)), (6, 5, 16, (9, 2, 4)))


def check_attention(student: Student) -> Result:
    """Checks `attend(q, k, v)` of Eq. 7: (q, A, Dh), (k, A, Dh), (k, A, Dh) -> (q, A, Dh)."""
    cases = [_attention_case(seed, *sizes) for seed, sizes in enumerate(ATTENTIONS)]
    return run("attend(q, k, v)", student, cases)


def check_attention_in_parts(student: Student) -> Result:
    """Checks `attend_in_parts(q, parts)`: Eq. 7 over the keys and values of all parts, pairs (k, v), one at a time."""
    cases = [_parts_case(seed, *sizes) for seed, sizes in enumerate(PARTS)]
    return run("attend_in_parts(q, parts)", student, cases)


def check_class_token(student: Student) -> Result:
    """Checks `prepend(z, token)`: (B, N, D), (D,) -> (B, N + 1, D), the token first (Eq. 1)."""
    cases = [_class_token_case(*sizes) for sizes in ((2, 5, 3), (3, 7, 4), (1, 6, 2), (4, 1, 8))]
    picture = pictures.sequence(("z_cls", "Ex1", "Ex2", "...", "ExN"))
    return run("prepend(z, token)", student, cases, picture=picture)


def check_layer(student: Student) -> Result:
    """Checks `layer(z, attend, mlp, norms)` of Eqs. 2 and 3; `attend`, `mlp`, `norms` are functions of tokens."""
    cases = [_layer_case(seed, *sizes) for seed, sizes in enumerate(((5, 6), (8, 4), (3, 10)))]
    return run("layer(z, attend, mlp, norms)", student, cases)


def check_attention_bytes(student: Student) -> Result:
    """Checks `attention_bytes(tokens, heads, layers)`: float32, of Model 1 with a class token, one clip."""
    sizes = ((128, 5, 3), (3136, 12, 11), (50, 6, 5), (784, 3, 7), (11, 7, 3))
    cases = [_bytes_case(*numbers) for numbers in sizes]
    return run("attention_bytes(tokens, heads, layers)", student, cases)


def _attention_case(seed, queries, keys, heads, width):
    """Habits: what comes out when one part of Eq. 7 is forgotten or turned around."""
    rng = np.random.default_rng(seed)
    args = tuple(1.3 * rng.normal(size=(n, heads, width)).astype(np.float32) for n in (queries, keys, keys))
    q, k, v = (x.astype(float) for x in args)
    scores = np.einsum("qad,kad->aqk", q, k)
    gather = lambda weights: np.einsum("aqk,kad->qad", weights, v)  # noqa: E731
    scaled = scores / np.sqrt(width)
    weights = np.exp(scaled)
    habits = {
        "the scores are not divided by anything: look at Eq. 7.": gather(softmax(scores)),
        "the scores are divided by too much: look at the denominator of Eq. 7.": gather(softmax(scores / width)),
        "the scores are multiplied where Eq. 7 divides.": gather(softmax(scores * np.sqrt(width))),
        "the denominator of Eq. 7 has another width: whose?": gather(softmax(scores / np.sqrt(heads * width))),
        "each key's weights sum to 1: over what does a query share its attention out?": gather(
            softmax(scaled, axis=-2)
        ),
        "the weights sum to 1 over the heads: each head has an attention of its own.": gather(softmax(scaled, axis=0)),
        "the weights sum to 1 over all pairs: each query has an attention of its own.": gather(
            weights / weights.sum((-2, -1), keepdims=True)
        ),
        "the softmax is missing.": gather(scaled),
        "the weights are exponentials that do not sum to 1.": gather(weights),
        "the smallest scores get the largest weights.": gather(softmax(-scaled)),
        "the keys are gathered: what are the weights of Eq. 7 multiplied by?": np.einsum(
            "aqk,kad->qad", softmax(scaled), k
        ),
    }
    about = f"{queries} queries, {keys} keys, {heads} heads of width {width}"
    return Case(about=about, args=args, wanted=gather(softmax(scaled)), habits=habits)


def _parts_case(seed, queries, heads, width, keys):
    """Habits: each part with a softmax of its own, or sums that do not follow the largest score."""
    rng = np.random.default_rng(seed)
    draw = lambda n: 1.3 * rng.normal(size=(n, heads, width)).astype(np.float32)  # noqa: E731
    q, parts = draw(queries), [(draw(n), draw(n)) for n in keys]
    if width == 16:  # whole numbers, so that even scores of hundreds are exact
        q, parts = np.round(60 * q), [(np.round(3 * k), v) for k, v in parts]
    each = [_gathered(q, *part) for part in parts]
    habits = {
        "each part has a softmax of its own and the answers are averaged: all keys share one.": np.mean(each, axis=0),
        "each part has a softmax of its own and the answers are added: all keys share one.": np.sum(each, axis=0),
        "the parts count by their numbers of keys: by what do they count?": np.average(each, axis=0, weights=keys),
        "only the last part is heard.": each[-1],
        "only the first part is heard.": each[0],
        "the scores are not divided by anything: look at Eq. 7.": _gathered(q * np.sqrt(width), *_joined(parts)),
    }
    about = f"{queries} queries, {heads} heads of width {width} and parts of {keys} keys"
    return Case(about=about, args=(q, parts), wanted=_gathered(q, *_joined(parts)), habits=habits)


def _joined(parts):
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def _gathered(q, k, v):
    scores = np.einsum("qad,kad->aqk", q.astype(float), k.astype(float)) / np.sqrt(q.shape[-1])
    return np.einsum("aqk,kad->qad", softmax(scores), v.astype(float))


def _class_token_case(batch, tokens, width):
    rng = np.random.default_rng(tokens)
    z, token = rng.normal(size=(batch, tokens, width)), rng.normal(size=width)
    repeated = np.tile(token, (batch, 1, 1))
    habits = {
        "the token comes last: where does Eq. 1 put it?": np.concatenate([z, repeated], axis=1),
        "the token is added to every token: it is one more token.": z + token,
        "the first token of each clip is gone.": np.concatenate([repeated, z[:, 1:]], axis=1),
        "there are zeros where the token should be.": np.concatenate([0 * repeated, z], axis=1),
        "the token stands before each token: each clip has one.": np.stack(
            [np.broadcast_to(token, z.shape), z], axis=2
        ).reshape(batch, 2 * tokens, width),
    }
    about = f"tokens of {z.shape} and a class token of {token.shape}"
    return Case(about=about, args=(z, token), wanted=np.concatenate([repeated, z], axis=1), habits=habits)


def _layer_case(seed, tokens, width):
    rng = np.random.default_rng(seed)
    z = (1 + 2 * rng.normal(size=(tokens, width))).astype(np.float32)
    attend, mlp, norms = parts_of_a_layer(width, rng)
    first, second = norms
    exact = z.astype(float)
    y = attend(first(exact)) + exact
    habits = _layer_habits(exact, attend, mlp, norms)
    wanted = mlp(second(y)) + y
    return Case(about=f"tokens of {z.shape}", args=(z, attend, mlp, norms), wanted=wanted, habits=habits)


def _layer_habits(z, attend, mlp, norms):
    first, second = norms
    y, bare = attend(first(z)) + z, attend(first(z))
    raw, post, swapped = attend(z) + z, first(attend(z) + z), attend(second(z)) + z
    fed = mlp(first(z)) + z
    return {
        "the second residual of Eqs. 2 and 3 is missing.": mlp(second(y)),
        "the first residual of Eqs. 2 and 3 is missing.": mlp(second(bare)) + bare,
        "neither residual of Eqs. 2 and 3 is there.": mlp(second(bare)),
        "the second residual adds z: look at Eq. 3 again.": mlp(second(y)) + z,
        "LN comes after each sum: where do Eqs. 2 and 3 have it?": second(mlp(post) + post),
        "the LN of Eq. 3 is missing.": mlp(y) + y,
        "the LN of Eq. 2 is missing.": mlp(second(raw)) + raw,
        "both LN are missing.": mlp(raw) + raw,
        "the first LN is used twice: each of Eqs. 2 and 3 has its own.": mlp(first(y)) + y,
        "the second LN is used twice: each of Eqs. 2 and 3 has its own.": mlp(second(swapped)) + swapped,
        "the two LN are exchanged.": mlp(first(swapped)) + swapped,
        "the MLP comes before the attention.": attend(second(fed)) + fed,
        "that is y of Eq. 2: Eq. 3 is missing.": y,
        "the residuals start from normalised tokens.": mlp(second(bare + first(z))) + second(bare + first(z)),
        "the MLP reads z in place of y.": mlp(second(z)) + y,
    }


def _bytes_case(tokens, heads, layers):
    count = layers * heads * (tokens + 1) ** 2
    habits = {
        "the class token is not counted.": 4 * layers * heads * tokens**2,
        "the class token is counted on one side only: it attends, and is attended to.": 4
        * layers
        * heads
        * tokens
        * (tokens + 1),
        "that is the number of weights, not of bytes.": count,
        "that is the number of bits, not of bytes.": 32 * count,
        "a float32 takes fewer bytes than that.": 8 * count,
        "a float32 takes more bytes than that.": 2 * count,
        "that is a single head's.": 4 * count // heads,
        "that is a single layer's.": 4 * count // layers,
        "that is a single head's of a single layer.": 4 * (tokens + 1) ** 2,
        "every pair of tokens has a weight, in both directions.": 2 * layers * heads * (tokens + 1) * (tokens + 2),
        "the number does not fit into 32 bits, and has wrapped round.": (4 * count + 2**31) % 2**32 - 2**31,
        "that grows linearly with the tokens: how many weights has each?": 4 * layers * heads * (tokens + 1),
    }
    about = f"{tokens} tokens, {heads} heads and {layers} layers"
    return Case(about=about, args=(tokens, heads, layers), wanted=np.array(4 * count), habits=habits)
