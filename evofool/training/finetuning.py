"""Photographs and fooling images in files, and a classifier that learns to tell them apart."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Integer

from evofool.classifiers import Card, Classifier, load_classifier
from evofool.data import read_image_folder, read_labels, read_photographs
from evofool.runs import Run
from evofool.support import UserError
from evofool.training.fooling_class import (
    ALL,
    FOOLING,
    HEAD,
    OVERWEIGHT,
    Images,
    add_fooling_class,
    outputs_of,
)
from evofool.training.loop import Epoch, TrainConfig


class Change(NamedTuple):
    """What fine-tuning changed for photographs that it did not see.

    Attributes:
        accuracy_before: share of them classified correctly by the network as it was.
        accuracy: by the new network.
        unchanged: share whose likeliest class is the same as before, right or wrong.
        rejected: share that the new network takes for fooling images.
        n: photographs.
    """

    accuracy_before: float
    accuracy: float
    unchanged: float
    rejected: float
    n: int


class FineTuned(NamedTuple):
    """A classifier with a class of fooling images, and what became of the others.

    Attributes:
        classifier: as it was written.
        change: for the photographs that were held out.
        photographs: it learned from.
        fooling: fooling images it learned from.
    """

    classifier: Classifier
    change: Change
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
    """Fine-tunes a classifier with one more class, of the elites of runs.

    Args:
        classifier: a name, or a `Classifier` of a registered family.
        out: weights file, ending in .safetensors; the card gets the same stem and .json.
        images: photographs: a folder with a subfolder for every class, named by label, index or
            WordNet id; or any folder, with `labels`. All of them are held in memory, at the
            classifier's input size.
        fooling: run directories; a run of 0 generations gives images of random genomes.
        labels: CSV file with the columns file and index.
        weights: as in `load_classifier`.
        hold_out: share of the photographs that is not learned from but measured on.
        overweight: how much all fooling images together count, in photographs of one class.
        label: of the new class.
        head: how the new output is trained, at first alone.
        config: how all layers are trained then.
        seed: of the photographs that are held out, of the order and augmentation of the examples.
        on_epoch: is told about every epoch.

    Raises:
        UserError: photographs, labels, runs or the classifier cannot be used, or do not fit
            together; or as `add_fooling_class`.
    """
    if isinstance(classifier, str):
        classifier = load_classifier(classifier, weights=weights)
    if not 0 < hold_out < 1:
        raise UserError(f"hold_out is {hold_out}; expected a share between 0 and 1")
    card = classifier.card
    rows = (
        read_image_folder(images, card)
        if labels is None
        else read_labels(labels, card, images=images)
    )
    held = round(hold_out * len(rows))
    if not 0 < held < len(rows):
        raise UserError(f"{images} has {len(rows)} image(s); too few to learn from and to test")
    elites = _elites(fooling, card)
    prepared = read_photographs([row.path for row in rows], card)
    levels = np.stack([image.levels for image in prepared])
    outputs = np.array([row.index + card.class_offset for row in rows])
    order = np.random.default_rng(seed).permutation(len(rows))
    tested, learned = order[:held], order[held:]
    tuned = add_fooling_class(
        classifier,
        out,
        photographs=levels[learned],
        fooling=elites,
        test=(levels[tested], outputs[tested]),
        classes=len(np.unique(outputs[learned])),
        overweight=overweight,
        label=label,
        head=head,
        config=config,
        seed=seed,
        on_epoch=on_epoch,
    )
    change = measure_change(classifier, tuned, levels[tested], outputs[tested])
    return FineTuned(tuned, change, len(learned), len(elites))


def _elites(runs: Sequence[str | Path | Run], card: Card) -> Images:
    """Draws all elites of runs."""
    if not runs:
        raise UserError("fooling names no runs; expected run directories")
    images = []
    for run in map(Run.open, runs):
        if run.card.input_shape != card.input_shape:
            raise UserError(
                f"{run.folder} has images of shape {run.card.input_shape}; expected "
                f"{card.input_shape}, the input of {card.name}"
            )
        for index in range(run.config.runs):
            images += run.images(run.elites(index))
    return np.stack(images)


def measure_change(
    before: Classifier,
    after: Classifier,
    photographs: Images,
    outputs: Integer[np.ndarray, " _"],
) -> Change:
    """Compares a classifier with the one that has a class more.

    Args:
        before: as it was.
        after: with one more output.
        photographs: levels 0..255.
        outputs: what they should get.
    """
    first, second = (outputs_of(each, photographs).argmax(axis=1) for each in (before, after))
    return Change(
        accuracy_before=float(np.mean(first == outputs)),
        accuracy=float(np.mean(second == outputs)),
        unchanged=float(np.mean(first == second)),
        rejected=float(np.mean(second == before.card.outputs)),
        n=len(outputs),
    )
