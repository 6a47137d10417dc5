"""From images to outputs: forward passes in micro-batches of a fixed size.

Outputs for one image differ in the last bits between batch sizes, so every forward pass, in the
loop and afterwards, runs in padded micro-batches; models outside JAX are never padded, as some are
paid by the image. How many images they hold follows from one
bound, the pixel values of a micro-batch, and from what the images are for:

    micro_batch_for           images that are only classified: the same on all devices, whatever
                              the number of images
    choose_micro_batch        a generation of a run: equal parts that suit the device
    choose_gradient_batch     images of an attack: few sizes, so that few programs are compiled
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import jax
import numpy as np
from jaxtyping import Array, Float

from evofool.classifiers import Classifier, blaming, check_outputs, compiled_fitness_of
from evofool.evaluation.programs import Model, model_of, once_per_model
from evofool.images import Levels, from_levels
from evofool.support import Tree

CPU_VALUES = 256 * 28 * 28  # pixel values that fit the caches: about 256 digits
ACCELERATOR_VALUES = 256 * CPU_VALUES  # that keep a GPU busy: about 256 images of 256x256x3
OUTSIDE_VALUES = 16 * CPU_VALUES  # that suit other runtimes and services: 21 images of 224x224x3
LEAST_MICRO_BATCH = 8  # fewer images of 28x28 take hardly less time, and have other last bits
PASSES = 16  # micro-batches that are in memory as float32 values at a time


def micro_batch_for(classifier: Classifier) -> int:
    """Returns how many images are classified together where they are only looked at.

    It depends on the size of the images alone, so that an image has the same outputs on its own
    and among thousands, and on every device.
    """
    return max(LEAST_MICRO_BATCH, CPU_VALUES // math.prod(classifier.card.input_shape))


def choose_micro_batch(batch: int, classifier: Classifier, *, least_parts: int = 1) -> int:
    """Chooses how many images of a generation are drawn and classified together.

    As few equal parts of the batch as keep the pixel values of a part, all views counted, near
    what suits the device.

    Args:
        batch: children per generation and run.
        classifier: how large its images are, and how many views it takes of each.
        least_parts: parts that there are at least, on CPUs.
    """
    parts = -(-batch // _largest(classifier))
    if jax.default_backend() == "cpu":
        parts = max(parts, least_parts)
    return -(-batch // parts)


def choose_gradient_batch(count: int, classifier: Classifier) -> int:
    """Chooses how many of `count` images go forward and back together.

    As many as suit the device; of fewer images, the next power of two, so that few programs are
    compiled. It depends on the number of images alone, and the last bits of gradients on it.
    """
    return min(_largest(classifier), max(LEAST_MICRO_BATCH, 1 << (count - 1).bit_length()))


def _largest(classifier: Classifier) -> int:
    """Returns how many images suit the device, or another runtime, all views counted."""
    if not classifier.is_jax:
        return max(1, OUTSIDE_VALUES // (math.prod(classifier.card.input_shape) * classifier.views))
    values = CPU_VALUES if jax.default_backend() == "cpu" else ACCELERATOR_VALUES
    return max(1, values // (math.prod(classifier.card.input_shape) * classifier.views))


@once_per_model
def _compiled(model: Model) -> Callable[..., Array]:
    return jax.jit(model.apply)


def evaluate(
    classifier: Classifier,
    images: Float[np.ndarray, "batch height width channels"],
    micro_batch: int,
) -> Float[np.ndarray, "batch outputs"]:
    """Classifies any number of images in padded micro-batches of one size.

    Args:
        classifier: inside JAX or outside.
        images: in [0, 1].
        micro_batch: images per forward pass; the last pass is padded with its last image, but for
            a model outside JAX has only the images that are left.

    Returns:
        Logits, or log-probabilities when the classifier gives probabilities.
    """
    function = _compiled(model_of(classifier)) if classifier.is_jax else classifier.apply

    def apply(part: np.ndarray) -> np.ndarray:
        with blaming(f"classifier {classifier.card.name!r}", doing=f"on {len(part)} images"):
            outputs = np.asarray(function(classifier.params, part))
        check_outputs(outputs, classifier.card, classifier.kind, images=len(part))
        return outputs

    stacked = in_parts(apply, [images], micro_batch, fill=classifier.is_jax)
    if classifier.kind == "probabilities":
        # 0 counts as the least normal float32: an image that leaves no doubt is still a number;
        # where it means that the model does not say, its logarithm makes no candidate
        is_unknown = (stacked == 0) & classifier.lists_top
        stacked = np.log(np.maximum(stacked, np.finfo(np.float32).tiny))
        stacked[is_unknown] = -np.inf
    return stacked


def evaluate_levels(classifier: Classifier, levels: Levels) -> Float[np.ndarray, "batch outputs"]:
    """Classifies images given as 8-bit levels, `micro_batch_for` at a time.

    Args:
        classifier: inside JAX or outside.
        levels: 0..255, at least one image.

    Returns:
        As `evaluate`.
    """
    size = micro_batch_for(classifier)
    parts = (
        levels[start : start + PASSES * size] for start in range(0, len(levels), PASSES * size)
    )
    return np.concatenate([evaluate(classifier, from_levels(part), size) for part in parts])


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
    return log_odds_of(classifier, evaluate(classifier, images, micro_batch), micro_batch)


def log_odds_of(
    classifier: Classifier, outputs: Float[np.ndarray, "batch outputs"], micro_batch: int
) -> Float[np.ndarray, "batch outputs"]:
    """Turns outputs of `evaluate` into log-odds, in parts of the same size."""
    return in_parts(partial(compiled_fitness_of, kind=classifier.kind), [outputs], micro_batch)


def in_parts(
    function: Callable[..., Tree],  # arrays -> a pytree of arrays, whichever the caller computes
    arrays: Sequence[np.ndarray],
    size: int,
    *,
    fill: bool = True,
    report: Callable[[int, int], None] | None = None,
) -> Tree:
    """Applies a function to parts of equal size, so that it is compiled once.

    Args:
        function: takes arrays `[size, ...]`; returns a pytree of such.
        arrays: of one length.
        size: of a part.
        fill: whether the last part is filled up by repeating.
        report: is called with the number of rows done and of all rows.

    Returns:
        The results as NumPy arrays, joined.
    """
    count, results = len(arrays[0]), []
    for start in range(0, count, size):
        rows = np.arange(start, start + size if fill else min(start + size, count))
        rows = np.minimum(rows, count - 1)
        part = jax.device_get(function(*(array[rows] for array in arrays)))
        results.append(jax.tree.map(lambda leaf, n=count - start: leaf[:n], part))
        if report is not None:
            report(min(start + size, count), count)
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *results)
