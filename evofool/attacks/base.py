"""What all attacks share: how pictures and classes are given, and what comes back.

Pictures are 8-bit levels 0..255, before and after: what is scored is what can be saved. In
between, attacks compute with float32 levels, so that steps of whole levels are exact. Sizes of
perturbations (epsilon, norms) are on the scale of the literature, where a pixel value is in [0, 1].
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt8

from evofool.classifiers import Classifier
from evofool.errors import UserError
from evofool.evaluator import choose_micro_batch, evaluate
from evofool.scores import confidence, fitness_of

Levels = UInt8[np.ndarray, "*lead height width channels"]
FloatLevels = Float[Array, "batch height width channels"]
Report = Callable[[int, int], None]
"""Is told, as an attack goes on, how much of how much is done."""

BLACK_BOX = ("finite_differences", "one_pixel")  # attacks that need no gradients


class AttackResult(NamedTuple):
    """Adversarial pictures, and what the classifier makes of them.

    `*lead` is `batch`, or `epsilons batch` where a list of epsilons was given.

    Attributes:
        images: levels 0..255.
        success: whether the likeliest class is the target or, without one, is not the label.
        label: the likeliest class.
        confidence: softmax probability of that class, in [0, 1].
        linf: largest change of a value, as a share of the range.
        l2: Euclidean norm of the change, in the same unit.
        l0: pixels that changed in any channel.
        queries: pictures shown to the classifier for each one, the final look included.
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


class Task(NamedTuple):
    """What an attack is asked to do, checked.

    Attributes:
        images: the originals.
        labels: the class of each.
        target: the class that each is to be taken for, or None: any but its own.
    """

    images: UInt8[np.ndarray, "batch height width channels"]
    labels: Int[np.ndarray, " batch"]
    target: Int[np.ndarray, " batch"] | None


def check_task(
    classifier: Classifier,
    images: np.ndarray,
    labels: int | Sequence[int] | np.ndarray,
    target: int | Sequence[int] | np.ndarray | None,
) -> Task:
    """Checks pictures and classes.

    Args:
        classifier: to be attacked.
        images: levels 0..255 of the classifier's input shape.
        labels: class of each picture, or of all; counted from 0 without "background".
        target: class that each picture, or every one, is to be taken for; None for any other.

    Raises:
        UserError: pictures of another type or shape, no class, or a target that is the label.
    """
    levels = check_images(classifier, images)
    own = check_classes(classifier, "labels", labels, len(levels))
    if target is None:
        return Task(levels, own, None)
    wanted = check_classes(classifier, "target", target, len(levels))
    same = np.flatnonzero(own == wanted)
    if len(same):
        name = classifier.card.labels[own[same[0]]]
        raise UserError(
            f"target of picture {same[0]} is its own class, {own[same[0]]} ({name}); give another "
            "class, or no target"
        )
    return Task(levels, own, wanted)


def check_images(
    classifier: Classifier, images: np.ndarray
) -> UInt8[np.ndarray, "batch height width channels"]:
    """Checks that pictures are such as the classifier is given, and returns them.

    Raises:
        UserError: they are of another type or shape, or there are none.
    """
    shape, given = classifier.card.input_shape, np.asarray(images)
    if given.dtype != np.uint8:
        raise UserError(
            f"images are {given.dtype}; expected 8-bit levels, uint8 in 0..255: of pictures in "
            "[0, 1], np.rint(255 * images).astype(np.uint8)"
        )
    if given.ndim != 4 or given.shape[1:] != shape or not len(given):
        raise UserError(
            f"images have shape {given.shape}; expected (batch, {', '.join(map(str, shape))}): "
            f"one or more pictures that {classifier.card.name} can see"
            + (", grey" if shape[2] == 1 else ", in colour")
        )
    return given


def check_classes(
    classifier: Classifier,
    argument: str,
    classes: int | Sequence[int] | np.ndarray,
    count: int,
) -> Int[np.ndarray, " batch"]:
    """Returns a class index per picture.

    Args:
        classifier: whose classes.
        argument: what to call them in an error.
        classes: one for all, or one for each.
        count: number of pictures.

    Raises:
        UserError: they are no indices of classes, or too many or few.
    """
    given = np.asarray(classes)
    if not np.issubdtype(given.dtype, np.integer):
        raise UserError(f"{argument} are {given.dtype}; expected indices of classes")
    if given.shape not in ((), (count,)):
        raise UserError(f"{argument} has shape {given.shape}; expected one, or {count} for {count}")
    bad = given[(given < 0) | (given >= classifier.card.classes)]
    if bad.size:
        raise UserError(
            f"{argument} has {bad.flat[0]}; expected 0..{classifier.card.classes - 1}, the classes "
            f"of {classifier.card.name}"
        )
    return np.broadcast_to(given, count).astype(np.int64)


