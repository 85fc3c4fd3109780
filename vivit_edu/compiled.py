"""Compiled functions of a model that leave it as it was, whatever happens in them.

`flax.nnx.jit` takes a model apart and puts it together again; an error in between, such as a call within another
jax transformation, leaves the caller's model without parameters. Here the model is split, and what is compiled is a
function of its parts: nothing is put back, so there is nothing to lose.
"""

import functools
import threading
from collections.abc import Callable, Sequence

import jax
from flax import nnx
from flax.errors import TraceContextError


def compiled(*, static: Sequence[str] = ()) -> Callable[[Callable], Callable]:
    """Decorates `function(model, *arrays, **options)`: compiled once for models of one structure, which it only reads.

    Args:
      static: names of the options whose value is compiled in.
    """

    def decorate(function):
        @functools.partial(jax.jit, static_argnums=0, static_argnames=tuple(static))
        def parts(graph, state, *arrays, **options):
            return function(nnx.merge(graph, state), *arrays, **options)

        def split(compute, model, *arrays, **options):
            return compute(*nnx.split(model), *arrays, **options)

        call = functools.wraps(function)(functools.partial(split, parts))
        call.eval_shape = functools.partial(split, parts.eval_shape)
        return call

    return decorate


_HELD = threading.local()  # whether this thread is within a function on numbers


def on_numbers(function: Callable) -> Callable:
    """The function, which refuses in a sentence what jax traces: there are no numbers in it yet.

    Raises:
      ValueError: where an argument is traced, or all that is computed here is, as within jax.jit.
    """

    @functools.wraps(function)
    def call(*args, **options):
        if getattr(_HELD, "by_another", False):  # it has looked at what it was given
            return function(*args, **options)
        if any(isinstance(leaf, jax.core.Tracer) for given in (*args, *options.values()) for leaf in _leaves(given)):
            raise ValueError(_TRACED.format(function.__qualname__.removesuffix(".__init__")))
        _HELD.by_another = True
        try:
            return function(*args, **options)
        except (jax.errors.JAXTypeError, TraceContextError) as error:
            raise ValueError(_TRACED.format(function.__qualname__.removesuffix(".__init__"))) from error
        finally:
            _HELD.by_another = False

    return call


def put_back(parts: tuple, state) -> None:
    """Gives the parts the state that a compiled function has found for them, all of it or, where it is traced, none."""
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(state)):  # flax 0.11 would take it
        raise jax.errors.UnexpectedTracerError("a model cannot be changed from within a jax transformation")
    nnx.update(parts, state)


_TRACED = "{} works on numbers, which are not there yet within jax.jit, grad, vmap, scan or eval_shape: call it outside"


def _leaves(given):
    for leaf in jax.tree.leaves(given):
        if isinstance(leaf, nnx.Module):  # in flax 0.11 a module is a leaf
            yield from jax.tree.leaves(nnx.state(leaf))
        else:
            yield leaf
