"""Puts named arrays into a model, or says which are missing, unused or of another shape."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vivit_edu.config import ViViTConfig
from vivit_edu.model import ViT, ViViT


def flatten(params: Mapping) -> dict[str, np.ndarray]:
    """A nested or '/'-joined mapping of arrays as one flat mapping with '/'-joined names."""
    flat = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}/{rest}": array for rest, array in flatten(value).items()}
        else:
            flat[str(name)] = value if hasattr(value, "shape") else np.asarray(value)
    return flat


def places(model: nnx.Module) -> dict[str, nnx.Param]:
    """Every parameter of a model by its '/'-joined path, "body/encoder/blocks/layers/0/mlp/first/kernel"."""
    return {"/".join(map(str, path)): param for path, param in _flat(model)}


def fit(model: nnx.Module, arrays: Mapping, *, source: str) -> None:
    """Sets every parameter of the model from `arrays`, by path; all or none.

    The model may be one of shapes alone (`without_parameters`), and the arrays may be read from a file only when
    they are asked for (`Lazy`).

    Raises:
      KeyError: where names are missing or unused; both lists are given.
      ValueError: where shapes differ; all of them are given.
    """
    ours = places(model)
    missing, unused = sorted(ours.keys() - arrays.keys()), sorted(arrays.keys() - ours.keys())
    if missing or unused:
        raise KeyError(f"{source} does not fit the model: missing {missing or 'nothing'}; unused {unused or 'nothing'}")
    wrong = {k: (arrays[k].shape, ours[k].shape) for k in ours if arrays[k].shape != ours[k].shape}
    if wrong:
        listed = "; ".join(f"{k} is {theirs}, expected {mine}" for k, (theirs, mine) in sorted(wrong.items()))
        raise ValueError(f"{source} does not fit the model: {listed}")
    with ThreadPoolExecutor(4) as pool:  # reading and checking leave the interpreter free
        values = list(pool.map(lambda name: jnp.asarray(np.asarray(arrays[name]), ours[name].dtype), ours))
    flat = [(path, param.replace(value)) for (path, param), value in zip(_flat(model), values, strict=True)]
    nnx.update(model, nnx.from_flat_state(flat))


class _Still(nnx.RngStream):
    """The same key every time: shapes need no randomness, and counting keys in a trace takes time squared."""

    def __call__(self):
        return self.key[...]

    def fork(self, **_):
        return nnx.RngStream(self.key[...], tag=self.tag)


def without_parameters(config: ViViTConfig, *, seed: int = 0) -> ViViT:
    """A model whose parameters are shapes and no numbers, to be given to `fit`: nothing is drawn or stored.

    Args:
      seed: of the random streams of dropout and stochastic depth, which are no parameters.
    """
    kind = ViT if config.frames == 1 and config.body == "spacetime" else ViViT
    rngs = nnx.Rngs(0)
    rngs.default = _Still(jax.random.key(0), tag="default")
    model = nnx.eval_shape(lambda: kind(config, rngs=rngs))
    streams = nnx.to_flat_state(nnx.state(model, nnx.RngState))
    keys = iter(jax.random.split(jax.random.key(seed), max(len(streams), 1)))
    seeded = [
        (path, var.replace(next(keys) if isinstance(var, nnx.RngKey) else jnp.zeros((), jnp.uint32)))
        for path, var in streams
    ]
    nnx.update(model, nnx.from_flat_state(seeded))
    return model


def _flat(model):
    return nnx.to_flat_state(nnx.state(model, nnx.Param))
