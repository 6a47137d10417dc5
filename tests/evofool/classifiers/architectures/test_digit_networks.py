"""The networks for digits besides the LeNet: linear, MLP, and the article's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evofool.classifiers.architectures.article_cnn import article_cnn_card
from evofool.classifiers.architectures.linear import linear_card
from evofool.classifiers.architectures.mlp import mlp_card
from evofool.classifiers.classifier import check_classifier, make_network
from evofool.classifiers.loading import read_classifier, write_classifier
from tests.evofool.classifiers import reference

CARDS = {"linear": linear_card, "mlp": mlp_card, "article_cnn": article_cnn_card}
PARAMETERS = {"linear": 7_850, "mlp": 266_610, "article_cnn": 590_650}


@pytest.mark.parametrize("family", CARDS)
def test_a_network_has_the_number_of_parameters_that_is_published(family):
    leaves = jax.tree.leaves(make_network(CARDS[family]()).shapes)
    assert sum(leaf.size for leaf in leaves) == PARAMETERS[family]


def test_the_article_s_network_has_the_article_s_layers():
    shapes = jax.tree.map(lambda leaf: leaf.shape, make_network(article_cnn_card()).shapes)
    assert {name: layer["kernel"] for name, layer in shapes.items()} == {
        "conv1": (3, 3, 1, 16),
        "conv2": (5, 5, 16, 64),
        "conv3": (3, 3, 64, 16),
        "conv4": (5, 5, 16, 64),
        "dense1": (1024, 512),
        "dense2": (512, 10),
    }


@pytest.mark.parametrize("family", CARDS)
def test_logits_equal_the_oracle(family):
    network = make_network(CARDS[family]())
    params = jax.tree.map(
        lambda shape: np.random.default_rng(shape.size).normal(0, 0.05, shape.shape), network.shapes
    )
    image = np.random.default_rng(0).random((28, 28, 1))
    found = jax.jit(network.apply)(
        jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), params),
        jnp.asarray(image, jnp.float32)[None],
    )
    expected = getattr(reference, family)(params, image)
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", CARDS)
def test_more_classes_have_labels_of_their_own(family):
    card = CARDS[family](outputs=11)
    assert card.labels == (*"0123456789", "extra 10")
    assert jax.tree.leaves(make_network(card).shapes)[-1].shape[-1] == 11


@pytest.mark.slow
def test_initial_kernels_of_the_article_s_network_are_uniform_as_in_keras():
    params = make_network(article_cnn_card()).init(jax.random.key(0))
    for name, inputs, outputs in (("conv2", 25 * 16, 25 * 64), ("dense1", 1024, 512)):
        limit = np.sqrt(6 / (inputs + outputs))  # Glorot
        kernel = np.asarray(params[name]["kernel"])
        assert 0.99 * limit < np.abs(kernel).max() <= limit
        assert np.std(kernel) == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert not np.any(params["conv1"]["bias"])


def test_dropout_is_for_training_only():
    network = make_network(article_cnn_card())
    assert network.has_dropout
    assert not make_network(mlp_card()).has_dropout
    params = network.init(jax.random.key(0))
    images = jax.random.uniform(jax.random.key(1), (2, 28, 28, 1))
    apply = jax.jit(network.apply)
    plain, again = (np.asarray(apply(params, images)) for _ in range(2))
    np.testing.assert_array_equal(plain, again)
    dropped = [np.asarray(apply(params, images, jax.random.key(seed))) for seed in (2, 2, 3)]
    np.testing.assert_array_equal(dropped[0], dropped[1])
    assert not np.array_equal(dropped[0], dropped[2])
    assert not np.array_equal(dropped[0], plain)


@pytest.mark.parametrize("family", ["mlp", "article_cnn"])
def test_untrained_weights_are_written_read_and_sound(family, tmp_path):
    card = CARDS[family]()
    params = make_network(card).init(jax.random.key(0))
    write_classifier(tmp_path / "w.safetensors", card, params)
    check_classifier(read_classifier(tmp_path / "w.safetensors"))
