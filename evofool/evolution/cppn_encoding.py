"""The CPPN encoding: a genome is a small network that is asked for the value of every pixel.

The networks, their mutation and their drawing are the package `cppn`'s; here is what a run's
configuration makes of it.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray

import cppn
from evofool.config import CppnConfig
from evofool.evolution.tuning import Tunable
from evofool.support import UserError, unknown_name

# what a child's key is folded with for fine steps and crossover; mutation takes it as it is
_DECIDE, _STEP, _CROSS = 1, 2, 3


class CppnRates(NamedTuple):
    """Numbers that may change without recompiling.

    Attributes:
        mutation: the probability of each mutation operator.
        fine: probability that a child is made by fine steps of weights instead.
        fine_after: the first generation with such children.
    """

    mutation: cppn.MutationRates
    fine: Float[Array, ""] | float
    fine_after: Int[Array, ""] | int

    def fine_at(self, generation: Int[Array, ""]) -> Float[Array, ""]:
        """Returns the probability of fine steps in a generation."""
        return jnp.where(generation >= self.fine_after, self.fine, 0.0)


class _Weights(NamedTuple):
    """What polishing tunes of networks."""

    own: Float[Array, "batch connections"]
    block: cppn.Block


@dataclass(frozen=True, kw_only=True)
class CppnEncoding:
    """See `encodings.Encoding`.

    Attributes:
        spec: outputs and activations of the networks.
        style: how their outputs become pixels.
        height: of the images, in pixels.
        width: of the images, in pixels.
        eta: distribution index of the polynomial mutation of weights.
        max_nodes: room of a genome for nodes.
        max_connections: room of a genome for connections.
    """

    spec: cppn.GenomeSpec
    style: cppn.Style
    height: int
    width: int
    eta: float
    max_nodes: int
    max_connections: int

    name = "cppn"
    num_parents = 1
    least_parts = 2  # a device draws networks on one core: two parts keep two CPU devices busy

    @classmethod
    def of(cls, config: CppnConfig, image_shape: tuple[int, int, int]) -> "CppnEncoding":
        """Builds the encoding for images of a shape (height, width, channels).

        Raises:
            UserError: a colour that does not fit the channels, or an unknown activation.
        """
        height, width, channels = image_shape
        spec = cppn_spec(config, channels)
        return cls(
            spec=spec,
            style=cppn_style(config, channels),
            height=height,
            width=width,
            eta=config.weight_eta,
            # less than a first genome needs would be no room at all
            max_nodes=max(config.max_nodes, spec.first_hidden),
            max_connections=max(config.max_connections, cppn.NUM_INPUTS * channels),
        )

    def init(self, keys: Key[Array, " batch"]) -> cppn.Genome:
        """Makes networks without hidden nodes."""
        return jax.vmap(
            lambda key: cppn.init(
                key,
                self.spec,
                max_nodes=self.max_nodes,
                max_connections=self.max_connections,
            )
        )(keys)

    def vary(
        self,
        keys: Key[Array, " batch"],
        parents: tuple[cppn.Genome],
        rates: CppnRates,
        generation: Int[Array, ""],
    ) -> tuple[cppn.Genome, Bool[Array, " batch"]]:
        """Mutates weights, activations and topology, or makes fine steps of weights."""
        mutate = jax.vmap(
            lambda key, parent: cppn.mutate(key, parent, rates.mutation, self.spec, eta=self.eta)
        )
        children, had_room = mutate(keys, parents[0])
        rate = rates.fine_at(generation)

        def or_finely(
            is_fine: Array,
            key: PRNGKeyArray,
            parent: cppn.Genome,
            child: cppn.Genome,
            had_room: Array,
        ) -> tuple[cppn.Genome, Array]:
            stepped = cppn.step_finely(cppn.fold_in(key, _STEP), parent)
            return jax.tree.map(partial(jnp.where, is_fine), stepped, child), had_room | is_fine

        # Without fine steps the branch costs nothing. The decisions are made before it: XLA would
        # write their hash out once more for every number that is chosen, and never end.
        made = (_are_fine(keys, rate), keys, parents[0], children, had_room)
        return cppn.branch(rate > 0, jax.vmap(or_finely), lambda *made: made[3:], *made)

    def render(self, genomes: cppn.Genome) -> Float[Array, "batch height width channels"]:
        """Draws networks."""
        return cppn.render_batch(
            genomes, spec=self.spec, height=self.height, width=self.width, style=self.style
        )

    def tune(self, genomes: cppn.Genome, keys: Key[Array, " batch"], widen: int) -> Tunable:
        """Tunes weights, those of a block of `widen` new hidden nodes among them."""
        blocks = jax.vmap(lambda key: cppn.new_block(key, widen, self.spec))(keys)
        added = widen * (cppn.NUM_INPUTS + self.spec.outputs)

        def draw(weights: _Weights) -> Float[Array, "batch height width channels"]:
            return cppn.render_widened(
                *weights,
                genomes,
                spec=self.spec,
                height=self.height,
                width=self.width,
                style=self.style,
            )

        def limit(weights: _Weights) -> _Weights:
            most = cppn.MAX_WEIGHT
            return jax.tree.map(lambda weight: jnp.clip(weight, -most, most), weights)

        def widened(weights: _Weights) -> cppn.Genome:
            tuned = genomes._replace(weight=weights.own)
            wide = jax.vmap(lambda genome, block: cppn.widen(genome, block, self.spec))(
                tuned, weights.block
            )
            # what does not fit is cut off, of genomes that had no room
            return wide._replace(
                activation=wide.activation[:, : self.max_nodes],
                source=wide.source[:, : self.max_connections],
                target=wide.target[:, : self.max_connections],
                weight=wide.weight[:, : self.max_connections],
            )

        return Tunable(
            variables=_Weights(genomes.weight, blocks),
            draw=draw,
            limit=limit,
            genomes=widened,
            longest=1.0,
            had_room=(genomes.num_nodes + widen <= self.max_nodes)
            & (genomes.num_connections + added <= self.max_connections),
        )

    def grow(self, genomes: cppn.Genome) -> cppn.Genome:
        """Doubles the room for nodes and connections."""
        return cppn.grow(
            genomes, max_nodes=2 * self.max_nodes, max_connections=2 * self.max_connections
        )

    def fault_of(self, genomes: cppn.Genome) -> str:
        """Says what is wrong with genomes from a file, so that all are safe to draw."""
        lead = genomes.num_nodes.shape
        nodes, connections = (
            (*lead, *leaf.shape[-1:]) for leaf in (genomes.activation, genomes.source)
        )
        shapes = (lead, lead, nodes, connections, connections, connections)
        for name, leaf, shape in zip(genomes._fields, genomes, shapes, strict=True):
            kind = np.dtype(np.float32 if name == "weight" else np.int32)
            if (leaf.dtype, leaf.shape) != (kind, shape):
                return f"{name} is {leaf.dtype} {leaf.shape}; expected {kind} {shape}"
        return cppn.fault_of(genomes, self.spec)

    def trim(self, genomes: cppn.Genome) -> cppn.Genome:
        """Cuts off the room for nodes and connections that no network uses."""
        return cppn.trim(genomes)

    def grown(self) -> "CppnEncoding":
        """Returns this encoding for networks with twice the room."""
        return replace(self, max_nodes=2 * self.max_nodes, max_connections=2 * self.max_connections)

    def for_crossing(self) -> "MarkedCppn":
        """Returns this encoding for networks with historical markings."""
        return MarkedCppn(self)


@dataclass(frozen=True)
class MarkedCppn:
    """CPPNs that know their history, so that two of them can be crossed; see `encodings.Crossing`.

    What a network descends from is not stored with it. A line of descent that is made again with
    this encoding gives, beside each genome, the marks that `cppn.cross` matches genes by.

    Attributes:
        plain: the encoding of the same networks without marks.
    """

    plain: CppnEncoding

    def init(self, keys: Key[Array, " batch"]) -> cppn.Marked:
        """Makes networks without hidden nodes."""
        return jax.vmap(cppn.mark_first)(self.plain.init(keys))

    def vary(
        self,
        keys: Key[Array, " batch"],
        parents: tuple[cppn.Marked, ...],
        rates: CppnRates,
        generation: Int[Array, ""],
    ) -> tuple[cppn.Marked, Bool[Array, " batch"]]:
        """Crosses pairs of parents, if there are pairs; then as the plain encoding."""
        parent = parents[0]
        for mate in parents[1:]:
            cross_keys = jax.vmap(lambda key: cppn.fold_in(key, _CROSS))(keys)
            parent = jax.vmap(cppn.cross)(cross_keys, parent, mate)
        children, had_room = self.plain.vary(keys, (parent.genome,), rates, generation)
        marked = jax.vmap(
            lambda key, child, parent: cppn.mark_child(
                key, child, parent, rates.mutation, self.plain.spec
            )
        )(keys, children, parent)
        rate = rates.fine_at(generation)

        def choose(is_fine: Array, of_parent: Array, of_child: Array) -> Array:
            return jnp.where(is_fine[:, None], of_parent, of_child)

        def as_parents(is_fine: Array) -> tuple[Array, Array]:  # fine steps change no structure
            return (
                choose(is_fine, parent.nodes, marked.nodes),
                choose(is_fine, parent.connections, marked.connections),
            )

        nodes, connections = cppn.branch(
            rate > 0, as_parents, lambda _: marked[1:], _are_fine(keys, rate)
        )
        return cppn.Marked(children, nodes, connections), had_room

    def adopt(
        self, keys: Key[Array, " batch"], genomes: cppn.Genome, parents: tuple[cppn.Marked, ...]
    ) -> cppn.Marked:
        """Marks networks, after giving them room: polishing made them, or the run began with them.

        Those without parents are of other runs, whose history is not at hand.
        """
        genomes = cppn.grow(
            genomes,
            max_nodes=self.plain.max_nodes,
            max_connections=self.plain.max_connections,
        )
        if parents:
            return jax.vmap(cppn.mark_widened)(keys, genomes, *parents)
        return jax.vmap(lambda key, genome: cppn.mark_given(key, genome, self.plain.spec))(
            keys, genomes
        )

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


def _are_fine(keys: Key[Array, " batch"], rate: Float[Array, ""]) -> Bool[Array, " batch"]:
    """Decides which children are made by fine steps."""

    def is_fine(key: PRNGKeyArray) -> Bool[Array, ""]:
        return cppn.uniform(cppn.random_bits(cppn.fold_in(key, _DECIDE), 1))[0] < rate

    return jax.vmap(is_fine)(keys)


def cppn_spec(config: CppnConfig, channels: int) -> cppn.GenomeSpec:
    """Returns what is the same for all genomes that draw `channels` channels.

    Raises:
        UserError: an unknown activation.
    """
    unknown = [name for name in config.activations if name not in cppn.ACTIVATIONS]
    if unknown:
        raise unknown_name("activation", unknown[0], cppn.ACTIVATIONS)
    return cppn.GenomeSpec(outputs=channels, activations=config.activations)


def cppn_style(config: CppnConfig, channels: int) -> cppn.Style:
    """Returns how the outputs of networks become the pixels of images of `channels` channels.

    Raises:
        UserError: a colour that does not fit the channels.
    """
    color = config.color
    if color == "auto":
        color = "grey" if channels == 1 else "hsv"
    if (color == "grey") != (channels == 1):
        raise UserError(
            f"cppn.color is {color!r} but the classifier wants {channels} channel(s); "
            "use 'auto', or a colour mapping that gives that many"
        )
    return cppn.Style(color=color, coordinates=config.coordinates, rounding=config.rounding)


def cppn_rates(config: CppnConfig) -> CppnRates:
    """Returns how often networks are mutated, and how."""
    mutation = cppn.MutationRates(
        weight=config.weight_rate,
        activation=config.activation_rate,
        add_connection=config.add_connection_rate,
        remove_connection=config.remove_connection_rate,
        add_node=config.add_node_rate,
        remove_node=config.remove_node_rate,
    )
    return CppnRates(mutation, fine=config.fine_rate, fine_after=config.fine_after)
