"""The one word for what functions take: an array of jax or of numpy."""

import jax
import numpy as np

Array = jax.Array | np.ndarray
