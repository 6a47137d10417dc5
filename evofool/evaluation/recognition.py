"""What a classifier makes of many images in memory, and how that changes with corruption."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer

from evofool.classifiers import Classifier, confidence
from evofool.evaluation.forward import CPU_VALUES, evaluate_log_odds
from evofool.images import Levels, from_levels
from evofool.support import UserError

LEAST_MICRO_BATCH = 8  # images in a forward pass, however large
PASSES = 16  # whose images are in memory as floating-point numbers at a time


class Recognized(NamedTuple):
    """What a classifier makes of images.

    Attributes:
        classes: the likeliest class of each.
        confidence: its softmax probability, in [0, 1].
        log_odds: of every class; output 0 is left out where it is "background".
    """

    classes: Int[np.ndarray, " batch"]
    confidence: Float[np.ndarray, " batch"]
    log_odds: Float[np.ndarray, "batch classes"]

    def confidence_in(self, classes: Integer[np.ndarray, " batch"]) -> Float[np.ndarray, " batch"]:
        """Returns each image's softmax probability of a class of one's choice."""
        return confidence(self.log_odds[np.arange(len(classes)), classes])


def recognize(classifier: Classifier, images: Levels) -> Recognized:
    """Shows images to a classifier.

    Args:
        classifier: any; see `load_classifier`.
        images: levels 0..255 of its input size, at least one.

    Raises:
        UserError: the images have another size, or the classifier returns NaN for one.
    """
    card = classifier.card
    if images.shape[1:] != card.input_shape or not len(images):
        raise UserError(
            f"{len(images)} images of shape {images.shape[1:]} for {card.name!r}; expected one "
            f"or more of shape {card.input_shape}"
        )
    # of a size that does not depend on how many images there are, as the last bits depend on it
    micro_batch = max(LEAST_MICRO_BATCH, CPU_VALUES // math.prod(card.input_shape))
    found = []
    for start in range(0, len(images), PASSES * micro_batch):
        part = from_levels(images[start : start + PASSES * micro_batch])
        found.append(evaluate_log_odds(classifier, part, micro_batch))
    odds = np.concatenate(found)[:, card.class_offset :]
    bad = np.isnan(odds).any(axis=1)
    if bad.any():
        raise UserError(
            f"classifier {card.name!r} gives no numbers (NaN) for image {int(bad.argmax())}; "
            "check its weights and preprocessing"
        )
    classes = odds.argmax(axis=1)
    return Recognized(classes, confidence(odds[np.arange(len(odds)), classes]), odds)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How well labelled images are recognised.

    Attributes:
        accuracy: share whose class is the likeliest, in [0, 1].
        confidence: median of the softmax probability of the likeliest class.
        label_confidence: median of the probability of the right class.
        counts: how often each class was the likeliest.
    """

    accuracy: float
    confidence: float
    label_confidence: float
    counts: tuple[int, ...]


def tally(recognized: Recognized, labels: Integer[np.ndarray, " batch"]) -> Tally:
    """Sums up what a classifier made of labelled images.

    Args:
        recognized: of all images.
        labels: their classes.
    """
    return Tally(
        accuracy=float(np.mean(recognized.classes == labels)),
        confidence=float(np.median(recognized.confidence)),
        label_confidence=float(np.median(recognized.confidence_in(labels))),
        counts=tuple(
            np.bincount(recognized.classes, minlength=recognized.log_odds.shape[1]).tolist()
        ),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Corrupted:
    """What a corruption of images does to a classifier.

    Attributes:
        n: number of images.
        before: how well they are recognised as they are.
        after: how well they are recognised when they are corrupted.
        unchanged: share of the images whose likeliest class stays, right or wrong.
        images: the corrupted images, levels 0..255.
        recognized: what the classifier makes of the images as they are.
        recognized_after: and of the corrupted ones.
    """

    n: int
    before: Tally
    after: Tally
    unchanged: float
    images: Levels
    recognized: Recognized
    recognized_after: Recognized


def corrupt(
    classifier: Classifier,
    images: Levels,
    labels: Integer[np.ndarray, " labels"],
    corruption: Callable[[Levels], Levels],
) -> Corrupted:
    """Shows labelled images to a classifier before and after a corruption.

    Args:
        classifier: any; see `load_classifier`.
        images: levels 0..255 of its input size.
        labels: their classes.
        corruption: of levels, for instance
            `functools.partial(evofool.shuffle_pixels, window=7)`.

    Raises:
        UserError: no images, of another size than the classifier's, or not a label for each.

    Example:
        >>> import evofool, functools, numpy as np
        >>> black = np.zeros((4, 28, 28, 1), np.uint8)
        >>> corruption = functools.partial(evofool.blur, sigma=1.5)
        >>> found = evofool.corrupt(
        ...     evofool.load_classifier("lenet"), black, np.arange(4), corruption
        ... )
        >>> found.before.accuracy, found.unchanged
        (0.25, 1.0)
    """
    if len(labels) != len(images):
        raise UserError(f"{len(labels)} labels for {len(images)} images; expected one for each")
    damaged = corruption(images)
    before, after = recognize(classifier, images), recognize(classifier, damaged)
    return Corrupted(
        n=len(images),
        before=tally(before, labels),
        after=tally(after, labels),
        unchanged=float(np.mean(before.classes == after.classes)),
        images=damaged,
        recognized=before,
        recognized_after=after,
    )
