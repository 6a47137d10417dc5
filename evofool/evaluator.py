"""From pictures to scores: forward passes in fixed micro-batches, log-odds and confidence.

Logits of one picture differ in the last bits between batch sizes, so every forward pass, in the
loop and afterwards, runs in padded micro-batches of a size that belongs to the run.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from evofool.classifiers import Classifier

MICRO_BATCH_VALUES = 256 * 28 * 28  # pixel values: about 256 digits


def log_odds(outputs: Float[Array, "*lead outputs"]) -> Float[Array, "*lead outputs"]:
    """Returns log(p / (1 - p)) of every output's softmax probability p, without saturating.

    A float32 softmax is exactly 1.0 from about 17 nats on, where evolution on p would stand
    still; the log-odds `z_c - logsumexp(z_j, j != c)` order the same way and go on rising.

    Args:
        outputs: logits, or log-probabilities (any constant may be added to a row).
    """
    is_top = _is_first_highest(outputs)
    highest = jnp.max(outputs, axis=-1, keepdims=True)
    weights = jnp.exp(outputs - highest)
    # Below the top, 1 - p_c is (1 + the other weights) / total: nothing cancels. The top's rivals
    # are summed relative to the strongest of them, so that their sum does not underflow.
    rivals = jnp.where(is_top, -jnp.inf, outputs)
    highest_rival = jnp.max(rivals, axis=-1, keepdims=True)
    rival_sum = jnp.sum(jnp.exp(rivals - highest_rival), axis=-1, keepdims=True)
    others = jnp.where(is_top, 0.0, weights)
    others_but_c = jnp.sum(others, axis=-1, keepdims=True) - others
    below_top = outputs - highest - jnp.log1p(others_but_c)
    of_top = highest - highest_rival - jnp.log(rival_sum)
    return jnp.where(is_top, of_top, below_top)


def confidence(fitness: Float[Array, "*lead"] | np.ndarray | float) -> np.ndarray:
    """Turns log-odds into softmax probabilities in [0, 1] (float64, host); `-inf` gives 0."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -np.asarray(fitness, np.float64))))


def two_best(outputs: Float[Array, "*lead outputs"]) -> Int[Array, "*lead 2"]:
    """Returns the indices of the two largest outputs, the first of equals first."""
    others = jnp.where(_is_first_highest(outputs), -jnp.inf, outputs)
    best = [jnp.argmax(outputs, axis=-1), jnp.argmax(others, axis=-1)]
    return jnp.stack(best, axis=-1).astype(jnp.int32)


def _is_first_highest(outputs: Float[Array, "*lead outputs"]) -> Bool[Array, "*lead outputs"]:
    return jax.nn.one_hot(jnp.argmax(outputs, axis=-1), outputs.shape[-1], dtype=bool)


def choose_micro_batch(batch: int, image_shape: tuple[int, int, int], encoding: str) -> int:
    """Picks how many pictures are made and classified together.

    As few equal parts of the batch as keep a part near `MICRO_BATCH_VALUES`, at least two for
    CPPNs, which draw on one core per device (two parts keep two CPU devices busy).

    Args:
        batch: children per generation and run.
        image_shape: (height, width, channels).
        encoding: "cppn" or "direct".
    """
    height, width, channels = image_shape
    largest = max(8, MICRO_BATCH_VALUES // (height * width * channels))
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
    apply = partial(_jitted(classifier.apply), classifier.params)
    if not classifier.is_jax:
        apply = partial(classifier.apply, classifier.params)
    outputs = []
    for start in range(0, len(images), micro_batch):
        part = images[start : start + micro_batch]
        padded = np.concatenate([part, np.repeat(part[-1:], micro_batch - len(part), axis=0)])
        outputs.append(np.asarray(apply(padded))[: len(part)])
    stacked = np.concatenate(outputs)
    if classifier.kind == "probabilities":
        # 0 counts as the least normal float32: a picture that leaves no doubt is still a number
        stacked = np.log(np.maximum(stacked, np.finfo(np.float32).tiny))
    return stacked
