from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np

from evofool.attacks.candidates import breed, first_genes, paint, three_others
from tests.evofool.attacks.networks import pictures


def test_parents_arethree_others():
    keys = jax.random.split(jax.random.key(0), 400)
    drawn = np.array(jax.vmap(lambda key: jnp.stack(three_others(key, jnp.int32(2), 5)))(keys))
    assert set(drawn.flatten()) == {0, 1, 3, 4}
    assert all(len(set(row)) == 3 for row in drawn)
    counts = np.array([[np.sum(column == k) for k in (0, 1, 3, 4)] for column in drawn.T])
    assert counts.min() > 60  # of 400, 100 expected


def test_pixels_are_painted_in_whole_levels_and_the_last_one_stays():
    image = jnp.asarray(pictures(1)[0])
    below, above = [0.0, 0.999, 3.4, 255.0, 0.6], [0.1, 0.9, 7.0, 300.0, -2.0]
    painted = np.asarray(paint(image, jnp.array([[below], [above]])))
    assert painted[:, 0, 4].tolist() == [[3, 255, 1], [7, 255, 0]]
    assert (np.any(painted != image, axis=-1).sum(axis=(1, 2)) == 1).all()
    both = np.asarray(paint(image, jnp.array([[below, above]])))
    np.testing.assert_array_equal(both[0], painted[1])


def test_children_stay_in_range_and_do_not_depend_on_other_pictures():
    key = jax.random.key(1)
    genes = first_genes(key, 3, 10, 2, 3)
    for generation in range(10):
        genes = breed(key, generation, genes)
    assert (np.asarray(genes) >= 0).all()
    assert (np.asarray(genes).max(axis=(0, 1, 2)) <= [1, 1, 255, 255, 255]).all()
    alone = first_genes(key, 1, 10, 2, 3)
    for generation in range(10):
        alone = breed(key, generation, alone)
    np.testing.assert_array_equal(alone[0], genes[0])


def test_a_child_is_a_member_plus_half_a_difference_of_two_others():
    key = jax.random.key(0)
    genes = 100 + jnp.zeros((1, 4, 1, 3)).at[0, :, 0, 2].set(jnp.array([0.0, 1.0, 10.0, 100.0]))
    genes = genes.at[..., :2].set(0.5)  # places that stay
    found = np.asarray(breed(key, 0, genes))[0, :, 0, 2]
    values = [100.0, 101.0, 110.0, 200.0]
    for number, child in enumerate(found):
        others = [value for index, value in enumerate(values) if index != number]
        assert child in [a + 0.5 * (b - c) for a, b, c in permutations(others)]
