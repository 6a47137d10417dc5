import jax.numpy as jnp
import numpy as np
import pytest

from evofool import UserError, apgd, load_classifier, pgd
from evofool.attacks.auto_pgd import checkpoints, losses
from evofool.classifiers import Card, Classifier


def linear(weights: np.ndarray) -> Classifier:
    """Logits that are linear in the values of images of 4x4 pixels."""

    def apply(params, images):
        return images.reshape(len(images), -1) @ params

    outputs = weights.shape[1]
    labels = tuple(map(str, range(outputs)))
    card = Card(name="linear", input_shape=(4, 4, 1), outputs=outputs, labels=labels)
    return Classifier(card=card, params=jnp.asarray(weights, jnp.float32), apply=apply)


def test_checkpoints_are_those_of_the_paper():
    marks = checkpoints(100)
    # .22, .41, .57, .70, .80, .87, .93, .99 of all steps
    places = np.flatnonzero(marks).tolist()
    assert places == [22, 41, 57, 70, 80, 87, 93, 99]
    np.testing.assert_array_equal(marks[places], np.diff([0, *places]))
    assert checkpoints(1).tolist() == [0]


def test_the_largest_loss_of_a_linear_model_is_at_a_corner():
    generator = np.random.default_rng(0)
    weights = np.zeros((16, 3))
    weights[:, 0] = generator.choice([-1.0, 1.0], 16)  # class 1 and 2 do not depend on the image
    weights[:, 1] = -weights[:, 0]
    images = generator.integers(60, 190, (3, 4, 4, 1)).astype(np.uint8)
    labels = (images.reshape(3, -1) @ weights).argmax(axis=1)
    result = apgd(linear(weights), images, labels, epsilon=0.1, steps=30)
    direction = np.where(labels == 0, -1, 1)[:, None] * np.sign(weights[:, 0])
    change = (result.images.astype(int) - images).reshape(3, -1)
    recognised = labels < 2
    np.testing.assert_array_equal(change[recognised], (25 * direction)[recognised])
    assert (np.abs(change) <= 25).all()


def test_it_is_no_weaker_than_pgd_with_as_many_gradients():
    lenet = load_classifier("lenet")
    images = np.random.default_rng(0).integers(0, 256, (12, 28, 28, 1), np.uint8)
    images[:, :6] = images[:, 20:] = 0
    labels = pgd(lenet, images, 0, epsilon=1 / 255, steps=1, relative_step=1.0).label
    epsilon = [4 / 255, 8 / 255]
    plain = pgd(lenet, images, labels, epsilon=epsilon, steps=20)
    for loss in ("ce", "dlr"):
        result = apgd(lenet, images, labels, epsilon=epsilon, steps=20, loss=loss)
        assert result.success.sum() >= plain.success.sum()
        assert (result.linf <= np.array(epsilon)[:, None] + 1e-6).all()
        assert (result.gradients == 20).all()


def test_targets_are_reached_by_both_losses():
    lenet = load_classifier("lenet")
    images = np.zeros((2, 28, 28, 1), np.uint8)
    images[:, 4:24, 12:16] = 255
    for loss in ("ce", "dlr"):
        result = apgd(lenet, images, 1, target=[7, 4], epsilon=0.4, steps=40, loss=loss)
        assert result.label.tolist() == [7, 4]


def test_the_ratio_does_not_change_with_the_scale_of_logits_and_is_positive_when_fooled():
    outputs = jnp.asarray(np.random.default_rng(1).normal(0, 2, (50, 6)), jnp.float32)
    labels = jnp.asarray(np.random.default_rng(2).integers(0, 6, 50))
    options = {"loss": "dlr", "is_targeted": False}
    one, ten = (np.asarray(losses(k * outputs, labels, labels, **options)) for k in (1, 10))
    np.testing.assert_allclose(one, ten, rtol=1e-4)
    np.testing.assert_array_equal(one > 0, np.asarray(outputs.argmax(axis=1) != labels))
    ordered = np.sort(np.asarray(outputs), axis=1)
    right = one[one < 0]
    np.testing.assert_allclose(
        right,
        ((ordered[:, -2] - ordered[:, -1]) / (ordered[:, -1] - ordered[:, -3]))[one < 0],
        rtol=1e-4,
    )


def test_a_constant_classifier_is_left_as_far_as_it_was():
    images = np.full((1, 4, 4, 1), 128, np.uint8)
    flat = linear(np.zeros((16, 3)))
    result = apgd(flat, images, 0, epsilon=0.1, steps=5)
    assert not result.success.any()


def test_what_cannot_be_used_is_refused():
    few = linear(np.eye(16)[:, :2])
    images = np.zeros((1, 4, 4, 1), np.uint8)
    with pytest.raises(UserError, match="dlr needs 3 classes"):
        apgd(few, images, 0, loss="dlr")
    with pytest.raises(UserError, match="unknown loss"):
        apgd(few, images, 0, loss="mse")
    with pytest.raises(UserError, match="steps is 0"):
        apgd(few, images, 0, steps=0)
