"""The direct encoding: a genome is the image itself; `direct_genome` mutates one."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray, UInt8

import cppn
from evofool.config import DirectConfig
from evofool.evolution import direct_genome
from evofool.evolution.direct_genome import DirectRates
from evofool.evolution.direct_waves import NUMBERS, add_wave
from evofool.evolution.tuning import Tunable

Levels = Float[Array, "batch genes"]
Genes = UInt8[Array, "batch genes"]
Stored = UInt8[Array | np.ndarray, "*lead genes"]  # on a device or the host


@dataclass(frozen=True, kw_only=True)
class DirectEncoding:
    """See `encodings.Encoding`.

    Attributes:
        image_shape: (height, width, channels).
        color: what the three genes of a pixel are: "rgb", "hsv" or "hls".
        has_waves: whether mutation adds a wave, in place of changing single genes.
        eta: distribution index of the polynomial mutation.
        has_crossover: whether a child may mix two parents.
        crossover_eta: distribution index of the crossover.
    """

    image_shape: tuple[int, int, int]
    color: str
    has_waves: bool
    eta: float
    has_crossover: bool
    crossover_eta: float

    name = "direct"
    least_parts = 1

    @classmethod
    def of(cls, config: DirectConfig, image_shape: tuple[int, int, int]) -> "DirectEncoding":
        """Builds the encoding for images of a shape (height, width, channels)."""
        return cls(
            image_shape=image_shape,
            # a grey level has no other reading
            color=config.color if image_shape[2] == 3 else "rgb",
            has_waves=config.mutation == "waves",
            eta=config.mutation_eta,
            has_crossover=config.crossover == "sbx",
            crossover_eta=config.crossover_eta,
        )

    @property
    def num_parents(self) -> int:
        """Two with crossover."""
        return 2 if self.has_crossover else 1

    def init(self, keys: Key[Array, " batch"]) -> Genes:
        """Draws uniform noise."""
        size = math.prod(self.image_shape)
        return jax.vmap(lambda key: direct_genome.init(key, size))(keys)

    def vary(
        self,
        keys: Key[Array, " batch"],
        parents: tuple[Genes, ...],
        rates: DirectRates,
        generation: Int[Array, ""],
    ) -> tuple[Genes, Bool[Array, " batch"]]:
        """Crosses pairs of parents, if there are pairs, then mutates; every child has room."""
        rate = direct_genome.rate_at(rates, generation)

        def vary_one(key: PRNGKeyArray, genes: Array, *mates: Array) -> Array:
            for mate in mates:
                genes = direct_genome.crossover(
                    cppn.fold_in(key, 1), genes, mate, rates.crossover_rate, eta=self.crossover_eta
                )
            if self.has_waves:
                return genes
            return direct_genome.mutate(key, genes, rate, eta=self.eta)

        genes = jax.vmap(vary_one)(keys, *parents)
        if self.has_waves:
            genes = self._with_waves(keys, genes)
        return genes, jnp.ones(keys.shape, bool)

    def _with_waves(self, keys: Key[Array, " batch"], genes: Genes) -> Genes:
        """Adds a wave to each image; in a loop, so that its numbers are drawn once, before it."""
        numbers = jax.vmap(lambda key: cppn.uniform(cppn.random_bits(key, NUMBERS)))(keys)
        return lax.map(lambda one: add_wave(one[0], one[1], self.image_shape), (numbers, genes))

    def render(self, genomes: Genes) -> Float[Array, "batch height width channels"]:
        """Reads genes as the pixels of images."""
        images = cppn.from_bytes(genomes).reshape(-1, *self.image_shape)
        return images if self.color == "rgb" else cppn.to_rgb(images, self.color)

    def tune(self, genomes: Genes, keys: Key[Array, " batch"], widen: int) -> Tunable:
        """Tunes the levels of genes; there is nothing to widen."""
        del keys, widen

        def draw(levels: Levels) -> Float[Array, "batch height width channels"]:
            whole = cppn.from_bytes(jnp.round(lax.stop_gradient(levels)))
            through = (levels - lax.stop_gradient(levels)) / 255  # 0, with the gradient of rounding
            images = (whole + through).reshape(-1, *self.image_shape)
            return images if self.color == "rgb" else cppn.to_rgb(images, self.color)

        return Tunable(
            variables=genomes.astype(jnp.float32),
            draw=draw,
            limit=lambda levels: jnp.clip(levels, 0.0, 255.0),
            genomes=lambda levels: jnp.round(levels).astype(jnp.uint8),
            longest=8.0,
            had_room=jnp.ones(len(genomes), bool),
        )

    def grow(self, genomes: Stored) -> Stored:
        """Returns the genomes as they are: an image has the room that it needs."""
        return genomes

    def fault_of(self, genomes: np.ndarray) -> str:
        """Says what is wrong with genomes from a file: their type or size."""
        genes = math.prod(self.image_shape)
        is_good = genomes.dtype == np.uint8 and genomes.shape[-1:] == (genes,)
        return "" if is_good else f"is {genomes.dtype} {genomes.shape}; expected {genes} uint8 each"

    def trim(self, genomes: Stored) -> Stored:
        """Returns the genomes as they are."""
        return genomes

    def grown(self) -> "DirectEncoding":
        """Returns the encoding as it is."""
        return self

    def for_crossing(self) -> "DirectEncoding":
        """Returns the encoding as it is: pixels match pixels, whatever they descend from."""
        return self

    def adopt(
        self, keys: Key[Array, " batch"], genomes: Genes, parents: tuple[Genes, ...]
    ) -> Genes:
        """Returns the genomes as they are."""
        del keys, parents
        return genomes

    def without_history(self, genomes: Genes) -> Genes:
        """Returns the genomes as they are."""
        return genomes


def direct_rates(config: DirectConfig) -> DirectRates:
    """Returns how often genes mutate and parents mix."""
    return DirectRates(
        mutation_rate=config.mutation_rate,
        halve_every=config.halve_every,
        crossover_rate=config.crossover_rate,
    )
