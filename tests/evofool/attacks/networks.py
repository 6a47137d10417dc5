"""Small classifiers with known weights."""

import jax.numpy as jnp
import numpy as np

from evofool import Card, Classifier

SHAPE, CLASSES = (6, 5, 3), 4
RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(90, CLASSES)).astype(np.float32)
HIDDEN = RNG.normal(size=(90, 16)).astype(np.float32) / 5
OUT = RNG.normal(size=(16, CLASSES)).astype(np.float32)

# grey images, and how many levels they must be brightened by all together for `flat`
NEEDED = np.array([154, 174, 194, 214, 234])
FLAT = np.full((5, 16, 16, 3), 128, np.uint8)
for _image, _needed in zip(FLAT.reshape(5, -1), NEEDED, strict=True):
    _image[: _needed - 154] -= 1


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


def flat() -> Classifier:
    """Takes `FLAT` for class 0: class 1 begins 0.2 levels above mid-grey, on average."""

    def apply(weight, images):
        lead = weight * jnp.sum(255 * images - 128.2, axis=(1, 2, 3))
        return jnp.stack([jnp.zeros_like(lead), lead], axis=1)

    card = Card(name="flat", input_shape=FLAT.shape[1:], outputs=2, labels=("dark", "bright"))
    return Classifier(card=card, params=jnp.float32(1 / 255), apply=apply)


def rippled() -> Classifier:
    """Takes images of whole levels for class 0, and some between levels for class 1."""

    def apply(weight, images):
        lead = jnp.sin(2 * jnp.pi * 255 * weight * images[:, 0, 0, 0]) - 0.5
        return jnp.stack([jnp.zeros_like(lead), lead], axis=1)

    return Classifier(card=flat().card, params=jnp.float32(1), apply=apply)


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
