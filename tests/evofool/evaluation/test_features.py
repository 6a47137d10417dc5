import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from evofool import Card, Classifier, UserError, extract_features, load_classifier, register_family
from evofool.classifiers.architectures.lenet import lenet_card
from evofool.classifiers.architectures.mlp import mlp_card
from evofool.classifiers.classifier import make_network
from evofool.classifiers.ensembles import ensemble
from evofool.classifiers.views import with_views


def untrained(card: Card) -> Classifier:
    network, numbers = make_network(card), np.random.default_rng(0)
    params = jax.tree.map(
        lambda leaf: jnp.asarray(numbers.normal(0, 0.1, leaf.shape), jnp.float32), network.shapes
    )
    return Classifier(card=card, params=params, apply=network.apply)


def colour_card(family: str, side: int, **changes: object) -> Card:
    return Card(
        name=family,
        family=family,
        input_shape=(side, side, 3),
        outputs=5,
        labels=tuple("abcde"),
        channel_order="RGB",
        mean=(128.0,) * 3,
        scale=1 / 128,
        **changes,
    )


def levels(shape: tuple[int, int, int], count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


@pytest.mark.parametrize(
    ("card", "last", "number"),
    [
        (lenet_card(), "dense2", 500),
        (mlp_card(), "dense3", 100),
        pytest.param(
            *(colour_card("mobilenet_v1", 32, width=0.25, padding="SAME"), "fc", 256),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["lenet", "mlp", "mobilenet_v1"],
)
def test_features_are_what_the_last_dense_layer_makes_logits_of(card, last: str, number: int):
    classifier = untrained(card)
    shown = levels(card.input_shape)
    found = extract_features(classifier, shown, micro_batch=2)
    assert found.shape == (3, number)
    layer = classifier.params[last]
    logits = jax.jit(classifier.apply)(classifier.params, jnp.asarray(shown / np.float32(255)))
    np.testing.assert_allclose(
        found @ layer["kernel"] + layer["bias"], logits, rtol=1e-3, atol=1e-4
    )


def test_features_of_squeezenet_are_channels_of_the_last_fire_module():
    classifier = untrained(colour_card("squeezenet_v1.1", 64))
    found = extract_features(classifier, levels((64, 64, 3)))
    assert found.shape == (3, 512)
    assert (found >= 0).all()  # after ReLU
    assert np.ptp(found, axis=0).max() > 0  # images differ


def test_images_are_scaled_to_what_the_network_takes():
    lenet = load_classifier("lenet")
    large = np.repeat(np.repeat(levels((28, 28, 1)), 2, axis=1), 2, axis=2)
    seen = with_views(lenet, (56, 56, 1))
    np.testing.assert_array_equal(extract_features(lenet, large), extract_features(seen, large))
    assert extract_features(lenet, large).shape == (3, 500)


def test_a_module_may_say_what_its_features_are():
    class Mean(nnx.Module):
        def __init__(self, card: Card, rngs: nnx.Rngs):
            self.scale = nnx.Param(jnp.ones(card.outputs))

        def __call__(self, images):
            return self.features(images) * self.scale[...]

        def features(self, images):
            return images.mean(axis=(1, 2, 3))[:, None]

    register_family("test_features_mean", Mean)
    card = colour_card("test_features_mean", 4)
    shown = levels((4, 4, 3))
    expected = (shown.astype(float).mean(axis=(1, 2, 3)) - 128) / 128
    np.testing.assert_allclose(extract_features(untrained(card), shown)[:, 0], expected, rtol=1e-4)


def test_what_has_no_features_is_refused():
    class Bare(nnx.Module):
        def __init__(self, card: Card, rngs: nnx.Rngs):
            self.scale = nnx.Param(jnp.ones(card.outputs))

        def __call__(self, images):
            return images.mean(axis=(1, 2, 3))[:, None] * self.scale[...]

    register_family("test_features_bare", Bare)
    shown = levels((4, 4, 3))
    with pytest.raises(UserError, match="has no dense layer"):
        extract_features(untrained(colour_card("test_features_bare", 4)), shown)
    with pytest.raises(UserError, match="unknown family"):
        extract_features(load_classifier("mock:10:4x4x3"), shown)
    lenet = load_classifier("lenet")
    with pytest.raises(UserError, match="joins 2 networks"):
        extract_features(ensemble([lenet, lenet]), levels((28, 28, 1)))
    with pytest.raises(UserError, match=r"images have 3 channel\(s\), 'lenet' sees 1"):
        extract_features(lenet, shown)
    odd = dataclasses.replace(lenet, members=(lenet,))
    assert extract_features(odd, levels((28, 28, 1))).shape == (3, 500)
