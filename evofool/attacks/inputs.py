"""What an attack is asked to do: images and classes, checked."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from evofool.classifiers import Classifier
from evofool.support import UserError

LEVEL = 1 / 255  # of 8 bits, values in [0, 1]

Classes = int | Sequence[int] | np.ndarray
"""A class for each image, or one for all; counted from 0 without "background"."""


class Task(NamedTuple):
    """What an attack is asked to do, checked.

    Attributes:
        images: the originals.
        labels: the class of each.
        target: the class that each is to be taken for, or None: any but its own.
    """

    images: UInt8[np.ndarray, "batch height width channels"]
    labels: Int[np.ndarray, " batch"]
    target: Int[np.ndarray, " batch"] | None

    def of(self, rows: Int[np.ndarray, " rows"]) -> "Task":
        """Returns the same for some of the images."""
        target = None if self.target is None else self.target[rows]
        return Task(self.images[rows], self.labels[rows], target)

    @property
    def aim(self) -> Int[np.ndarray, " batch"]:
        """The class whose probability is to rise (the target), or else to fall (the label)."""
        return self.labels if self.target is None else self.target

    @property
    def direction(self) -> int:
        """1 if the probability of `aim` is to rise, -1 if it is to fall."""
        return -1 if self.target is None else 1


def check_task(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    target: Classes | None,
) -> Task:
    """Checks images and classes.

    Args:
        classifier: to be attacked.
        images: levels 0..255 of the classifier's input shape.
        labels: class of each image, or of all; counted from 0 without "background".
        target: class that each image, or every one, is to be taken for; None for any other.

    Raises:
        UserError: images of another type or shape, no class, or a target that is the label.
    """
    levels = check_images(classifier, images)
    own = check_classes(classifier, "labels", labels, len(levels))
    if target is None:
        return Task(levels, own, None)
    wanted = check_classes(classifier, "target", target, len(levels))
    same = np.flatnonzero(own == wanted)
    if len(same):
        name = classifier.card.labels[own[same[0]]]
        raise UserError(
            f"target of image {same[0]} is its own class, {own[same[0]]} ({name}); give another "
            "class, or no target"
        )
    return Task(levels, own, wanted)


def check_images(
    classifier: Classifier, images: np.ndarray
) -> UInt8[np.ndarray, "batch height width channels"]:
    """Checks that images are such as the classifier is given, and returns them.

    Raises:
        UserError: they are of another type or shape, or there are none.
    """
    shape, given = classifier.card.input_shape, np.asarray(images)
    if given.dtype != np.uint8:
        raise UserError(
            f"images are {given.dtype}; expected 8-bit levels, uint8 in 0..255: of images in "
            "[0, 1], np.rint(255 * images).astype(np.uint8)"
        )
    if given.ndim != 4 or given.shape[1:] != shape or not len(given):
        raise UserError(
            f"images have shape {given.shape}; expected (batch, {', '.join(map(str, shape))}): "
            f"one or more images that {classifier.card.name} can see"
            + (", grey" if shape[2] == 1 else ", in colour")
        )
    return given


def check_classes(
    classifier: Classifier,
    argument: str,
    classes: Classes,
    count: int,
) -> Int[np.ndarray, " batch"]:
    """Returns a class index per image.

    Args:
        classifier: whose classes.
        argument: what to call them in an error.
        classes: one for all, or one for each.
        count: number of images.

    Raises:
        UserError: they are no indices of classes, or too many or few.
    """
    given = np.asarray(classes)
    if not np.issubdtype(given.dtype, np.integer):
        raise UserError(f"{argument} are {given.dtype}; expected indices of classes")
    if given.shape not in ((), (count,)):
        raise UserError(f"{argument} has shape {given.shape}; expected one, or {count} for {count}")
    bad = given[(given < 0) | (given >= classifier.card.classes)]
    if bad.size:
        raise UserError(
            f"{argument} has {bad.flat[0]}; expected 0..{classifier.card.classes - 1}, the classes "
            f"of {classifier.card.name}"
        )
    return np.broadcast_to(given, count).astype(np.int64)


def check_epsilon(epsilon: float | Sequence[float], *, norm: str = "linf") -> list[float]:
    """Returns epsilons as a list.

    Args:
        epsilon: one, or several; values of images are in [0, 1].
        norm: whose length an epsilon is, "linf" or "l2".

    Raises:
        UserError: one is less than a level of 8 bits, which changes nothing in either norm; one is
            too large; or there is none.
    """
    epsilons = [float(value) for value in np.atleast_1d(np.asarray(epsilon, float))]
    largest = np.inf if norm == "l2" else 1.0
    expected = "expected 1/255 (0.003922) or more" + ("" if norm == "l2" else ", and up to 1")
    if not epsilons:
        raise UserError(f"epsilon is empty; {expected}")
    for value in epsilons:
        if 0 < value < LEVEL:
            raise UserError(
                f"epsilon is {value:g}, and less than one level of 8 bits changes nothing; "
                f"{expected}"
            )
        if not 0 < value <= largest:
            hint = "; of 8-bit levels, divide by 255" if value > 1 else ""
            raise UserError(f"epsilon is {value:g}; {expected}{hint}")
    return epsilons


def check_seed(seed: int) -> None:
    """Refuses a seed that random generators do not take.

    Raises:
        UserError: it is below 0.
    """
    if seed < 0:
        raise UserError(f"seed is {seed}; expected 0 or more")
