import jax
import numpy as np
import pytest

from evofool import UserError
from evofool.attacks.one_pixel import one_pixel
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
