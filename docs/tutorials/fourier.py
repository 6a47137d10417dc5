"""An encoding of one's own: an image is a weighted sum of waves, each with its own direction.

EVOFOOL_PLUGINS=docs/tutorials/fourier.py evofool evolve --encoding fourier
"""

# %% Three functions: `init` draws genomes, `varied` makes children of them, `draw` makes images
from dataclasses import dataclass

import jax
import jax.numpy as jnp

import evofool


@dataclass(frozen=True)
class Fourier(evofool.FixedEncoding):
    """Genomes: waves with a frequency `[waves, 2]`, a phase and a weight for each channel."""

    waves: int = 16
    rate: float = 0.2  # of the numbers of a genome that a child changes
    longest_step = 0.5  # of a number, when genomes are polished

    def init(self, keys):
        """Draws random waves, one genome from each key."""

        def one(key):
            of_frequency, of_phase, of_weight = jax.random.split(key, 3)
            return {
                "frequency": 4 * jax.random.normal(of_frequency, (self.waves, 2)),
                "phase": jax.random.uniform(of_phase, (self.waves,), maxval=2 * jnp.pi),
                "weight": jax.random.normal(of_weight, (self.waves, self.image_shape[2])),
            }

        return jax.vmap(one)(keys)

    def varied(self, keys, parents, generation):
        """Adds normal noise to some of the numbers of each parent."""
        del generation

        def one(key, parent):
            leaves, structure = jax.tree.flatten(parent)
            pairs = jax.random.split(key, (len(leaves), 2))
            changed = [
                leaf
                + 0.5
                * jax.random.normal(of_step, leaf.shape)
                * jax.random.bernoulli(of_place, self.rate, leaf.shape)
                for leaf, (of_step, of_place) in zip(leaves, pairs, strict=True)
            ]
            return jax.tree.unflatten(structure, changed)

        return jax.vmap(one)(keys, parents[0])

    def draw(self, genomes):
        """Adds up the waves at every pixel."""
        height, width, _ = self.image_shape
        y, x = jnp.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        angle = jnp.einsum("xyc,bwc->bxyw", jnp.stack([x, y], axis=-1), genomes["frequency"])
        waves = jnp.sin(angle + genomes["phase"][:, None, None])
        return jax.nn.sigmoid(jnp.einsum("bxyw,bwc->bxyc", waves, genomes["weight"]))


evofool.register_encoding("fourier", Fourier)

if __name__ == "__main__":
    # %% What evolution relies on, checked; then a run with a fitness of one's own: 3 as much as 8
    evofool.testing.check_encoding(Fourier((28, 28, 1)))
    evofool.register_fitness("both", lambda log_p: jnp.minimum(log_p[:, 3], log_p[:, 8]))
    run = evofool.evolve(encoding="fourier", fitness="both", generations=40, quiet=True)
    best = max(run, key=lambda elite: elite.fitness)
    print(f"{best.label}: {best.fitness:.3f}; log(1/2) = -0.693 is the most there can be")
