import numpy as np
import pytest

import evofool
from evofool.evolution.random_genomes import random_images
from evofool.experiments.bench.lab import images_of
from evofool.support.errors import UserError

SHAPE = (8, 8, 1)


@pytest.mark.slow
def test_without_mutations_they_are_those_that_a_run_begins_with(tmp_path):
    run = evofool.evolve("mock:5:8x8x1", generations=0, batch_size=30, seed=3, out=tmp_path / "r")
    elites = run.elites()
    children = [elite.born[1] for elite in elites]
    found = random_images(30, SHAPE, seed=3)
    np.testing.assert_array_equal(found[children], images_of(run, elites))


@pytest.mark.slow
def test_mutations_change_most_images_and_the_seed_decides_how():
    plain = random_images(40, SHAPE)
    walked, again, other = (random_images(40, SHAPE, mutations=6, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(walked, again)
    assert not np.array_equal(walked, other)
    assert np.mean((walked != plain).any(axis=(1, 2, 3))) > 0.5


@pytest.mark.slow
def test_fewer_are_the_first_of_more():
    np.testing.assert_array_equal(random_images(3, SHAPE), random_images(110, SHAPE)[:3])


@pytest.mark.parametrize(("number", "mutations"), [(0, 0), (1, -1)])
def test_numbers_that_make_no_sense_are_refused(number, mutations):
    with pytest.raises(UserError, match="expected 1 or more, and 0 or more"):
        random_images(number, SHAPE, mutations=mutations)
