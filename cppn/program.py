"""From genomes to images of raw values: a small compiler and two interpreters.

A batch of genomes becomes a list of instructions in the order of evaluation. Each instruction
adds up to four weighted rows of pixels and applies an activation; a node with more than four
connections takes several, the first ones leaving a partial sum. How often a number is rounded,
and in what order, thus depends on the network alone: not on the room of the arrays, nor on the
other genomes of the batch.

`run_in_turn` runs the list one instruction after the other, with a real branch on the kind of
instruction: on a CPU the work is then what the networks need, whatever their room.
`run_together` runs instruction number i of all genomes at once, which is what accelerators and
gradients need.
"""

from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from cppn.activations import ACTIVATIONS
from cppn.genome import NUM_INPUTS, Genome, GenomeSpec
from cppn.sums import running_sum

LANES = 4
"""Rows that one instruction adds, the partial sum included."""


class Program(NamedTuple):
    """The instructions of one genome, or with a leading axis of a batch.

    Attributes:
        length: instructions in use, which come first.
        kind: activation * LANES + rows to add - 1; a partial sum has activation
            len(spec.activations).
        first: the first of the connections to add, which follow each other; the number of all
            connections if there is none.
        is_continued: the first row to add is the partial sum so far, not `first`'s.
        result: the row to write.
    """

    length: Int[Array, "*batch"]
    kind: Int[Array, "*batch instructions"]
    first: Int[Array, "*batch instructions"]
    is_continued: Bool[Array, "*batch instructions"]
    result: Int[Array, "*batch instructions"]


