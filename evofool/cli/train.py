"""The command that trains a classifier: train."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from evofool.cli.lines import say
from evofool.cli.numbers import MaybeCount, MaybePositive, Seed, decimal
from evofool.cli.startup import start_jax


def train(
    network: Annotated[str, tyro.conf.Positional],
    *,
    out: Path,
    data: Path | None = None,
    seed: Seed = 0,
    epochs: MaybeCount = None,
    decay: MaybePositive = None,
    examples: MaybeCount = None,
    augment: Literal["none", "flip-shift", "shift-scale"] | None = None,
    adversarial: Literal["none", "fgsm", "vat"] = "none",
    epsilon: MaybePositive = None,
    activation: Literal["relu", "sigmoid"] | None = None,
    width: Annotated[float | None, decimal(0.01, 16.0)] = None,
    quiet: bool = False,
) -> None:
    """Trains a classifier on MNIST or CIFAR-10.

    NETWORK is, for MNIST, lenet, mlp (784-300-100-10), linear (one template per digit) or
    article_cnn (the network of the article on shredded and recoloured digits), and for CIFAR-10
    cifar_cnn. Prints the test accuracy after each epoch. Writes the weights as safetensors and,
    beside them, a card that holds the settings. The same seed gives the same weights.

      evofool train lenet --out mine.safetensors
      evofool train lenet --out other.safetensors --seed 1 --activation sigmoid
      evofool train article_cnn --out article.safetensors --epochs 33
      evofool train lenet --out hard.safetensors --adversarial fgsm
      evofool train cifar_cnn --out small.safetensors --width 0.5 --epochs 5
      evofool evolve --classifier lenet --weights mine.safetensors

    Args:
        network: lenet, mlp, linear, article_cnn or cifar_cnn.
        out: file to write the weights to, ending in .safetensors.
        data: folder of the data set; by default that of EVOFOOL_DATA, or the user cache.
        seed: seed of the initial weights, of the order of training images and of augmentation.
        epochs: number of epochs; by default 10, for article_cnn 32 (about 80 seconds each on two
            cores).
        decay: divide the learning rate of step t by 1 + decay t; 0 keeps it constant. By default
            a cosine schedule, for article_cnn 0.01.
        examples: use only so many training images, the first ones; by default all.
        augment: random changes of training images: flip-shift (the default for cifar_cnn),
            shift-scale (for digits) or none.
        adversarial: adversarial training: fgsm adds images perturbed along the sign of the
            gradient, vat (virtual adversarial training) penalises outputs that change in the
            worst direction.
        epsilon: size of these perturbations: of a value for fgsm (by default 0.25), in L2 norm
            for vat (by default 2.1).
        activation: activation of lenet: relu as in the paper (the default) or sigmoid.
        width: factor for the number of channels of cifar_cnn.
        quiet: print no progress.
    """
    start_jax()
    from evofool.training import recipe_of, train_classifier

    config = recipe_of(network).config
    if epochs is not None:
        config = dataclasses.replace(config, epochs=epochs)
    if decay is not None:
        config = dataclasses.replace(config, decay=decay)
    options = {"activation": activation, "width": width}
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
        on_epoch=None if quiet else lambda epoch: say(epoch),
        **{name: value for name, value in options.items() if value is not None},
    )
    say(f"{out}: test accuracy {trained.card.test_accuracy:.4f}")
