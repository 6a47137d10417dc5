"""From examples to a classifier on disk: trains the network of a card and writes it."""

import dataclasses
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Integer, UInt8

from evofool.classifiers import Card, Classifier, Network, make_network, write_classifier
from evofool.compiling import jit_lightly
from evofool.errors import UserError
from evofool.training import (
    Augment,
    Epoch,
    Examples,
    Loss,
    Params,
    TrainConfig,
    accuracy,
    cross_entropy,
    train,
)


def train_network(
    out: str | Path,
    card: Card,
    examples: Examples,
    *,
    test: tuple[UInt8[np.ndarray, "test height width channels"], Integer[np.ndarray, " test"]],
    config: TrainConfig | None = None,
    seed: int = 0,
    start: Params | None = None,
    augment: Augment | None = None,
    harden: Callable[[Network, Loss], Loss] | None = None,
    notes: str = "",
    on_epoch: Callable[[Epoch], object] | None = None,
) -> Classifier:
    """Trains the network that a card describes on any examples and writes weights and card.

    Args:
        out: weights file, ending in .safetensors; the card gets the same stem and .json.
        card: family, input and number of outputs; its name becomes the stem of `out`, and what it
            says of other weights (accuracy, sha256, probe, notes) is replaced.
        examples: what to learn from; the labels are outputs of the network.
        test: pictures (levels 0..255) and labels that give the card's accuracy.
        config: how to train; `TrainConfig()` unless given.
        seed: determines the initial weights, the order of the examples and what is drawn for them.
        start: parameters to go on from, for instance those of a trained classifier.
        augment: `augment(key, images)` changes the training pictures of a step, see
            `evofool.augmentation`.
        harden: `harden(network, loss)` gives the loss to train with instead of the cross-entropy,
            see `evofool.adversarial_training`.
        notes: what the examples are, for the card; how they were learned is added.
        on_epoch: is told about every epoch.

    Returns:
        The classifier that was written.

    Raises:
        UserError: the family is unknown, examples do not fit the card, the loss is no longer
            finite, or `out` cannot be written.
    """
    path, config = writable(out), config or TrainConfig()
    card = dataclasses.replace(card, name=path.stem, sha256="", probe=())
    network = make_network(card)
    _check_examples(card, examples)
    key_init, key_train = jax.random.split(jax.random.key(seed))
    loss = cross_entropy(network.apply, augment=augment, has_dropout=network.has_dropout)
    test_images, test_labels = test
    measure = partial(accuracy, network.apply, images=test_images, labels=test_labels)
    params = train(
        key_train,
        jit_lightly(network.init)(key_init) if start is None else start,
        loss if harden is None else harden(network, loss),
        examples,
        config,
        test=measure,
        on_epoch=on_epoch,
    )
    settings = ", ".join(f"{name} {value}" for name, value in dataclasses.asdict(config).items())
    how = f"AdamW, {settings}, seed {seed}; JAX {jax.__version__} on {jax.default_backend()}"
    card = dataclasses.replace(
        card, test_accuracy=measure(params), notes=f"{notes}: {how}" if notes else how
    )
    card = write_classifier(path, card, params)
    return Classifier(card=card, params=params, apply=network.apply)


def _check_examples(card: Card, examples: Examples) -> None:
    shape, labels = examples.images.shape, jnp.asarray(examples.labels)
    if not len(labels):
        raise UserError("examples is empty; expected at least one picture")
    if shape[1:] != card.input_shape:
        raise UserError(
            f"examples: pictures of shape {shape[1:]}; expected {card.input_shape}, the "
            f"input_shape of the card of {card.name!r}"
        )
    if labels.ndim == 1 and not 0 <= int(labels.min()) <= int(labels.max()) < card.outputs:
        raise UserError(
            f"examples: labels from {labels.min()} to {labels.max()}; expected 0 to "
            f"{card.outputs - 1}, the outputs of {card.name!r}"
        )


def writable(out: str | Path) -> Path:
    """Checks the weights file before minutes of training, not after.

    Raises:
        UserError: its name does not end in .safetensors, or its folder cannot be written.
    """
    path = Path(out)
    if path.suffix != ".safetensors":
        raise UserError(f"weights file is {str(path)!r}; expected a name ending in .safetensors")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"cannot write {path}: its folder is not there or not writable")
    return path
