"""CPPNs that know their history, so that two of them can be crossed.

What a network descends from is not stored with it. A line of descent that is made again with this
encoding gives, beside each genome, the marks that `cppn.cross` matches genes by.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Key, PRNGKeyArray

import cppn

if TYPE_CHECKING:
    from evofool.evolution.cppn_encoding import CppnEncoding

_CROSS = 3  # what a child's key is folded with to cross its parents


@dataclass(frozen=True)
class MarkedCppn:
    """See `encodings.Crossing`.

    Attributes:
        plain: the encoding of the same networks without marks.
    """

    plain: "CppnEncoding"

    def init(self, keys: Key[Array, " batch"]) -> cppn.Marked:
        """Makes networks without hidden nodes."""
        return jax.vmap(cppn.mark_first)(self.plain.init(keys))

    def vary(
        self,
        keys: Key[Array, " batch"],
        parents: tuple[cppn.Marked, ...],
        rates: cppn.MutationRates,
        generation: Int[Array, ""],
    ) -> tuple[cppn.Marked, Bool[Array, " batch"]]:
        """Crosses pairs of parents, if there are pairs, then mutates."""
        del generation

        def vary_one(
            key: PRNGKeyArray, parent: cppn.Marked, *mates: cppn.Marked
        ) -> tuple[cppn.Marked, Bool[Array, ""]]:
            for mate in mates:
                parent = cppn.cross(cppn.fold_in(key, _CROSS), parent, mate)
            return cppn.mutate_marked(key, parent, rates, self.plain.spec, eta=self.plain.eta)

        return jax.vmap(vary_one)(keys, *parents)

    def adopt(
        self, keys: Key[Array, " batch"], genomes: cppn.Genome, parents: tuple[cppn.Marked, ...]
    ) -> cppn.Marked:
        """Marks networks that polishing made of their parents, after giving them as much room."""
        genomes = cppn.grow(
            genomes,
            max_nodes=self.plain.max_nodes,
            max_connections=self.plain.max_connections,
        )
        return jax.vmap(cppn.mark_widened)(keys, genomes, *parents)

    def without_history(self, genomes: cppn.Marked) -> cppn.Genome:
        """Returns the networks alone."""
        return genomes.genome

    def grow(self, genomes: cppn.Marked) -> cppn.Marked:
        """Doubles the room for nodes and connections."""
        genome = self.plain.grow(genomes.genome)

        def pad(marks: Array, size: int) -> Array:
            return jnp.pad(marks, [(0, 0)] * (marks.ndim - 1) + [(0, size - marks.shape[-1])])

        return cppn.Marked(
            genome,
            pad(genomes.nodes, genome.max_nodes),
            pad(genomes.connections, genome.max_connections),
        )

    def grown(self) -> "MarkedCppn":
        """Returns this encoding for networks with twice the room."""
        return MarkedCppn(self.plain.grown())
