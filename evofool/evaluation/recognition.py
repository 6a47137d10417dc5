"""What a classifier recognises in images in memory, and how corruption changes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Integer

from evofool.classifiers import Classifier, confidence
from evofool.evaluation.forward import evaluate_levels, log_odds_of, micro_batch_for
from evofool.images import Levels
from evofool.support import UserError


class Recognized(NamedTuple):
    """What a classifier recognises in images.

    Attributes:
        classes: the likeliest class of each.
        confidence: its softmax probability, in [0, 1].
        log_odds: of every class; output 0 is left out where it is "background".
    """

    classes: Int[np.ndarray, " batch"]
    confidence: Float[np.ndarray, " batch"]
    log_odds: Float[np.ndarray, "batch classes"]

    @classmethod
    def from_log_odds(cls, log_odds: Float[np.ndarray, "batch classes"]) -> "Recognized":
        """Finds the likeliest class of each image; of equals, the first."""
        classes = log_odds.argmax(axis=1)
        return cls(classes, confidence(log_odds[np.arange(len(log_odds)), classes]), log_odds)

    def log_odds_in(self, classes: Integer[np.ndarray, " batch"]) -> Float[np.ndarray, " batch"]:
        """Returns the log-odds of a given class for each image."""
        return self.log_odds[np.arange(len(classes)), classes]

    def confidence_in(self, classes: Integer[np.ndarray, " batch"]) -> Float[np.ndarray, " batch"]:
        """Returns the softmax probability of a given class for each image, in [0, 1]."""
        return confidence(self.log_odds_in(classes))


def recognize(
    classifier: Classifier, images: Levels, *, names: Sequence[object] | None = None
) -> Recognized:
    """Shows images to a classifier.

    Args:
        classifier: any; see `load_classifier`. Images of another size than its input are shown to
            `with_views(classifier, shape)`.
        images: levels 0..255 of its input size, at least one.
        names: what an error calls the images; their numbers from 0 unless given.

    Raises:
        UserError: the images have another size, or the classifier returns NaN for one.
    """
    card = classifier.card
    if images.shape[1:] != card.input_shape or not len(images):
        raise UserError(
            f"{len(images)} images of shape {images.shape[1:]} for {card.name!r}; expected one "
            f"or more of shape {card.input_shape}"
        )
    outputs = evaluate_levels(classifier, images)
    odds = log_odds_of(classifier, outputs, micro_batch_for(classifier))[:, card.class_offset :]
    bad = np.isnan(odds).any(axis=1)
    if bad.any():
        first = int(bad.argmax())
        image = f"image {first}" if names is None else names[first]
        raise UserError(
            f"classifier {card.name!r} gives no numbers (NaN) for {image}; check its weights and "
            "preprocessing"
        )
    return Recognized.from_log_odds(odds)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How well labelled images are recognised.

    Attributes:
        accuracy: share whose label is the likeliest class, in [0, 1].
        confidence: median softmax probability of the likeliest class.
        label_confidence: median softmax probability of the label.
        counts: how often each class is the likeliest.
    """

    accuracy: float
    confidence: float
    label_confidence: float
    counts: tuple[int, ...]


def tally(recognized: Recognized, labels: Integer[np.ndarray, " batch"]) -> Tally:
    """Summarises how well labelled images are recognised.

    Args:
        recognized: what the classifier recognises in the images.
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
    """How well a classifier recognises images before and after a corruption.

    Attributes:
        n: number of images.
        before: how well the originals are recognised.
        after: how well the corrupted images are recognised.
        unchanged: share of the images whose likeliest class stays, right or wrong, in [0, 1].
        images: the corrupted images, levels 0..255.
        recognized: what the classifier recognises in the originals.
        recognized_after: what it recognises in the corrupted images.
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
        corruption: function from levels to levels, for instance
            `functools.partial(evofool.shuffle_pixels, window=7)`.

    Raises:
        UserError: there are no images, they are not of the classifier's input size, or the number
            of labels differs.

    Example:
        >>> import evofool, functools, numpy as np
        >>> black = np.zeros((4, 28, 28, 1), np.uint8)
        >>> corruption = functools.partial(evofool.blur, sigma=1.5)
        >>> corrupted = evofool.corrupt(
        ...     evofool.load_classifier("lenet"), black, np.arange(4), corruption
        ... )
        >>> corrupted.before.accuracy, corrupted.unchanged
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
