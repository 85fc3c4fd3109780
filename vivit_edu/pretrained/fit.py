"""Puts named arrays into a model, or says which are missing, unused or of another shape."""

from collections.abc import Mapping

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
    state = nnx.state(model, nnx.Param)
    return {"/".join(map(str, path)): param for path, param in nnx.to_flat_state(state)}


def fit(model: nnx.Module, arrays: Mapping[str, np.ndarray], *, source: str) -> None:
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
    state = nnx.state(model, nnx.Param)
    flat = [(path, param.replace(_as(arrays, path, param))) for path, param in nnx.to_flat_state(state)]
    nnx.update(model, nnx.from_flat_state(flat))


def without_parameters(config: ViViTConfig, *, seed: int = 0) -> ViViT:
    """A model whose parameters are shapes and no numbers, to be given to `fit`: nothing is drawn or stored.

    Args:
      seed: of the random streams of dropout and stochastic depth, which are no parameters.
    """
    kind = ViT if config.frames == 1 and config.body == "spacetime" else ViViT
    model = nnx.eval_shape(lambda: kind(config, rngs=nnx.Rngs(0)))
    streams = nnx.to_flat_state(nnx.state(model, nnx.RngState))
    keys = iter(jax.random.split(jax.random.key(seed), max(len(streams), 1)))
    seeded = [
        (path, var.replace(next(keys) if isinstance(var, nnx.RngKey) else jnp.zeros((), jnp.uint32)))
        for path, var in streams
    ]
    nnx.update(model, nnx.from_flat_state(seeded))
    return model


def _as(arrays, path, param) -> jax.Array:
    return jnp.asarray(np.asarray(arrays["/".join(map(str, path))]), param.dtype)
