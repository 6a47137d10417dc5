import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evofool.classifiers import Card, Classifier, load_classifier
from evofool.evaluation import evaluate, model_of, once_per_model, recognize

CARD = Card(name="toy", input_shape=(4, 4, 1), outputs=3, labels=tuple("abc"))
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1)).astype(np.uint8)


class Weights:
    """An array that a weak reference can watch."""

    def __init__(self, seed: int = 0):
        values = np.random.default_rng(seed).normal(size=(16, 3))
        self.values = jnp.asarray(values, jnp.float32)

    def apply(self, params, images):
        return images.reshape(len(images), -1) @ self.values + params


def closed_over(weights: Weights) -> Classifier:
    """A classifier whose function closes over its weights."""
    return Classifier(card=CARD, params=jnp.zeros(3), apply=lambda p, x: weights.apply(p, x))


def bound(weights: Weights) -> Classifier:
    """A classifier whose function is a method."""
    return Classifier(card=CARD, params=jnp.zeros(3), apply=weights.apply)


@pytest.mark.parametrize("make", [closed_over, bound])
def test_a_classifier_that_was_used_is_not_kept_alive(make):
    weights = Weights()
    classifier, watched = make(weights), weakref.ref(weights)
    array = weakref.ref(weights.values)
    recognize(classifier, IMAGES)
    evaluate(classifier, IMAGES / np.float32(255), 2)
    del weights, classifier
    gc.collect()
    assert watched() is None
    assert array() is None


def test_a_program_is_compiled_once_for_a_function_whatever_the_weights():
    compiled = []

    @once_per_model
    def program(model, factor):
        compiled.append(factor)
        return jax.jit(lambda params, images: factor * model.apply(params, images))

    lenet, other = load_classifier("lenet"), load_classifier("lenet")
    images = np.zeros((2, 28, 28, 1), np.float32)
    once, twice = program(model_of(lenet), 1), program(model_of(lenet), 2)
    assert program(model_of(other), 1) is once
    assert program(model_of(other), 2) is twice
    assert compiled == [1, 2]
    np.testing.assert_allclose(
        twice(lenet.params, images), 2 * once(lenet.params, images), rtol=1e-6
    )


def test_two_functions_have_two_programs():
    first, second = closed_over(Weights(0)), closed_over(Weights(1))
    outputs = [evaluate(one, IMAGES / np.float32(255), 5) for one in (first, second, first)]
    np.testing.assert_array_equal(outputs[0], outputs[2])
    assert np.any(outputs[0] != outputs[1])
