"""Recipes: how evofool's own networks are trained on their data sets."""

import dataclasses
import inspect
import math
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Integer, UInt8

from evofool.classifiers import (
    Card,
    Classifier,
    Network,
    Params,
    article_cnn_card,
    cifar_cnn_card,
    current_name,
    lenet_card,
    linear_card,
    make_network,
    mlp_card,
    write_classifier,
)
from evofool.data import Dataset, load_cifar10, load_mnist
from evofool.support import UserError, jit_lightly, sha256_of, unknown_name, write_error
from evofool.training.adversarial import with_fgsm, with_vat
from evofool.training.augmentation import flip_and_shift, shift_and_scale
from evofool.training.loop import (
    Augment,
    Epoch,
    Examples,
    Loss,
    TrainConfig,
    cross_entropy,
    measure_accuracy,
    train,
)

AUGMENTATIONS: dict[str, Augment | None] = {
    "none": None,
    "flip-shift": flip_and_shift,
    "shift-scale": shift_and_scale,
}
# Kinds of adversarial training and their usual epsilon, published for MNIST: the change of each
# pixel (fgsm), or the L2 norm of the change of each image (vat).
EPSILONS = {"none": 0.0, "fgsm": 0.25, "vat": 2.1}

Harden = Callable[[Network, Loss], Loss]
"""`harden(network, loss)` -> the loss to train with instead."""


class Recipe(NamedTuple):
    """How one of evofool's own networks is trained.

    Attributes:
        card: makes the card; its arguments are the options of the network.
        dataset: mnist or cifar10.
        config: how to train, by default.
        augment: the default augmentation, a key of `AUGMENTATIONS`.
    """

    card: Callable[..., Card]
    dataset: str
    config: TrainConfig
    augment: str = "none"


RECIPES = {
    "lenet": Recipe(lenet_card, "mnist", TrainConfig()),
    "mlp": Recipe(mlp_card, "mnist", TrainConfig()),
    "linear": Recipe(linear_card, "mnist", TrainConfig()),
    # The article's: Adam without weight decay, and Keras' `decay`.
    "article_cnn": Recipe(
        article_cnn_card,
        "mnist",
        TrainConfig(epochs=32, batch_size=256, learning_rate=1e-4, decay=0.01, weight_decay=0.0),
    ),
    "cifar_cnn": Recipe(
        cifar_cnn_card,
        "cifar10",
        TrainConfig(epochs=10, learning_rate=2e-3, weight_decay=5e-2, warmup=0.2),
        augment="flip-shift",
    ),
}


def recipe_of(network: str) -> Recipe:
    """Returns how one of evofool's own networks is trained.

    Raises:
        UserError: there is no network of that name.
    """
    name = current_name(network)
    if name not in RECIPES:
        raise unknown_name("network", network, RECIPES)
    return RECIPES[name]


