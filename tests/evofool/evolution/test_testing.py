"""Contracts, each of which finds an encoding, a fitness or cells that break it."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

import evofool
from evofool import CppnConfig, DirectConfig, FixedEncoding
from evofool.classifiers import load_classifier
from evofool.config import EvolveConfig
from evofool.evolution import make_encoding, make_rates
from tests.evofool import fourier


@pytest.mark.parametrize(
    "name", ["cppn", "direct", pytest.param("fourier", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("shape", [(12, 10, 1), pytest.param((9, 9, 3), marks=pytest.mark.slow)])
def test_all_encodings_keep_the_contract(name, shape):
    fourier.register()
    settings = EvolveConfig(encoding=name, cppn=CppnConfig(), direct=DirectConfig(color="hsv"))
    evofool.testing.check_encoding(make_encoding(settings, shape), rates=make_rates(settings))


@dataclasses.dataclass(frozen=True)
class Grey(FixedEncoding):
    def init(self, keys):
        return jax.vmap(lambda key: jax.random.uniform(key, (1,)))(keys)

    def varied(self, keys, parents, generation):
        return parents[0] + self.init(keys) / 10

    def draw(self, genomes):
        return jnp.ones((1, *self.image_shape)) * genomes[:, :, None, None]


@dataclasses.dataclass(frozen=True)
class Dependent(Grey):
    def init(self, keys):
        genomes = super().init(keys)
        return genomes + genomes.mean()


@dataclasses.dataclass(frozen=True)
class Frozen(Grey):
    def varied(self, keys, parents, generation):
        return parents[0]


@dataclasses.dataclass(frozen=True)
class OffGrid(Grey):
    def render(self, genomes):
        return self.draw(genomes)


@dataclasses.dataclass(frozen=True)
class Growing(Grey):
    def varied(self, keys, parents, generation):
        return jnp.concatenate([parents[0]] * 2, axis=1)


@dataclasses.dataclass(frozen=True)
class Unhashable(Grey):
    waves: list[float] = dataclasses.field(default_factory=list)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Dependent, "depends on more than its key"),
        (Frozen, "nothing ever changes"),
        (OffGrid, "off the 1/255 grid"),
        (Growing, "other arrays than their parents"),
        (Unhashable, "cannot be hashed .*list"),
    ],
)
def test_a_broken_encoding_is_found(broken, message):
    evofool.testing.check_encoding(Grey((4, 4, 1)))
    with pytest.raises(AssertionError, match=message):
        evofool.testing.check_encoding(broken((4, 4, 1)))


def test_fitness_and_cells_are_checked():
    evofool.testing.check_fitness(lambda known: known.max(axis=1))
    with pytest.raises(AssertionError, match="NaN or infinity"):
        evofool.testing.check_fitness(lambda known: jnp.log(known))
    with pytest.raises(AssertionError, match="depends on the other images"):
        evofool.testing.check_fitness(lambda known: known - known.mean())
    card = load_classifier("mock:10").card
    good = evofool.second_axis(lambda x: x.mean(axis=(1, 2, 3)), names=("a", "b"), edges=(0.5,))
    evofool.testing.check_cells(good, card)
    with pytest.raises(AssertionError, match="expected bool"):
        evofool.testing.check_cells(
            lambda card: evofool.Cells(names=("a", "b"), place=lambda known, images: known), card
        )
