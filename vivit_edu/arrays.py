"""The words for what functions take: an array of jax or of numpy, and a number with or without a fraction."""

import jax
import numpy as np

Array = jax.Array | np.ndarray
Real = float | int
