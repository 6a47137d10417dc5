"""A variation of one's own: CMA-ES learns, for every class, which steps lead to more confidence.

python docs/tutorials/emitter.py
"""

# %% An encoding whose genomes are plain numbers: 16 waves, each with a frequency in x and in y, a
# phase and a weight. `varied` is what a run of it does by itself: normal noise on some numbers
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp

import evofool

WAVES, NUMBERS = 16, 64


@dataclass(frozen=True)
class Waves(evofool.FixedEncoding):
    """Genomes `[waves, 4]`."""

    def init(self, keys):
        """Draws random waves."""
        scale = jnp.array([4, 4, 2, 1])
        return jax.vmap(lambda key: scale * jax.random.normal(key, (WAVES, 4)))(keys)

    def varied(self, keys, parents, generation):
        """Adds normal noise to a fifth of the numbers of each parent."""

        def one(key, parent):
            of_step, of_place = jax.random.split(key)
            places = jax.random.bernoulli(of_place, 0.2, parent.shape)
            return parent + 0.5 * places * jax.random.normal(of_step, parent.shape)

        return jax.vmap(one)(keys, parents[0])

    def draw(self, genomes):
        """Adds up the waves at every pixel."""
        height, width, channels = self.image_shape
        y, x = jnp.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        across, down, phase, weight = jnp.moveaxis(genomes[:, None, None], -1, 0)
        waves = weight * jnp.sin(across * x[..., None] + down * y[..., None] + phase)
        values = jax.nn.sigmoid(waves.sum(axis=-1))
        return jnp.repeat(values[..., None], channels, axis=-1)


evofool.register_encoding("waves", Waves)


# %% An emitter for each class is a normal distribution, and what it remembers of its way. Its
# children are drawn from it. The better half, weighted by rank, move its mean and its width along
# every number: sep-CMA-ES (Ros and Hansen 2008; formulas and constants of Hansen 2016, table 1,
# where covariances between numbers are left out, and variances are therefore learned faster)
class Emitters(NamedTuple):
    """Leaves `[emitters, numbers]`, `sigma` `[emitters, 1]`."""

    mean: jax.Array
    sigma: jax.Array
    variance: jax.Array
    path: jax.Array  # the way of the mean, in units of sigma and the widths
    variance_path: jax.Array  # the same in units of sigma alone


def begin_at(mean, sigma=0.3):
    """Returns emitters around genomes `[emitters, numbers]`."""
    zeros = jnp.zeros_like(mean)
    return Emitters(mean, jnp.full((len(mean), 1), sigma), zeros + 1, zeros, zeros)


def adapt(emitters, steps):
    """Learns from the steps of the better half of children, `[emitters, half, numbers]`, by rank.

    Steps are in units of sigma and the widths.
    """
    half, n = steps.shape[1:]
    ranks = jnp.log(half + 0.5) - jnp.log(jnp.arange(1, half + 1))
    ranks = (ranks / ranks.sum())[:, None]
    mu = 1 / (ranks**2).sum()  # how many children the weighted mean is worth
    keep_path, keep_variance = (mu + 2) / (n + mu + 5), (4 + mu / n) / (n + 4 + 2 * mu / n)
    faster = (n + 2) / 3
    one = faster * 2 / ((n + 1.3) ** 2 + mu)
    many = jnp.minimum(1 - one, faster * 2 * (mu - 2 + 1 / mu) / ((n + 2) ** 2 + mu))
    damping = 1 + keep_path + 2 * jnp.maximum(0, jnp.sqrt((mu - 1) / (n + 1)) - 1)
    expected = jnp.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2))  # length of a random path

    mean, sigma, variance, path, variance_path = emitters
    wide = steps * jnp.sqrt(variance)[:, None]
    step = (ranks * wide).sum(axis=1)
    path = (1 - keep_path) * path + jnp.sqrt(keep_path * (2 - keep_path) * mu) * (
        ranks * steps
    ).sum(axis=1)
    length = jnp.linalg.norm(path, axis=1, keepdims=True) / expected
    is_calm = length < 1.4 + 2 / (n + 1)
    variance_path = (1 - keep_variance) * variance_path + is_calm * step * jnp.sqrt(
        keep_variance * (2 - keep_variance) * mu
    )
    return Emitters(
        mean + sigma * step,
        sigma * jnp.exp(jnp.minimum(1, keep_path / damping * (length - 1))),
        (1 - one - many) * variance + one * variance_path**2 + many * (ranks * wide**2).sum(axis=1),
        path,
        variance_path,
    )


# %% A generation: `ask` makes children, whose genomes are replaced; `tell` offers them to all cells
# cells, as always. An emitter whose steps have become tiny begins again at its elite
def log_odds(outputs):
    """Returns log(p / (1 - p)) of logits; they still differ where a probability is 1."""
    is_same = jnp.eye(outputs.shape[-1], dtype=bool)
    others = jnp.where(is_same, -jnp.inf, outputs[..., None, :])
    return outputs - jax.nn.logsumexp(others, axis=-1)


def emit(loop, state, emitters, key):
    """Makes a generation; returns the state of the run and the emitters after it."""
    offspring, _ = loop.ask(state)  # under jit, what is not used of it is never computed
    count, batch = len(emitters.mean), loop.plan.config.batch_size
    steps = jax.random.normal(key, (count, batch // count, NUMBERS))
    widths = emitters.sigma * jnp.sqrt(emitters.variance)
    genomes = (emitters.mean[:, None] + widths[:, None] * steps).reshape(1, batch, WAVES, 4)
    outputs = loop.classify(loop.plan.encoding.render(genomes[0])[None])
    state, _ = loop.tell(state, offspring._replace(genomes=genomes), outputs)

    scores = log_odds(outputs).reshape(count, batch // count, -1)
    of_own_class = jnp.diagonal(scores, axis1=0, axis2=2).T
    best = jnp.argsort(-of_own_class, axis=1)[:, : batch // count // 2]
    emitters = adapt(emitters, jnp.take_along_axis(steps, best[..., None], axis=1))
    again = begin_at(state.archive.items.genome[0].reshape(count, NUMBERS))
    is_done = emitters.sigma < 1e-3
    return state, jax.tree.map(lambda old, new: jnp.where(is_done, new, old), emitters, again)


# %% Both begin with the same random genomes, and classify as many images
def run(generations=50, seed=0):
    """Returns log-odds of the elites, `[10]` each: by the usual variation, and by CMA-ES."""
    loop = evofool.ask_tell("lenet", encoding="waves", batch_size=400, seed=seed)

    def usual(state, _):
        offspring, images = loop.ask(state)
        return loop.tell(state, offspring, loop.classify(images))[0], None

    def by_emitters(both, key):
        return emit(loop, *both, key), None

    first, _ = jax.jit(usual)(loop.init(), None)
    emitters = begin_at(first.archive.items.genome[0].reshape(-1, NUMBERS))
    keys = jax.random.split(jax.random.key(seed), generations)
    usually, _ = jax.jit(lambda s: jax.lax.scan(usual, s, length=generations))(first)
    (emitted, _), _ = jax.jit(lambda b: jax.lax.scan(by_emitters, b, keys))((first, emitters))
    return usually.archive.fitness[0], emitted.archive.fitness[0]


if __name__ == "__main__":
    evofool.testing.check_encoding(Waves((28, 28, 1)))
    for name, found in zip(("noise", "CMA-ES"), run(), strict=True):
        print(f"{name:6} median {jnp.median(found):.1f}, least {found.min():.1f} log-odds")
