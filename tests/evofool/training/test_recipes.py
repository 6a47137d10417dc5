import dataclasses
import json
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest

from evofool import data
from evofool.classifiers.architectures.linear import linear_card
from evofool.classifiers.classifier import Classifier
from evofool.classifiers.loading import load_classifier, read_classifier
from evofool.classifiers.names import FORMER_NAMES
from evofool.support.errors import UserError
from evofool.training import recipes
from evofool.training.loop import Examples, TrainConfig, measure_accuracy
from evofool.training.recipes import train_classifier, train_network
from tests.evofool.real_data import data_folder

CONFIG = TrainConfig(epochs=2, batch_size=16)
SMALL_CARD = dataclasses.replace(linear_card(outputs=3), input_shape=(8, 8, 1))
SMALL_CONFIG = TrainConfig(epochs=4, batch_size=16, learning_rate=1e-2)


def bars(number: int, seed: int, side: int = 28) -> tuple[np.ndarray, np.ndarray]:
    """Noisy images with a bright column (class 0) or a bright row (class 1)."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 80, (number, side, side, 1), np.uint8)
    labels = rng.integers(0, 2, number).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        start = rng.integers(side - 6)
        view = image if label else image.swapaxes(0, 1)
        view[start : start + 6] += 150
    return images, labels


def sides(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy images of which the left (class 0) or the right half (class 1) is brighter."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 80, (number, 8, 8, 1), np.uint8)
    labels = rng.integers(0, 2, number)
    for image, label in zip(images, labels, strict=True):
        image[:, 4 * label : 4 * label + 4] += 100
    return images, labels


def examples(number: int) -> Examples:
    images, labels = sides(number, 0)
    return Examples(images, labels, np.ones(number, np.float32))


def small_network(path: Path, **changes) -> Classifier:
    """Trains a linear classifier of three outputs on small images of two."""
    arguments = {"card": SMALL_CARD, "examples": examples(64), "test": sides(40, 1)}
    return train_network(path, **{"config": SMALL_CONFIG} | arguments | changes)


def assert_same(first, second):
    jax.tree.map(np.testing.assert_array_equal, first, second)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A LeNet trained on bars instead of digits, and the epochs it reported."""
    folder, epochs = tmp_path_factory.mktemp("trained"), []
    bar_data = data.Dataset(*bars(256, 0), *bars(100, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "load_mnist", lambda folder: bar_data)
        out = folder / "bars.safetensors"
        classifier = train_classifier("lenet", out, seed=3, config=CONFIG, on_epoch=epochs.append)
    return folder, classifier, epochs


@pytest.mark.slow
def test_training_a_lenet_lowers_the_loss_and_learns(trained):
    _, classifier, epochs = trained
    assert epochs[1].loss < epochs[0].loss
    assert classifier.card.test_accuracy == epochs[-1].test_accuracy > 0.8


def test_the_trained_lenet_is_written_with_its_card(trained):
    folder, classifier, _ = trained
    loaded = load_classifier("bars", weights=folder)
    assert loaded.card == classifier.card
    assert_same(loaded.params, classifier.params)
    notes = json.loads((folder / "bars.json").read_text())["notes"]
    assert "`evofool train lenet --seed 3 --epochs 2 --augment none`" in notes
    assert "on 256 training images of mnist: AdamW, epochs 2, batch_size 16" in notes


@pytest.fixture
def patches(monkeypatch) -> data.Dataset:
    """Stands in for CIFAR-10: images of one colour each, which is their class."""
    rng = np.random.default_rng(0)
    colours = np.uint8([[200, 40, 40], [40, 200, 40], [40, 40, 200]])
    labels = rng.integers(0, 3, 80).astype(np.uint8)
    images = colours[labels][:, None, None] + rng.integers(0, 30, (80, 32, 32, 3), np.uint8)
    dataset = data.Dataset(images[:64], labels[:64], images[64:], labels[64:], is_lossy=True)
    monkeypatch.setattr(recipes, "load_cifar10", lambda folder: dataset)
    return dataset


TINY = TrainConfig(epochs=4, batch_size=16, learning_rate=5e-3, warmup=0.2)
tiny_cifar_cnn = partial(train_classifier, "cifar_cnn", width=0.125, config=TINY)


@pytest.mark.slow
def test_a_cifar_cnn_learns_and_is_written_with_its_card(patches, tmp_path):
    epochs = []
    classifier = tiny_cifar_cnn(tmp_path / "mine.safetensors", on_epoch=epochs.append)
    assert epochs[-1].loss < epochs[0].loss
    assert classifier.card.test_accuracy == epochs[-1].test_accuracy > 0.9
    loaded = load_classifier("mine", weights=tmp_path)
    assert loaded.card == classifier.card
    assert_same(loaded.params, classifier.params)
    notes = loaded.card.notes
    assert (
        "`evofool train cifar_cnn --seed 0 --epochs 4 --augment flip-shift --width 0.125`" in notes
    )
    assert "on 64 training images of cifar10, a lossy copy (JPEG):" in notes


@pytest.mark.slow
def test_the_notes_call_the_published_images_no_copy(patches, tmp_path, monkeypatch):
    published = patches._replace(is_lossy=False)
    monkeypatch.setattr(recipes, "load_cifar10", lambda folder: published)
    notes = tiny_cifar_cnn(tmp_path / "mine.safetensors").card.notes
    assert "on 64 training images of cifar10:" in notes


@pytest.mark.slow
def test_the_seed_determines_the_weights_of_a_cifar_cnn(patches, tmp_path):
    for name, seed in (("one", 4), ("again", 4), ("other", 5)):
        tiny_cifar_cnn(tmp_path / f"{name}.safetensors", seed=seed)
    one, again, other = (
        (tmp_path / f"{name}.safetensors").read_bytes() for name in ("one", "again", "other")
    )
    assert one == again != other


@pytest.mark.parametrize("name", ["weights.bin", "weights"])
def test_a_wrong_suffix_is_refused_before_anything_is_read(name, tmp_path):
    with pytest.raises(UserError, match=r"expected a name ending in \.safetensors"):
        train_classifier("lenet", tmp_path / name, data=tmp_path / "nowhere")


def test_a_folder_that_is_not_there_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(UserError, match=r"cannot write .*absent"):
        train_classifier("lenet", tmp_path / "absent" / "w.safetensors", data=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("network", "options", "complaint"),
    [
        ("lennet", {}, "did you mean 'lenet'"),
        ("mlp", {"width": 0.5}, "unknown option of mlp 'width'"),
        ("lenet", {"augment": "flipshift"}, "did you mean 'flip-shift'"),
        ("lenet", {"activation": "rel"}, "did you mean 'relu'"),
        ("linear", {"examples": 0}, "examples is 0; expected 1 or more"),
        ("linear", {"adversarial": "fgms"}, "did you mean 'fgsm'"),
        ("linear", {"adversarial": "vat", "epsilon": 0.0}, "epsilon is 0.0; expected more than 0"),
        ("linear", {"epsilon": 0.1}, "adversarial is 'none'; give fgsm or vat"),
    ],
)
def test_what_cannot_be_trained_is_refused(network, options, complaint, tmp_path):
    with pytest.raises(UserError, match=complaint):
        train_classifier(network, tmp_path / "w.safetensors", data=tmp_path / "nowhere", **options)


@pytest.mark.data
def test_the_shipped_lenet_reaches_the_accuracy_on_its_card():
    lenet = load_classifier("lenet")
    digits = data.load_mnist(data_folder())
    found = measure_accuracy(lenet.apply, lenet.params, digits.test_images, digits.test_labels)
    assert found == pytest.approx(lenet.card.test_accuracy, abs=2e-4)
    assert found >= 0.991


def test_the_first_examples_are_used_when_fewer_are_asked_for(tmp_path, monkeypatch):
    images, labels = bars(96, 0)
    for name, number, asked in (("part", 96, 64), ("all", 64, None)):
        dataset = data.Dataset(images[:number], labels[:number], images[:20], labels[:20])
        monkeypatch.setattr(recipes, "load_mnist", lambda folder, dataset=dataset: dataset)
        train_classifier("linear", tmp_path / f"{name}.safetensors", config=CONFIG, examples=asked)
    part, whole = (read_classifier(tmp_path / f"{name}.safetensors") for name in ("part", "all"))
    assert_same(part.params, whole.params)


@pytest.mark.parametrize("network", ["mlp", pytest.param("article_cnn", marks=pytest.mark.slow)])
def test_the_networks_for_digits_learn(network, tmp_path, monkeypatch):
    dataset = data.Dataset(*bars(64, 0), *bars(10, 1))
    monkeypatch.setattr(recipes, "load_mnist", lambda folder: dataset)
    config, epochs = TrainConfig(epochs=3, batch_size=16, learning_rate=2e-3), []
    out = tmp_path / "w.safetensors"
    train_classifier(network, out, config=config, on_epoch=epochs.append)
    assert epochs[2].loss < 0.8 * epochs[0].loss


@pytest.mark.parametrize(("former", "name"), FORMER_NAMES.items())
def test_a_former_name_has_the_same_recipe(former, name):
    assert recipes.recipe_of(former) is recipes.RECIPES[name]


@pytest.mark.slow
def test_a_network_trained_by_its_former_name_has_the_name_of_today(patches, tmp_path):
    first, second = (
        train_classifier(name, tmp_path / "w.safetensors", width=0.125, config=CONFIG)
        for name in ("cifar-cnn", "cifar_cnn")
    )
    assert first.card == second.card
    assert first.card.notes.startswith("`evofool train cifar_cnn ")


def test_the_article_s_network_is_trained_as_the_article_says():
    config = recipes.RECIPES["article_cnn"].config
    assert (config.epochs, config.batch_size, config.learning_rate) == (32, 256, 1e-4)
    assert (config.decay, config.weight_decay, config.warmup) == (0.01, 0.0, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize(("adversarial", "epsilon"), [("fgsm", 0.25), ("vat", 2.1)])
def test_a_hardened_network_says_so_on_its_card(adversarial, epsilon, tmp_path, monkeypatch):
    dataset = data.Dataset(*bars(64, 0), *bars(10, 1))
    monkeypatch.setattr(recipes, "load_mnist", lambda folder: dataset)
    made = [
        train_classifier("linear", tmp_path / "w.safetensors", config=CONFIG, adversarial=how)
        for how in ("none", adversarial)
    ]
    assert f"--adversarial {adversarial} --epsilon {epsilon}` on 64" in made[1].card.notes
    assert "adversarial" not in made[0].card.notes
    assert made[0].card.sha256 != made[1].card.sha256


def test_any_card_and_examples_make_a_classifier_that_loads(tmp_path):
    epochs = []
    made = small_network(tmp_path / "small.safetensors", notes="sides", on_epoch=epochs.append)
    loaded = load_classifier("small", weights=tmp_path)
    assert loaded.card == made.card
    assert_same(loaded.params, made.params)
    assert made.card.test_accuracy == epochs[-1].test_accuracy > 0.8
    assert made.card.notes.startswith("sides: AdamW, epochs 4, batch_size 16")


@pytest.mark.slow
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
        ({"card": linear_card()}, r"images of shape \(8, 8, 1\); expected \(28, 28, 1\)"),
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
