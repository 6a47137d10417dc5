"""Results of attacks, and how images become 8-bit again.

Images are 8-bit levels 0..255, before and after: what is scored is what can be saved. In
between, attacks compute with float32 levels, so that steps of whole levels are exact. Sizes of
perturbations (epsilon, norms) are on the scale of the literature, where a pixel value is in [0, 1].
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from evofool.attacks.inputs import Task
from evofool.evaluation import recognize
from evofool.images import Levels


class AttackResult(NamedTuple):
    """Adversarial images, and the classifier's verdict on them.

    `*lead` is `batch`, or `epsilons batch` where a list of epsilons was given.

    Attributes:
        images: levels 0..255.
        success: whether the likeliest class is the target or, without one, is not the label.
        label: the likeliest class.
        confidence: softmax probability of that class, in [0, 1].
        linf: largest change of a value, as a share of the range.
        l2: Euclidean norm of the change, in the same unit.
        l0: pixels that changed in any channel.
        queries: number of images that the classifier was shown for each result; the result itself
            is one of them.
        gradients: number of gradients computed for each result.
        log_odds: of every class.
        rounded_away: whether a change between levels succeeded, and none of whole levels was found
            that does; False for attacks that do not look between levels.
    """

    images: Levels
    success: Bool[np.ndarray, "*lead"]
    label: Int[np.ndarray, "*lead"]
    confidence: Float[np.ndarray, "*lead"]
    linf: Float[np.ndarray, "*lead"]
    l2: Float[np.ndarray, "*lead"]
    l0: Int[np.ndarray, "*lead"]
    queries: Int[np.ndarray, "*lead"]
    gradients: Int[np.ndarray, "*lead"]
    log_odds: Float[np.ndarray, "*lead classes"]
    rounded_away: Bool[np.ndarray, "*lead"]


def judge(
    task: Task,
    images: Levels,
    *,
    queries: int | np.ndarray = 0,
    gradients: int | np.ndarray = 0,
) -> AttackResult:
    """Shows adversarial images to the classifier, in the runtime that it ships with.

    Args:
        task: what the attack worked on.
        images: adversarial images, levels 0..255.
        queries: number of images shown before, for each or for all.
        gradients: number of gradients computed, for each or for all.
    """
    lead, shape = images.shape[:-3], images.shape[-3:]
    seen = recognize(task.classifier.shipped, images.reshape(-1, *shape))
    label = seen.classes.reshape(lead)
    change = (images.astype(np.float32) - task.images) / np.float32(255)
    return AttackResult(
        images=images,
        success=task.is_success(label),
        label=label,
        confidence=seen.confidence.reshape(lead),
        linf=np.abs(change).max(axis=(-3, -2, -1)),
        l2=np.sqrt(np.sum(np.square(change), axis=(-3, -2, -1))),
        l0=np.sum(np.any(change != 0, axis=-1), axis=(-2, -1)),
        queries=np.broadcast_to(np.asarray(queries) + 1, lead),
        gradients=np.broadcast_to(np.asarray(gradients), lead),
        log_odds=seen.log_odds.reshape(*lead, -1),
        rounded_away=np.zeros(lead, bool),
    )


def quantize_towards(original: np.ndarray, perturbed: np.ndarray) -> Levels:
    """Rounds changed levels to whole ones, towards the original, so that no change grows.

    Args:
        original: whole levels 0..255.
        perturbed: changed levels; clipped to 0..255.
    """
    change = np.trunc(np.clip(perturbed, 0, 255) - original.astype(np.float32))
    return (original + change).astype(np.uint8)


def stack_like(epsilon: float | Sequence[float], made: Sequence[np.ndarray]) -> np.ndarray:
    """Stacks the images for each epsilon; a single epsilon that is no list gets no axis."""
    return made[0] if np.ndim(epsilon) == 0 else np.stack(made)
