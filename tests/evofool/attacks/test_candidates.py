from itertools import permutations

import jax.numpy as jnp
import numpy as np

from evofool.attacks.candidates import breed, first_genes, paint, three_others
from tests.evofool.attacks.networks import levels


def test_parents_are_three_others():
    rng = np.random.default_rng(0)
    drawn = np.array([three_others(rng, 5) for _ in range(400)])  # draw parent member
    for member in range(5):
        others = [k for k in range(5) if k != member]
        assert all(len({*row, member}) == 4 for row in drawn[..., member].tolist())
        counts = np.array(
            [[np.sum(column == k) for k in others] for column in drawn[..., member].T]
        )
        assert counts.min() > 60  # of 400, 100 expected


def test_pixels_are_painted_in_whole_levels_and_the_last_one_stays():
    image = jnp.asarray(levels(1)[0])
    below, above = [0.0, 0.999, 3.4, 255.0, 0.6], [0.1, 0.9, 7.0, 300.0, -2.0]
    painted = np.asarray(paint(image, jnp.array([[below], [above]])))
    assert painted[:, 0, 4].tolist() == [[3, 255, 1], [7, 255, 0]]
    assert (np.any(painted != image, axis=-1).sum(axis=(1, 2)) == 1).all()
    both = np.asarray(paint(image, jnp.array([[below, above]])))
    np.testing.assert_array_equal(both[0], painted[1])


def test_children_stay_in_range_and_do_not_depend_on_other_images():
    genes, alone = first_genes(1, 3, 10, 2, 3), first_genes(1, 1, 10, 2, 3)
    for generation in range(1, 40):
        genes, alone = breed(1, generation, genes), breed(1, generation, alone)
    assert genes.dtype == np.float32
    assert genes.min() >= 0
    assert (genes.max(axis=(0, 1, 2)) <= [1, 1, 255, 255, 255]).all()
    np.testing.assert_array_equal(alone[0], genes[0])


def test_numbers_depend_on_the_seed_and_the_generation():
    genes = first_genes(1, 1, 10, 2, 3)
    assert np.any(genes != first_genes(2, 1, 10, 2, 3))
    assert np.any(breed(1, 1, genes) != breed(1, 2, genes))
    assert np.any(breed(1, 1, genes) != breed(2, 1, genes))


def test_a_child_is_a_member_plus_half_a_difference_of_two_others():
    genes = np.full((1, 4, 1, 3), 0.5, np.float32)  # places that stay
    values = genes[0, :, 0, 2] = np.array([100.0, 101.0, 110.0, 200.0])
    for generation in range(1, 20):
        for number, child in enumerate(breed(0, generation, genes)[0, :, 0, 2]):
            others = np.delete(values, number)
            assert child in [a + 0.5 * (b - c) for a, b, c in permutations(others)]
