from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evofool import UserError
from evofool.attacks.one_pixel import breed, first_genes, one_pixel, paint, three_others
from tests.evofool.attacks.networks import WEIGHTS, classes_of, levels, linear, outside


def best_possible(image, label):
    """The lowest probability of a class that one pixel of whole levels can give."""
    x = image.astype(np.float64) / 255 - 0.5
    base, kernel = x.reshape(-1) @ WEIGHTS, WEIGHTS.reshape(*image.shape, 4)
    best = 1.0
    for row, column in np.ndindex(image.shape[:2]):
        for corner in np.ndindex(2, 2, 2):  # a linear classifier's extremes are at the corners
            color = np.array(corner) - 0.5
            logits = base + (color - x[row, column]) @ kernel[row, column]
            odds = np.exp(logits - logits.max())
            best = min(best, odds[label] / odds.sum())
    return best


def test_evolution_comes_near_to_the_best_pixel_and_changes_no_other():
    images = levels(3)
    labels = classes_of(linear(), images)
    options = {"population": 60, "generations": 40, "stop_early": False}
    found = one_pixel(linear(), images, labels, **options)
    assert (found.l0 == 1).all()
    assert (found.queries == 60 * 41 + 1).all()
    for row, image in enumerate(found.images):
        logits = (image / 255 - 0.5).reshape(-1) @ WEIGHTS
        odds = np.exp(logits - logits.max())
        p, best = odds[labels[row]] / odds.sum(), best_possible(images[row], labels[row])
        assert best * 0.999 <= p < best + 0.05
    # an image's candidates do not depend on how many others there are
    alone = one_pixel(linear(), images[:1], labels[:1], **options)
    np.testing.assert_array_equal(alone.images[0], found.images[0])


def test_images_that_succeed_are_left_alone():
    images = levels(3)
    labels = (
        classes_of(linear(), images) + np.array([0, 1, 1])
    ) % 4  # two are taken for others already
    found = one_pixel(linear(), images, labels, population=20, generations=3)
    assert found.success[1:].all()
    assert found.queries[1:].tolist() == [21, 21]
    assert found.queries[0] in (21, 41, 61, 81)


@pytest.mark.slow
def test_more_pixels_do_more_and_targets_are_reached():
    images = levels(4)
    labels = classes_of(linear(), images)
    target = (labels + 1) % 4
    options = {"target": target, "population": 40, "generations": 20}
    few, many = (one_pixel(linear(), images, labels, pixels=n, **options) for n in (1, 8))
    assert many.success.sum() > few.success.sum()
    assert (many.label[many.success] == target[many.success]).all()
    assert many.l0.max() <= 8


def test_a_classifier_outside_jax_is_attacked_likewise(tmp_path):
    images, file = levels(2), tmp_path / "population.npz"
    labels = classes_of(linear(), images)
    options = {"population": 20, "generations": 7, "stop_early": False}
    inside = one_pixel(linear(), images, labels, **options)
    found = one_pixel(outside(), images, labels, save=file, **options)
    np.testing.assert_array_equal(found.images, inside.images)
    reports = []
    again = one_pixel(
        outside(), images, labels, save=file, report=lambda *x: reports.append(x), **options
    )
    np.testing.assert_array_equal(again.images, found.images)
    assert reports == []


def test_an_interrupted_search_goes_on_with_the_same_bits(tmp_path):
    images, file = levels(2), tmp_path / "population.npz"
    options = {"population": 20, "generations": 7, "stop_early": False}

    def interrupt(done, total):
        assert (done, total) == (5, 7)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one_pixel(linear(), images, 0, save=file, report=interrupt, **options)
    resumed = one_pixel(linear(), images, 0, save=file, **options)
    whole = one_pixel(linear(), images, 0, **options)
    jax.tree.map(np.testing.assert_array_equal, resumed, whole)


@pytest.mark.parametrize(
    ("option", "value", "least"), [("pixels", 0, 1), ("population", 3, 4), ("generations", 0, 1)]
)
def test_options_are_checked(option, value, least):
    with pytest.raises(UserError, match=f"^{option} is {value}; expected {least} or more$"):
        one_pixel(linear(), levels(), 0, **{option: value})


def test_no_more_pixels_change_than_an_image_has():
    height, width, _ = linear().card.input_shape
    most = min(100, height * width)
    with pytest.raises(UserError, match=f"pixels is 40000; expected at most {most}"):
        one_pixel(linear(), levels(), 0, pixels=40_000)


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
