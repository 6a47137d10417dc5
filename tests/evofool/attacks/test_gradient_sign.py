import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evofool import Classifier, UserError
from evofool.attacks.gradient_sign import fgsm, gradient_signs, pgd
from evofool.attacks.inputs import prepare
from tests.evofool.attacks.networks import classes_of, curved, levels, linear, outside


def cross_entropy(classifier, images, classes):
    def loss(images):
        logits = classifier.apply(classifier.params, images)
        return -jnp.sum(jnp.take_along_axis(jax.nn.log_softmax(logits), classes[:, None], 1))

    return np.asarray(jax.grad(loss)(images.astype(np.float32) / 255))


@pytest.mark.parametrize("target", [None, [1, 2, 3, 0, 1]])
def test_signs_are_those_of_the_cross_entropy(target):
    images, labels = levels(), np.array([0, 1, 2, 3, 0])
    task = prepare(curved(), images, labels, target)
    gradient = cross_entropy(curved(), images, task.aim)
    expected = np.sign(gradient) if target is None else -np.sign(gradient)
    np.testing.assert_array_equal(gradient_signs(task), expected)


def test_an_image_without_doubt_has_a_direction_too():
    classifier = linear()
    certain = Classifier(
        card=classifier.card, params=900 * classifier.params, apply=classifier.apply
    )
    labels = classes_of(classifier, levels())
    assert not np.any(cross_entropy(certain, levels(), labels)[0])  # p is 1.0 in float32
    signs = gradient_signs(prepare(certain, levels(), labels))
    assert np.all(signs != 0)


def test_every_value_moves_by_whole_levels_up_to_epsilon():
    images = levels()
    labels = classes_of(curved(), images)
    epsilons = [1 / 255, 0.01, 8 / 255, 0.2]
    found = fgsm(curved(), images, labels, epsilon=epsilons)
    assert found.images.shape == (4, *images.shape)
    inside = (images > 60) & (images < 195)
    for made, steps, epsilon, linf in zip(
        found.images, (1, 2, 8, 51), epsilons, found.linf, strict=True
    ):
        assert set(np.abs(made.astype(int) - images)[inside]) == {steps}
        assert (linf <= epsilon + 1e-7).all()
    assert found.success.mean(axis=1).tolist() == sorted(found.success.mean(axis=1))
    assert found.success[-1].all()


def test_one_epsilon_gives_no_axis_of_its_own():
    assert fgsm(curved(), levels(), 0, epsilon=0.1).success.shape == (5,)
    assert fgsm(curved(), levels(), 0, epsilon=[0.1]).success.shape == (1, 5)


def test_steps_reach_targets_that_one_step_misses():
    images = levels(40)
    labels = classes_of(curved(), images)
    given = {"target": (labels + 1) % 4, "epsilon": [0.04, 0.08, 0.2]}
    one = fgsm(curved(), images, labels, **given)
    many = pgd(curved(), images, labels, **given)
    assert (many.success.sum(axis=1) > one.success.sum(axis=1)).all()
    assert (np.array(given["epsilon"]) + 1e-7 >= many.linf.T).all()
    assert (many.gradients == 40).all()


def test_one_whole_step_is_fgsm():
    labels = classes_of(curved(), levels())
    single = pgd(curved(), levels(), labels, epsilon=[0.03, 0.1], steps=1, relative_step=1.0)
    expected = fgsm(curved(), levels(), labels, epsilon=[0.03, 0.1])
    np.testing.assert_array_equal(single.images, expected.images)


@pytest.mark.slow
def test_random_starts_depend_on_the_seed_and_the_place_only():
    def start(images, seed):
        given = {"epsilon": 0.1, "steps": 1, "relative_step": 1e-6}
        return pgd(curved(), images, 0, random_start=True, seed=seed, **given).images

    images = levels()
    np.testing.assert_array_equal(start(images, 3)[:2], start(images[:2], 3))
    assert np.any(start(images, 3) != start(images, 4))
    change = start(images, 3).astype(int) - images
    assert np.abs(change).max() <= 25
    assert np.abs(change).mean() > 8


@pytest.mark.parametrize("attack", [fgsm, pgd])
def test_a_classifier_outside_jax_is_refused(attack):
    with pytest.raises(UserError, match=r"needs gradients.*finite-differences, one-pixel"):
        attack(outside(), levels(), 0)


@pytest.mark.parametrize("steps", [{"steps": 0}, {"relative_step": 0.0}, {"relative_step": 2.0}])
def test_steps_are_checked(steps):
    with pytest.raises(UserError, match="expected 1 or more steps, and a share"):
        pgd(linear(), levels(), 0, **steps)


@pytest.mark.parametrize("steps", [1, 2, 10, 100])
def test_the_default_step_reaches_the_border_whatever_the_number_of_steps(steps):
    images = np.clip(levels(20), 60, 195)
    labels = classes_of(linear(), images)
    attacked = pgd(linear(), images, labels, epsilon=2 / 255, steps=steps)
    # a linear classifier's gradient keeps its sign, so that every value ends at the border
    assert (np.abs(attacked.images.astype(int) - images) == 2).mean() > 0.9


def test_the_default_step_of_forty_is_a_thirtieth():
    images = levels(20)
    labels = classes_of(curved(), images)
    by_default = pgd(curved(), images, labels, epsilon=0.1)
    given = pgd(curved(), images, labels, epsilon=0.1, steps=40, relative_step=1 / 30)
    np.testing.assert_array_equal(by_default.images, given.images)


def test_steps_that_change_nothing_are_refused():
    options = {"epsilon": [0.1, 2 / 255], "steps": 10, "relative_step": 1 / 30}
    with pytest.raises(UserError, match="less than one level of 8 bits together"):
        pgd(linear(), levels(), 0, **options)
    # from a random start there is a change all the same
    assert pgd(linear(), levels(), 0, random_start=True, **options).linf.max() > 0


def test_many_steps_succeed_at_least_as_often_as_one():
    images = levels(40)
    labels = classes_of(curved(), images)
    epsilons = [1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255]
    one = fgsm(curved(), images, labels, epsilon=epsilons).success.mean(axis=1)
    for steps in (5, 10, 40):
        many = pgd(curved(), images, labels, epsilon=epsilons, steps=steps).success.mean(axis=1)
        assert (many >= one).all()
    assert 0 < one[2] < 1
