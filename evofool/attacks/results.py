"""What comes back from an attack, and how images become 8-bit again.

Images are 8-bit levels 0..255, before and after: what is scored is what can be saved. In
between, attacks compute with float32 levels, so that steps of whole levels are exact. Sizes of
perturbations (epsilon, norms) are on the scale of the literature, where a pixel value is in [0, 1].
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from evofool.attacks.inputs import Task
from evofool.classifiers import Classifier
from evofool.evaluation import recognize
from evofool.images import Levels

FACTORS = (1.0, 1.02, 1.05, 1.1, 1.2, 1.5, 2.0)  # of a change that rounding may undo


class AttackResult(NamedTuple):
    """Adversarial images, and what the classifier makes of them.

    `*lead` is `batch`, or `epsilons batch` where a list of epsilons was given.

    Attributes:
        images: levels 0..255.
        success: whether the likeliest class is the target or, without one, is not the label.
        label: the likeliest class.
        confidence: softmax probability of that class, in [0, 1].
        linf: largest change of a value, as a share of the range.
        l2: Euclidean norm of the change, in the same unit.
        l0: pixels that changed in any channel.
        queries: images shown to the classifier for each one, the final look included.
        gradients: gradients asked of it for each one.
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


def judge(
    classifier: Classifier,
    task: Task,
    images: Levels,
    *,
    queries: int | np.ndarray = 0,
    gradients: int | np.ndarray = 0,
) -> AttackResult:
    """Shows adversarial images to the classifier.

    Args:
        classifier: that was attacked.
        task: what was asked.
        images: what came out, levels 0..255.
        queries: images shown on the way, for each or for all.
        gradients: asked on the way, for each or for all.
    """
    lead, shape = images.shape[:-3], images.shape[-3:]
    found = recognize(classifier, images.reshape(-1, *shape))
    label = found.classes.reshape(lead)
    change = (images.astype(np.float32) - task.images) / np.float32(255)
    return AttackResult(
        images=images,
        success=label != task.labels if task.target is None else label == task.target,
        label=label,
        confidence=found.confidence.reshape(lead),
        linf=np.abs(change).max(axis=(-3, -2, -1)),
        l2=np.sqrt(np.sum(np.square(change), axis=(-3, -2, -1))),
        l0=np.sum(np.any(change != 0, axis=-1), axis=(-2, -1)),
        queries=np.broadcast_to(np.asarray(queries) + 1, lead),
        gradients=np.broadcast_to(np.asarray(gradients), lead),
    )


def quantize_towards(original: np.ndarray, perturbed: np.ndarray) -> Levels:
    """Rounds levels to whole ones, towards the original, so that no change grows.

    Args:
        original: levels 0..255, whole.
        perturbed: the same, changed; cut off at 0 and 255.
    """
    change = np.trunc(np.clip(perturbed, 0, 255) - original.astype(np.float32))
    return (original + change).astype(np.uint8)


def stack_like(epsilon: float | Sequence[float], made: Sequence[np.ndarray]) -> np.ndarray:
    """Returns what was made for each epsilon with an axis of epsilons, if there is to be one."""
    return made[0] if np.ndim(epsilon) == 0 else np.stack(made)


def round_to_success(
    classifier: Classifier, task: Task, change: Float[np.ndarray, "batch height width channels"]
) -> tuple[Levels, Int[np.ndarray, " batch"]]:
    """Rounds images that have just crossed a border of classes to 8 bits, still beyond it.

    Rounding may put an image back. Its change is then enlarged, by as few of the `FACTORS` as do;
    where none does, it stays as it was rounded at first.

    Args:
        classifier: that is attacked.
        task: with the originals.
        change: of the originals, in levels.

    Returns:
        The images, and how often the classifier was shown each on the way.
    """
    best = task.images.copy()
    shown = np.zeros(len(best), int)
    left = np.arange(len(best))
    for factor in FACTORS:
        some = task.of(left)
        tried = np.rint(np.clip(some.images + factor * change[left], 0, 255)).astype(np.uint8)
        success = judge(classifier, some, tried).success
        shown[left] += 1
        chosen = success | (factor == FACTORS[0])
        best[left[chosen]] = tried[chosen]
        left = left[~success]
        if not len(left):
            break
    return best, shown
