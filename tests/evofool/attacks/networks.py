"""Small classifiers with known weights."""

import jax.numpy as jnp
import numpy as np

from evofool import Card, Classifier

SHAPE, CLASSES = (6, 5, 3), 4
RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(90, CLASSES)).astype(np.float32)
HIDDEN = RNG.normal(size=(90, 16)).astype(np.float32) / 5
OUT = RNG.normal(size=(16, CLASSES)).astype(np.float32)


def linear(**card) -> Classifier:
    facts = {"name": "toy", "input_shape": SHAPE, "outputs": CLASSES, "labels": tuple("abcd")}
    return Classifier(
        card=Card(**facts | card),
        params=jnp.asarray(WEIGHTS),
        apply=lambda weights, images: (images - 0.5).reshape(len(images), -1) @ weights,
    )


def curved() -> Classifier:
    """One hidden layer."""

    def apply(params, images):
        hidden = jnp.tanh((images - 0.5).reshape(len(images), -1) @ params[0])
        return 3 * hidden @ params[1]

    return Classifier(card=linear().card, params=(HIDDEN, OUT), apply=apply)


def outside() -> Classifier:
    """The linear one, without JAX."""

    def apply(weights, images):
        logits = (images - 0.5).reshape(len(images), -1) @ weights
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    return Classifier(card=linear().card, params=WEIGHTS, apply=apply, kind="probabilities")


def levels(count=5) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, *SHAPE)).astype(np.uint8)


def classes_of(classifier, images) -> np.ndarray:
    outputs = classifier.apply(classifier.params, images.astype(np.float32) / 255)
    return np.asarray(outputs).argmax(axis=1)
