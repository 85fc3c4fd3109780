"""What is asked for must be there, and numbers must be numbers: one sentence where they come in, not a map of NaN."""

import json
import operator
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

Index = int | np.integer  # what may point at something; True and 1.0 may not


def place(index, count: int, what: str) -> int:
    """The index as an int, counted from 0.

    Args:
      what: it is of, "spacetime/0 has queries".

    Raises:
      IndexError: where it is no whole number, or none of those from 0 to count - 1.
    """
    if not is_whole(index) or not 0 <= index < count:
        raise IndexError(f"{what} {_span(count)}; asked for {_told(index)}")
    return operator.index(index)


def places(indices, count: int, what: str) -> tuple[int, ...]:
    """The indices as ints, at least one.

    Raises:
      IndexError: as `place`; all that are not there are named.
    """
    found, wrong = [], []
    for index in listed(indices, what):
        try:
            found.append(place(index, count, what))
        except IndexError:
            wrong.append(_told(index))
    if wrong or not found:
        raise IndexError(f"{what} {_span(count)}; asked for {', '.join(wrong) or 'none of them'}")
    return tuple(found)


def is_whole(number) -> bool:
    """Whether it is a whole number, Python's or numpy's; neither True nor 1.0 is one."""
    return hasattr(number, "__index__") and not isinstance(number, bool | np.bool_) and np.ndim(number) == 0


def _span(count):
    return f"0 to {count - 1}"


def _told(index):
    """A number as it is written, all else so that '0' cannot be taken for one."""
    return str(index) if isinstance(index, np.generic | np.ndarray) else repr(index)


def listed(given, what: str) -> tuple:
    """What was given, one by one; a string is one name.

    Raises:
      ValueError: where it is no collection.
    """
    if isinstance(given, str):
        return (given,)
    try:
        return tuple(given)
    except TypeError as error:
        raise ValueError(f"{what}: expected a list; got {given!r}") from error


def finite(values, what: str) -> np.ndarray:
    """The values, numbers in any nesting, as an array.

    Raises:
      ValueError: where one is NaN or infinite; how many are, and where the first is. Where they are no numbers.
    """
    values = _numbers(values, what)
    if values.dtype.kind in "biu" or np.isfinite(values).all():
        return values
    wrong = ~np.isfinite(values)
    first = ", ".join(map(str, np.argwhere(wrong)[0]))
    where = f", the first at [{first}]" if first else ""
    raise ValueError(f"{what} must be finite: {wrong.sum():,} of {values.size:,} numbers are NaN or infinite{where}")


def _numbers(given, what):
    try:
        values = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{what} must be numbers in rows of one length: {error}") from error
    if values.dtype.kind not in "biu" and not jnp.issubdtype(values.dtype, jnp.floating):  # bfloat16 is one for jax
        raise ValueError(f"{what} must be real numbers; got {type(given).__name__} of {values.dtype}")
    return values


def clips(video) -> jax.Array | np.ndarray:
    """The video as an array of finite numbers, at least one clip.

    Raises:
      ValueError: where it is none.
    """
    found = finite(video, "video")
    if not found.size or found.ndim < 4:
        raise ValueError(f"video must be one clip or more, (B, T, H, W, C) or images (B, H, W, C); got {found.shape}")
    return video if isinstance(video, jax.Array) else found  # which stays where it is


def one_clip(video) -> jax.Array | np.ndarray:
    """As `clips`, one alone.

    Raises:
      ValueError: where it is none, or more.
    """
    video = clips(video)
    if len(video) != 1:
        raise ValueError(f"expected one clip, with an axis of batch of 1; got {len(video)} of them")
    return video


def as_json(plain: Mapping, what: str) -> str:
    """The mapping as JSON that every reader takes: Python's own would write NaN, which is none.

    Raises:
      ValueError: where it holds a number that is NaN or infinite; under which names.
    """
    try:
        return json.dumps(plain, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        wrong = [name for name, value in plain.items() if not _is_json(value)]
        raise ValueError(
            f"{what} holds finite numbers alone; NaN or infinite ones are in {', '.join(wrong)}"
        ) from error


def _is_json(value):
    try:
        return bool(json.dumps(value, allow_nan=False))
    except ValueError:
        return False


def answered(model: nnx.Module, results: Mapping) -> None:
    """Refuses results of a model that are not finite, and says which of its parameters are not.

    What is not finite in a model shows in its answer; so parameters are looked through only then.

    Raises:
      ValueError: where a result is NaN or infinite.
    """
    wrong = [name for name, values in results.items() if not np.isfinite(values).all()]
    if not wrong:
        return
    found = {
        "/".join(map(str, path)): int((~np.isfinite(np.asarray(param[...], np.float32))).sum())
        for path, param in nnx.to_flat_state(nnx.state(model, nnx.Param))
    }
    found = {name: count for name, count in found.items() if count}
    told = ", ".join(f"{count:,} of {name}" for name, count in list(found.items())[:3])
    more = f", and of {len(found) - 3} more" if len(found) > 3 else ""
    cause = (
        f"parameters of the model are NaN or infinite: {told}{more}"
        if found
        else "its parameters and the pixels are, so numbers on the way are too large"
    )
    raise ValueError(f"what the model gives ({', '.join(wrong[:3])}) is not finite: {cause}")
