"""The gradient of drawing: how the sums that reach a network's outputs change with its weights.

`output_sums` draws networks up to the activations of the outputs. What comes after those sums is
ordinary array code, which JAX differentiates; the loop over instructions before them is not, so it
has a reverse pass of its own, in `cppn.reverse`.
"""

from collections.abc import Callable
from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from cppn.genome import NUM_INPUTS, Genome, GenomeSpec
from cppn.on_chip import in_fastest_way, run_on_chip
from cppn.platforms import Tree, by_platform
from cppn.program import functions_of, run_in_turn, run_together, schedule
from cppn.reverse import gradients_at_once, gradients_in_turn, pull_back, sums_alone


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
        inputs: x, y, d and bias at each pixel, as `coordinates.make_inputs` gives them.
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
    return pull_back(kind, total, bar, spec), None


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
    in_turn = partial(gradients_in_turn, spec=spec)
    together = partial(gradients_at_once, spec=spec)
    gradient = by_platform(genomes, inputs, cotangent, cpu=in_turn, default=together)
    return gradient, None, None


output_sums.defvjp(_forward, _backward)


def _in_turn(
    genomes: Genome, inputs: Float[Array, "4 pixels"], spec: GenomeSpec
) -> Float[Array, "batch outputs pixels"]:
    instructions = schedule(sums_alone(genomes, spec), genomes, spec)
    batch, max_nodes = genomes.activation.shape
    memory = jnp.zeros((max_nodes + batch * spec.outputs, inputs.shape[1]), inputs.dtype)
    memory = run_in_turn(instructions, memory.at[:NUM_INPUTS].set(inputs), spec)
    return memory[max_nodes:].reshape(batch, spec.outputs, -1)


def _together(
    genomes: Genome, inputs: Float[Array, "4 pixels"], spec: GenomeSpec
) -> Float[Array, "batch outputs pixels"]:
    return run_together(sums_alone(genomes, spec), genomes, inputs, spec)


def _on_chip(
    genomes: Genome, inputs: Float[Array, "4 pixels"], spec: GenomeSpec
) -> Float[Array, "batch outputs pixels"]:
    return run_on_chip(sums_alone(genomes, spec), genomes, inputs, spec)
