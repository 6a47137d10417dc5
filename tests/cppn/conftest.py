from collections.abc import Iterator

import jax
import pytest

import cppn
from tests.cppn import genomes


@pytest.fixture(autouse=True)
def _shapes_must_agree_in_rank() -> Iterator[None]:
    with jax.numpy_rank_promotion("raise"):
        yield


def _first_forty(spec: cppn.GenomeSpec) -> cppn.Genome:
    line, _ = genomes.evolve(jax.random.key(11), cppn.MutationRates(), spec)
    return jax.tree.map(lambda leaf: leaf[:40], line)


@pytest.fixture(scope="session")
def grey() -> cppn.Genome:
    """Networks of the paper's kind after 0 to 39 mutations."""
    return _first_forty(genomes.GREY)


@pytest.fixture(scope="session")
def colored() -> cppn.Genome:
    """Networks with three outputs and every activation there is, after 0 to 39 mutations."""
    return _first_forty(genomes.COLORED)
