"""How fast a model answers, in each of the two ways in which it may be computed."""

import time
from typing import NamedTuple

import numpy as np

from evofool.classifiers import Classifier, distance_of_faces
from evofool.evaluation.forward import choose_micro_batch, evaluate
from evofool.images import from_levels

TOGETHER = 200  # children of a generation
SECONDS = 0.5  # that each face is measured for, at least


class FaceSpeeds(NamedTuple):
    """The two faces of a model, compared on this machine.

    Attributes:
        in_jax: images per second in JAX.
        outside: images per second in the runtime that the model ships with.
        apart: largest difference of a confidence on test images, in [0, 1].
    """

    in_jax: float
    outside: float
    apart: float

    @property
    def faster(self) -> str:
        """The backend that is faster, as an address names it."""
        return "jax" if self.in_jax >= self.outside else "native"

    def __str__(self) -> str:
        return (
            f"{self.in_jax:,.0f} images/s in JAX, {self.outside:,.0f} outside, in the runtime that "
            f"the model ships with; confidences differ by {self.apart:.2g}"
        )


def compare_faces(classifier: Classifier) -> FaceSpeeds | None:
    """Measures both faces of a model; None for a model with one.

    Raises:
        UserError: one of them fails.
    """
    apart = distance_of_faces(classifier)
    in_jax, outside = (classifier.face(in_jax=in_jax) for in_jax in (True, False))
    if apart is None or in_jax is None or outside is None:
        return None
    return FaceSpeeds(_images_per_second(in_jax), _images_per_second(outside), apart)


def _images_per_second(classifier: Classifier) -> float:
    """Measures how many images a classifier looks at in a second, as in a run."""
    size = choose_micro_batch(TOGETHER, classifier)
    shape = (size, *classifier.card.input_shape)
    images = from_levels(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    evaluate(classifier, images, size)  # compiles
    began, calls = time.perf_counter(), 0
    while (seconds := time.perf_counter() - began) < SECONDS:
        evaluate(classifier, images, size)
        calls += 1
    return calls * size / seconds
