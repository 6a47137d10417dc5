"""The gradient of drawing: how the sums that reach a network's outputs change with its weights.

`output_sums` draws networks up to the activations of the outputs. What comes after those sums is
ordinary array code, which JAX differentiates; the loop over instructions before them is not, so it
has a reverse pass of its own here: the instructions run once more, every row is kept, and then they
are gone through backwards. On a CPU that is done for one genome after the other, as
`program.run_in_turn` goes forwards; elsewhere for instruction number i of all genomes at once.

The reverse pass holds for what `program.compile_genome` promises: a row is read only after it was
written for good, and only a node's own partial sum is read by the node itself.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from cppn.genome import NUM_INPUTS, Genome, GenomeSpec
from cppn.on_chip import in_fastest_way, run_on_chip
from cppn.platforms import Tree, by_platform
from cppn.program import (
    LANES,
    Program,
    compile_batch,
    functions_of,
    run_in_turn,
    run_together,
    schedule,
    weighted_sum,
)

_TILE = 4096
"""Pixels that are gone through at a time; their rows then stay in the second-level cache."""


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def output_sums(
    weight: Float[Array, "batch connections"],
    genomes: Genome,
    inputs: Float[Array, "4 pixels"],
    spec: GenomeSpec,
) -> Float[Array, "batch outputs pixels"]:
    """Draws what reaches the outputs of networks, before their activations.

    Args:
        weight: takes the place of the genomes' own; what the result can be differentiated by.
        genomes: the networks.
        inputs: x, y, d and bias at each pixel, as `render.make_inputs` gives them.
        spec: number of outputs, names of the activations.
    """
    return in_fastest_way(
        genomes._replace(weight=weight),
        inputs,
        cpu=partial(_in_turn, spec=spec),
        on_chip=partial(_on_chip, spec=spec),
        default=partial(_together, spec=spec),
    )


def output_values(
    sums: Float[Array, "outputs pixels"], genome: Genome, spec: GenomeSpec
) -> Float[Array, "outputs pixels"]:
    """Applies the activations of one genome's outputs to what reaches them; values in [-1, 1]."""
    kinds = [genome.activation[NUM_INPUTS + i] for i in range(spec.outputs)]
    return jnp.stack(
        [_activate(total, kind, spec) for total, kind in zip(sums, kinds, strict=True)]
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _activate(
    total: Float[Array, " pixels"], kind: Int[Array, ""], spec: GenomeSpec
) -> Float[Array, " pixels"]:
    """Applies an activation by number.

    JAX would keep what the gradient of any of the activations needs, ten rows for one.
    """
    return lax.switch(kind, functions_of(spec), total)


def _activate_backward(
    spec: GenomeSpec, saved: tuple[Array, Array], bar: Float[Array, " pixels"]
) -> tuple[Array, None]:
    total, kind = saved
    return _pull_back(kind, total, bar, spec), None


_activate.defvjp(
    lambda total, kind, spec: (_activate(total, kind, spec), (total, kind)), _activate_backward
)


def for_each(function: Callable[..., Array], *batches: Tree) -> Array:
    """Applies a function to every genome of a batch: in turn on a CPU, elsewhere at once.

    In turn, a branch on an activation is a branch, and what a genome needs stays in the cache. What
    the gradient needs is computed again rather than stored.
    """

    def in_turn(*batches: Tree) -> Array:
        return lax.map(lambda one: jax.checkpoint(function)(*one), batches)

    return cast(Array, by_platform(*batches, cpu=in_turn, default=jax.vmap(function)))


def _forward(
    weight: Array, genomes: Genome, inputs: Array, spec: GenomeSpec
) -> tuple[Array, tuple[Genome, Array]]:
    saved = (genomes._replace(weight=weight), inputs)
    return output_sums(weight, genomes, inputs, spec), saved


def _backward(
    spec: GenomeSpec, saved: tuple[Genome, Array], cotangent: Array
) -> tuple[Array, None, None]:
    genomes, inputs = saved
    in_turn = partial(_weight_gradients, spec=spec)
    together = partial(_weight_gradients_together, spec=spec)
    gradient = by_platform(genomes, inputs, cotangent, cpu=in_turn, default=together)
    return gradient, None, None


output_sums.defvjp(_forward, _backward)


def _in_turn(
    genomes: Genome, inputs: Float[Array, "4 pixels"], spec: GenomeSpec
) -> Float[Array, "batch outputs pixels"]:
    instructions = schedule(_programs(genomes, spec), genomes, spec)
    batch, max_nodes = genomes.activation.shape
    memory = jnp.zeros((max_nodes + batch * spec.outputs, inputs.shape[1]), inputs.dtype)
    memory = run_in_turn(instructions, memory.at[:NUM_INPUTS].set(inputs), spec)
    return memory[max_nodes:].reshape(batch, spec.outputs, -1)


def _together(
    genomes: Genome, inputs: Float[Array, "4 pixels"], spec: GenomeSpec
) -> Float[Array, "batch outputs pixels"]:
    return run_together(_programs(genomes, spec), genomes, inputs, spec)


def _on_chip(
    genomes: Genome, inputs: Float[Array, "4 pixels"], spec: GenomeSpec
) -> Float[Array, "batch outputs pixels"]:
    return run_on_chip(_programs(genomes, spec), genomes, inputs, spec)


def _programs(genomes: Genome, spec: GenomeSpec) -> Program:
    """Compiles networks whose outputs leave their sums as they are."""
    programs = compile_batch(genomes, spec)
    as_it_is = len(spec.activations) * LANES + programs.kind % LANES
    is_output = programs.result < spec.first_hidden
    return programs._replace(kind=jnp.where(is_output, as_it_is, programs.kind))


class _Steps(NamedTuple):
    """The program of one genome with all that an instruction needs looked up.

    Attributes:
        length: instructions in use, which come first.
        lanes: how many rows an instruction adds.
        function: number of the activation.
        result: the row to write.
        row: the rows to add.
        factor: what each is multiplied by; 0 of rows that are not to be added.
        keeps: what a row's cotangent is multiplied by before the instruction adds to it: 0 for a
            partial sum, whose row then held what was written over it, else 1.
        place: the connection of each row, behind the last one where there is none.
    """

    length: Int[Array, "*batch"]
    lanes: Int[Array, "*batch instructions"]
    function: Int[Array, "*batch instructions"]
    result: Int[Array, "*batch instructions"]
    row: Int[Array, "*batch instructions lanes"]
    factor: Float[Array, "*batch instructions lanes"]
    keeps: Float[Array, "*batch instructions lanes"]
    place: Int[Array, "*batch instructions lanes"]

    @classmethod
    def of(cls, program: Program, genome: Genome) -> "_Steps":
        """Looks up the instructions of a genome."""
        lane, room = jnp.arange(LANES)[None], genome.max_connections
        is_added = lane <= (program.kind % LANES)[:, None]
        is_sum = program.is_continued[:, None] & (lane == 0)
        place = jnp.where(is_added & ~is_sum, program.first[:, None] + lane, room)
        place = jnp.minimum(place, room)
        source, weight = jnp.pad(genome.source, (0, 1)), jnp.pad(genome.weight, (0, 1))
        return cls(
            length=program.length,
            lanes=program.kind % LANES + 1,
            function=program.kind // LANES,
            result=program.result,
            row=jnp.where(is_sum, program.result[:, None], source[place]),
            factor=jnp.where(is_sum, 1.0, weight[place]),
            keeps=jnp.where(is_sum, 0.0, 1.0),
            place=place,
        )

    def filled(self, nodes: int, connections: int) -> "_Steps":
        """Lets the places of a batch that have no instruction read and write row `nodes`."""
        is_free = jnp.arange(self.result.shape[1])[None] >= self.length[:, None]

        def fill(leaf: Array, value: int) -> Array:
            return jnp.where(jnp.expand_dims(is_free, range(2, leaf.ndim)), value, leaf)

        return self._replace(
            function=fill(self.function, 0),
            result=fill(self.result, nodes),
            row=fill(self.row, nodes),
            factor=fill(self.factor, 0),
            keeps=fill(self.keeps, 1),
            place=fill(self.place, connections),
        )


class _Tables(NamedTuple):
    """Rows of a tile for every node, used again for every tile of every genome.

    Attributes:
        values: of the nodes.
        sums: that the values are activations of.
        bars: derivatives by the values.
    """

    values: Float[Array, "nodes tile"]
    sums: Float[Array, "nodes tile"]
    bars: Float[Array, "nodes tile"]


def _weight_gradients(
    genomes: Genome,
    inputs: Float[Array, "4 pixels"],
    cotangent: Float[Array, "batch outputs pixels"],
    spec: GenomeSpec,
) -> Float[Array, "batch connections"]:
    """Pulls the cotangents of the outputs' sums back to the weights, genome after genome."""
    num_tiles = -(-inputs.shape[1] // _TILE)

    def tiles(rows: Array) -> Array:
        """Cuts rows of pixels into tiles; of pixels that are added, nothing comes back."""
        rows = jnp.pad(rows, ((0, 0), (0, -rows.shape[1] % num_tiles)))
        return rows.reshape(len(rows), num_tiles, -1).swapaxes(0, 1)

    def of_one(tables: _Tables, args: tuple[_Steps, Array, Array]) -> tuple[_Tables, Array]:
        steps, num_nodes, cotangent = args

        def add_tile(
            carry: tuple[_Tables, Array], tile: tuple[Array, Array]
        ) -> tuple[tuple[_Tables, Array], None]:
            (tables, total), (inputs, cotangent) = carry, tile
            tables = _run_keeping(steps, tables, inputs, spec)
            tables = _clear(tables, num_nodes, cotangent, spec)
            tables, products = _run_backwards(steps, tables, spec)
            return (tables, total + products), None

        start = (tables, jnp.zeros_like(steps.factor))
        (tables, products), _ = lax.scan(add_tile, start, (tiles(inputs), tiles(cotangent)))
        gradient = jnp.zeros(genomes.max_connections).at[steps.place].add(products, mode="drop")
        return tables, gradient

    steps = jax.vmap(_Steps.of)(_programs(genomes, spec), genomes)
    table = jnp.zeros((genomes.max_nodes, -(-inputs.shape[1] // num_tiles)), inputs.dtype)
    tables = _Tables(table, table, table)
    return lax.scan(of_one, tables, (steps, genomes.num_nodes, cotangent))[1]


def _run_keeping(
    steps: _Steps, tables: _Tables, inputs: Float[Array, "4 tile"], spec: GenomeSpec
) -> _Tables:
    """Runs a program, keeping the values of all nodes, and the sums they are activations of."""
    functions = functions_of(spec)

    def step(i: Array, tables: tuple[Array, Array]) -> tuple[Array, Array]:
        values, sums = tables
        terms = zip(steps.row[i], steps.factor[i], strict=True)
        total = weighted_sum(values, list(terms))
        row = lax.switch(steps.function[i], functions, total)
        at = (steps.result[i], 0)
        return lax.dynamic_update_slice(values, row, at), lax.dynamic_update_slice(sums, total, at)

    start = (tables.values.at[:NUM_INPUTS].set(inputs), tables.sums)
    values, sums = lax.fori_loop(0, steps.length, step, start)
    return tables._replace(values=values, sums=sums)


def _clear(
    tables: _Tables,
    num_nodes: Int[Array, ""],
    cotangent: Float[Array, "outputs tile"],
    spec: GenomeSpec,
) -> _Tables:
    """Sets the derivatives of the outputs to `cotangent`, and of all nodes in use to zero."""
    zeros = jnp.zeros((1, cotangent.shape[1]), cotangent.dtype)

    def clear(row: Array, bars: Array) -> Array:
        return lax.dynamic_update_slice(bars, zeros, (row, 0))

    bars = lax.fori_loop(0, num_nodes, clear, tables.bars)
    return tables._replace(bars=bars.at[NUM_INPUTS : spec.first_hidden].set(cotangent))


def _run_backwards(
    steps: _Steps, tables: _Tables, spec: GenomeSpec
) -> tuple[_Tables, Float[Array, "instructions lanes"]]:
    """Goes through a program from its last instruction to its first.

    Returns:
        The tables, and the derivative by the factor of every row that an instruction adds.
    """
    values, sums, bars = tables

    def row_of(table: Array, row: Array) -> Array:
        return lax.dynamic_slice(table, (row, 0), (1, table.shape[1]))

    def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        i, bars, products = state
        total, bar = (row_of(table, steps.result[i]) for table in (sums, bars))
        bar = _pull_back(steps.function[i], total, bar, spec)

        def pull(lane: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
            bars, products = state
            row = steps.row[i, lane]
            product = jnp.vdot(row_of(values, row), bar)
            before = steps.keeps[i, lane] * row_of(bars, row)
            bars = lax.dynamic_update_slice(bars, before + steps.factor[i, lane] * bar, (row, 0))
            return bars, products.at[i, lane].set(product)

        return i - 1, *lax.fori_loop(0, steps.lanes[i], pull, (bars, products))

    start = (steps.length - 1, bars, jnp.zeros_like(steps.factor))
    _, bars, products = lax.while_loop(lambda state: state[0] >= 0, step, start)
    return tables._replace(bars=bars), products


def _weight_gradients_together(
    genomes: Genome,
    inputs: Float[Array, "4 pixels"],
    cotangent: Float[Array, "batch outputs pixels"],
    spec: GenomeSpec,
) -> Float[Array, "batch connections"]:
    """Pulls the cotangents back through instruction number i of all genomes at once."""
    (batch, max_nodes), pixels = genomes.activation.shape, inputs.shape[1]
    functions, room = functions_of(spec), genomes.max_connections
    steps = jax.vmap(_Steps.of)(_programs(genomes, spec), genomes).filled(max_nodes, room)
    longest = jnp.max(steps.length)

    @jax.vmap
    def row_of(table: Array, row: Array) -> Array:
        return lax.dynamic_slice(table, (row, 0), (1, pixels))

    @jax.vmap
    def with_row(table: Array, row: Array, new: Array) -> Array:
        return lax.dynamic_update_slice(table, new, (row, 0))

    @jax.vmap
    def run(values: Array, rows: Array, factors: Array, function: Array) -> tuple[Array, Array]:
        total = weighted_sum(values, list(zip(rows, factors, strict=True)))
        return lax.switch(function, functions, total), total

    def forwards(i: Array, tables: tuple[Array, Array]) -> tuple[Array, Array]:
        values, sums = tables
        row, total = run(values, steps.row[:, i], steps.factor[:, i], steps.function[:, i])
        result = steps.result[:, i]
        return with_row(values, result, row), with_row(sums, result, total)

    def backwards(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        i, bars, products = state
        result = steps.result[:, i]
        bar = jax.vmap(partial(_pull_back, spec=spec))(
            steps.function[:, i], row_of(sums, result), row_of(bars, result)
        )
        for lane in range(LANES):
            row = steps.row[:, i, lane]
            product = jnp.sum(row_of(values, row) * bar, axis=(1, 2))
            keeps, factor = (leaf[:, i, lane, None, None] for leaf in (steps.keeps, steps.factor))
            bars = with_row(bars, row, keeps * row_of(bars, row) + factor * bar)
            products = products.at[:, i, lane].set(product)
        return i - 1, bars, products

    table = jnp.zeros((batch, max_nodes + 1, pixels), inputs.dtype)
    start = (table.at[:, :NUM_INPUTS].set(inputs), table)
    values, sums = lax.fori_loop(0, longest, forwards, start)
    bars = table.at[:, NUM_INPUTS : spec.first_hidden].set(cotangent)
    state = (longest - 1, bars, jnp.zeros_like(steps.factor))
    products = lax.while_loop(lambda state: state[0] >= 0, backwards, state)[2]
    genome = jnp.arange(batch)[:, None, None]
    return jnp.zeros((batch, room)).at[genome, steps.place].add(products, mode="drop")


def _pull_back(kind: Int[Array, ""], total: Array, bar: Array, spec: GenomeSpec) -> Array:
    """Returns the derivative by a sum, given that by what the activation makes of it."""
    pulls = [lambda x, y, f=f: jax.vjp(f, x)[1](y)[0] for f in functions_of(spec)]
    return lax.switch(kind, pulls, total, bar)