def compile_genome(genome: Genome, spec: GenomeSpec) -> Program:
    """Lists the instructions of one genome; a node's row has the node's number.

    The first instruction of a node takes its first four connections, every further one the
    partial sum and the next three. A node without connections is f(0).

    Under `jit` and `vmap` there are neither loops over a varying number of nodes nor lists that
    grow, so the list is worked out backwards: how many instructions each node takes gives, summed
    up, where each node's first one stands; then every place of the list finds the node whose
    instruction it holds, and which of the node's it is.
    """
    max_nodes, max_connections = genome.max_nodes, genome.max_connections
    in_use = jnp.arange(max_connections) < genome.num_connections
    degrees = _count(jnp.where(in_use, genome.target, max_nodes), max_nodes)
    ends = running_sum(degrees)

    # 1. The nodes in the order of evaluation, and how many instructions each takes. Hidden nodes
    # stand in topological order; the outputs, which feed nothing, go last.
    place = jnp.arange(max_nodes - NUM_INPUTS, dtype=jnp.int32)
    num_hidden = genome.num_nodes - spec.first_hidden
    node = jnp.where(place < num_hidden, spec.outputs, -num_hidden) + place + NUM_INPUTS
    lengths = jnp.maximum((degrees[node] + 1) // (LANES - 1), 1)
    lengths = jnp.where(place < genome.num_nodes - NUM_INPUTS, lengths, 0)
    starts = running_sum(lengths) - lengths

    # 2. The other way round: for every place in the list the node, by counting the starts up to it.
    # `size` is enough for any genome: one instruction for a node, and one for every three of its
    # connections.
    size = max_nodes - NUM_INPUTS + max_connections // (LANES - 1)
    place = running_sum(_count(jnp.where(lengths > 0, starts, size), size)) - 1
    node = node[place]

    # 3. Which of the node's connections the instruction adds, and whether it is the node's last.
    degree = degrees[node]
    begin = (LANES - 1) * (jnp.arange(size, dtype=jnp.int32) - starts[place])
    lanes = jnp.clip(degree - begin, 1, LANES)
    is_last = degree - begin <= LANES
    activation = jnp.where(is_last, genome.activation[node], len(spec.activations))
    return Program(
        length=starts[-1] + lengths[-1],
        kind=activation * LANES + lanes - 1,
        first=jnp.where(degree > 0, ends[node] - degree + begin, max_connections),
        is_continued=begin > 0,
        result=node,
    )


def compile_batch(genomes: Genome, spec: GenomeSpec) -> Program:
    """Lists the instructions of each genome of a batch."""
    return jax.vmap(lambda genome: compile_genome(genome, spec))(genomes)


class Schedule(NamedTuple):
    """The programs of a batch as one list, unused instructions skipped.

    All genomes share the rows of inputs and hidden nodes, which therefore stay in the cache;
    outputs have rows of their own behind, `outputs` for each genome.

    Attributes:
        kind, first, is_continued, result: as in `Program`.
        following: the instruction to run next; the number of instructions after the last one.
        source, weight: of the connections of all genomes, and a last one of weight zero.
    """

    kind: Int[Array, " all"]
    first: Int[Array, " all"]
    is_continued: Bool[Array, " all"]
    result: Int[Array, " all"]
    following: Int[Array, " all"]
    source: Int[Array, " connections"]
    weight: Float[Array, " connections"]


def schedule(programs: Program, genomes: Genome, spec: GenomeSpec) -> Schedule:
    """Joins the programs of a batch of genomes."""
    batch, size = programs.kind.shape
    genome = jnp.arange(batch, dtype=jnp.int32)[:, None]
    index = jnp.arange(size, dtype=jnp.int32)[None]
    following = jnp.where(index < programs.length[:, None] - 1, index + 1, size)
    is_bare = programs.first == genomes.max_connections
    first = genome * genomes.max_connections + programs.first
    output = genomes.max_nodes + genome * spec.outputs + programs.result - NUM_INPUTS
    is_output = programs.result < spec.first_hidden
    return Schedule(
        kind=programs.kind.ravel(),
        first=jnp.where(is_bare, batch * genomes.max_connections, first).ravel(),
        is_continued=programs.is_continued.ravel(),
        result=jnp.where(is_output, output, programs.result).ravel(),
        following=(genome * size + following).ravel(),
        source=jnp.pad(genomes.source.ravel(), (0, 1)),
        weight=jnp.pad(genomes.weight.ravel(), (0, 1)),
    )


def run_in_turn(
    instructions: Schedule, memory: Float[Array, "rows pixels"], spec: GenomeSpec
) -> Float[Array, "rows pixels"]:
    """Runs one instruction after the other; for CPUs.

    Args:
        instructions: made by `schedule`.
        memory: `max_nodes` shared rows, inputs filled in, and those of all outputs.
        spec: number of outputs, names of the activations.

    Returns:
        The memory with the values of all outputs, in [-1, 1].
    """
    kind, first, is_continued, result, following, source, weight = instructions

    # A row is a matrix of one row throughout: XLA then copies nothing.
    def branch(function: Callable, lanes: int) -> Callable:
        def run(i, memory):
            terms = _terms(first[i], is_continued[i], result[i], source, weight, lanes)
            return function(weighted_sum(memory, terms))

        return run

    branches = [
        branch(function, lanes) for function in functions_of(spec) for lanes in range(1, LANES + 1)
    ]

    def step(state):
        i, memory = state
        row = lax.switch(kind[i], branches, i, memory)
        return following[i], lax.dynamic_update_slice(memory, row, (result[i], 0))

    return lax.while_loop(lambda state: state[0] < kind.shape[0], step, (jnp.int32(0), memory))[1]


def run_together(
    programs: Program, genomes: Genome, inputs: Float[Array, "inputs pixels"], spec: GenomeSpec
) -> Float[Array, "batch outputs pixels"]:
    """Runs instruction number i of all genomes at once; differentiable in both modes."""
    functions = functions_of(spec)

    def run(program: Program, genome: Genome) -> Float[Array, "outputs pixels"]:
        rows, factors = expanded_terms(program, genome)

        def step(memory, instruction):
            i, kind, result, rows, factors = instruction
            terms = list(zip(rows, factors, strict=True))
            row = lax.switch(kind // LANES, functions, weighted_sum(memory, terms))
            # One row more than there are nodes, for what unused instructions give.
            result = jnp.where(i < program.length, result, genome.max_nodes)
            return lax.dynamic_update_slice(memory, row, (result, 0)), None

        memory = jnp.zeros((genome.max_nodes + 1, inputs.shape[1]), inputs.dtype)
        memory = memory.at[:NUM_INPUTS].set(inputs)
        index = jnp.arange(program.kind.shape[0])
        instructions = (index, program.kind, program.result, rows, factors)
        memory, _ = lax.scan(step, memory, instructions)
        return memory[NUM_INPUTS : spec.first_hidden]

    return jax.vmap(run)(programs, genomes)


def expanded_terms(
    program: Program, genome: Genome
) -> tuple[Int[Array, "instructions lanes"], Float[Array, "instructions lanes"]]:
    """Lists the rows that each instruction of a genome adds, with their factors.

    Lanes that an instruction does not use take row 0, which is x and thus finite, zero times: any
    other row may not have been written yet, and on a GPU hold anything.
    """
    source, weight = jnp.pad(genome.source, (0, 1)), jnp.pad(genome.weight, (0, 1))
    lane = jnp.arange(LANES)[None]
    place = program.first[:, None] + lane
    is_sum = program.is_continued[:, None] & (lane == 0)
    rows = jnp.where(is_sum, program.result[:, None], source[place])
    factors = jnp.where(is_sum, 1.0, weight[place])
    is_used = lane <= program.kind[:, None] % LANES
    return jnp.where(is_used, rows, 0), jnp.where(is_used, factors, 0.0)


def _count(values: Int[Array, " n"], size: int) -> Int[Array, " size"]:
    """How often each number below `size` occurs."""
    return jnp.zeros(size, jnp.int32).at[values].add(1, mode="drop")


def functions_of(spec: GenomeSpec) -> list[Callable]:
    """The activations by number, and last what leaves a partial sum as it is."""
    return [*(ACTIVATIONS[name] for name in spec.activations), lambda total: total]


def _terms(
    first: Int[Array, ""],
    is_continued: Bool[Array, ""],
    result: Int[Array, ""],
    source: Int[Array, " connections"],
    weight: Float[Array, " connections"],
    lanes: int,
) -> list[tuple[Int[Array, ""], Float[Array, ""]]]:
    """The rows that an instruction adds, with their factors."""
    terms = [(source[first + lane], weight[first + lane]) for lane in range(lanes)]
    row, factor = terms[0]
    terms[0] = jnp.where(is_continued, result, row), jnp.where(is_continued, 1.0, factor)
    return terms


def weighted_sum(
    memory: Float[Array, "rows pixels"], terms: list[tuple[Int[Array, ""], Float[Array, ""]]]
) -> Float[Array, "1 pixels"]:
    """Adds up rows, each times its factor, one after the other."""
    rows = (
        factor * lax.dynamic_slice(memory, (row, 0), (1, memory.shape[1])) for row, factor in terms
    )
    return reduce(jnp.add, rows)
