"""Checks for chapter 4: attention, class token, one layer, and what the weights weigh."""

from collections.abc import Callable

import jax
import numpy as np
from flax import nnx

from vivit_edu.attention import attention
from vivit_edu.config import ViViTConfig
from vivit_edu.encoder import Block
from vivit_edu.teach import pictures
from vivit_edu.teach.result import Result, compare_arrays, compare_values, run

SIZES = ((5, 7, 2, 3), (4, 9, 3, 5), (6, 2, 1, 4))  # q, k, A, Dh


def check_attention(student: Callable) -> Result:
    """Checks `attend(q, k, v)` of Eq. 7: (q, A, Dh), (k, A, Dh), (k, A, Dh) -> (q, A, Dh)."""

    def compare(student):
        for seed, (queries, keys, heads, width) in enumerate(SIZES):
            rng = np.random.default_rng(seed)
            q, k, v = (rng.normal(size=(n, heads, width)).astype(np.float32) for n in (queries, keys, keys))
            case = f"{queries} queries, {keys} keys, {heads} heads of width {width}"
            habits = _attention_habits(q, k, v)
            compare_arrays(student(q, k, v), attention(q, k, v), case=case, habits=habits)

    with jax.default_matmul_precision("highest"):
        return run("attend(q, k, v)", student, compare)


def check_class_token(student: Callable) -> Result:
    """Checks `prepend(z, token)`: (B, N, D), (D,) -> (B, N + 1, D), the token first (Eq. 1)."""

    def compare(student):
        for batch, tokens, width in ((2, 5, 3), (3, 4, 7), (1, 6, 2)):
            rng = np.random.default_rng(tokens)
            z, token = rng.normal(size=(batch, tokens, width)), rng.normal(size=width)
            repeated = np.tile(token, (batch, 1, 1))
            habits = {"the token comes last: Eq. 1 puts it first.": np.concatenate([z, repeated], axis=1)}
            habits["the token is added to every token, not put before them."] = z + token
            library = np.concatenate([repeated, z], axis=1)
            case = f"tokens of {z.shape} and a class token of {token.shape}"
            compare_arrays(student(z, token), library, case=case, habits=habits)

    picture = pictures.sequence(("z_cls", "Ex1", "Ex2", "…", "ExN"))
    return run("prepend(z, token)", student, compare, picture=picture)


def check_layer(student: Callable) -> Result:
    """Checks `layer(z, attend, mlp, norms)` of Eqs. 2 and 3; `attend`, `mlp`, `norms` are functions."""

    def compare(student):
        for seed, (tokens, width, heads) in enumerate(((5, 6, 2), (7, 12, 3))):
            config = ViViTConfig(frames=2, size=16, width=width, heads=heads, mlp=width + 1, depth=1, classes=2)
            block = Block(config, over="spacetime", rngs=nnx.Rngs(seed))
            z = np.random.default_rng(seed).normal(size=(tokens, width)).astype(np.float32)
            norms = block.attention_norm, block.mlp_norm
            mine = student(z, block.attention, block.mlp, norms)
            compare_arrays(mine, block(z), case=f"tokens of {z.shape}", habits=_layer_habits(z, block))

    return run("layer(z, attend, mlp, norms)", student, compare)


def check_attention_bytes(student: Callable) -> Result:
    """Checks `attention_bytes(tokens, heads, layers)`: float32, of Model 1 with a class token, one clip."""

    def compare(student):
        for tokens, heads, layers in ((128, 4, 3), (3136, 12, 12), (50, 5, 2), (784, 3, 7)):
            library = 4 * layers * heads * (tokens + 1) ** 2
            habits = {
                "the class token is a token too.": 4 * layers * heads * tokens**2,
                "that counts the weights; each takes four bytes.": library // 4,
                "that is a single head's.": library // heads,
                "that is a single layer's.": library // layers,
            }
            case = f"{tokens} tokens, {heads} heads and {layers} layers"
            compare_values(student(tokens, heads, layers), library, case=case, habits=habits)

    return run("attention_bytes(tokens, heads, layers)", student, compare)


def _attention_habits(q, k, v):
    """What comes out when one part of Eq. 7 is forgotten or turned around."""
    width, scores = q.shape[-1], np.einsum("qad,kad->aqk", q, k)
    gather = lambda weights: np.einsum("aqk,kad->qad", weights, v)  # noqa: E731
    return {
        "the scores are not divided by anything.": gather(_softmax(scores, -1)),
        "the scores are divided by dk, not by its root.": gather(_softmax(scores / width, -1)),
        "the softmax runs over the queries: each query's weights must sum to 1.": gather(
            _softmax(scores / np.sqrt(width), -2)
        ),
        "the softmax is missing.": gather(scores / np.sqrt(width)),
    }


def _layer_habits(z, block):
    attend, mlp, first, second = block.attention, block.mlp, block.attention_norm, block.mlp_norm
    y = attend(first(z)) + z
    bare = attend(first(z))
    post = first(attend(z) + z)
    return {
        "the second residual, + y of Eq. 3, is missing.": mlp(second(y)),
        "the first residual, + z of Eq. 2, is missing.": mlp(second(bare)) + bare,
        "LN comes before each part (Eqs. 2 and 3), not after the sum.": second(mlp(post) + post),
        "the LN of Eq. 3 is missing.": mlp(y) + y,
    }


def _softmax(scores, axis):
    weights = np.exp(scores - scores.max(axis, keepdims=True))
    return weights / weights.sum(axis, keepdims=True)
