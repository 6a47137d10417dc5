"""What all attacks begin with: images, classes and options, checked."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt8

from evofool.classifiers import Classifier
from evofool.evaluation import Model, model_of
from evofool.support import Progress, UserError

LEVEL = 1 / 255  # one step of 8 bits, as values in [0, 1]
NORMS = ("l2", "linf")
BLACK_BOX = ("finite-differences", "one-pixel", "hop-skip-jump", "boundary")  # need no gradients

Classes = int | Sequence[int] | np.ndarray
"""A class for each image, or one for all; counted from 0 without "background"."""

Report = Callable[[int, int], None]
"""Is called as an attack goes on, with the amount of work that is done and of all work."""


class Task(NamedTuple):
    """What an attack works on, checked.

    Attributes:
        classifier: to be attacked.
        images: the originals, levels 0..255.
        labels: class of each image.
        target: class that each image is to be taken for; None for any class but its label.
    """

    classifier: Classifier
    images: UInt8[np.ndarray, "batch height width channels"]
    labels: Int[np.ndarray, " batch"]
    target: Int[np.ndarray, " batch"] | None

    @property
    def model(self) -> Model:
        """What programs for the classifier depend on."""
        return model_of(self.classifier)

    @property
    def aim(self) -> Int[np.ndarray, " batch"]:
        """The class whose probability is to rise (the target), or else to fall (the label)."""
        return self.labels if self.target is None else self.target

    @property
    def direction(self) -> int:
        """1 if the probability of `aim` is to rise, -1 if it is to fall."""
        return -1 if self.target is None else 1

    def of(self, rows: Int[np.ndarray, " rows"]) -> "Task":
        """Returns the task for some of the images."""
        target = None if self.target is None else self.target[rows]
        return self._replace(images=self.images[rows], labels=self.labels[rows], target=target)

    def is_success(
        self, classes: Int[np.ndarray, "*lead batch"]
    ) -> Bool[np.ndarray, "*lead batch"]:
        """Returns whether images that are taken for these classes are successes."""
        return classes != self.labels if self.target is None else classes == self.target

    def progress(self, path: str | Path | None, **facts: object) -> Progress:
        """Opens the file from which an attack on the classifier is resumed.

        Args:
            path: of the `.npz` file; None to save nothing.
            **facts: what the attack depends on besides the classifier.
        """
        card = self.classifier.card
        return Progress(path, classifier=card.name, sha256=card.sha256, **facts)


def prepare(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    target: Classes | None = None,
    *,
    gradients_for: str | None = None,
) -> Task:
    """Checks what an attack works on.

    Args:
        classifier: to be attacked.
        images: levels 0..255 of the classifier's input shape.
        labels: class of each image, or of all; counted from 0 without "background".
        target: class that each image, or every one, is to be taken for; None for any other.
        gradients_for: name of the attack, if it needs gradients.

    Raises:
        UserError: images of another type or shape, no class, a target that is the label, or a
            classifier without gradients where they are needed.
    """
    if gradients_for is not None:
        classifier = with_gradients(classifier, gradients_for)
    levels = check_images(classifier, images)
    checked = check_classes(classifier, "labels", labels, len(levels))
    if target is None:
        return Task(classifier, levels, checked, None)
    wanted = check_classes(classifier, "target", target, len(levels))
    same = np.flatnonzero(checked == wanted)
    if len(same):
        name = classifier.card.labels[checked[same[0]]]
        raise UserError(
            f"target of image {same[0]} is its own class, {checked[same[0]]} ({name}); give "
            "another class, or no target"
        )
    return Task(classifier, levels, checked, wanted)


def with_gradients(classifier: Classifier, attack: str) -> Classifier:
    """Returns the face of a classifier that has gradients.

    Args:
        classifier: to be attacked.
        attack: name of the attack, for the error.

    Raises:
        UserError: the classifier computes outside JAX.
    """
    face = classifier.face(in_jax=True)
    if face is None:
        raise UserError(
            f"{attack} needs gradients, and {classifier.card.name} computes outside JAX; attacks "
            f"that need only its outputs: {', '.join(BLACK_BOX)}"
        )
    return face


def check_images(
    classifier: Classifier, images: np.ndarray
) -> UInt8[np.ndarray, "batch height width channels"]:
    """Returns the images if the classifier can be shown them.

    Raises:
        UserError: the images are of another type or shape, or there are none.
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
            f"one or more images of the input size of {classifier.card.name}"
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
        classifier: to be attacked.
        argument: name of the argument, for the error.
        classes: one for all images, or one for each.
        count: number of images.

    Raises:
        UserError: the classes are no indices, or their number is not that of the images.
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
        epsilon: one or several, for values of images in [0, 1].
        norm: in which epsilon is measured, "linf" or "l2".

    Raises:
        UserError: an epsilon is below one level of 8 bits, which changes nothing in either norm,
            or too large; or there is none.
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
        UserError: the seed is below 0.
    """
    if seed < 0:
        raise UserError(f"seed is {seed}; expected 0 or more")


def check_counts(**counts: tuple[int, int]) -> None:
    """Refuses numbers of things that are too small.

    Args:
        **counts: by the name of the argument, its value and the least that is allowed.

    Raises:
        UserError: a value is below the least.
    """
    for argument, (value, least) in counts.items():
        if value < least:
            raise UserError(f"{argument} is {value}; expected {least} or more")


def silent(done: int, total: int) -> None:
    """Is the report of an attack that nobody watches."""
    del done, total


def one_after_another(
    count: int,
    compute: Callable[[int], dict[str, np.ndarray]],
    *,
    progress: Progress,
    report: Report | None,
) -> dict[str, np.ndarray]:
    """Computes arrays for one image after another; finished ones are saved and not recomputed.

    Args:
        count: number of images.
        compute: takes the number of an image; returns its arrays by name.
        progress: file of the finished images.
        report: is called with the number of images done and of all images.

    Returns:
        The arrays of all images, stacked.
    """
    stacked = progress.load() or {}
    done = min(map(len, stacked.values()), default=0)
    rows = [{name: values[row] for name, values in stacked.items()} for row in range(done)]
    for index in range(done, count):
        rows.append(compute(index))
        stacked = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        progress.save(stacked)
        (report or silent)(index + 1, count)
    return stacked
