"""Labelled images in memory, wherever they come from: a data set, or files of the user's."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from evofool.classifiers import Card
from evofool.data import load_cifar10_tests, load_mnist, read_labels, read_photographs
from evofool.evaluation.on_files import summarize_actions
from evofool.images import Levels
from evofool.support import UserError, unknown_name


def _mnist_tests(data_dir: str | Path | None) -> tuple[Levels, np.ndarray]:
    digits = load_mnist(data_dir)
    return digits.test_images, digits.test_labels


DATASETS: dict[str, Callable[[str | Path | None], tuple[Levels, np.ndarray]]] = {
    "mnist": _mnist_tests,
    "cifar10": load_cifar10_tests,
}
"""The data sets by name: folder -> test images and their classes."""


class Labelled(NamedTuple):
    """Labelled images.

    Attributes:
        levels: 0..255.
        classes: of each image.
        actions: what was done to the images, a line for each kind.
    """

    levels: Levels
    classes: Int[np.ndarray, " images"]
    actions: Sequence[str]


def read_labelled(
    card: Card,
    *,
    dataset: str | None = None,
    data: str | Path | None = None,
    images: str | Path | None = None,
    labels: str | Path | None = None,
    limit: int | None = None,
    is_spread: bool = False,
    invert: bool = False,
) -> Labelled:
    """Reads the test images of a data set, or image files with their classes.

    Args:
        card: of the classifier that they are for.
        dataset: "mnist" or "cifar10"; else `images` and `labels` are read.
        data: folder of the data set; the usual places are searched unless given.
        images: folder of image files.
        labels: CSV file of their classes, as for `accuracy`.
        limit: number of images; all unless given, or if there are fewer.
        is_spread: take images that are evenly spread over all of them, and not the first.
        invert: exchange dark and bright in `images`.

    Raises:
        UserError: files that are not there, or cannot be used; or neither is named; or the images
            of a data set have another shape, or classes, than the classifier's.
    """
    if dataset is not None:
        if dataset not in DATASETS:
            raise unknown_name("dataset", dataset, DATASETS)
        levels, classes = DATASETS[dataset](data)
        _check_fits(card, dataset, levels, classes)
        rows = _chosen(len(levels), limit, is_spread)
        return Labelled(levels[rows], classes[rows].astype(int), [])
    if images is None or labels is None:
        raise UserError("no images are named; give dataset, or images and labels")
    listed = read_labels(labels, card, images=images)
    files = [listed[row] for row in _chosen(len(listed), limit, is_spread)]
    photographs = read_photographs([file.path for file in files], card, invert=invert)
    return Labelled(
        np.stack([photograph.levels for photograph in photographs]),
        np.array([file.index for file in files]),
        summarize_actions(photograph.actions for photograph in photographs),
    )


def _check_fits(card: Card, dataset: str, levels: Levels, classes: np.ndarray) -> None:
    if levels.shape[1:] != card.input_shape:
        raise UserError(
            f"images of {dataset} have shape {levels.shape[1:]}; {card.name} takes "
            f"{card.input_shape}: give images and labels"
        )
    if classes.max() >= card.classes:
        raise UserError(
            f"{dataset} has class {classes.max()}; expected 0..{card.classes - 1}, the classes of "
            f"{card.name}"
        )


def _chosen(count: int, limit: int | None, is_spread: bool) -> Int[np.ndarray, " rows"]:
    """Returns which of so many images are taken."""
    taken = count if limit is None else min(count, limit)
    if not is_spread:
        return np.arange(taken)
    return np.linspace(0, count - 1, taken).round().astype(int)
