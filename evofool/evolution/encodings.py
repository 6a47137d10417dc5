"""What the evolution loop knows of a genome: how to make, vary and draw a batch of them."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray

import cppn
from evofool.config import CppnConfig, EvolveConfig
from evofool.evolution import direct_genome
from evofool.support import UserError, unknown_name

ImageShape = tuple[int, int, int]
Keys = Key[Array, " batch"]


class Encoding(NamedTuple):
    """An encoding of images; every function works on a batch (leading axis `batch`).

    Encodings that differ in rates alone are the same, functions included, so that a program which
    was compiled for one serves all.

    Attributes:
        name: "cppn" or "direct".
        num_parents: parents per child, 1 or 2; the first one is the recorded parent.
        init: keys `[batch]` -> genomes.
        vary: (keys `[batch]`, parents (a tuple of genomes), rates, generation) -> (children,
            had_room bool `[batch]`); a child without room is not to be used. The rates are those
            of `make_rates`.
        render: genomes -> images, float32 `[batch, height, width, channels]` in [0, 1], on the
            1/255 grid.
        grow: genomes (any leading axes) -> the same genomes with twice the room.
        trim: genomes -> the same genomes without spare room, on the host.
        grown: () -> this encoding for genomes with twice the room.
    """

    name: str
    num_parents: int
    init: Callable[[Keys], Any]
    vary: Callable[[Keys, tuple[Any, ...], Any, Int[Array, ""]], tuple[Any, Array]]
    render: Callable[[Any], Float[Array, "batch height width channels"]]
    grow: Callable[[Any], Any]
    trim: Callable[[Any], Any]
    grown: Callable[[], "Encoding"]


def make_encoding(config: EvolveConfig, image_shape: ImageShape) -> Encoding:
    """Builds the encoding that a configuration asks for.

    Args:
        config: names the encoding and its settings.
        image_shape: (height, width, channels) to draw at.

    Raises:
        UserError: a colour that does not fit the channels, or an unknown activation.
    """
    if config.encoding == "cppn":
        channels = image_shape[2]
        spec = cppn_spec(config.cppn, channels)
        return _cppn_encoding(
            spec,
            image_shape,
            tuple(cppn_style(config.cppn, channels).items()),
            config.cppn.weight_eta,
            # less than a first genome needs would be no room at all
            max(config.cppn.max_nodes, spec.first_hidden),
            max(config.cppn.max_connections, cppn.NUM_INPUTS * channels),
        )
    settings = config.direct
    return _direct_encoding(
        image_shape,
        settings.color if image_shape[2] == 3 else "rgb",  # a grey level has no other reading
        settings.mutation_eta,
        settings.crossover == "sbx",
        settings.crossover_eta,
    )


def make_rates(config: EvolveConfig) -> cppn.MutationRates | direct_genome.DirectRates:
    """Returns what a configuration lets `Encoding.vary` do how often.

    Returns:
        `cppn.MutationRates` or `direct_genome.DirectRates` of arrays: changing one does not
        recompile.
    """
    if config.encoding == "cppn":
        rates = cppn.MutationRates(
            weight=config.cppn.weight_rate,
            activation=config.cppn.activation_rate,
            add_connection=config.cppn.add_connection_rate,
            remove_connection=config.cppn.remove_connection_rate,
            add_node=config.cppn.add_node_rate,
            remove_node=config.cppn.remove_node_rate,
        )
    else:
        rates = direct_genome.DirectRates(
            mutation_rate=config.direct.mutation_rate,
            halve_every=config.direct.halve_every,
            crossover_rate=config.direct.crossover_rate,
        )
    return jax.tree.map(
        lambda x: np.asarray(x, np.float32 if isinstance(x, float) else np.int32), rates
    )


def cppn_spec(config: CppnConfig, channels: int) -> cppn.GenomeSpec:
    """Returns the static facts of the genomes that draw `channels` channels."""
    unknown = [name for name in config.activations if name not in cppn.ACTIVATIONS]
    if unknown:
        raise unknown_name("activation", unknown[0], cppn.ACTIVATIONS)
    return cppn.GenomeSpec(outputs=channels, activations=config.activations)


def cppn_style(config: CppnConfig, channels: int) -> dict[str, str]:
    """Returns the keyword arguments of `cppn.render` that decide how values become pixels."""
    color = config.color
    if color == "auto":
        color = "grey" if channels == 1 else "hsv"
    if (color == "grey") != (channels == 1):
        raise UserError(
            f"cppn.color is {color!r} but the classifier wants {channels} channel(s); "
            "use 'auto', or a colour mapping that gives that many"
        )
    return {"color": color, "coordinates": config.coordinates, "rounding": config.rounding}


@cache
def _cppn_encoding(
    spec: cppn.GenomeSpec,
    image_shape: ImageShape,
    style: tuple[tuple[str, str], ...],
    eta: float,
    nodes: int,
    connections: int,
) -> Encoding:
    """Builds the encoding for genomes of at most so many nodes and connections."""
    height, width, _ = image_shape

    def init(keys: Keys) -> cppn.Genome:
        return jax.vmap(
            lambda key: cppn.init(key, spec, max_nodes=nodes, max_connections=connections)
        )(keys)

    def vary(
        keys: Keys, parents: tuple[cppn.Genome], rates: Any, generation: Array
    ) -> tuple[cppn.Genome, Bool[Array, " batch"]]:
        del generation
        mutate = jax.vmap(lambda key, parent: cppn.mutate(key, parent, rates, spec, eta=eta))
        return mutate(keys, parents[0])

    def render(genomes: cppn.Genome) -> Float[Array, "batch height width channels"]:
        return cppn.render_batch(genomes, spec=spec, height=height, width=width, **dict(style))

    def grow(genomes: cppn.Genome) -> cppn.Genome:
        return cppn.grow(genomes, max_nodes=2 * nodes, max_connections=2 * connections)

    return Encoding(
        name="cppn",
        num_parents=1,
        init=init,
        vary=vary,
        render=render,
        grow=grow,
        trim=cppn.trim,
        grown=lambda: _cppn_encoding(spec, image_shape, style, eta, 2 * nodes, 2 * connections),
    )


@cache
def _direct_encoding(
    image_shape: ImageShape, color: str, eta: float, has_crossover: bool, crossover_eta: float
) -> Encoding:
    """Builds the encoding whose genes are pixels."""

    def init(keys: Keys) -> Array:
        return jax.vmap(lambda key: direct_genome.init(key, math.prod(image_shape)))(keys)

    def vary(
        keys: Keys, parents: tuple[Array, ...], rates: Any, generation: Array
    ) -> tuple[Array, Bool[Array, " batch"]]:
        rate = direct_genome.rate_at(rates, generation)

        def one(key: PRNGKeyArray, genes: Array, *mates: Array) -> Array:
            for mate in mates:
                genes = direct_genome.crossover(
                    cppn.fold_in(key, 1), genes, mate, rates.crossover_rate, eta=crossover_eta
                )
            return direct_genome.mutate(key, genes, rate, eta=eta)

        return jax.vmap(one)(keys, *parents), jnp.ones(keys.shape, bool)

    def render(genomes: Array) -> Float[Array, "batch height width channels"]:
        images = cppn.from_bytes(genomes).reshape(-1, *image_shape)
        return images if color == "rgb" else cppn.to_rgb(images, color)

    encoding = Encoding(
        name="direct",
        num_parents=2 if has_crossover else 1,
        init=init,
        vary=vary,
        render=render,
        grow=lambda genomes: genomes,
        trim=lambda genomes: genomes,
        grown=lambda: encoding,
    )
    return encoding
