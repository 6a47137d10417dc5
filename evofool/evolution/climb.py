"""How elites are polished, as numbers."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float, Int


class Climb(NamedTuple):
    """How elites climb; numbers that may change without recompiling.

    Attributes:
        first: the first generation of polishing.
        steps: gradient steps.
        gain: what a step is to raise the log-odds by, if they were linear, at first; it falls to 0
            by a cosine.
        cells: int32 `[polished]`, the cells that are polished, in this order.
    """

    first: Int[Array | np.ndarray, ""]
    steps: Int[Array | np.ndarray, ""]
    gain: Float[Array | np.ndarray, ""]
    cells: Int[Array | np.ndarray, " polished"]
