"""Crossover of networks, whose genes are matched by historical markings.

A node or connection keeps its *mark* for life, through any number of children: genes of two
networks that have the same mark come from the same mutation, or from the beginning, which all
networks share. Genomes do not store marks. They follow from a network's history, so whoever makes
its ancestors again (`init`, then `mutate`, with the same keys) gets them along the way, here as a
`Marked` genome.

References:
    Stanley and Miikkulainen, "Evolving neural networks through augmenting topologies",
    Evolutionary Computation 10(2), 2002, section 3.2. Innovation numbers are counted there; here
    they are random words of the child's key, so that no two processes need to agree on a counter.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int32, PRNGKeyArray, UInt32

from cppn.entries import is_first
from cppn.genome import NUM_INPUTS, Genome, GenomeSpec
from cppn.mutation import MutationRates, mutate
from cppn.random import bits, fold_in, uniform
from cppn.sums import running_sum

# what keys are folded with: that of a cross, per use; that of a child, for its marks
_WEIGHTS, _ACTIVATIONS, _MARKS = 0, 1, 4
_OLD = 16.0  # beyond all weights: what is at least this is the number of an entry


class Marked(NamedTuple):
    """One genome with its historical markings, or with leading axes a batch of them.

    Attributes:
        genome: the network.
        nodes: mark of each node; 0 in spare room.
        connections: mark of each connection; 0 in spare room.
    """

    genome: Genome
    nodes: UInt32[Array, "*batch nodes"]
    connections: UInt32[Array, "*batch connections"]


def mark_first(genome: Genome) -> Marked:
    """Marks a genome that `init` has drawn: all of them have the same genes."""
    return _marked(genome, _counted(genome.max_nodes), _counted(genome.max_connections))


def mark_given(key: PRNGKeyArray, genome: Genome, spec: GenomeSpec) -> Marked:
    """Marks a genome whose history is not known.

    What every network begins with has the marks that `mark_first` gives it: inputs, outputs, and
    connections from the ones to the others. All else is taken for new.

    Args:
        key: of what is new; consumed.
        genome: any.
        spec: of the genome.
    """
    node = jnp.arange(genome.max_nodes)
    is_first_node = node < spec.first_hidden
    is_first_connection = (genome.source < NUM_INPUTS) & (genome.target < spec.first_hidden)
    place = (genome.target - NUM_INPUTS) * NUM_INPUTS + genome.source  # as `init` orders them
    new_nodes, new_connections = _new_marks(key, genome)
    return _marked(
        genome,
        jnp.where(is_first_node, _counted(genome.max_nodes), new_nodes),
        jnp.where(is_first_connection, (place + 1).astype(jnp.uint32), new_connections),
    )


def mark_widened(key: PRNGKeyArray, genome: Genome, parent: Marked) -> Marked:
    """Marks a genome to whose parent nodes were added behind its own (see `widen`).

    Args:
        key: of what is new; consumed.
        genome: the child; weights may be others than its parent's.
        parent: whose room is no larger than the child's.
    """
    own = parent.genome.num_nodes
    node = jnp.arange(genome.max_nodes)
    in_use = is_first(genome.num_connections, genome.max_connections)
    is_own = in_use & (genome.source < own) & (genome.target < own)
    rank = running_sum(is_own) - 1  # in both they stand in the same order
    nodes = _gather(parent.nodes, node, node < own)
    connections = _gather(parent.connections, rank, is_own)
    new_nodes, new_connections = _new_marks(key, genome)
    return _marked(
        genome,
        jnp.where(node < own, nodes, new_nodes),
        jnp.where(is_own, connections, new_connections),
    )


@partial(jax.jit, static_argnames="spec")
def mark_child(
    key: PRNGKeyArray, child: Genome, parent: Marked, rates: MutationRates, spec: GenomeSpec
) -> Marked:
    """Marks the child that `mutate` made of a parent.

    Args:
        key: that the child was made with.
        child: as `mutate` returned it.
        parent: its parent.
        rates: that it was made with.
        spec: that it was made with.
    """
    from_node, from_connection = _origins(key, parent.genome, rates, spec)
    node, added, to_node, from_new = bits(fold_in(key, _MARKS), 4)
    is_new_node = from_node < 0
    # a split connection became two: the one that ends at the new node, and the one that leaves it
    new = jnp.where(is_new_node[child.target], to_node, added)
    new = jnp.where(is_new_node[child.source], from_new, new)
    is_old = (from_connection >= 0) & ~is_new_node[child.source] & ~is_new_node[child.target]
    nodes = jnp.where(is_new_node, node, _gather(parent.nodes, from_node, ~is_new_node))
    connections = jnp.where(is_old, _gather(parent.connections, from_connection, is_old), new)
    return _marked(child, nodes, connections)


@jax.jit
def cross(key: PRNGKeyArray, first: Marked, second: Marked) -> Marked:
    """Makes a child of two parents.

    Genes that both have come from either, with equal chances: the weight of a connection, the
    activation of a node. Genes that only one has come from the first parent, which takes the part
    of the fitter one in the paper; so the child's structure is that of the first parent, and there
    is always room for it.

    Args:
        key: consumed.
        first: gives the structure.
        second: may have other room.
    """
    genome, other = first.genome, second.genome
    place, is_shared = _match(first.connections, second.connections)
    is_taken = is_shared & _coin(fold_in(key, _WEIGHTS), genome.max_connections)
    weight = jnp.where(is_taken, other.weight[place], genome.weight)
    place, is_shared = _match(first.nodes, second.nodes)
    is_taken = is_shared & _coin(fold_in(key, _ACTIVATIONS), genome.max_nodes)
    activation = jnp.where(is_taken, other.activation[place], genome.activation)
    return first._replace(genome=genome._replace(weight=weight, activation=activation))


def _origins(
    key: PRNGKeyArray, parent: Genome, rates: MutationRates, spec: GenomeSpec
) -> tuple[Int32[Array, " nodes"], Int32[Array, " connections"]]:
    """Tells which entry of its parent each entry of a child is; negative for new ones.

    Structure changes by draws that do not look at weights and activations. So the same mutation is
    made of a parent that has numbers of entries in their places, and these arrive where the
    entries do.
    """
    kinds = len(spec.activations)
    is_node = is_first(parent.num_nodes, parent.max_nodes)
    is_connection = is_first(parent.num_connections, parent.max_connections)
    numbered = parent._replace(
        activation=jnp.where(is_node, kinds + jnp.arange(parent.max_nodes), 0),
        weight=jnp.where(is_connection, _OLD + jnp.arange(parent.max_connections), 0.0),
    )
    child, _ = mutate(key, numbered, rates._replace(weight=0.0, activation=0.0), spec)
    connections = jnp.where(child.weight >= _OLD, child.weight - _OLD, -1.0)
    return child.activation - kinds, connections.astype(jnp.int32)


def _match(
    first: UInt32[Array, " n"], second: UInt32[Array, " m"]
) -> tuple[Int32[Array, " n"], Bool[Array, " n"]]:
    """Finds the entry of the second with the mark of each of the first; says if there is one."""
    is_same = (first[:, None] == second[None, :]) & (first[:, None] != 0)
    return jnp.argmax(is_same, axis=1).astype(jnp.int32), jnp.any(is_same, axis=1)


def _marked(
    genome: Genome, nodes: UInt32[Array, " nodes"], connections: UInt32[Array, " connections"]
) -> Marked:
    """Clears the marks of spare room."""
    is_node = is_first(genome.num_nodes, genome.max_nodes)
    is_connection = is_first(genome.num_connections, genome.max_connections)
    zero = jnp.uint32(0)
    return Marked(
        genome, jnp.where(is_node, nodes, zero), jnp.where(is_connection, connections, zero)
    )


def _new_marks(
    key: PRNGKeyArray, genome: Genome
) -> tuple[UInt32[Array, " nodes"], UInt32[Array, " connections"]]:
    """Draws marks for all nodes and connections that may be new; they do not depend on the room."""
    key = fold_in(key, _MARKS)
    return bits(fold_in(key, 0), genome.max_nodes), bits(fold_in(key, 1), genome.max_connections)


def _gather(
    marks: UInt32[Array, " n"], place: Int32[Array, " m"], is_there: Bool[Array, " m"]
) -> UInt32[Array, " m"]:
    return marks[jnp.clip(jnp.where(is_there, place, 0), 0, len(marks) - 1)]


def _counted(size: int) -> UInt32[Array, " size"]:
    return jnp.arange(1, size + 1, dtype=jnp.uint32)


def _coin(key: PRNGKeyArray, size: int) -> Bool[Array, " size"]:
    """Tosses a coin for each entry; a toss does not depend on the room."""
    u: Float[Array, " size"] = uniform(bits(key, size))
    return u < 0.5
