"""Keras models, in files and in memory."""

import os

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras", reason='needs pip install -e ".[compare]"')

import evofool  # noqa: E402
from evofool.support import UserError  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras's own parts
IMAGES = np.random.default_rng(0).random((5, 16, 12, 3), np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((16, 12, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )


def probabilities(classifier):
    odds = classifier.log_odds(classifier.apply(classifier.params, IMAGES))
    return 1 / (1 + np.exp(-np.asarray(odds)))


def test_a_model_in_memory_and_its_file_are_one(model, tmp_path):
    expected = model.predict_on_batch(2 * IMAGES - 1)
    classifier = evofool.from_keras(model, prep="inception", labels=list("abcd"))
    np.testing.assert_allclose(probabilities(classifier), expected, atol=1e-5)
    assert classifier.is_jax
    assert model.layers[-1].activation is keras.activations.softmax
    model.save(tmp_path / "net.keras")
    read = evofool.load_classifier(f"keras:{tmp_path / 'net.keras'}?prep=inception")
    np.testing.assert_allclose(probabilities(read), expected, atol=1e-5)
    assert len(read.card.sha256) == 64


def test_what_is_no_such_model_is_refused():
    with pytest.raises(UserError, match=r"keras:dict: expected a keras.Model, not a dict"):
        evofool.from_keras({})
    with pytest.raises(UserError, match=r"has 0 inputs and 0 outputs.*begins with keras.Input"):
        evofool.from_keras(keras.Sequential([keras.layers.Dense(3)]))
