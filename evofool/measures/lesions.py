"""Lesions: an elite's genome without one of its nodes or connections."""

from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple

import jax
import numpy as np

import cppn
from evofool.support import jit


class Lesion(NamedTuple):
    """A genome that lacks one part.

    Attributes:
        part: "node" (a hidden node, with its connections) or "connection".
        number: of the node or connection in the whole genome.
        activation: of the node, or of the node that the connection leads to.
        genome: without the part; host arrays of the same sizes as the whole genome.
    """

    part: Literal["node", "connection"]
    number: int
    activation: str
    genome: cppn.Genome


def lesions(genome: cppn.Genome, spec: cppn.GenomeSpec) -> list[Lesion]:
    """Returns the genome without each hidden node, then without each connection.

    Args:
        genome: a single genome, host arrays.
        spec: of the genome.
    """
    activations = [spec.activations[code] for code in genome.activation.tolist()]
    hidden = range(spec.first_hidden, int(genome.num_nodes))
    targets = genome.target[: int(genome.num_connections)].tolist()
    # Cut as many as fit into the arrays, so that one program serves every genome of a run.
    without_node = _all_without(cppn.without_node, genome, genome.max_nodes)
    without_connection = _all_without(cppn.without_connection, genome, genome.max_connections)
    return [
        *(Lesion("node", i, activations[i], without_node[i]) for i in hidden),
        *(
            Lesion("connection", i, activations[target], without_connection[i])
            for i, target in enumerate(targets)
        ),
    ]


def _all_without(
    cut: Callable[..., cppn.Genome], genome: cppn.Genome, room: int
) -> list[cppn.Genome]:
    cut_genomes = jax.tree.map(np.asarray, _batched(cut)(genome, np.arange(room)))
    return [jax.tree.map(lambda leaf, i=i: leaf[i], cut_genomes) for i in range(room)]


@cache
def _batched(cut: Callable[..., cppn.Genome]) -> Callable[..., cppn.Genome]:
    return jit(jax.vmap(cut, in_axes=(None, 0)))
