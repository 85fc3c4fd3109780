"""Puts named arrays into a model, or says which are missing, unused or of another shape."""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vivit_edu.config import RATES, ViViTConfig
from vivit_edu.encoder import Encoder
from vivit_edu.model import ViT, ViViT
from vivit_edu.pretrained.stored import settled


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
    return {_joined(path): param for path, param in _flat(model)}


def fit(model: nnx.Module, arrays: Mapping, *, source: str) -> None:
    """Sets every parameter of the model from `arrays`, by path; all or none.

    The model may be one of shapes alone (`without_parameters`), and the arrays may still lie in a file or be on
    their way from it (`stored.Stored`, `stored.reading`).

    Raises:
      KeyError: where names are missing or unused; both lists are given.
      ValueError: where shapes differ; all of them are given.
    """
    flat = _flat(model)
    ours = {_joined(path): param for path, param in flat}
    missing, unused = sorted(ours.keys() - arrays.keys()), sorted(arrays.keys() - ours.keys())
    if missing or unused:
        raise KeyError(f"{source} does not fit the model: missing {missing or 'nothing'}; unused {unused or 'nothing'}")
    wrong = {k: (arrays[k].shape, ours[k].shape) for k in ours if arrays[k].shape != ours[k].shape}
    if wrong:
        listed = "; ".join(f"{k} is {theirs}, expected {mine}" for k, (theirs, mine) in sorted(wrong.items()))
        raise ValueError(f"{source} does not fit the model: {listed}")
    numbers = [settled(arrays[name], param.dtype) for name, param in ours.items()]
    values = jax.device_put(numbers, may_alias=True)  # on a CPU nothing is copied; one call, as each one costs time
    filled = [(path, param.replace(value)) for (path, param), value in zip(flat, values, strict=True)]
    nnx.update(model, nnx.from_flat_state(filled))


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
    model = _shapes(config) if any(getattr(config, rate) for rate in RATES) else _deepened(config)
    streams = nnx.to_flat_state(nnx.state(model, nnx.RngState))
    if streams:  # a key is a function to compile: a quarter of a second, for nothing where nothing is random
        keys = iter(jax.random.split(jax.random.key(seed), len(streams)))
        seeded = [
            (path, var.replace(next(keys) if isinstance(var, nnx.RngKey) else jnp.zeros((), jnp.uint32)))
            for path, var in streams
        ]
        nnx.update(model, nnx.from_flat_state(seeded))
    return model


def _shapes(config):
    kind = ViT if config.frames == 1 and config.body == "spacetime" else ViViT

    def build():
        rngs = nnx.Rngs(0)
        rngs.default = _Still(jax.random.key(0), tag="default")
        return kind(config, rngs=rngs)

    return nnx.eval_shape(build)


def _deepened(config):
    """The shapes of a model whose blocks are all alike, copied from a model of one block, which is quicker."""
    model = _shapes(dataclasses.replace(config, depth=1, temporal_depth=min(1, config.temporal_depth)))
    model.config = config
    for name, encoder in vars(model.body).items():
        if isinstance(encoder, Encoder):
            depth = config.temporal_depth if name == "time" else config.depth
            for parts in ("blocks", "skips"):
                graph, state = nnx.split(getattr(encoder, parts).layers[0])
                setattr(encoder, parts, nnx.Sequential(*(nnx.merge(graph, state, copy=True) for _ in range(depth))))
    return model


def _joined(path):
    return "/".join(map(str, path))


def _flat(model):
    return nnx.to_flat_state(nnx.state(model, nnx.Param))
