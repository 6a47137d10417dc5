"""Classifiers as functions of levels, and gradients of them, for images part by part."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float, Int

from evofool.classifiers import Classifier, fitness_of
from evofool.evaluation import ACCELERATOR_VALUES, CPU_VALUES
from evofool.support import UserError

FloatLevels = Float[Array, "batch height width channels"]
Report = Callable[[int, int], None]
"""Is told, as an attack goes on, how much of how much is done."""

LEAST_MICRO_BATCH = 8  # fewer images of 28x28 take hardly less time, and have other last bits
BLACK_BOX = ("finite_differences", "one_pixel")  # attacks that need no gradients


class Model(NamedTuple):
    """What of a classifier shapes a program; `jit` compiles once for each.

    Attributes:
        apply: of the classifier.
        kind: of its outputs.
        class_offset: output of class 0.
    """

    apply: Callable[[Any, Any], Any]
    kind: str
    class_offset: int


def model_of(classifier: Classifier, attack: str) -> Model:
    """Returns what is needed of a classifier for gradients.

    Args:
        classifier: to be attacked.
        attack: its name, for the error.

    Raises:
        UserError: the classifier computes outside JAX.
    """
    if not classifier.is_jax:
        raise UserError(
            f"{attack} needs gradients, and {classifier.card.name} computes outside JAX; attacks "
            f"that need its outputs only: {', '.join(BLACK_BOX)}"
        )
    return Model(classifier.apply, classifier.kind, classifier.card.class_offset)


def class_log_odds(model: Model, params: Any, levels: FloatLevels) -> Float[Array, "batch classes"]:
    """Is the classifier as a function from levels 0..255 to the log-odds of its classes.

    Gradients of log-odds have the direction of those of the cross-entropy and of the probability,
    and do not vanish where a float32 probability is 0 or 1.
    """
    odds: Any = fitness_of(model.apply(params, levels / 255), model.kind)
    return odds[:, model.class_offset :]


def class_outputs(model: Model, params: Any, levels: FloatLevels) -> Float[Array, "batch classes"]:
    """Is the same without the last step: logits, for classifiers that give them."""
    return model.apply(params, levels / 255)[:, model.class_offset :]


def odds_and_gradient(
    model: Model, params: Any, levels: FloatLevels, classes: Int[Array, " batch"]
) -> tuple[Float[Array, "batch classes"], FloatLevels]:
    """Returns the log-odds of all classes, and the gradient for levels of those of `classes`."""
    odds, vjp = jax.vjp(partial(class_log_odds, model, params), levels)
    return odds, vjp(jax.nn.one_hot(classes, odds.shape[1]))[0]


def micro_batch(classifier: Classifier, count: int) -> int:
    """Returns how many of `count` images go forward and back together.

    As many as suit the device; of fewer images, the next power of two, so that few programs are
    compiled. It depends on the numbers of images alone, and the last bits of gradients on it.
    """
    values = CPU_VALUES if jax.default_backend() == "cpu" else ACCELERATOR_VALUES
    largest = max(1, values // (math.prod(classifier.card.input_shape) * classifier.views))
    return min(largest, max(LEAST_MICRO_BATCH, 1 << (count - 1).bit_length()))
