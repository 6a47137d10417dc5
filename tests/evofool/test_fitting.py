import dataclasses
from pathlib import Path

import jax
import numpy as np
import pytest

from evofool.classifiers import Classifier, linear_card, load_classifier
from evofool.errors import UserError
from evofool.fitting import train_network
from evofool.training import Examples, TrainConfig

CONFIG = TrainConfig(epochs=4, batch_size=16, learning_rate=1e-2)


def sides(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures of which the left (class 0) or the right half (class 1) is brighter."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 80, (number, 8, 8, 1), np.uint8)
    labels = rng.integers(0, 2, number)
    for image, label in zip(images, labels, strict=True):
        image[:, 4 * label : 4 * label + 4] += 100
    return images, labels


def examples(number: int) -> Examples:
    images, labels = sides(number, 0)
    return Examples(images, labels, np.ones(number, np.float32))


SMALL_CARD = dataclasses.replace(linear_card(outputs=3), input_shape=(8, 8, 1))


def small_network(path: Path, **changes) -> Classifier:
    """Trains a linear classifier of three outputs on small pictures of two."""
    arguments = {"card": SMALL_CARD, "examples": examples(64), "test": sides(40, 1)}
    return train_network(path, **{"config": CONFIG} | arguments | changes)


def test_any_card_and_examples_make_a_classifier_that_loads(tmp_path):
    epochs = []
    made = small_network(tmp_path / "small.safetensors", notes="sides", on_epoch=epochs.append)
    loaded = load_classifier("small", weights=tmp_path)
    assert loaded.card == made.card
    jax.tree.map(np.testing.assert_array_equal, loaded.params, made.params)
    assert made.card.test_accuracy == epochs[-1].test_accuracy > 0.8
    assert made.card.notes.startswith("sides: AdamW, epochs 4, batch_size 16")


def test_training_can_start_from_the_weights_of_another(tmp_path):
    first = small_network(tmp_path / "first.safetensors")
    slow = TrainConfig(epochs=1, learning_rate=1e-6)
    out = tmp_path / "second.safetensors"
    second = small_network(out, card=first.card, start=first.params, config=slow)
    assert second.card.name == "second"
    moved = jax.tree.map(lambda a, b: float(abs(a - b).max()), first.params, second.params)
    assert 0 < max(jax.tree.leaves(moved)) < 2e-6


def test_harden_gives_the_loss_to_train_with(tmp_path):
    def harden(network, loss):
        return lambda key, params, batch: 0.0 * loss(key, params, batch)

    still = TrainConfig(epochs=1, weight_decay=0.0)
    made = small_network(tmp_path / "w.safetensors", config=still, harden=harden)
    assert not any(map(np.any, jax.tree.leaves(made.params)))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"card": linear_card()}, r"pictures of shape \(8, 8, 1\); expected \(28, 28, 1\)"),
        (
            {"examples": examples(4)._replace(labels=np.full(4, 3))},
            "labels from 3 to 3; expected 0 to 2",
        ),
        ({"examples": Examples(*(part[:0] for part in examples(1)))}, "examples is empty"),
    ],
    ids=["shape", "labels", "empty"],
)
def test_examples_that_do_not_fit_the_card_are_refused(change, complaint, tmp_path):
    with pytest.raises(UserError, match=complaint):
        small_network(tmp_path / "w.safetensors", **change)
    assert not list(tmp_path.iterdir())
