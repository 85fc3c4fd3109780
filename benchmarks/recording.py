"""Peak memory of recording one row of every layer of ViViT-B/16x2, Model 1: 3,137 tokens.

All weights of its 12 layers would take 5.7 GB.
"""

import resource
import time

import jax
import numpy as np
from flax import nnx

import vivit_edu as ve


def random_model(name: str) -> ve.ViViT:
    """A model of noise, made without the initialisers' work."""
    rng = np.random.default_rng(0)
    model = nnx.eval_shape(lambda: ve.ViViT(ve.named(name), rngs=nnx.Rngs(0)))
    noise = lambda x: jax.numpy.asarray(rng.normal(0, 0.02, x.shape).astype(np.float32))  # noqa: E731
    nnx.update(model, jax.tree.map(noise, nnx.state(model, nnx.Param)))
    return model


def main() -> None:
    model = random_model("ViViT-B/16x2")
    video = np.random.default_rng(1).uniform(-1, 1, (1, 32, 224, 224, 3)).astype(np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    start = time.monotonic()
    _, records = ve.explain.record_attention(model, video, queries=[0])
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(records)} layers of {records[0].weights.shape} in {seconds:.0f} s")
    print(f"peak memory of the process {peak:.2f} GiB; {before:.2f} GiB before, with model and clip")
    for record in records:
        np.testing.assert_allclose(record.weights.sum(-1), 1, atol=1e-4)  # float32 sums of 3,137 terms


if __name__ == "__main__":
    main()
