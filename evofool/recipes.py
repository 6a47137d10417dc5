"""How the classifiers that evofool trains itself are made: data, network, settings, card."""

import dataclasses
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import numpy as np

from evofool.augmentation import MOST_SHIFT, flip_and_shift
from evofool.classifiers import (
    Card,
    Classifier,
    cifar_cnn_card,
    lenet_card,
    make_network,
    write_classifier,
)
from evofool.data import Dataset, load_cifar10, load_mnist
from evofool.errors import UserError
from evofool.training import (
    Augment,
    Epoch,
    Examples,
    TrainConfig,
    accuracy,
    cross_entropy,
    train,
)

CIFAR_CNN = TrainConfig(epochs=10, learning_rate=2e-3, weight_decay=5e-2, warmup=0.2)


def train_lenet(
    out: str | Path,
    *,
    data: str | Path | None = None,
    seed: int = 0,
    activation: str = "relu",
    config: TrainConfig | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> Classifier:
    """Trains a LeNet on MNIST and writes its weights and card.

    Args:
        out: weights file, ending in .safetensors; the card gets the same stem and .json.
        data: folder with MNIST; looked for in the usual places unless given.
        seed: determines the initial weights and the order of the examples.
        activation: "relu", or "sigmoid".
        config: how to train; `TrainConfig()` unless given.
        on_epoch: is told about every epoch.

    Returns:
        The classifier that was written.

    Raises:
        UserError: MNIST is not found or damaged, or `out` cannot be written.
    """
    path = _writable(out)
    digits = load_mnist(data)
    made = (
        f"`evofool train lenet --seed {seed} --activation {activation}` from the "
        f"{len(digits.train_labels):,} training digits of MNIST, without augmentation"
    )
    card = lenet_card(activation=activation)
    return _train(path, card, digits, config or TrainConfig(), seed, made, on_epoch)


def train_cifar_cnn(
    out: str | Path,
    *,
    data: str | Path | None = None,
    seed: int = 0,
    width: float = 1.0,
    config: TrainConfig | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> Classifier:
    """Trains a small convolutional network on CIFAR-10 and writes its weights and card.

    Args:
        out: weights file, ending in .safetensors; the card gets the same stem and .json.
        data: folder with CIFAR-10; looked for in the usual places unless given.
        seed: determines the initial weights, the order of the examples and their augmentation.
        width: multiplier of the network's channels.
        config: how to train; `CIFAR_CNN` unless given.
        on_epoch: is told about every epoch.

    Returns:
        The classifier that was written.

    Raises:
        UserError: CIFAR-10 is not found or damaged, or `out` cannot be written.
    """
    path, config = _writable(out), config or CIFAR_CNN
    photographs = load_cifar10(data)
    copies = ", in a lossy copy (JPEG)" if photographs.is_lossy else ""
    made = (
        f"`evofool train cifar-cnn --seed {seed} --epochs {config.epochs} --width {width}` from "
        f"{len(photographs.train_labels):,} training pictures of CIFAR-10{copies}, mirrored and "
        f"shifted by up to {MOST_SHIFT} pixels at random"
    )
    card = cifar_cnn_card(width=width)
    return _train(path, card, photographs, config, seed, made, on_epoch, flip_and_shift)


def _writable(out: str | Path) -> Path:
    """Checks the weights file before minutes of training, not after."""
    path = Path(out)
    if path.suffix != ".safetensors":
        raise UserError(f"weights file is {str(path)!r}; expected a name ending in .safetensors")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"cannot write {path}: its folder is not there or not writable")
    return path


def _train(
    path: Path,
    card: Card,
    dataset: Dataset,
    config: TrainConfig,
    seed: int,
    made: str,
    on_epoch: Callable[[Epoch], object] | None,
    augment: Augment | None = None,
) -> Classifier:
    """Trains the network of a card and writes it; `made` says from what, for the notes."""
    card = dataclasses.replace(card, name=path.stem)
    network = make_network(card)
    key_init, key_train = jax.random.split(jax.random.key(seed))
    test = partial(accuracy, network.apply, images=dataset.test_images, labels=dataset.test_labels)
    weights = np.ones(len(dataset.train_labels), np.float32)
    params = train(
        key_train,
        network.init(key_init),
        cross_entropy(network.apply, augment=augment),
        Examples(dataset.train_images, dataset.train_labels, weights),
        config,
        test=test,
        on_epoch=on_epoch,
    )
    settings = ", ".join(f"{name} {value}" for name, value in dataclasses.asdict(config).items())
    notes = (
        f"made by {made}: AdamW, cosine decay to 0, {settings}; "
        f"JAX {jax.__version__} on {jax.default_backend()}"
    )
    card = dataclasses.replace(card, test_accuracy=test(params), notes=notes)
    card = write_classifier(path, card, params)
    return Classifier(card=card, params=params, apply=network.apply)
