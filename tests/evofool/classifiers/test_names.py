"""What was written when networks had other names still loads."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from evofool.classifiers.architectures import FAMILIES
from evofool.classifiers.architectures.article_cnn import ArticleCNN, article_cnn_card
from evofool.classifiers.card import Card
from evofool.classifiers.classifier import make_network, register_family
from evofool.classifiers.loading import load_classifier, write_classifier
from evofool.classifiers.names import FORMER_NAMES


def test_a_former_name_is_no_name_of_today():
    assert set(FORMER_NAMES.values()) <= FAMILIES.keys()
    assert not FORMER_NAMES.keys() & FAMILIES.keys()


def test_a_card_of_a_former_family_describes_the_same_network():
    card = article_cnn_card()
    old = Card.from_dict({**card.to_dict(), "family": "seed000_cnn"})
    assert old == card
    assert make_network(old) is make_network(card)


@pytest.mark.parametrize("name", ["mine", "article_cnn", "seed000_cnn", "seed000-cnn"])
def test_weights_of_a_former_family_load_by_either_name(name, tmp_path):
    card = dataclasses.replace(article_cnn_card(), name="mine")
    network = make_network(card)
    params = jax.tree.map(lambda leaf: np.full(leaf.shape, 0.01, leaf.dtype), network.shapes)
    path = tmp_path / "mine.safetensors"
    write_classifier(path, card, params)
    values = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    old = {**values, "family": "seed000_cnn"}
    path.with_suffix(".json").write_text(json.dumps(old), encoding="utf-8")
    loaded = load_classifier(name, weights=path)
    assert loaded.card.family == "article_cnn"
    np.testing.assert_array_equal(loaded.params["dense2"]["bias"], params["dense2"]["bias"])


@pytest.mark.parametrize("name", FORMER_NAMES)
def test_no_family_can_be_registered_by_a_former_name(name):
    with pytest.raises(ValueError, match="is registered already"):
        register_family(name, ArticleCNN)
