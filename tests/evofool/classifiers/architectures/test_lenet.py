import jax
import numpy as np
import pytest

from evofool.classifiers.architectures.lenet import lenet_card
from evofool.classifiers.classifier import check_classifier, make_network
from evofool.classifiers.loading import load_classifier
from evofool.support.errors import UserError
from tests.evofool.classifiers import reference


def test_the_default_has_the_number_of_parameters_of_the_paper():
    leaves = jax.tree.leaves(make_network(lenet_card()).shapes)
    assert sum(leaf.size for leaf in leaves) == 431_080


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_logits_equal_the_oracle(activation):
    network = make_network(lenet_card(activation=activation))
    params = network.init(jax.random.key(1))
    images = jax.random.uniform(jax.random.key(2), (2, 28, 28, 1))
    found = jax.jit(network.apply)(params, images)
    numbers = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    expected = [reference.lenet(numbers, np.asarray(image), activation) for image in images]
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)


def test_extra_classes_have_labels_of_their_own():
    assert lenet_card(outputs=12).labels[9:] == ("9", "extra 10", "extra 11")


@pytest.mark.parametrize("change", [{"outputs": 0}, {"activation": "tanh"}])
def test_impossible_cards_are_refused(change):
    with pytest.raises(UserError):
        lenet_card(**change)


def test_the_shipped_weights_load_and_are_sound():
    classifier = load_classifier("lenet")
    check_classifier(classifier)
    assert classifier.card.labels == tuple("0123456789")
    assert classifier.card.test_accuracy >= 0.991
