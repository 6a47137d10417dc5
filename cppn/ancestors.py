"""From which nodes a path leads to a node: a connection back to one of them would close a cycle."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Int32, UInt32

from cppn.genome import Genome
from cppn.platforms import by_platform


def ancestors_and_self(genome: Genome, node: Int32[Array, ""]) -> Bool[Array, " nodes"]:
    """Marks a node that is not an output, and every node from which a path leads to it."""
    return by_platform(genome, node, cpu=_in_one_sweep, default=_by_squaring)


def _in_one_sweep(genome: Genome, node: Int32[Array, ""]) -> Bool[Array, " nodes"]:
    """Visits connection by connection: least work, in as many steps as there are connections."""

    # Connections ascend by target and hidden nodes are in topological order (outputs are not, but
    # feed nothing), so that one sweep from the last connection to the first meets every path to a
    # node before those beyond it.
    # The marks are bits: a step is then a handful of operations.
    def visit(marks, connection):
        source, target = connection
        mark = (marks[target // 32] >> (target % 32).astype(jnp.uint32)) & 1
        return marks | _bit(source, mark, marks.shape[0]), None

    # Unused connections run from node 0 to node 0 and mark nothing new.
    marks = _bit(node, jnp.uint32(1), -(-genome.max_nodes // 32))
    marks, _ = lax.scan(visit, marks, (genome.source, genome.target), reverse=True)
    index = jnp.arange(genome.max_nodes)
    return (marks[index // 32] >> (index % 32).astype(jnp.uint32)) & 1 == 1


def _by_squaring(genome: Genome, node: Int32[Array, ""]) -> Bool[Array, " nodes"]:
    """Squares the matrix of paths until it holds the longest: more work, in few steps.

    On a GPU a step of a sweep takes as long as starting three kernels, and there are 64 of them.
    """
    size = genome.max_nodes
    leads_from, leads_to = (jax.nn.one_hot(ends, size) for ends in (genome.source, genome.target))
    # Counts of paths are exact below 2**24, and made 0 or 1 again before they are multiplied.
    paths = jnp.minimum(leads_from.T @ leads_to + jnp.eye(size), 1.0)
    for _ in range((size - 1).bit_length()):
        paths = jnp.minimum(paths @ paths, 1.0)
    return paths[:, node] > 0


def _bit(place: Int32[Array, ""], value: UInt32[Array, ""], num_words: int) -> UInt32[Array, " n"]:
    """Words of which the bit at `place` has the value 0 or 1, all others 0."""
    is_word = jnp.arange(num_words) == place // 32
    return jnp.where(is_word, value << (place % 32).astype(jnp.uint32), jnp.uint32(0))
