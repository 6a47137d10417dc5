import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import cppn
from evofool.evolution import direct_genome
from tests.evofool import reference

SIZE = 20_000

init = jax.jit(direct_genome.init, static_argnums=1)
mutate = jax.jit(direct_genome.mutate, static_argnames="eta")
crossover = jax.jit(direct_genome.crossover, static_argnames="eta")


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, np.ndarray]:
    """Two images with every level, which agree in a fifth of their genes."""
    random = np.random.default_rng(0)
    first, second = random.integers(0, 256, (2, SIZE), dtype=np.uint8)
    return first, np.where(random.random(SIZE) < 0.2, first, second)


def plain(value: int) -> jax.Array:
    return jnp.full(SIZE, value, jnp.uint8)


def test_init_is_uniform_over_the_256_levels(key):
    levels = np.asarray(init(key, SIZE))
    assert levels.dtype == np.uint8
    assert levels.shape == (SIZE,)
    assert stats.chisquare(np.bincount(levels, minlength=256)).pvalue > 1e-4


@pytest.mark.parametrize("rate", [0.1, 0.003, 1.0])
@pytest.mark.parametrize("eta", [15.0, 3.5])
def test_mutate_equals_the_oracle(key, images, rate, eta):
    genes = images[0]
    child = np.asarray(mutate(key, jnp.asarray(genes), rate, eta=eta))
    words = np.asarray(cppn.random_bits(key, SIZE)).tolist()
    expected = np.array(
        [
            reference.mutated_gene(gene, word, float(np.float32(rate)), eta)
            for gene, word in zip(genes.tolist(), words, strict=True)
        ]
    )
    difference = np.abs(child.astype(int) - expected)
    # float32 may round the other way at the border between two levels, and only there
    assert difference.max() <= 1
    assert np.mean(difference > 0) < 1e-3


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_mutate_changes_the_share_of_genes_that_the_rate_says(key, rate):
    changed = int(np.sum(np.asarray(mutate(key, plain(128), rate, eta=15.0)) != 128))
    # a chosen gene stays as it is where its step is below half a level
    expected = rate * (1 - 0.5 / 255) ** 16
    assert stats.binomtest(changed, SIZE, expected).pvalue > 1e-4


def test_mean_step_is_15_levels(key):
    child = np.asarray(mutate(key, plain(128), 1.0, eta=15.0)).astype(int)
    steps = np.abs(child - 128)
    # |d| has mean and standard deviation of nearly 1/17: three standard errors
    assert abs(steps.mean() - 15.0) < 3 * 15.0 / np.sqrt(SIZE)
    assert abs(np.mean(child > 128) - np.mean(child < 128)) < 4 / np.sqrt(SIZE)


def test_mutate_stays_within_0_to_255(key):
    assert np.asarray(mutate(key, plain(0), 1.0, eta=15.0)).max() < 255
    up = np.asarray(mutate(key, plain(0), 1.0, eta=1.0)).astype(int)
    down = np.asarray(mutate(key, plain(255), 1.0, eta=1.0)).astype(int)
    # a step that wrapped round would come out at the far end, most likely one level away
    assert np.mean(up == 0) == pytest.approx(0.5, abs=0.02)
    assert np.mean(down == 255) == pytest.approx(0.5, abs=0.02)
    assert np.mean(up == 255) < 0.01
    assert np.mean(down == 0) < 0.01


def test_rate_0_changes_nothing(key, images):
    assert (np.asarray(mutate(key, images[0], 0.0, eta=15.0)) == images[0]).all()


def test_smaller_rate_changes_a_subset_of_the_genes(key, images):
    few = np.asarray(mutate(key, images[0], 0.05, eta=15.0)) != images[0]
    many = np.asarray(mutate(key, images[0], 0.1, eta=15.0)) != images[0]
    # a gene may be chosen by both and end where it was: a step of less than half a level
    assert np.sum(few & ~many) < 0.05 * np.sum(few)


def test_mutate_gives_the_same_with_and_without_jit(key, images):
    image = jnp.asarray(images[0])
    assert (
        mutate(key, image, 0.1, eta=15.0) == direct_genome.mutate(key, image, 0.1, eta=15.0)
    ).all()


@pytest.mark.parametrize(
    ("generation", "expected"),
    [(0, 0.1), (999, 0.1), (1000, 0.05), (1999, 0.05), (2000, 0.025), (19_999, 0.1 / 2**19)],
)
def test_rate_halves_every_thousand_generations(generation, expected):
    rates = direct_genome.DirectRates(mutation_rate=0.1, halve_every=1000, crossover_rate=0.5)
    assert direct_genome.rate_at(rates, jnp.int32(generation)) == np.float32(expected)


def test_rate_stays_when_halving_is_off():
    rates = direct_genome.DirectRates(mutation_rate=0.1, halve_every=0, crossover_rate=0.5)
    assert direct_genome.rate_at(rates, jnp.int32(123_456)) == np.float32(0.1)


@pytest.mark.parametrize("eta", [10.0, 2.0])
def test_crossover_equals_the_oracle(key, images, eta):
    first, second = images
    child = np.asarray(crossover(key, jnp.asarray(first), jnp.asarray(second), 1.0, eta=eta))
    words = np.asarray(cppn.random_bits(jax.random.split(key)[1], SIZE)).tolist()
    expected = np.array(
        [
            reference.crossed_gene(a, b, (word >> 8) / 2**24, word % 2 == 0, eta)
            for a, b, word in zip(first.tolist(), second.tolist(), words, strict=True)
        ]
    )
    difference = np.abs(child.astype(int) - expected)
    assert difference.max() <= 1
    assert np.mean(difference > 0) < 1e-2


def test_crossover_keeps_equal_genes(key, images):
    first, second = images
    child = np.asarray(crossover(key, jnp.asarray(first), jnp.asarray(second), 1.0, eta=10.0))
    assert (child == first)[first == second].all()
    assert (child != first)[first != second].any()


def test_crossover_keeps_the_mean_of_the_parents_where_both_bounds_are_far(key):
    child = np.asarray(crossover(key, plain(118), plain(138), 1.0, eta=10.0)).astype(float)
    assert abs(child.mean() - 128) < 4 * child.std() / np.sqrt(SIZE)
    assert stats.binomtest(int(np.sum(child < 128)), SIZE - int(np.sum(child == 128))).pvalue > 1e-4


def test_crossover_happens_as_often_as_its_rate_says(key):
    first, second = jnp.zeros(4, jnp.uint8), jnp.full(4, 255, jnp.uint8)
    keys = jax.random.split(key, 2000)
    children = jax.jit(
        jax.vmap(
            lambda k, rate: direct_genome.crossover(k, first, second, rate, eta=10.0), (0, None)
        )
    )
    # near the first parent a mixed gene may still round to 0: count those with a gene far off
    mixed = np.asarray(children(keys, 0.3)).max(axis=1) > 127
    share = 1 - 0.5**4
    assert stats.binomtest(int(mixed.sum()), 2000, 0.3 * share).pvalue > 1e-4
    assert not np.asarray(children(keys, 0.0)).any()
