"""Attacks that see the likeliest class alone: hop_skip_jump, boundary."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest

from evofool import Classifier, UserError
from evofool.attacks.boundary import boundary
from evofool.attacks.decisions import TRIES, between
from evofool.attacks.hop_skip_jump import hop_skip_jump
from tests.evofool.attacks.networks import WEIGHTS, classes_of, linear, outside

IMAGES = (
    np.random.default_rng(1).integers(20, 236, (9, 6, 5, 3)).astype(np.uint8)[[3, 8]]
)  # not next to a border
jump = partial(hop_skip_jump, steps=8, directions=60)
walk = partial(boundary, steps=1500)


def least(row: int, label: int) -> float:
    """The distance of an image from the nearest border of the linear classifier."""
    outputs = (IMAGES[row] / 255 - 0.5).reshape(-1) @ WEIGHTS
    lengths = np.linalg.norm(WEIGHTS - WEIGHTS[:, [label]], axis=0)
    gaps = outputs[label] - outputs
    return min(gaps[k] / lengths[k] for k in range(4) if k != label)


@pytest.mark.slow
@pytest.mark.parametrize(("attack", "times"), [(jump, 2.0), (walk, 4.0)])
@pytest.mark.parametrize("classifier", [linear(), outside()], ids=["inside JAX", "outside"])
def test_the_change_is_a_few_times_the_least(attack, times, classifier):
    labels = classes_of(linear(), IMAGES)
    found = attack(classifier, IMAGES, labels)
    assert found.success.all()
    assert not found.gradients.any()
    for row, label in enumerate(labels):
        assert 0.95 * least(row, label) < found.l2[row] < times * least(row, label) + 0.02


@pytest.mark.slow
def test_the_same_seed_gives_the_same_image_whatever_its_neighbours(tmp_path):
    labels = classes_of(linear(), IMAGES)
    file = tmp_path / "walk.npz"
    both = walk(linear(), IMAGES, labels, save=file)
    np.testing.assert_array_equal(walk(linear(), IMAGES[:1], labels[:1]).images[0], both.images[0])
    again = walk(linear(), IMAGES, labels, save=file, report=lambda *_: pytest.fail("not saved"))
    np.testing.assert_array_equal(again.images, both.images)


def test_an_image_of_another_class_stays_as_it_is():
    wrong = (classes_of(linear(), IMAGES) + 1) % 4
    for attack in (jump, walk):
        found = attack(linear(), IMAGES, wrong)
        np.testing.assert_array_equal(found.images, IMAGES)
        assert found.success.all()
        assert (found.queries == 2).all()


def test_where_noise_has_the_same_class_nothing_is_found():
    always = Classifier(
        card=linear().card,
        params=jnp.zeros(4).at[2].set(1),
        apply=lambda outputs, images: jnp.tile(outputs, (len(images), 1)),
    )
    found = jump(always, IMAGES, 2)
    assert not found.success.any()
    assert (found.queries == TRIES + 2).all()
    assert (found.l2 == 0).all()


def test_in_the_linf_norm_the_largest_change_is_small():
    labels = classes_of(linear(), IMAGES)
    small = jump(linear(), IMAGES, labels, norm="linf")
    assert (small.linf < jump(linear(), IMAGES, labels).linf).all()
    zero, far = np.zeros((1, 1, 2), np.float32), np.array([[[1.0, 0.5]]], np.float32)
    np.testing.assert_allclose(between(zero, far, 0.6, "linf"), [[[0.6, 0.5]]])


def test_what_cannot_be_used_is_refused():
    with pytest.raises(UserError, match="unknown norm"):
        jump(linear(), IMAGES, 0, norm="l1")
    with pytest.raises(UserError, match="probe is -1"):
        jump(linear(), IMAGES, 0, probe=-1.0)
    with pytest.raises(UserError, match="steps is 0"):
        boundary(linear(), IMAGES, 0, steps=0)


def test_more_directions_than_memory_suffices_for_are_refused():
    with pytest.raises(UserError, match="10,000,000,000 directions and 8 steps would take about"):
        jump(linear(), IMAGES, np.array([0, 1]), directions=10**10)
