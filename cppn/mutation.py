"""The six mutation operators of the paper, on one genome (`jax.vmap` them over a batch).

Every decision takes one uniform draw `u` and is taken if `u < rate`; given that, `u / rate` is
uniform again and may say how. Draws belong to the entry they decide on, so that the room of the
arrays does not change what is drawn. Nothing here scatters, sorts or branches: on a CPU, under
`vmap`, shifted copies and masks are what XLA is fast at.

References:
    Released code of the paper, gen_dnn_ff.hpp:83-99 (order and rates), :263-330 (structure).
"""

from functools import partial, reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int32, PRNGKeyArray

from cppn.ancestors import ancestors_and_self
from cppn.entries import insert, is_first, move, partition
from cppn.genome import MAX_WEIGHT, NUM_INPUTS, Genome, GenomeSpec
from cppn.lesions import without_connection, without_node
from cppn.platforms import branch
from cppn.random import bits, uniform
from cppn.sums import running_sum

Rate = float | int | Float[Array, ""]


class MutationRates(NamedTuple):
    """The probability of each operator; plain or traced numbers in [0, 1].

    Attributes:
        weight: for each connection, polynomial mutation of its weight.
        activation: for each output and hidden node, a new activation (maybe the same).
        add_connection: a new connection, where one is possible.
        remove_connection: a random connection goes.
        add_node: a random connection is split by a new node.
        remove_node: a random hidden node goes, with its connections.
    """

    weight: Rate = 0.1
    activation: Rate = 0.1
    add_connection: Rate = 0.5
    remove_connection: Rate = 0.3
    add_node: Rate = 0.5
    remove_node: Rate = 0.2


@partial(jax.jit, static_argnames=("spec", "eta"))
def mutate(
    key: PRNGKeyArray,
    genome: Genome,
    rates: MutationRates,
    spec: GenomeSpec,
    *,
    eta: float = 15.0,
) -> tuple[Genome, Bool[Array, ""]]:
    """Applies the six operators in the paper's order.

    Args:
        key: consumed.
        genome: the parent.
        rates: probability of each operator.
        spec: number of outputs and allowed activations.
        eta: index of the polynomial mutation of weights; larger means smaller steps.

    Returns:
        The child, and whether it had room. A child that had none is not valid: grow the parent
        and call again with the same key.
    """

    def change_values(genome: Genome) -> tuple[Genome, Float[Array, " 8"]]:
        words = bits(key, 12)
        key_weights, key_activations = jax.random.wrap_key_data(
            words[8:].reshape(2, 2), impl="threefry2x32"
        )
        u = uniform(bits(key_weights, genome.max_connections))
        genome = perturb_weights(u, genome, rates.weight, eta=eta)
        u = uniform(bits(key_activations, genome.max_nodes))
        return redraw_activations(u, genome, rates.activation, spec), uniform(words[:8])

    # The branch is a wall: without it XLA computes draws and new weights again, number by
    # number, inside all that uses them below, which takes three times as long. It needs rates
    # that are not known when compiling, as they are not where they are arguments.
    is_any = reduce(jnp.maximum, rates) > 0
    genome, u = branch(is_any, change_values, lambda genome: (genome, jnp.ones(8)), genome)
    genome, had_room = add_connection(u[:4], genome, rates.add_connection, spec)
    genome = remove_connection(u[4], genome, rates.remove_connection)
    genome, had_room_too = add_node(u[5:7], genome, rates.add_node, spec)
    return remove_node(u[7], genome, rates.remove_node, spec), had_room & had_room_too


def perturb_weights(
    u: Float[Array, " connections"], genome: Genome, rate: Rate, *, eta: float
) -> Genome:
    """Polynomial mutation of each weight, seen as a gene in [0, 1].

    With r uniform, the gene moves by (2r)^(1/(eta+1)) - 1 if r < 1/2, else by
    1 - (2(1 - r))^(1/(eta+1)), and is clipped. At eta 15 a mean step is 1.18 in [-10, 10].

    References:
        Deb and Goyal, "A combined genetic adaptive search (GeneAS) for engineering design", 1996.
    """
    is_chosen = (u < rate) & is_first(genome.num_connections, genome.max_connections)
    r = _rescale(u, rate)
    # exp(log(x) / n) is x ** (1 / n) at a fraction of the time.
    root = jnp.exp(jnp.log(2.0 * jnp.minimum(r, 1.0 - r)) / (eta + 1.0))
    step = 2 * MAX_WEIGHT * jnp.where(r < 0.5, root - 1.0, 1.0 - root)
    weight = jnp.clip(genome.weight + step, -MAX_WEIGHT, MAX_WEIGHT)
    return genome._replace(weight=jnp.where(is_chosen, weight, genome.weight))


def redraw_activations(
    u: Float[Array, " nodes"], genome: Genome, rate: Rate, spec: GenomeSpec
) -> Genome:
    """Gives each output and hidden node, with probability `rate`, a random activation."""
    index = jnp.arange(genome.max_nodes)
    is_chosen = (u < rate) & (index >= NUM_INPUTS) & (index < genome.num_nodes)
    drawn = _pick(_rescale(u, rate), len(spec.activations))
    return genome._replace(activation=jnp.where(is_chosen, drawn, genome.activation))


