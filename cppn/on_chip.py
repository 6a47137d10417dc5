"""Runs programs on a GPU with every row of a tile of pixels kept on the chip.

`program.run_together` reads and writes a row of all pixels in the GPU's memory for every
instruction of every genome: at 400 genomes of 40 nodes and 256x256 pixels, 20 GB a generation.
Here a block of threads takes one genome and one tile of pixels, holds a row of the tile for every
node in shared memory, and walks the genome's own list of instructions, no longer than it is. Only
the outputs leave the chip.

The kernel is written in Pallas, for its Mosaic backend: NVIDIA GPUs from Hopper (compute capability
9.0) on. `can_run_on_chip` says where it runs; elsewhere `run_together` does. On a CPU Pallas
interprets it, which is how it is tested.
"""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from cppn.genome import NUM_INPUTS, Genome, GenomeSpec
from cppn.platforms import by_platform
from cppn.program import LANES, Program, expanded_terms, functions_of

Pixels = Float[Array, " pixels"]
Ref = Any  # memory of the kernel, as Pallas hands it to it

TILE = 256
"""Pixels of a block: two for each thread of a warp group, which share the reading of programs."""

_MOST_ROWS = 200
"""Rows of a tile that fit into a multiprocessor's 227 kB of shared memory, with room to spare."""


def can_run_on_chip(max_nodes: int) -> bool:
    """Says whether the kernel runs on this process's GPU, for genomes with room for `max_nodes`.

    True where there is no GPU: a program made for one that is elsewhere is made for a new one.
    """
    if max_nodes > _MOST_ROWS:
        return False
    capabilities = [
        float(device.compute_capability) for device in jax.devices() if device.platform == "gpu"
    ]
    return all(capability >= 9.0 for capability in capabilities)


def in_fastest_way(
    genomes: Genome,
    inputs: Float[Array, "4 pixels"],
    *,
    cpu: Callable[[Genome, Array], Array],
    on_chip: Callable[[Genome, Array], Array],
    default: Callable[[Genome, Array], Array],
) -> Array:
    """Draws genomes in the way of the device: with the kernel, where there is one that can."""
    ways = {"cuda": on_chip} if can_run_on_chip(genomes.max_nodes) else {}
    return by_platform(genomes, inputs, cpu=cpu, default=default, **ways)


def run_on_chip(
    programs: Program,
    genomes: Genome,
    inputs: Float[Array, "inputs pixels"],
    spec: GenomeSpec,
    *,
    to_levels: Callable[[tuple[Pixels, ...]], tuple[Pixels, ...]] | None = None,
    interpret: Any = None,
) -> Float[Array, "batch outputs pixels"] | Int[Array, "batch pixels"]:
    """Runs programs as `program.run_together` does.

    Args:
        programs: made by `program.compile_batch`.
        genomes: the same networks; leading axis `batch`, room for at most 200 nodes.
        inputs: x, y, d and bias at each pixel.
        spec: number of outputs, names of the activations.
        to_levels: turns the values of all outputs into 8-bit levels, whole numbers. A third of the
            numbers then leave the chip, and colours are worked out where the values are.
        interpret: parameters with which Pallas interprets the kernel, for tests; None runs it.

    Returns:
        The values of all outputs, in [-1, 1]. With `to_levels`, one word for each pixel: the level
        of output i in its bits 8 i to 8 i + 7, which `unpacked` takes apart.
    """
    batch, pixels = genomes.num_nodes.shape[0], inputs.shape[1]
    num_tiles = -(-pixels // TILE)
    inputs = jnp.pad(inputs, ((0, 0), (0, num_tiles * TILE - pixels)))
    rows, factors = jax.vmap(expanded_terms)(programs, genomes)
    words = _packed(programs, rows)
    # Loading Mosaic takes half a second, and most processes have no GPU.
    from jax.experimental.pallas import mosaic_gpu as gpu

    shape, kind = (batch, spec.outputs, num_tiles * TILE), inputs.dtype
    if to_levels:
        shape, kind = (batch, num_tiles * TILE), jnp.int32
    run = gpu.kernel(
        partial(_walk, functions=functions_of(spec), spec=spec, to_levels=to_levels),
        out_type=jax.ShapeDtypeStruct(shape, kind),
        scratch_types=[gpu.SMEM((genomes.max_nodes, TILE), inputs.dtype)],
        grid=(batch, num_tiles),
        grid_names=("genome", "tile"),
        # every thread reads and writes its own pixels alone
        compiler_params=gpu.CompilerParams(unsafe_no_auto_barriers=True),
        interpret=interpret,
    )
    values = run(programs.length, words, factors, inputs)
    return values[..., :pixels]


def unpacked(words: Int[Array, "batch pixels"], outputs: int) -> Int[Array, "batch pixels outputs"]:
    """Takes the levels out of the words that `run_on_chip` packs them into."""
    shifts = 8 * jnp.arange(outputs)[None, None, :]
    return (words[..., None] >> shifts) & 255  # stacked levels would be written byte by byte


def _packed(
    programs: Program, rows: Int[Array, "batch instructions lanes"]
) -> Int[Array, "batch instructions words"]:
    """Packs an instruction's numbers into two words, so that a thread reads two instead of six.

    From the lowest bits: the last lane in use (2), activation (6), result (10), row of lane 0 (10);
    in the second word, the rows of the other lanes (10 each).
    """
    last_lane, function = programs.kind % LANES, programs.kind // LANES
    first = last_lane | function << 2 | programs.result << 8 | rows[..., 0] << 18
    second = rows[..., 1] | rows[..., 2] << 10 | rows[..., 3] << 20
    return jnp.stack([first, second], axis=-1)


def _walk(
    length: Ref,
    words: Ref,
    factors: Ref,
    inputs: Ref,
    out: Ref,
    memory: Ref,
    *,
    functions: list[Callable],
    spec: GenomeSpec,
    to_levels: Callable[[tuple[Pixels, ...]], tuple[Pixels, ...]] | None,
) -> None:
    """What one block does: all instructions of one genome, on one tile; arguments are `Ref`s."""
    from jax.experimental import pallas as pl

    genome = lax.axis_index("genome")
    pixels = pl.ds(lax.axis_index("tile") * TILE, TILE)
    for i in range(NUM_INPUTS):
        memory[i, :] = inputs[i, pixels]

    def step(i: Int[Array, ""], _: None) -> None:
        first, second = words[genome, i, 0], words[genome, i, 1]
        rows = [first >> 18, second & 1023, (second >> 10) & 1023, second >> 20]

        def term(lane: int) -> Pixels:
            return factors[genome, i, lane] * memory[rows[lane], :]

        # most nodes have one or two connections
        total = lax.cond(
            (first & 3) > 1,
            lambda sum_of_two: sum_of_two + term(2) + term(3),
            lambda sum_of_two: sum_of_two,
            term(0) + term(1),
        )
        memory[(first >> 8) & 1023, :] = lax.switch((first >> 2) & 63, functions, total)

    lax.fori_loop(0, length[genome], step, None)
    values = tuple(memory[NUM_INPUTS + i, :] for i in range(spec.outputs))
    if to_levels:
        levels = [level.astype(jnp.int32) << 8 * i for i, level in enumerate(to_levels(values))]
        out[genome, pixels] = reduce(jnp.bitwise_or, levels)
        return
    for i, value in enumerate(values):
        out[genome, i, pixels] = value
