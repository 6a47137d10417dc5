"""What an audit looks at: a classifier, and real images that it should know."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from evofool.audits.budgets import Budget
from evofool.classifiers import Classifier, Fingerprint, fingerprint
from evofool.evaluation import Recognized, evaluate_levels, recognize
from evofool.images import Levels

USUAL = (0.5, 0.9, 0.99, 0.9999)  # confidences at which every audit counts


class Real(NamedTuple):
    """Real images of the classifier's classes.

    Attributes:
        images: levels 0..255, of the classifier's input shape.
        labels: class of each.
        source: where they come from, in words.
        actions: how they were prepared, a line for each kind.
    """

    images: Levels
    labels: Int[np.ndarray, " images"]
    source: str
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """A classifier under audit.

    Attributes:
        classifier: it, in JAX where it can be.
        address: as the user gave it.
        real: real images, or None.
        budget: what may be spent.
        seed: of everything random.
        threshold: confidence from which its user believes it.
        extra: further confidences at which to count.
    """

    classifier: Classifier
    address: str
    real: Real | None
    budget: Budget
    seed: int = 0
    threshold: float = 0.99
    extra: tuple[float, ...] = ()

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.classifier.card.classes

    @cached_property
    def answers(self) -> Fingerprint:
        """What it answers to test images; among it whether it answers twice the same."""
        return fingerprint(self.shipped)

    @cached_property
    def shipped(self) -> Classifier:
        """It in the runtime that it ships with, which scores; the same where there is one only."""
        return self.classifier.shipped

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The confidences at which to count, ascending, as far as its outputs tell them apart."""
        return tuple(bar for bar in self._wanted if bar <= self._finest)

    @property
    def too_fine(self) -> tuple[float, ...]:
        """The confidences at which its outputs, which come in steps, cannot count."""
        return tuple(bar for bar in self._wanted if bar > self._finest)

    @property
    def _wanted(self) -> list[float]:
        return sorted({*USUAL, self.threshold, *self.extra})

    @property
    def _finest(self) -> float:
        """The largest confidence below 1 that its outputs can tell from 1."""
        return 1.0 - self.answers.step

    @cached_property
    def seen(self) -> Recognized:
        """What it recognises in the real images; only for an audit that has some."""
        return recognize(self.shipped, self.known.images)

    @cached_property
    def outputs(self) -> Float[np.ndarray, "images outputs"]:
        """Its outputs for the real images."""
        return evaluate_levels(self.classifier, self.known.images)

    @cached_property
    def recognised(self) -> Int[np.ndarray, " images"]:
        """The real images that it takes for what they are."""
        return np.flatnonzero(self.seen.classes == self.known.labels)

    @property
    def known(self) -> Real:
        """The real images, of an audit that has some."""
        assert self.real is not None, "this part of the audit is for real images only"
        return self.real

    @property
    def reference(self) -> Int[np.ndarray, " half"]:
        """Every second real image: what detectors and remedies are fitted to."""
        return np.arange(0, len(self.known.images), 2)

    @property
    def held_out(self) -> Int[np.ndarray, " half"]:
        """The other real images: what detectors and remedies are measured on."""
        return np.arange(1, len(self.known.images), 2)


def evenly_spread(among: int, count: int) -> Int[np.ndarray, " chosen"]:
    """Returns `count` of the numbers 0 to `among` - 1, evenly spread, or all if there are fewer."""
    return np.linspace(0, among - 1, min(count, among)).astype(int)
