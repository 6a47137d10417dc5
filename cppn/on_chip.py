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
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from cppn.genome import NUM_INPUTS, Genome, GenomeSpec
from cppn.program import LANES, Program, expanded_terms, functions_of

TILE = 128
"""Pixels of a block: one for each thread of a warp group."""

_MOST_ROWS = 400
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


def run_on_chip(
    programs: Program,
    genomes: Genome,
    inputs: Float[Array, "inputs pixels"],
    spec: GenomeSpec,
    *,
    interpret: Any = None,
) -> Float[Array, "batch outputs pixels"]:
    """Runs programs as `program.run_together` does.

    Args:
        programs: made by `program.compile_batch`.
        genomes: the same networks; leading axis `batch`, room for at most 400 nodes.
        inputs: x, y, d and bias at each pixel.
        spec: number of outputs, names of the activations.
        interpret: parameters with which Pallas interprets the kernel, for tests; None runs it.

    Returns:
        The values of all outputs, in [-1, 1].
    """
    batch, pixels = genomes.num_nodes.shape[0], inputs.shape[1]
    num_tiles = -(-pixels // TILE)
    inputs = jnp.pad(inputs, ((0, 0), (0, num_tiles * TILE - pixels)))
    rows, factors = jax.vmap(expanded_terms)(programs, genomes)
    # Loading Mosaic takes half a second, and most processes have no GPU.
    from jax.experimental.pallas import mosaic_gpu as gpu

    run = gpu.kernel(
        partial(_walk, functions=functions_of(spec), spec=spec),
        out_type=jax.ShapeDtypeStruct((batch, spec.outputs, num_tiles * TILE), inputs.dtype),
        scratch_types=[gpu.SMEM((genomes.max_nodes, TILE), inputs.dtype)],
        grid=(batch, num_tiles),
        grid_names=("genome", "tile"),
        interpret=interpret,
    )
    values = run(programs.length, programs.kind // LANES, programs.result, rows, factors, inputs)
    return values[:, :, :pixels]


def _walk(
    length: Any,
    function: Any,
    result: Any,
    rows: Any,
    factors: Any,
    inputs: Any,
    out: Any,
    memory: Any,
    *,
    functions: list[Callable],
    spec: GenomeSpec,
) -> None:
    """What one block does: all instructions of one genome, on one tile; arguments are `Ref`s."""
    from jax.experimental import pallas as pl

    genome = lax.axis_index("genome")
    pixels = pl.ds(lax.axis_index("tile") * TILE, TILE)
    for i in range(NUM_INPUTS):
        memory[i, :] = inputs[i, pixels]

    def step(i: Int[Array, ""], _: None) -> None:
        total = factors[genome, i, 0] * memory[rows[genome, i, 0], :]
        for lane in range(1, LANES):
            total = total + factors[genome, i, lane] * memory[rows[genome, i, lane], :]
        memory[result[genome, i], :] = lax.switch(function[genome, i], functions, total)

    lax.fori_loop(0, length[genome], step, None)
    for i in range(spec.outputs):
        out[genome, i, pixels] = memory[NUM_INPUTS + i, :]
