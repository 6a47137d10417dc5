"""Lesions: one genome with a node or a connection cut out, everything else as it was."""

import jax.numpy as jnp
from jaxtyping import Array, Int

from cppn.entries import is_first, move, remove
from cppn.genome import Genome
from cppn.sums import running_sum


def without_connection(genome: Genome, connection: Int[Array, ""] | int) -> Genome:
    """Cuts out one connection.

    Args:
        genome: one genome.
        connection: its place among the connections; from `num_connections` on none is cut.
    """
    return genome._replace(
        num_connections=genome.num_connections - (connection < genome.num_connections),
        source=remove(genome.source, connection),
        target=remove(genome.target, connection),
        weight=remove(genome.weight, connection),
    )


def without_node(genome: Genome, node: Int[Array, ""] | int) -> Genome:
    """Cuts out one hidden node with its connections, without bridging the gap.

    What it fed then adds nothing for it; what only fed it stays, and leads nowhere.

    Args:
        genome: one genome.
        node: the number of a hidden node; from `num_nodes` on none is cut.
    """
    is_kept = is_first(genome.num_connections, genome.max_connections)
    is_kept &= (genome.source != node) & (genome.target != node)
    rank = running_sum(is_kept)
    places = jnp.where(is_kept, rank - 1, genome.max_connections)
    return Genome(
        num_nodes=genome.num_nodes - (node < genome.num_nodes),
        num_connections=rank[-1],
        activation=remove(genome.activation, node),
        source=move(genome.source - (genome.source > node), places),
        target=move(genome.target - (genome.target > node), places),
        weight=move(genome.weight, places),
    )
