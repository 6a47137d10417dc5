"""The genome: a feed-forward network in arrays of fixed size.

Nodes are numbered `x, y, d, bias` first, then the outputs, then the hidden nodes in the order
in which they are evaluated: a hidden node is fed by inputs and by hidden nodes of a lower
number only, and nothing leaves an output. The stored numbering is the topological order.
Connections are stored by ascending target, those of one target by age. Everything in use comes
first and unused entries hold zeros, so that equal networks have equal bytes.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from cppn.activations import ACTIVATIONS
from cppn.random import bits, uniform

INPUTS = ("x", "y", "d", "bias")
"""What a network sees of a pixel: column, row, distance from the centre, and 1."""

NUM_INPUTS = len(INPUTS)
MAX_WEIGHT = 10.0
"""Weights lie in [-MAX_WEIGHT, MAX_WEIGHT]."""


@dataclass(frozen=True, kw_only=True)
class GenomeSpec:
    """What is the same for all genomes of a run.

    Attributes:
        outputs: values drawn for each pixel: 1 for grey images, 3 for colour.
        activations: names from `ACTIVATIONS` that nodes may have; a genome stores indices
            into this tuple. The default is the paper's set.
    """

    outputs: int = 1
    activations: tuple[str, ...] = ("sine", "sigmoid", "gaussian", "linear")

    def __post_init__(self):
        if self.outputs not in (1, 3):
            raise ValueError(f"outputs must be 1 (grey) or 3 (colour), got {self.outputs}")
        unknown = [name for name in self.activations if name not in ACTIVATIONS]
        if unknown or not self.activations:
            raise ValueError(
                f"activations must be a non-empty tuple of names from {list(ACTIVATIONS)}, "
                f"got {self.activations}"
            )
        if len(set(self.activations)) < len(self.activations):
            raise ValueError(f"activations must not repeat a name, got {self.activations}")

    @property
    def first_hidden(self) -> int:
        """The number of the first hidden node."""
        return NUM_INPUTS + self.outputs


class Genome(NamedTuple):
    """One network, or with leading axes a batch of them.

    Attributes:
        num_nodes: nodes in use, inputs and outputs included.
        num_connections: connections in use.
        activation: index into `GenomeSpec.activations`; 0 for inputs, which have none.
        source: the node at which a connection starts; never an output.
        target: the node at which it ends; never an input; ascending.
        weight: in [-10, 10].
    """

    num_nodes: Int[Array, "*batch"]
    num_connections: Int[Array, "*batch"]
    activation: Int[Array, "*batch nodes"]
    source: Int[Array, "*batch connections"]
    target: Int[Array, "*batch connections"]
    weight: Float[Array, "*batch connections"]

    @property
    def max_nodes(self) -> int:
        """Room for nodes."""
        return self.activation.shape[-1]

    @property
    def max_connections(self) -> int:
        """Room for connections."""
        return self.source.shape[-1]


@partial(jax.jit, static_argnames=("spec", "max_nodes", "max_connections"))
def init(
    key: PRNGKeyArray, spec: GenomeSpec, *, max_nodes: int = 16, max_connections: int = 32
) -> Genome:
    """Draws a genome without hidden nodes: every input feeds every output.

    Args:
        key: consumed.
        spec: number of outputs and allowed activations.
        max_nodes: room for nodes, inputs and outputs included.
        max_connections: room for connections.

    Returns:
        A genome with weights uniform in [-10, 10) and outputs of random activations.

    Raises:
        ValueError: there is no room for the inputs, the outputs and their connections.

    References:
        Released code of the paper, gen_dnn.hpp:252-262.
    """
    num_connections = NUM_INPUTS * spec.outputs
    check_room(spec.first_hidden, num_connections, max_nodes, max_connections)
    u = uniform(bits(key, num_connections + spec.outputs))
    weight = 2 * MAX_WEIGHT * u[:num_connections] - MAX_WEIGHT
    activation = (u[num_connections:] * len(spec.activations)).astype(jnp.int32)
    index = jnp.arange(num_connections, dtype=jnp.int32)
    genome = Genome(
        num_nodes=jnp.int32(spec.first_hidden),
        num_connections=jnp.int32(num_connections),
        activation=jnp.concatenate([jnp.zeros(NUM_INPUTS, jnp.int32), activation]),
        source=index % NUM_INPUTS,
        target=NUM_INPUTS + index // NUM_INPUTS,
        weight=weight,
    )
    return grow(genome, max_nodes=max_nodes, max_connections=max_connections)


def grow(genomes: Genome, *, max_nodes: int, max_connections: int) -> Genome:
    """Gives genomes (any leading axes) more room; what they draw and how they mutate stays.

    Args:
        genomes: any leading axes.
        max_nodes: room for nodes, at least what there is.
        max_connections: room for connections, at least what there is.

    Raises:
        ValueError: the new room is smaller than the old.
    """
    check_room(genomes.max_nodes, genomes.max_connections, max_nodes, max_connections)

    def pad(leaf: Array | np.ndarray, size: int) -> Array:
        return jnp.pad(leaf, [(0, 0)] * (leaf.ndim - 1) + [(0, size - leaf.shape[-1])])

    return genomes._replace(
        activation=pad(genomes.activation, max_nodes),
        source=pad(genomes.source, max_connections),
        target=pad(genomes.target, max_connections),
        weight=pad(genomes.weight, max_connections),
    )


def trim(genomes: Genome) -> Genome:
    """Cuts off room that no genome (any leading axes) uses; on the host, gives NumPy arrays."""
    genomes = jax.tree.map(np.asarray, genomes)
    nodes, connections = int(genomes.num_nodes.max()), int(genomes.num_connections.max())
    return genomes._replace(
        activation=genomes.activation[..., :nodes],
        source=genomes.source[..., :connections],
        target=genomes.target[..., :connections],
        weight=genomes.weight[..., :connections],
    )


def num_nodes(genomes: Genome) -> Int[Array, "*batch"]:
    """Nodes in use, inputs and outputs included; one number for each genome."""
    return genomes.num_nodes


def num_connections(genomes: Genome) -> Int[Array, "*batch"]:
    """Connections in use; one number for each genome."""
    return genomes.num_connections


def check_room(nodes: int, connections: int, max_nodes: int, max_connections: int) -> None:
    """Raises ValueError unless so many nodes and connections fit."""
    if max_nodes < nodes or max_connections < connections:
        raise ValueError(
            f"max_nodes={max_nodes}, max_connections={max_connections} is too little room: "
            f"at least {nodes} nodes and {connections} connections are needed"
        )