def check_epsilon(epsilon: float | Sequence[float]) -> list[float]:
    """Returns epsilons as a list.

    Raises:
        UserError: one is not above 0, or above 1, or there is none.
    """
    epsilons = [float(value) for value in np.atleast_1d(np.asarray(epsilon, float))]
    if not epsilons:
        raise UserError("epsilon is empty; give one or more numbers above 0 and up to 1")
    for value in epsilons:
        if not 0 < value <= 1:
            hint = "; of 8-bit levels, divide by 255" if value > 1 else ""
            raise UserError(f"epsilon is {value:g}; expected a number above 0 and up to 1{hint}")
    return epsilons


def quantize_towards(original: np.ndarray, perturbed: np.ndarray) -> Levels:
    """Rounds levels to whole ones, towards the original, so that no change grows.

    Args:
        original: levels 0..255, whole.
        perturbed: the same, changed; cut off at 0 and 255.
    """
    change = np.trunc(np.clip(perturbed, 0, 255) - original.astype(np.float32))
    return (original + change).astype(np.uint8)


def judge(
    classifier: Classifier,
    task: Task,
    images: Levels,
    *,
    queries: int | np.ndarray = 0,
    gradients: int | np.ndarray = 0,
) -> AttackResult:
    """Shows adversarial pictures to the classifier.

    Args:
        classifier: that was attacked.
        task: what was asked.
        images: what came out, levels 0..255.
        queries: pictures shown on the way, for each or for all.
        gradients: asked on the way, for each or for all.
    """
    lead, shape = images.shape[:-3], images.shape[-3:]
    odds = log_odds(classifier, images.reshape(-1, *shape)).reshape(*lead, -1)
    label = odds.argmax(axis=-1)
    change = (images.astype(np.float32) - task.images) / np.float32(255)
    return AttackResult(
        images=images,
        success=label != task.labels if task.target is None else label == task.target,
        label=label,
        confidence=confidence(odds.max(axis=-1)),
        linf=np.abs(change).max(axis=(-3, -2, -1)),
        l2=np.sqrt(np.sum(np.square(change), axis=(-3, -2, -1))),
        l0=np.sum(np.any(change != 0, axis=-1), axis=(-2, -1)),
        queries=np.broadcast_to(np.asarray(queries) + 1, lead),
        gradients=np.broadcast_to(np.asarray(gradients), lead),
    )


def log_odds(
    classifier: Classifier, images: Levels, *, micro_batch: int | None = None
) -> Float[np.ndarray, "batch classes"]:
    """Returns the log-odds of every class for pictures of levels 0..255.

    Args:
        classifier: inside JAX or outside.
        images: the pictures.
        micro_batch: pictures per forward pass; what suits the classifier unless given.
    """
    size = micro_batch or choose_micro_batch(len(images), classifier, "direct")
    block = size * max(1, 4096 // size)  # pictures that are float at a time
    parts = [
        evaluate(classifier, images[i : i + block].astype(np.float32) / np.float32(255), size)
        for i in range(0, len(images), block)
    ]
    odds = fitness_of(jnp.asarray(np.concatenate(parts)), classifier.kind)
    return np.asarray(odds)[:, classifier.card.class_offset :]


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


def odds_and_gradient(
    model: Model, params: Any, levels: FloatLevels, classes: Int[Array, " batch"]
) -> tuple[Float[Array, "batch classes"], FloatLevels]:
    """Returns the log-odds of all classes, and the gradient for levels of those of `classes`."""
    odds, vjp = jax.vjp(partial(class_log_odds, model, params), levels)
    return odds, vjp(jax.nn.one_hot(classes, odds.shape[1]))[0]


def in_parts(
    function: Callable[..., Any],
    arrays: Sequence[np.ndarray],
    size: int,
    *,
    report: Report | None = None,
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
