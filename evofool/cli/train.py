"""The command that trains classifiers: train."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from evofool.cli.startup import start_jax


def train(
    network: Annotated[str, tyro.conf.Positional],
    *,
    out: Path,
    data: Path | None = None,
    seed: int = 0,
    epochs: int | None = None,
    decay: float | None = None,
    examples: int | None = None,
    augment: Literal["none", "flip-shift", "shift-scale"] | None = None,
    adversarial: Literal["none", "fgsm", "vat"] = "none",
    epsilon: float | None = None,
    activation: Literal["relu", "sigmoid"] | None = None,
    width: float | None = None,
    quiet: bool = False,
) -> None:
    """Trains a classifier on MNIST or CIFAR-10; prints its test accuracy after every epoch.

    NETWORK is lenet, mlp (784-300-100-10), linear (one template per digit) or seed000-cnn (the
    network of the article on shredded and recoloured digits), all for MNIST, or cifar-cnn. Writes
    the weights as safetensors and, beside them, a card that says how they were made. The same seed
    gives the same weights.

      evofool train lenet --out mine.safetensors
      evofool train lenet --out other.safetensors --seed 1 --activation sigmoid
      evofool train seed000-cnn --out article.safetensors --epochs 33
      evofool train lenet --out hard.safetensors --adversarial fgsm
      evofool train cifar-cnn --out small.safetensors --width 0.5 --epochs 5
      evofool evolve --classifier lenet --weights mine.safetensors

    Args:
        network: lenet, mlp, linear, seed000-cnn or cifar-cnn.
        out: file for the weights, ending in .safetensors.
        data: folder with the data set; else $EVOFOOL_DATA and the user cache are tried.
        seed: of the initial weights, the order of the examples and what is drawn for them.
        epochs: passes over the examples; 10, of seed000-cnn 32, unless given. One of seed000-cnn
            takes some 80 seconds on two cores.
        decay: step t has the learning rate over 1 + decay t, 0 for a constant one; a cosine, of
            seed000-cnn 0.01, unless given.
        examples: how many training images to use, the first ones; all unless given.
        augment: random changes of training images: flip-shift (of cifar-cnn unless given),
            shift-scale (for digits) or none.
        adversarial: fgsm trains on images perturbed along the sign of the gradient too; vat
            (virtual adversarial training) keeps outputs from changing in the worst direction.
        epsilon: how far that perturbs: every pixel for fgsm (0.25 unless given), the image in L2
            norm for vat (2.1).
        activation: of the lenet, relu as in the paper or sigmoid.
        width: multiplier of the channels of the cifar-cnn.
        quiet: no progress.
    """
    start_jax()
    from evofool.training import recipe_of, train_classifier

    config = recipe_of(network).config
    chosen: dict[str, Any] = {"epochs": epochs, "decay": decay}
    config = dataclasses.replace(
        config, **{name: value for name, value in chosen.items() if value is not None}
    )
    options: dict[str, Any] = {"activation": activation, "width": width}
    trained = train_classifier(
        network,
        out,
        data=data,
        seed=seed,
        config=config,
        examples=examples,
        augment=augment,
        adversarial=adversarial,
        epsilon=epsilon,
        on_epoch=None if quiet else lambda epoch: print(epoch, flush=True),
        **{name: value for name, value in options.items() if value is not None},
    )
    print(f"{out}: test accuracy {trained.card.test_accuracy:.4f}")
