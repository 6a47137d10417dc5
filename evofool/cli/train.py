"""The commands that train classifiers: train lenet, train cifar-cnn."""

import dataclasses
from pathlib import Path
from typing import Literal

from evofool.cli.startup import start_jax


def train_lenet(
    *,
    out: Path,
    data: Path | None = None,
    seed: int = 0,
    activation: Literal["relu", "sigmoid"] = "relu",
    quiet: bool = False,
) -> None:
    """Trains a LeNet on MNIST and prints its test accuracy after every epoch.

    Writes the weights as safetensors and, beside them, a card that says how they were made. The
    same seed gives the same weights.

      evofool train lenet --out mine.safetensors
      evofool train lenet --data data/mnist --out other.safetensors --seed 1
      evofool evolve --classifier lenet --weights other.safetensors

    Args:
        out: file for the weights, ending in .safetensors.
        data: folder with MNIST; else $EVOFOOL_DATA and the user cache are tried.
        seed: of the initial weights and of the order of the examples.
        activation: relu as in the paper, or sigmoid.
        quiet: no progress.
    """
    start_jax()
    from evofool.recipes import train_lenet

    report = None if quiet else lambda epoch: print(epoch, flush=True)
    trained = train_lenet(out, data=data, seed=seed, activation=activation, on_epoch=report)
    print(f"{out}: test accuracy {trained.card.test_accuracy:.4f}")


def train_cifar_cnn(
    *,
    out: Path,
    data: Path | None = None,
    seed: int = 0,
    epochs: int = 10,
    width: float = 1.0,
    quiet: bool = False,
) -> None:
    """Trains a small network on CIFAR-10 and prints its test accuracy after every epoch.

    Takes about ten minutes of processor time. Writes the weights as safetensors and, beside them,
    a card that says how they were made. The same seed gives the same weights.

      evofool train cifar-cnn --out objects.safetensors
      evofool train cifar-cnn --out small.safetensors --width 0.5 --epochs 5
      evofool evolve --classifier cifar_cnn --weights objects.safetensors

    Args:
        out: file for the weights, ending in .safetensors.
        data: folder with CIFAR-10; else $EVOFOOL_DATA and the user cache are tried.
        seed: of the initial weights, of the order of the examples and of what is done to them.
        epochs: passes over the 50,000 pictures.
        width: multiplier of the network's channels.
        quiet: no progress.
    """
    start_jax()
    from evofool.recipes import CIFAR_CNN, train_cifar_cnn

    config = dataclasses.replace(CIFAR_CNN, epochs=epochs)
    report = None if quiet else lambda epoch: print(epoch, flush=True)
    trained = train_cifar_cnn(
        out, data=data, seed=seed, width=width, config=config, on_epoch=report
    )
    print(f"{out}: test accuracy {trained.card.test_accuracy:.4f}")
