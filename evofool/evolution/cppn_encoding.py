"""The CPPN encoding: a genome is a small network that is asked for the value of every pixel.

The networks, their mutation and their drawing are the package `cppn`'s; here is what a run's
configuration makes of it.
"""

from dataclasses import dataclass, replace

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

import cppn
from evofool.config import CppnConfig
from evofool.support import UserError, unknown_name


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
        rates: cppn.MutationRates,
        generation: Int[Array, ""],
    ) -> tuple[cppn.Genome, Bool[Array, " batch"]]:
        """Mutates weights, activations and topology; rates are the same in all generations."""
        del generation
        mutate = jax.vmap(
            lambda key, parent: cppn.mutate(key, parent, rates, self.spec, eta=self.eta)
        )
        return mutate(keys, parents[0])

    def render(self, genomes: cppn.Genome) -> Float[Array, "batch height width channels"]:
        """Draws networks."""
        return cppn.render_batch(
            genomes, spec=self.spec, height=self.height, width=self.width, style=self.style
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


def cppn_rates(config: CppnConfig) -> cppn.MutationRates:
    """Returns the probability of each mutation operator."""
    return cppn.MutationRates(
        weight=config.weight_rate,
        activation=config.activation_rate,
        add_connection=config.add_connection_rate,
        remove_connection=config.remove_connection_rate,
        add_node=config.add_node_rate,
        remove_node=config.remove_node_rate,
    )
