"""Neutral growth: a block of new hidden nodes that at first changes nothing.

The nodes of a block are fed by the four inputs and feed the outputs. Their weights to the outputs
begin as zero, so that a widened network draws what it drew; from there its weights can be tuned in
directions that the network did not have. Node j of a block has activation j modulo the number of
activations: all of them have an equal share, and the block is two matrix products.

References:
    Wei, Wang, Rui and Chen, "Network morphism", ICML 2016: growth that keeps the function.
"""

from functools import partial, reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from cppn.activations import ACTIVATIONS
from cppn.entries import is_first
from cppn.genome import MAX_WEIGHT, NUM_INPUTS, Genome, GenomeSpec
from cppn.random import bits, uniform


class Block(NamedTuple):
    """The weights of new hidden nodes of one genome, or with leading axes of a batch.

    Attributes:
        from_inputs: of the connections from x, y, d and bias, in [-10, 10].
        to_outputs: of the connections to the outputs, in [-10, 10].
    """

    from_inputs: Float[Array, "*batch width 4"]
    to_outputs: Float[Array, "*batch outputs width"]


def new_block(key: PRNGKeyArray, width: int, spec: GenomeSpec) -> Block:
    """Draws a block of `width` nodes; its weights to the outputs are zero.

    Args:
        key: consumed.
        width: number of nodes; 0 is a block without any.
        spec: number of outputs.

    Returns:
        Weights from the inputs uniform in [-10, 10), as those of a first genome.
    """
    drawn = uniform(bits(key, max(1, width * NUM_INPUTS)))[: width * NUM_INPUTS]
    return Block(
        from_inputs=(2 * MAX_WEIGHT * drawn - MAX_WEIGHT).reshape(width, NUM_INPUTS),
        to_outputs=jnp.zeros((spec.outputs, width)),
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def block_sums(
    block: Block, inputs: Float[Array, "4 pixels"], spec: GenomeSpec
) -> Float[Array, "outputs pixels"]:
    """Returns what the block of one genome adds to the sums that reach the outputs.

    Args:
        block: of one genome; what the result can be differentiated by.
        inputs: x, y, d and bias at each pixel.
        spec: names of the activations.
    """
    from_inputs, to_outputs = _by_activation(block, spec)
    # four products, which are computed within the activation: a matrix product is not
    terms = (from_inputs[:, i, None] * inputs[i][None] for i in range(NUM_INPUTS))
    return to_outputs @ _activate(reduce(jnp.add, terms), spec)


def _forward(
    block: Block, inputs: Float[Array, "4 pixels"], spec: GenomeSpec
) -> tuple[Float[Array, "outputs pixels"], tuple[Block, Float[Array, "4 pixels"]]]:
    return block_sums(block, inputs, spec), (block, inputs)


def _backward(
    spec: GenomeSpec, saved: tuple[Block, Array], cotangent: Float[Array, "outputs pixels"]
) -> tuple[Block, None]:
    """Pulls back by matrix products alone: sums over pixels, as JAX derives them, take longer."""
    block, inputs = saved
    from_inputs, to_outputs = _by_activation(block, spec)
    hidden, pull_back = jax.vjp(partial(_activate, spec=spec), from_inputs @ inputs)
    [bars] = pull_back(to_outputs.T @ cotangent)
    places = _places(block, spec)
    return Block(
        from_inputs=jnp.zeros_like(from_inputs).at[places].set(bars @ inputs.T),
        to_outputs=jnp.zeros_like(to_outputs).at[:, places].set(cotangent @ hidden.T),
    ), None


block_sums.defvjp(_forward, _backward)


def _places(block: Block, spec: GenomeSpec) -> np.ndarray:
    """Lists the nodes of a block by activation."""
    width = block.from_inputs.shape[0]
    return np.argsort(np.arange(width) % len(spec.activations), kind="stable")


def _by_activation(block: Block, spec: GenomeSpec) -> Block:
    """Orders the nodes of one genome's block by activation."""
    places = _places(block, spec)
    return Block(block.from_inputs[places], block.to_outputs[:, places])


def _activate(sums: Float[Array, "width pixels"], spec: GenomeSpec) -> Float[Array, "width pixels"]:
    """Applies the activations to nodes that are ordered by them."""
    kinds = len(spec.activations)
    counts = [len(range(number, len(sums), kinds)) for number in range(kinds)]
    parts = jnp.split(sums, np.cumsum(counts)[:-1])
    named = zip(parts, spec.activations, strict=True)
    return jnp.concatenate([ACTIVATIONS[name](part) for part, name in named])


def widen(genome: Genome, block: Block, spec: GenomeSpec) -> Genome:
    """Makes the nodes of a block part of a genome, behind its own.

    Args:
        genome: one genome.
        block: of one genome.
        spec: number of outputs, names of the activations.

    Returns:
        A genome with room for the block beside the room that there was. Where the block's weights
        to the outputs are zero it draws the same image, bit for bit.
    """
    width = block.from_inputs.shape[0]
    nodes, room = genome.max_nodes, genome.max_connections
    new = genome.num_nodes + jnp.arange(width, dtype=jnp.int32)
    kinds = jnp.arange(width, dtype=jnp.int32) % len(spec.activations)
    output = NUM_INPUTS + jnp.arange(spec.outputs, dtype=jnp.int32)

    def all_of(old: Array, to_outputs: Array, from_inputs: Array) -> Array:
        return jnp.concatenate([old, to_outputs.reshape(-1), from_inputs.reshape(-1)])

    to_outputs, from_inputs = block.to_outputs, block.from_inputs
    source = all_of(
        genome.source,
        jnp.broadcast_to(new[None, :], to_outputs.shape),
        jnp.broadcast_to(jnp.arange(NUM_INPUTS, dtype=jnp.int32), from_inputs.shape),
    )
    target = all_of(
        genome.target,
        jnp.broadcast_to(output[:, None], to_outputs.shape),
        jnp.broadcast_to(new[:, None], from_inputs.shape),
    )
    weight = all_of(genome.weight, to_outputs, from_inputs)

    # by target, and for one target by age: a stable order; what is not in use goes last
    is_new = jnp.arange(len(target)) >= room
    in_use = is_new | is_first(genome.num_connections, len(target))
    order = jnp.argsort(jnp.where(in_use, target, nodes + width), stable=True)
    added = width * (NUM_INPUTS + spec.outputs)
    activation = jnp.pad(genome.activation, (0, width))
    return Genome(
        num_nodes=genome.num_nodes + width,
        num_connections=genome.num_connections + added,
        activation=activation.at[new].set(kinds),
        source=source[order],
        target=target[order],
        weight=weight[order],
    )
