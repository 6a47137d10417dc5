"""Fine steps: small changes of weights alone, once evolution has found the shapes.

A mean step of polynomial mutation is 1.18, and every child gets new structure besides. What a
weight can still gain late in a run takes steps of all sizes, and nothing else changed.
"""

import math

import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from cppn.genome import MAX_WEIGHT, Genome
from cppn.random import bits, normal, uniform

RATES = (0.1, 0.3, 1.0)  # of which a child draws one: the share of its weights that move
SMALLEST, LARGEST = 1e-4, 3.0  # standard deviations of steps


def step_finely(key: PRNGKeyArray, genome: Genome) -> Genome:
    """Moves weights by normal steps, whose sizes differ by orders of magnitude.

    Each weight moves with a probability that the child draws from `RATES`, by N(0, 1) times a
    size that is log-uniform in `SMALLEST`..`LARGEST` and its own. Draws belong to a connection:
    the room of the arrays does not change them.

    Args:
        key: consumed.
        genome: the parent.

    Returns:
        The child, with the parent's structure; weights stay in -MAX_WEIGHT..MAX_WEIGHT.
    """
    words = bits(key, 1 + 3 * genome.max_connections)
    rate = jnp.array(RATES)[(uniform(words[0]) * len(RATES)).astype(int)]
    choice, magnitude, place = words[1:].reshape(-1, 3).T
    size = SMALLEST * jnp.exp(math.log(LARGEST / SMALLEST) * uniform(magnitude))
    weight = jnp.clip(genome.weight + size * normal(place), -MAX_WEIGHT, MAX_WEIGHT)
    moves = uniform(choice) < rate
    in_use = jnp.arange(genome.max_connections) < genome.num_connections
    return genome._replace(weight=jnp.where(in_use & moves, weight, genome.weight))
