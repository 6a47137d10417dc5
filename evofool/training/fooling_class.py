"""A class of fooling images, added to a classifier that is trained already.

The network gets one more output, which starts as the mean of the others, and all its weights go
on learning: photographs, whose outputs are to stay as they are, and fooling images, which are to
get the new class. What it knows is not in a few photographs but in its own outputs for them, so
these are what it learns from (distillation), and photographs of some of its classes will do.

References:
    Nguyen, Yosinski and Clune, 2015, section "Training ImageNet DNNs with fooling images", trains
    from scratch instead, with seven times as many fooling images as a class has photographs.
    G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", 2015,
    https://arxiv.org/abs/1503.02531
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float, Integer, UInt8

from evofool.classifiers import Card, Classifier, make_network
from evofool.evaluation import evaluate
from evofool.images import from_levels
from evofool.support import UserError
from evofool.training.augmentation import flip_and_shift
from evofool.training.loop import (
    Epoch,
    Examples,
    Params,
    TrainConfig,
    accuracy,
    cross_entropy,
    train,
)
from evofool.training.recipes import train_network

FOOLING = "fooling"  # label of the class
OVERWEIGHT = 7.0  # as in the paper: 9000 fooling images, 1300 photographs of another class
HEAD = TrainConfig(epochs=2, batch_size=32, learning_rate=1e-2, warmup=0.1, weight_decay=0.0)
ALL = TrainConfig(epochs=3, batch_size=32, learning_rate=1e-4, warmup=0.1, weight_decay=0.0)
MICRO_BATCH = 8  # images in a forward pass, when images are only looked at
CHUNK = 256  # images that are float32 at a time

Images = UInt8[np.ndarray, "_ height width channels"]  # as many as there are


def add_fooling_class(
    classifier: Classifier,
    out: str | Path,
    *,
    photographs: Images,
    fooling: Images,
    test: tuple[Images, Integer[np.ndarray, " _"]],
    classes: int,
    overweight: float = OVERWEIGHT,
    label: str = FOOLING,
    head: TrainConfig = HEAD,
    config: TrainConfig = ALL,
    seed: int = 0,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> Classifier:
    """Fine-tunes a classifier with one more class, of fooling images.

    Args:
        classifier: of a registered family, with logits.
        out: weights file, ending in .safetensors; the card gets the same stem and .json.
        photographs: images whose outputs are to stay, levels 0..255.
        fooling: images of the new class.
        test: other photographs and their outputs (class plus `class_offset`), for the accuracy.
        classes: how many classes the photographs are of.
        overweight: how much all fooling images together count, in photographs of one class.
        label: of the new class.
        head: how the new output is trained, at first alone.
        config: how all layers are trained then.
        seed: of the order of the examples and of their augmentation (mirrored and shifted).
        on_epoch: is told about every epoch.

    Returns:
        The classifier that was written.

    Raises:
        UserError: the classifier has no weights to go on with, images do not fit it, the label
            is taken, `overweight` is not above 0, or `out` cannot be written.
    """
    card = with_class(classifier.card, label)
    if not overweight > 0:
        raise UserError(f"overweight is {overweight}; expected more than 0")
    network = make_network(card)
    examples = mix(classifier, photographs, fooling, overweight / classes)
    start = train(
        jax.random.key(seed),
        extend(classifier.params, network.shapes),
        cross_entropy(new_output_only(network.apply, classifier.params), augment=flip_and_shift),
        examples,
        head,
        test=partial(accuracy, network.apply, images=test[0], labels=test[1]),
        on_epoch=on_epoch,
    )
    return train_network(
        out,
        card,
        examples,
        test=test,
        config=config,
        seed=seed,
        start=start,
        augment=flip_and_shift,
        notes=f"{classifier.card.name} (sha256 {classifier.card.sha256}) fine-tuned on its own "
        f"outputs for {len(photographs):,} photographs and on {len(fooling):,} fooling images as "
        f"a class {label!r}, over-weight {overweight:g}, its output first",
        on_epoch=on_epoch,
    )


def new_output_only(
    apply: Callable[[Params, Any], Any], before: Params
) -> Callable[[Params, Any], Any]:
    """Returns `apply` with gradients for what parameters have beyond those of before."""

    def frozen(params: Params, images: Any) -> Any:
        def freeze(new: Any, old: Any) -> Any:
            known = old.shape[-1]
            return jnp.concatenate([lax.stop_gradient(new[..., :known]), new[..., known:]], -1)

        return apply(jax.tree.map(freeze, params, before), images)

    return frozen


def with_class(card: Card, label: str = FOOLING) -> Card:
    """Returns the card of a network with one more class, the last, and without weights yet.

    Args:
        card: of the network as it is.
        label: of the new class.

    Raises:
        UserError: there is a class of that label.
    """
    if label in card.labels:
        raise UserError(f"label is {label!r}, which {card.name} has already; choose another")
    return dataclasses.replace(
        card,
        outputs=card.outputs + 1,
        labels=(*card.labels, label),
        ids=(*card.ids, "") if card.ids else (),
        sha256="",
        test_accuracy=None,
        probe=(),
        notes="",
    )


def extend(params: Any, shapes: Any) -> Any:
    """Returns parameters for a network with more outputs.

    Args:
        params: of the network as it is.
        shapes: of the other's, as in `Network.shapes`; where they have a longer last axis, the
            mean over that axis fills it up, so that a new output starts as the mean of the others.
    """

    def fit(leaf: Any, shape: Any) -> Any:
        missing = shape.shape[-1] - leaf.shape[-1]
        mean = jnp.mean(leaf, axis=-1, keepdims=True)
        return jnp.concatenate([leaf, *[mean] * missing], axis=-1)

    return jax.tree.map(fit, params, shapes)


def mix(classifier: Classifier, photographs: Images, fooling: Images, share: float) -> Examples:
    """Mixes photographs and fooling images.

    The photographs are repeated until there are as many of them, so that every batch has both;
    weights then say how much each counts.

    Args:
        classifier: whose outputs for the photographs are kept.
        photographs: levels 0..255.
        fooling: levels 0..255.
        share: weight of all fooling images over that of all photographs.
    """
    outputs = classifier.card.outputs
    kept = np.asarray(jax.nn.softmax(jnp.asarray(outputs_of(classifier, photographs))))
    targets = np.zeros((len(photographs) + 1, outputs + 1), np.float32)
    targets[:-1, :outputs], targets[-1, outputs] = kept, 1.0
    times = max(1, round(len(fooling) / len(photographs)))
    of_photographs = np.tile(np.arange(len(photographs)), times)
    of_fooling = np.full(len(fooling), len(photographs))
    weight = share * len(of_photographs) / len(fooling)
    weights = [np.ones(len(of_photographs)), np.full(len(fooling), weight)]
    return Examples(
        np.concatenate([photographs[of_photographs], fooling]),
        targets[np.concatenate([of_photographs, of_fooling])],
        np.concatenate(weights).astype(np.float32),
    )


def outputs_of(classifier: Classifier, images: Images) -> Float[np.ndarray, "_ outputs"]:
    """Returns what a classifier makes of images."""
    found = [
        evaluate(classifier, from_levels(part), MICRO_BATCH)
        for part in np.array_split(images, len(images) // CHUNK + 1)
    ]
    return np.concatenate(found)
