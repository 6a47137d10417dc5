import jax
import numpy as np
import pytest

from evofool.classifiers.architectures.cifar_cnn import cifar_cnn_card
from evofool.classifiers.classifier import check_classifier, make_network
from evofool.classifiers.loading import read_classifier, write_classifier
from tests.evofool.classifiers import reference


def parameters(width: float) -> int:
    shapes = make_network(cifar_cnn_card(width=width)).shapes
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


def test_it_has_the_number_of_parameters_that_its_module_says():
    assert parameters(1.0) == 261_322


@pytest.mark.parametrize(("width", "channels"), [(0.125, [4, 8, 16, 16]), (0.01, [1, 1, 1, 1])])
def test_the_width_multiplies_the_channels(width, channels):
    shapes = make_network(cifar_cnn_card(width=width)).shapes
    assert [shapes[f"conv{i}"]["bias"].size for i in range(1, 5)] == channels


def test_logits_equal_the_oracle():
    network = make_network(cifar_cnn_card(width=0.0625))
    params = jax.jit(network.init)(jax.random.key(1))
    images = jax.random.uniform(jax.random.key(2), (2, 32, 32, 3))
    found = jax.jit(network.apply)(params, images)
    numbers = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    expected = [reference.cifar_cnn(numbers, np.asarray(image)) for image in images]
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_values_keep_their_scale_through_the_layers():
    network = make_network(cifar_cnn_card())
    images = jax.random.uniform(jax.random.key(0), (8, 32, 32, 3))
    logits = jax.jit(network.apply)(jax.jit(network.init)(jax.random.key(1)), images)
    assert 0.2 < np.std(logits) < 10


def test_untrained_weights_are_written_read_and_sound(tmp_path):
    card = cifar_cnn_card(width=0.0625)
    write_classifier(
        tmp_path / "w.safetensors", card, jax.jit(make_network(card).init)(jax.random.key(0))
    )
    classifier = read_classifier(tmp_path / "w.safetensors")
    check_classifier(classifier)
    assert (classifier.card.labels[0], classifier.card.labels[9]) == ("airplane", "truck")
