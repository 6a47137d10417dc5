"""What one says about an archive: coverage, QD score, number of cells above a bar.

Functions take the fitness table `[..., cells]` (NumPy or JAX), so they serve one archive, many
runs, or a whole history of generations alike.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

FitnessTable = Float[Array, "*runs cells"] | Float[np.ndarray, "*runs cells"]


def coverage(fitness: FitnessTable) -> Float[Array, "*runs"]:
    """Returns the share of filled cells, in [0, 1]."""
    return jnp.mean(fitness > -jnp.inf, axis=-1)


def qd_score(fitness: FitnessTable, *, offset: float = 0.0) -> Float[Array, "*runs"]:
    """Returns the sum over filled cells of fitness minus `offset`.

    Args:
        fitness: `-inf` marks an empty cell.
        offset: the least fitness possible, so that filling a cell never lowers the score.

    References:
        Pugh, Soros and Stanley, "Quality diversity", Frontiers in Robotics and AI, 2016.
    """
    return jnp.sum(jnp.where(fitness > -jnp.inf, fitness - offset, 0.0), axis=-1)


def count_at_least(fitness: FitnessTable, bar: float) -> Int[Array, "*runs"]:
    """Returns the number of cells whose elite reaches `bar`."""
    return jnp.sum(fitness >= bar, axis=-1)
