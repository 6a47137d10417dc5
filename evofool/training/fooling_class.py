"""Adds a class of fooling images to a trained classifier, by fine-tuning.

The network gets one more output, which starts as the mean of the others. First this output is
trained alone, then all layers. The examples are photographs, whose labels are the network's own
outputs (distillation), and fooling images, whose label is the new class. The outputs hold more of
what the network knows than classes would, so photographs of some of its classes suffice.

References:
    Nguyen, Yosinski and Clune, 2015, section "Training ImageNet DNNs with fooling images", trains
    from scratch instead, with seven times as many fooling images as a class has photographs.
    G. Hinton, O. Vinyals, J. Dean, "Distilling the knowledge in a neural network", 2015,
    https://arxiv.org/abs/1503.02531
"""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Integer, UInt8

from evofool.classifiers import (
    Apply,
    Card,
    Classifier,
    ImageBatch,
    Params,
    accuracy_of,
    load_classifier,
    make_network,
)
from evofool.data import read_image_folder, read_labels, read_photographs
from evofool.evaluation import evaluate
from evofool.images import from_levels
from evofool.runs import Run
from evofool.support import UserError
from evofool.training.augmentation import flip_and_shift
from evofool.training.loop import (
    Epoch,
    Examples,
    TrainConfig,
    cross_entropy,
    measure_accuracy,
    train,
)
from evofool.training.recipes import train_network, writable

FOOLING = "fooling"  # label of the class
OVERWEIGHT = 7.0  # as in the paper: 9000 fooling images, 1300 photographs of another class
HEAD = TrainConfig(epochs=2, batch_size=32, learning_rate=1e-2, warmup=0.1, weight_decay=0.0)
ALL = TrainConfig(epochs=3, batch_size=32, learning_rate=1e-4, warmup=0.1, weight_decay=0.0)
MICRO_BATCH = 8  # images in a forward pass outside training
CHUNK = 256  # images that are float32 at a time

ImageLevels = UInt8[np.ndarray, "_ height width channels"]
"""Levels of some images; another number of them in every argument."""


class AccuracyChange(NamedTuple):
    """The effect of fine-tuning on photographs that were not trained on.

    Attributes:
        accuracy_before: share of them that the original network classifies correctly.
        accuracy: share that the new network classifies correctly.
        unchanged: share whose likeliest class is the same for both, right or wrong.
        rejected: share that the new network classifies as fooling images.
        n: number of photographs.
    """

    accuracy_before: float
    accuracy: float
    unchanged: float
    rejected: float
    n: int


class FineTuned(NamedTuple):
    """A classifier with a class of fooling images, and its accuracy on the other classes.

    Attributes:
        classifier: as written.
        change: measured on the photographs that were held out.
        photographs: number of photographs it was trained on.
        fooling: number of fooling images it was trained on.
    """

    classifier: Classifier
    change: AccuracyChange
    photographs: int
    fooling: int


