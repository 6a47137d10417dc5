"""From images to outputs: forward passes in micro-batches of a fixed size.

Logits of one image differ in the last bits between batch sizes, so every forward pass, in the
loop and afterwards, runs in padded micro-batches of a size that belongs to the run.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from evofool.classifiers import Classifier, fitness_of

CPU_VALUES = 256 * 28 * 28  # pixel values that fit the caches: about 256 digits
ACCELERATOR_VALUES = 256 * CPU_VALUES  # that keep a GPU busy: about 256 images of 256x256x3

_fitness_of = jax.jit(fitness_of, static_argnames="kind")


def choose_micro_batch(batch: int, classifier: Classifier, encoding: str) -> int:
    """Picks how many images are made and classified together.

    As few equal parts of the batch as keep the pixel values of a part, all views counted, near
    what suits the device; at least two for CPPNs, which draw on one core per device (two parts
    keep two CPU devices busy).

    Args:
        batch: children per generation and run.
        classifier: how large its images are, and how many views it takes of each.
        encoding: "cppn" or "direct".
    """
    values = CPU_VALUES if jax.default_backend() == "cpu" else ACCELERATOR_VALUES
    largest = max(1, values // (math.prod(classifier.card.input_shape) * classifier.views))
    parts = -(-batch // largest)
    if encoding == "cppn":
        parts = max(parts, 2)
    return -(-batch // parts)


@cache
def _jitted(apply: Callable[..., Any]) -> Callable[..., Any]:
    return jax.jit(apply)


def evaluate(
    classifier: Classifier,
    images: Float[np.ndarray, "batch height width channels"],
    micro_batch: int,
) -> Float[np.ndarray, "batch outputs"]:
    """Classifies any number of images in padded micro-batches of one size.

    Args:
        classifier: inside JAX or outside.
        images: in [0, 1].
        micro_batch: images per forward pass; the last pass is padded with its last image.

    Returns:
        Logits, or log-probabilities when the classifier gives probabilities.
    """
    function = _jitted(classifier.apply) if classifier.is_jax else classifier.apply

    def apply(part: np.ndarray) -> np.ndarray:
        return np.asarray(function(classifier.params, part))

    stacked = in_parts(apply, [images], micro_batch)
    if classifier.kind == "probabilities":
        # 0 counts as the least normal float32: an image that leaves no doubt is still a number
        stacked = np.log(np.maximum(stacked, np.finfo(np.float32).tiny))
    return stacked


def evaluate_log_odds(
    classifier: Classifier,
    images: Float[np.ndarray, "batch height width channels"],
    micro_batch: int,
) -> Float[np.ndarray, "batch outputs"]:
    """Returns the log-odds of every output; otherwise as `evaluate`.

    Args:
        classifier: any.
        images: values in [0, 1].
        micro_batch: number of images that are computed together.
    """
    outputs = evaluate(classifier, images, micro_batch)
    return in_parts(partial(_fitness_of, kind=classifier.kind), [outputs], micro_batch)


def in_parts(
    function: Callable[..., Any],
    arrays: Sequence[np.ndarray],
    size: int,
    *,
    report: Callable[[int, int], None] | None = None,
) -> Any:
    """Applies a function to parts of equal size, so that it is compiled once.

    Args:
        function: takes arrays `[size, ...]`; returns a pytree of such.
        arrays: of one length; the last part is filled up by repeating.
        size: of a part.
        report: is told how many rows are done.

    Returns:
        The results as NumPy arrays, joined.
    """
    count, results = len(arrays[0]), []
    for start in range(0, count, size):
        rows = np.minimum(np.arange(start, start + size), count - 1)
        part = jax.device_get(function(*(array[rows] for array in arrays)))
        results.append(jax.tree.map(lambda leaf, n=count - start: leaf[:n], part))
        if report is not None:
            report(min(start + size, count), count)
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *results)
