"""The reverse pass of drawing: derivatives of the sums that reach the outputs, by the weights.

The instructions of a network run once more, every row is kept, and then they are gone through
backwards. On a CPU that is done for one genome after the other (`gradients_in_turn`), as
`program.run_in_turn` goes forwards; elsewhere for instruction number i of all genomes at once
(`gradients_at_once`).

It holds for what `program.compile_genome` promises: a row is read only after it was written for
good, and only a node's own partial sum is read by the node itself.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from cppn.genome import NUM_INPUTS, Genome, GenomeSpec
from cppn.program import LANES, Program, compile_batch, functions_of, weighted_sum

_TILE = 4096
"""Pixels that are gone through at a time; their rows then stay in the second-level cache."""


def sums_alone(genomes: Genome, spec: GenomeSpec) -> Program:
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


def gradients_in_turn(
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

    steps = jax.vmap(_Steps.of)(sums_alone(genomes, spec), genomes)
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
        bar = pull_back(steps.function[i], total, bar, spec)

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


def gradients_at_once(
    genomes: Genome,
    inputs: Float[Array, "4 pixels"],
    cotangent: Float[Array, "batch outputs pixels"],
    spec: GenomeSpec,
) -> Float[Array, "batch connections"]:
    """Pulls the cotangents back through instruction number i of all genomes at once."""
    (batch, max_nodes), pixels = genomes.activation.shape, inputs.shape[1]
    functions, room = functions_of(spec), genomes.max_connections
    steps = jax.vmap(_Steps.of)(sums_alone(genomes, spec), genomes).filled(max_nodes, room)
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
        bar = jax.vmap(partial(pull_back, spec=spec))(
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


def pull_back(kind: Int[Array, ""], total: Array, bar: Array, spec: GenomeSpec) -> Array:
    """Returns the derivative by a sum, given that by what the activation makes of it."""
    pulls = [lambda x, y, f=f: jax.vjp(f, x)[1](y)[0] for f in functions_of(spec)]
    return lax.switch(kind, pulls, total, bar)