def fine_tune(
    classifier: str | Classifier,
    out: str | Path,
    *,
    images: str | Path,
    fooling: Sequence[str | Path | Run],
    labels: str | Path | None = None,
    weights: str | Path | None = None,
    hold_out: float = 0.5,
    overweight: float = OVERWEIGHT,
    label: str = FOOLING,
    head: TrainConfig = HEAD,
    config: TrainConfig = ALL,
    seed: int = 0,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> FineTuned:
    """Adds a class of fooling images, the elites of runs, to a classifier and fine-tunes it.

    Args:
        classifier: a name, or a `Classifier` of a registered family.
        out: weights file, ending in .safetensors; the card gets the same stem and .json.
        images: folder of photographs, with a subfolder for every class, named by label, index or
            WordNet id; or, with `labels`, any folder. All photographs are held in memory, at the
            classifier's input size.
        fooling: run directories; a run of 0 generations gives images of random genomes.
        labels: CSV file with the columns file and index.
        weights: as in `load_classifier`.
        hold_out: share of the photographs that is not trained on but measures the accuracy.
        overweight: weight of all fooling images together, relative to the photographs of a class.
        label: of the new class.
        head: how the new output is trained, alone, at first.
        config: how all layers are trained afterwards.
        seed: determines the photographs held out, the order of the examples and augmentation.
        on_epoch: called with the report of every epoch.

    Raises:
        UserError: photographs, labels, runs or the classifier cannot be used, or do not fit
            together; or as `add_fooling_class`.
    """
    if isinstance(classifier, str):
        classifier = load_classifier(classifier, weights=weights)
    path = writable(out, source=classifier.card)
    if not 0 < hold_out < 1:
        raise UserError(f"hold_out is {hold_out}; expected a share between 0 and 1")
    card = classifier.card
    if labels is None:
        rows = read_image_folder(images, card)
    else:
        rows = read_labels(labels, card, images=images)
    num_tested = round(hold_out * len(rows))
    if not 0 < num_tested < len(rows):
        raise UserError(f"{images} has {len(rows)} image(s); too few to learn from and to test")
    elites = _elite_images(fooling, card)
    prepared = read_photographs([row.path for row in rows], card)
    levels = np.stack([image.levels for image in prepared])
    outputs = np.array([row.index + card.class_offset for row in rows])
    order = np.random.default_rng(seed).permutation(len(rows))
    tested, trained = order[:num_tested], order[num_tested:]
    tuned = add_fooling_class(
        classifier,
        path,
        photographs=levels[trained],
        fooling=elites,
        test=(levels[tested], outputs[tested]),
        classes=len(np.unique(outputs[trained])),
        overweight=overweight,
        label=label,
        head=head,
        config=config,
        seed=seed,
        on_epoch=on_epoch,
    )
    change = measure_change(classifier, tuned, levels[tested], outputs[tested])
    return FineTuned(tuned, change, len(trained), len(elites))


def add_fooling_class(
    classifier: Classifier,
    out: str | Path,
    *,
    photographs: ImageLevels,
    fooling: ImageLevels,
    test: tuple[ImageLevels, Integer[np.ndarray, " _"]],
    classes: int,
    overweight: float = OVERWEIGHT,
    label: str = FOOLING,
    head: TrainConfig = HEAD,
    config: TrainConfig = ALL,
    seed: int = 0,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> Classifier:
    """Adds a class of fooling images to a classifier and fine-tunes all layers.

    Args:
        classifier: of a registered family, with logits.
        out: weights file, ending in .safetensors; the card gets the same stem and .json.
        photographs: images whose outputs are to stay as they are, levels 0..255.
        fooling: images of the new class, levels 0..255.
        test: other photographs and their output indices, for the accuracy on the card.
        classes: number of classes that the photographs are of.
        overweight: weight of all fooling images together, relative to the photographs of a class.
        label: of the new class.
        head: how the new output is trained, alone, at first.
        config: how all layers are trained afterwards.
        seed: determines the order of the examples and their augmentation (mirrored and shifted).
        on_epoch: called with the report of every epoch.

    Returns:
        The classifier as written.

    Raises:
        UserError: the classifier has no weights that can be trained further, images do not fit
            it, it has a class of that label, `overweight` is not above 0, or `out` cannot be
            written or holds the weights of the classifier.
    """
    card, path = with_class(classifier.card, label), writable(out, source=classifier.card)
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
        test=partial(measure_accuracy, network.apply, images=test[0], labels=test[1]),
        on_epoch=on_epoch,
    )
    return train_network(
        path,
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


def measure_change(
    before: Classifier,
    after: Classifier,
    photographs: ImageLevels,
    outputs: Integer[np.ndarray, " _"],
) -> AccuracyChange:
    """Compares a classifier with its successor, which has one more class.

    Args:
        before: the original classifier.
        after: the one with one more output.
        photographs: levels 0..255.
        outputs: the right output indices.
    """
    first = outputs_of(before, photographs).argmax(axis=1)
    second = outputs_of(after, photographs).argmax(axis=1)
    return AccuracyChange(
        accuracy_before=accuracy_of(first, outputs),
        accuracy=accuracy_of(second, outputs),
        unchanged=float(np.mean(first == second)),
        rejected=float(np.mean(second == before.card.outputs)),
        n=len(outputs),
    )


def with_class(card: Card, label: str = FOOLING) -> Card:
    """Returns the card of a network with one more class, the last, and without weights yet.

    Args:
        card: of the original network.
        label: of the new class.

    Raises:
        UserError: the network has a class of that label.
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


def mix(
    classifier: Classifier, photographs: ImageLevels, fooling: ImageLevels, share: float
) -> Examples:
    """Returns photographs and fooling images as examples.

    The photographs are repeated until they are about as many as the fooling images, so that every
    batch has both; the weights then set how much each kind counts.

    Args:
        classifier: whose outputs for the photographs are to stay.
        photographs: levels 0..255.
        fooling: levels 0..255.
        share: weight of all fooling images, relative to that of all photographs.
    """
    outputs = classifier.card.outputs
    targets = np.zeros((len(photographs) + 1, outputs + 1), np.float32)
    targets[:-1, :outputs] = jax.nn.softmax(jnp.asarray(outputs_of(classifier, photographs)))
    targets[-1, outputs] = 1.0
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


def extend(params: Params, shapes: Params) -> Params:
    """Returns the parameters of a network with more outputs.

    Args:
        params: of the original network.
        shapes: of the other network, as in `Network.shapes`. Where their last axis is longer, the
            mean over that axis fills it up: a new output starts as the mean of the others.
    """

    def fit(leaf: Array, shape: jax.ShapeDtypeStruct) -> Array:
        missing = shape.shape[-1] - leaf.shape[-1]
        mean = jnp.mean(leaf, axis=-1, keepdims=True)
        return jnp.concatenate([leaf, *[mean] * missing], axis=-1)

    return jax.tree.map(fit, params, shapes)


def new_output_only(apply: Apply, before: Params) -> Apply:
    """Returns `apply` with gradients only for the values that `before` does not have."""

    def frozen(params: Params, images: ImageBatch) -> Float[Array, "batch outputs"]:
        def freeze(new: Array, old: Array) -> Array:
            known = old.shape[-1]
            return jnp.concatenate([lax.stop_gradient(new[..., :known]), new[..., known:]], -1)

        return apply(jax.tree.map(freeze, params, before), images)

    return frozen


def outputs_of(classifier: Classifier, images: ImageLevels) -> Float[np.ndarray, "_ outputs"]:
    """Returns a classifier's outputs for images, given as levels 0..255."""
    chunks = map(from_levels, np.array_split(images, len(images) // CHUNK + 1))
    return np.concatenate([evaluate(classifier, chunk, MICRO_BATCH) for chunk in chunks])


def _elite_images(runs: Sequence[str | Path | Run], card: Card) -> ImageLevels:
    """Draws all elites of runs; their images must have the classifier's input shape."""
    if not runs:
        raise UserError("fooling names no runs; expected run directories")
    images = []
    for run in map(Run.open, runs):
        if run.card.input_shape != card.input_shape:
            raise UserError(
                f"{run.folder} has images of shape {run.card.input_shape}; expected "
                f"{card.input_shape}, the input of {card.name}"
            )
        images += [image for i in range(run.config.runs) for image in run.images(run.elites(i))]
    return np.stack(images)