def train_classifier(
    network: str,
    out: str | Path,
    *,
    data: str | Path | None = None,
    seed: int = 0,
    config: TrainConfig | None = None,
    examples: int | None = None,
    augment: str | None = None,
    adversarial: str = "none",
    epsilon: float | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
    **options: str | float,
) -> Classifier:
    """Trains one of evofool's own networks on its data set and writes its weights and card.

    Args:
        network: "lenet", "mlp", "linear" or "article_cnn", on MNIST; "cifar_cnn", on CIFAR-10.
        out: weights file, ending in .safetensors; the card gets the same stem and .json.
        data: folder with the data set; by default the usual places are searched.
        seed: determines the initial weights, the order of the examples and all random changes.
        config: how to train; by default as in `RECIPES`.
        examples: how many training images to use, the first ones; by default all.
        augment: random changes of the training images, a key of `AUGMENTATIONS`; by default as in
            `RECIPES`.
        adversarial: "fgsm" or "vat" hardens the network, see `evofool.training.adversarial`.
        epsilon: size of the adversarial perturbations, of values in [0, 1]: the change of each
            pixel (fgsm), or the L2 norm for each image (vat); by default as in `EPSILONS`.
        on_epoch: called with the report of every epoch.
        **options: of the network: `activation` ("relu" or "sigmoid") of the LeNet, `width` of the
            CIFAR-10 network, `outputs` of any.

    Returns:
        The classifier as written.

    Raises:
        UserError: a name or an option is unknown, the data set is not found or damaged, or `out`
            cannot be written.

    Example:
        >>> import evofool
        >>> out = "sigmoid.safetensors"
        >>> evofool.train_classifier("lenet", out, activation="sigmoid")  # doctest: +SKIP
    """
    recipe, path = recipe_of(network), writable(out)
    network, augment = current_name(network), augment or recipe.augment
    if augment not in AUGMENTATIONS:
        raise unknown_name("augment", augment, AUGMENTATIONS)
    offered = inspect.signature(recipe.card).parameters
    for option in options:
        if option not in offered:
            raise unknown_name(f"option of {network}", option, offered)
    card, config = recipe.card(**options), config or recipe.config
    harden, hardening_flags = _hardening(adversarial, epsilon)
    if examples is not None and examples < 1:
        raise UserError(f"examples is {examples}; expected 1 or more, or none for all")
    dataset = _load(recipe.dataset, data)
    images, labels = dataset.train_images[:examples], dataset.train_labels[:examples]
    flags = {"seed": seed, "epochs": config.epochs, "augment": augment, **options}
    flags |= hardening_flags
    if config.decay != recipe.config.decay:
        flags["decay"] = config.decay
    command = " ".join(f"--{name} {value}" for name, value in flags.items())
    lossy = ", a lossy copy (JPEG)" if dataset.is_lossy else ""
    return train_network(
        path,
        card,
        Examples(images, labels, np.ones(len(labels), np.float32)),
        test=(dataset.test_images, dataset.test_labels),
        config=config,
        seed=seed,
        augment=AUGMENTATIONS[augment],
        harden=harden,
        notes=f"`evofool train {network} {command}` on {len(labels):,} training images of "
        f"{recipe.dataset}{lossy}",
        on_epoch=on_epoch,
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
    harden: Harden | None = None,
    notes: str = "",
    on_epoch: Callable[[Epoch], object] | None = None,
) -> Classifier:
    """Trains the network that a card describes, on any examples, and writes weights and card.

    Args:
        out: weights file, ending in .safetensors; the card gets the same stem and .json.
        card: family, input and number of outputs. The written card has the stem of `out` as its
            name, and the accuracy, sha256, probe and notes of the new weights.
        examples: the training images; their labels are output indices of the network.
        test: images (levels 0..255) and labels for the accuracy on the card.
        config: how to train; by default `TrainConfig()`.
        seed: determines the initial weights, the order of the examples and all random changes.
        start: the initial parameters, for instance of a trained classifier; by default random.
        augment: `augment(key, images)` changes the training images of a step, see
            `evofool.training.augmentation`.
        harden: `harden(network, loss)` returns the loss to train with instead of the
            cross-entropy, see `evofool.training.adversarial`.
        notes: a description of the examples for the card; the training is described after it.
        on_epoch: called with the report of every epoch.

    Returns:
        The classifier as written.

    Raises:
        UserError: the family is unknown, examples do not fit the card, the loss became NaN or
            infinite, or `out` cannot be written.
    """
    path, config = writable(out), config or TrainConfig()
    card = dataclasses.replace(card, name=path.stem, sha256="", probe=())
    network = make_network(card)
    _check_examples(card, examples)
    key_init, key_train = jax.random.split(jax.random.key(seed))
    loss = cross_entropy(network.apply, augment=augment, has_dropout=network.has_dropout)
    test_images, test_labels = test
    measure = partial(measure_accuracy, network.apply, images=test_images, labels=test_labels)
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
    training = f"AdamW, {settings}, seed {seed}; JAX {jax.__version__} on {jax.default_backend()}"
    card = dataclasses.replace(
        card, test_accuracy=measure(params), notes=f"{notes}: {training}" if notes else training
    )
    card = write_classifier(path, card, params)
    return Classifier(card=card, params=params, apply=network.apply)


def writable(out: str | Path, *, source: Card | None = None) -> Path:
    """Returns the path of a weights file, checked before minutes of training, not after.

    Args:
        out: the file.
        source: the card of weights that the new ones are made from, which are not replaced.

    Raises:
        UserError: its name does not end in .safetensors, it is a folder, its own folder cannot
            be written, or it holds the weights of `source`.
    """
    path = Path(out)
    if path.suffix != ".safetensors":
        raise UserError(f"weights file is {str(path)!r}; expected a name ending in .safetensors")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"cannot write {path}: its folder is not there or not writable")
    try:
        is_other = path.exists() and not path.is_file()
    except OSError as error:  # its name is too long
        raise write_error(path, error) from error
    if is_other:
        raise UserError(f"cannot write {path}: it exists, and is no file")
    if source is not None and path.is_file() and sha256_of(path) == source.sha256:
        raise UserError(f"{path} holds the weights that are fine-tuned; choose another out")
    return path


def _load(dataset: str, data: str | Path | None) -> Dataset:
    return load_mnist(data) if dataset == "mnist" else load_cifar10(data)


def _hardening(
    adversarial: str, epsilon: float | None
) -> tuple[Harden | None, dict[str, str | float]]:
    """Returns the `harden` of `train_network`, and the flags of the command line for it."""
    if adversarial not in EPSILONS:
        raise unknown_name("adversarial", adversarial, EPSILONS)
    if adversarial == "none":
        if epsilon is not None:
            raise UserError(f"epsilon is {epsilon}, but adversarial is 'none'; give fgsm or vat")
        return None, {}
    size = EPSILONS[adversarial] if epsilon is None else epsilon
    if not 0 < size < math.inf:
        raise UserError(f"epsilon is {size}; expected more than 0")

    def harden(network: Network, loss: Loss) -> Loss:
        if adversarial == "fgsm":
            return with_fgsm(loss, epsilon=size)
        return with_vat(loss, network.apply, epsilon=size, has_dropout=network.has_dropout)

    return harden, {"adversarial": adversarial, "epsilon": size}


def _check_examples(card: Card, examples: Examples) -> None:
    shape, labels = examples.images.shape, jnp.asarray(examples.labels)
    if not len(labels):
        raise UserError("examples is empty; expected at least one image")
    if shape[1:] != card.input_shape:
        raise UserError(
            f"examples: images of shape {shape[1:]}; expected {card.input_shape}, the "
            f"input_shape of the card of {card.name!r}"
        )
    if labels.ndim == 1 and not 0 <= int(labels.min()) <= int(labels.max()) < card.outputs:
        raise UserError(
            f"examples: labels from {labels.min()} to {labels.max()}; expected 0 to "
            f"{card.outputs - 1}, the outputs of {card.name!r}"
        )
