"""Checks for chapter 9: inflated filters, repeated positions, and an attention that starts as the identity."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from flax import nnx

from vivit_edu.attention import SelfAttention
from vivit_edu.config import ViViTConfig
from vivit_edu.pretrained.start.filters import central_frame, inflate
from vivit_edu.pretrained.start.positions import tile_time
from vivit_edu.teach import pictures
from vivit_edu.teach.result import Mistake, Result, compare_arrays, run

LENGTHS = (4, 2, 3, 5, 1)  # frames of a tubelet
NAMES = tuple(f"{linear}/{leaf}" for linear in ("query", "key", "value", "out") for leaf in ("kernel", "bias"))


def check_central_frame(student: Callable) -> Result:
    """Checks `central(kernel, t)`: (h, w, C, D) -> (t, h, w, C, D) (Eq. 9)."""

    def compare(student):
        for kernel, t, case in _kernels():
            library = central_frame(kernel, t)
            first, before = np.zeros_like(library), np.zeros_like(library)
            first[0], before[(t - 1) // 2] = kernel, kernel
            habits = {
                "the filter is in the first frame, not at t // 2.": first,
                "the centre of an even number of frames is t // 2, the later of the two.": before,
                "that is Eq. 8: in Eq. 9 only one frame is not zero.": inflate(kernel, t),
            }
            compare_arrays(student(kernel, t), library, case=case, habits=habits)

    picture = pictures.marked_frames(4, {"t = 4": (2,)})
    return run("central(kernel, t)", student, compare, picture=picture)


def check_inflate(student: Callable) -> Result:
    """Checks `inflated(kernel, t)`: (h, w, C, D) -> (t, h, w, C, D) (Eq. 8)."""

    def compare(student):
        for kernel, t, case in _kernels():
            library = inflate(kernel, t)
            habits = {
                "the filters are not divided by t: a still clip's tokens come out t times too large.": library * t,
                "that is Eq. 9: in Eq. 8 all frames are the same.": central_frame(kernel, t),
                "time is the first axis.": np.moveaxis(library, 0, -1),
            }
            compare_arrays(student(kernel, t), library, case=case, habits=habits)

    picture = pictures.marked_frames(4, {"t = 4": range(4)})
    return run("inflated(kernel, t)", student, compare, picture=picture)


def check_repeat_positions(student: Callable) -> Result:
    """Checks `repeat(positions, nt)`: (1 + S, D) -> (1 + nt S, D), the class token's position first."""

    def compare(student):
        for places, nt, width in ((6, 4, 3), (4, 2, 5), (9, 3, 2)):
            positions = np.random.default_rng(places).normal(size=(1 + places, width))
            token, rest = positions[:1], positions[1:]
            habits = {
                "the class token's position is repeated too: it has one only.": np.tile(positions, (nt, 1)),
                "the class token's position is missing.": np.tile(rest, (nt, 1)),
                "tokens run over all places of a frame before the next time.": np.concatenate(
                    [token, rest.repeat(nt, axis=0)]
                ),
            }
            case = f"{places} places and nt = {nt}"
            library = np.concatenate([token, tile_time(rest, nt)])
            compare_arrays(student(positions, nt), library, case=case, habits=habits)

    picture = pictures.sequence(("p_cls", "p1", "p2", "p1", "p2", "…"))
    return run("repeat(positions, nt)", student, compare, picture=picture)


def check_silent_start(student: Callable) -> Result:
    """Checks `silent(names)`: which of an attention's arrays to set to zero, so that it is silent and learns.

    Silent: it adds nothing to the residual, whatever comes in. It learns: at least one of its kernels has a gradient.
    """

    def compare(student):
        chosen = student(NAMES)
        if chosen is None:
            raise Mistake("it returned None: is a return missing?")
        chosen = {chosen} if isinstance(chosen, str) else set(chosen)
        if unknown := sorted(map(str, chosen - set(NAMES))):
            raise Mistake(f"there is no array {', '.join(unknown)}; choose from {', '.join(NAMES)}")
        loudest, pull = _heard(chosen)
        if loudest > 0:
            raise Mistake(f"it is not silent: with these at zero it still adds up to {loudest:.2f} to a token")
        if pull == 0:
            raise Mistake("it is silent, but every kernel's gradient is exactly 0: it will never learn")

    return run("silent(names)", student, compare)


def _heard(zero):
    """The largest output of an attention whose arrays named in `zero` are 0, and its kernels' largest gradient."""
    config = ViViTConfig(frames=4, size=16, width=6, heads=2, depth=1, classes=2)
    attention = SelfAttention(config, over="time", rngs=nnx.Rngs(0))
    rng = np.random.default_rng(0)
    for name in NAMES:
        linear, leaf = name.split("/")
        array = getattr(getattr(attention, linear), leaf)
        array[...] = jnp.asarray(0 * array[...] if name in zero else rng.normal(size=array.shape), jnp.float32)
    z, wanted = (rng.normal(size=(5, 6)).astype(np.float32) for _ in range(2))
    gradients = nnx.grad(lambda attention: (attention(z) * wanted).sum())(attention)
    kernels = [gradients[name]["kernel"] for name in ("query", "key", "value", "out")]
    return float(np.abs(attention(z)).max()), max(float(np.abs(k[...]).max()) for k in kernels)


def _kernels():
    for seed, t in enumerate(LENGTHS):
        shape = (2 + seed, 3, 1 + seed % 3, 5)
        kernel = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
        yield kernel, t, f"a filter of {shape} and t = {t}"
