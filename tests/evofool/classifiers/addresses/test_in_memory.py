"""Functions in memory as classifiers; those of other libraries are in `tests/compare`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import evofool
from evofool.support import ModelWarning, UserError

WEIGHTS = np.random.default_rng(0).standard_normal((6 * 4 * 3, 3)).astype(np.float32)
IMAGES = np.random.default_rng(1).random((5, 6, 4, 3), np.float32)
SAID = {"input": (6, 4), "labels": ["a", "b", "c"]}


def logits(images):
    return images.reshape(len(images), -1) @ WEIGHTS


def of_numpy(images):
    return logits(np.array(images))  # which a tracer refuses


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("logits", logits),
        ("probabilities", lambda images: jax.nn.softmax(logits(images))),
    ],
)
def test_a_function_of_jax_has_gradients_whatever_it_gives(kind, function):
    classifier = evofool.from_function(function, kind=kind, name="mine", **SAID)
    odds = classifier.log_odds(classifier.apply(classifier.params, IMAGES))
    expected = jax.nn.log_softmax(logits(IMAGES)) - jnp.log1p(-jax.nn.softmax(logits(IMAGES)))
    np.testing.assert_allclose(odds, expected, atol=1e-3)
    images = (255 * IMAGES).astype(np.uint8)
    assert evofool.fgsm(classifier, images, labels=0).images.shape == images.shape
    assert (classifier.card.name, classifier.card.labels) == ("mine", ("a", "b", "c"))


def test_preprocessing_is_that_of_a_card():
    seen = evofool.from_function(
        logits, prep="caffe", labels=["a", "b", "c"], input="6x4x3", layout="nchw"
    )
    values = (255 * IMAGES[..., ::-1] - np.array([104, 117, 123])).transpose(0, 3, 1, 2)
    found = seen.apply(seen.params, IMAGES)
    np.testing.assert_allclose(found, logits(values.astype(np.float32)), rtol=1e-3, atol=1e-2)
    assert seen.card.guessed == ()
    again = evofool.from_function(logits, card=seen.card)
    np.testing.assert_allclose(again.apply(again.params, IMAGES), found)


def test_a_function_outside_jax_is_taken_and_what_is_lost_is_said():
    with pytest.warns(ModelWarning, match=r"cannot trace function:of_numpy .*without gradients"):
        classifier = evofool.from_function(of_numpy, **SAID)
    assert not classifier.is_jax
    found = classifier.apply(None, IMAGES)
    np.testing.assert_allclose(found, jax.nn.softmax(logits(IMAGES)), atol=1e-5)
    (answer,) = evofool.recognize(classifier, (255 * IMAGES[:1]).astype(np.uint8)).classes
    assert answer == logits(IMAGES[:1]).argmax()


@pytest.mark.parametrize(
    ("function", "described", "message"),
    [
        (logits, {}, r"does not tell what images it takes; give input=\(height, width\)"),
        (logits, {"input": (6,)}, "expected HEIGHTxWIDTH"),
        (logits, {**SAID, "kind": "odds"}, "unknown kind of outputs 'odds'"),
        (logits, {**SAID, "means": 1}, "unknown argument for function:logits 'means'; did you"),
        (logits, {**SAID, "mean": "none"}, "mean is 'none'; expected 1 number or 3 numbers"),
        (logits, {**SAID, "labels": ["a"]}, "has 3 outputs, and there are 1 labels"),
        (logits, {**SAID, "backend": "native"}, "function has one backend; leave the option out"),
        (lambda images: 1 / 0, SAID, "failed on images of shape .2, 6, 4, 3.: ZeroDivisionError"),
    ],
)
def test_what_does_not_fit_is_explained(function, described, message):
    with pytest.raises(UserError, match=message):
        evofool.from_function(function, **described)