def add_connection(
    u: Float[Array, " 4"], genome: Genome, rate: Rate, spec: GenomeSpec
) -> tuple[Genome, Bool[Array, ""]]:
    """Connects a random node that is not an output to a random possible target.

    Targets are uniform over all outputs and hidden nodes but the source and its ancestors;
    parallel connections are allowed. Without a target nothing changes.

    Args:
        u: draws for the decision, the source, the target and the weight.
        genome: the parent.
        rate: probability.
        spec: number of outputs.

    Returns:
        The child, and whether there was room.
    """
    source = _pick(u[1], genome.num_nodes - spec.outputs)
    source = jnp.where(source < NUM_INPUTS, source, source + spec.outputs)
    is_upstream = ancestors_and_self(genome, source)
    index = jnp.arange(genome.max_nodes, dtype=jnp.int32)
    is_target = (index >= NUM_INPUTS) & (index < genome.num_nodes) & ~is_upstream
    rank = running_sum(is_target)
    target = jnp.sum(rank <= _pick(u[2], rank[-1]), dtype=jnp.int32)

    is_done = (u[0] < rate) & (rank[-1] > 0)
    # A hidden target ahead of its source must come after it.
    is_reordered = is_done & (target >= spec.first_hidden) & (target < source)
    is_front = (is_upstream & is_reordered) | (index < spec.first_hidden)
    genome, new_number = _move_to_front(genome, is_front)
    return _insert_connection(
        genome,
        is_done,
        source=new_number[source],
        target=new_number[target],
        weight=2 * MAX_WEIGHT * u[3] - MAX_WEIGHT,
    )


def remove_connection(u: Float[Array, ""], genome: Genome, rate: Rate) -> Genome:
    """Removes a random connection; one draw decides and picks."""
    is_done = (u < rate) & (genome.num_connections > 0)
    place = _pick(_rescale(u, rate), genome.num_connections)
    return without_connection(genome, jnp.where(is_done, place, genome.max_connections))


def add_node(
    u: Float[Array, " 2"], genome: Genome, rate: Rate, spec: GenomeSpec
) -> tuple[Genome, Bool[Array, ""]]:
    """Splits a random connection; both new connections have the weight of the old.

    Args:
        u: a draw that decides and picks the connection, and one for the activation.
        genome: the parent.
        rate: probability.
        spec: number of outputs and allowed activations.

    Returns:
        The child, and whether there was room.
    """
    is_done = (u[0] < rate) & (genome.num_connections > 0)
    had_room = ~is_done | (genome.num_nodes < genome.max_nodes)
    place = _pick(_rescale(u[0], rate), genome.num_connections)
    source, target = genome.source[place], genome.target[place]
    # Right before its target; behind all others if that is an output.
    node = jnp.where(target < spec.first_hidden, genome.num_nodes, target)
    node = jnp.where(is_done, node, genome.max_nodes)

    # The old connection becomes the second half.
    is_second_half = (jnp.arange(genome.max_connections) == place) & is_done
    new_source = genome.source + (genome.source >= node)
    genome = genome._replace(
        num_nodes=genome.num_nodes + is_done,
        activation=insert(genome.activation, node, _pick(u[1], len(spec.activations))),
        source=jnp.where(is_second_half, node, new_source),
        target=genome.target + (genome.target >= node),
    )
    genome, had_room_too = _insert_connection(
        genome, is_done, source=source, target=node, weight=genome.weight[place]
    )
    return genome, had_room & had_room_too


def remove_node(u: Float[Array, ""], genome: Genome, rate: Rate, spec: GenomeSpec) -> Genome:
    """Removes a random hidden node and its connections, without bridging the gap."""
    num_hidden = genome.num_nodes - spec.first_hidden
    is_done = (u < rate) & (num_hidden > 0)
    node = spec.first_hidden + _pick(_rescale(u, rate), num_hidden)
    return without_node(genome, jnp.where(is_done, node, genome.max_nodes))


def _move_to_front(
    genome: Genome, is_front: Bool[Array, " nodes"]
) -> tuple[Genome, Int32[Array, " nodes"]]:
    """Renumbers nodes, those marked first; returns the new number of each node.

    The order within both groups stays: it remains topological if no marked node is fed by one
    that is not.
    """
    new_number = partition(is_front)
    in_use = is_first(genome.num_connections, genome.max_connections)
    places = partition(is_front[genome.target] & in_use)
    genome = genome._replace(
        activation=move(genome.activation, new_number),
        source=move(new_number[genome.source], places),
        target=move(new_number[genome.target], places),
        weight=move(genome.weight, places),
    )
    return genome, new_number


def _insert_connection(
    genome: Genome,
    is_done: Bool[Array, ""],
    *,
    source: Int32[Array, ""],
    target: Int32[Array, ""],
    weight: Float[Array, ""],
) -> tuple[Genome, Bool[Array, ""]]:
    """Puts a connection behind the others of its target; says whether there was room."""
    in_use = is_first(genome.num_connections, genome.max_connections)
    place = jnp.sum(in_use & (genome.target <= target), dtype=jnp.int32)
    place = jnp.where(is_done, place, genome.max_connections)
    had_room = ~is_done | (genome.num_connections < genome.max_connections)
    genome = genome._replace(
        num_connections=genome.num_connections + is_done,
        source=insert(genome.source, place, source),
        target=insert(genome.target, place, target),
        weight=insert(genome.weight, place, weight),
    )
    return genome, had_room


def _rescale(u: Float[Array, "*n"], rate: Rate) -> Float[Array, "*n"]:
    """Given u < rate, u / rate is uniform in [0, 1); elsewhere the value is of no use."""
    return jnp.minimum(u / jnp.maximum(rate, 1e-30), 1.0)


def _pick(u: Float[Array, "*n"], count: int | Int32[Array, ""]) -> Int32[Array, "*n"]:
    """A whole number uniform in 0 .. count - 1 (0 if count is 0)."""
    return jnp.clip((u * count).astype(jnp.int32), 0, jnp.maximum(count - 1, 0))
