import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from evofool.classifiers.classifier import check_classifier
from evofool.classifiers.ensembles import ensemble
from evofool.classifiers.labels import resolve_class
from evofool.classifiers.loading import load_classifier
from evofool.classifiers.scores import confidence, log_odds
from evofool.classifiers.views import resize
from evofool.evaluation.forward import evaluate
from evofool.support.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 24, 24, 3)).astype(np.float32) / 255


@pytest.fixture(scope="module")
def small():
    return load_classifier("mock:7:16x16x3")


@pytest.fixture(scope="module")
def large():
    """Seven classes behind a background output, at another input size."""
    mock = load_classifier("mock:8:24x24x3")
    card = dataclasses.replace(mock.card, class_offset=1, labels=mock.card.labels[:7])
    return dataclasses.replace(mock, card=card)


def confidences(classifier, size):
    images = resize(jnp.asarray(IMAGES), (size, size))
    outputs = log_odds(classifier.apply(classifier.params, images))
    return confidence(outputs)[:, classifier.card.class_offset :]


@pytest.mark.parametrize(("combine", "join"), [("mean", np.mean), ("min", np.min)])
def test_members_see_their_own_size_and_only_classes_are_joined(small, large, combine, join):
    joined = ensemble([small, large], combine=combine)
    assert joined.card.input_shape == (24, 24, 3)
    assert (joined.card.classes, joined.card.class_offset) == (7, 0)
    found = confidence(evaluate(joined, IMAGES, 4))
    expected = join([confidences(small, 16), confidences(large, 24)], axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
    check_classifier(joined)


def test_an_ensemble_is_loaded_by_its_members_names():
    joined = load_classifier("lenet+lenet", image_size=32, views="ten-crop")
    assert joined.card.name == "lenet+lenet"
    assert joined.card.input_shape == (32, 32, 1)
    assert joined.views == 20
    assert resolve_class(joined.card, "7") == 7


def refuse(message, *members, **options):
    with pytest.raises(UserError, match=message):
        ensemble(members, **options)


def test_members_that_do_not_fit_are_refused(small, large):
    refuse("expected 2 or more", small)
    refuse("combine 'median'", small, large, combine="median")
    refuse("7 classes .* 5|5 classes .* 7", small, load_classifier("mock:5:16x16x3"))
    refuse("channel", small, load_classifier("mock:7:16x16x1"))
    outside = dataclasses.replace(small, kind="probabilities")
    refuse("outside JAX", small, outside)
    named = [
        dataclasses.replace(c, card=dataclasses.replace(c.card, ids=tuple(ids)))
        for c, ids in ((small, "abcdefg"), (small, "bacdefg"))
    ]
    refuse("another order", *named)


@pytest.mark.parametrize("name", ["lenet+", "+lenet", "lenet++lenet"])
def test_an_empty_name_among_members_is_refused(name):
    with pytest.raises(UserError, match="names joined by"):
        load_classifier(name)


def test_weights_of_an_ensemble_are_a_folder(tmp_path):
    with pytest.raises(UserError, match="folder of its weights"):
        load_classifier("lenet+lenet", weights=tmp_path / "lenet.safetensors")
    assert load_classifier("lenet+lenet", weights=tmp_path).card.classes == 10
