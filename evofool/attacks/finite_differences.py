"""Finite differences: a sign map for any pair of classes from outputs alone.

Every value of an image is raised by r in turn. Where that raises the lead of the label's output
over the target's, the attack lowers the value by epsilon, and the other way round:

    p_i = sign((psi'_T - psi'_A) - (psi_T - psi_A)),    x' = x - epsilon p

with the outputs psi for the label T and the target A. The article that describes the method adds
epsilon p, which defends the image instead; `as_written` does that.

References:
    planetaria, "Adversarial examples" (in Japanese), Deep Learning Advent Calendar 2016, day 13.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int8, UInt8

from evofool.attacks.inputs import (
    Classes,
    Report,
    Task,
    check_epsilon,
    one_after_another,
    prepare,
)
from evofool.attacks.results import AttackResult, judge, quantize_towards, stack_like
from evofool.classifiers import Classifier, confidence, fitness_of
from evofool.evaluation import Model, choose_micro_batch, evaluate, model_of, once_per_model
from evofool.images import from_levels
from evofool.support import UserError, unknown_name

OUTPUTS = ("logits", "probabilities")


class OutputMap(NamedTuple):
    """A classifier's outputs around an image, from which signs for any pair of classes follow.

    Attributes:
        base: outputs for the image itself.
        change: what raising each value by a small step adds to every output.
    """

    base: Float[np.ndarray, " classes"]
    change: Float[np.ndarray, "height width channels classes"]

    def rival(self, label: int) -> int:
        """Returns the likeliest class other than the label."""
        others = np.where(np.arange(len(self.base)) == label, -np.inf, self.base)
        return int(others.argmax())

    def signs(self, label: int, target: int) -> Int8[np.ndarray, "height width channels"]:
        """Returns where raising a value favours the label over the target (1), or not (-1)."""
        return np.sign(self.change[..., label] - self.change[..., target]).astype(np.int8)


def output_map(
    classifier: Classifier,
    image: UInt8[np.ndarray, "height width channels"],
    *,
    step: float = 0.01,
    of: str = "logits",
) -> OutputMap:
    """Shows the classifier an image with each of its values raised in turn, and unchanged.

    A value that would leave the range is lowered instead, and the difference changes its sign.

    Args:
        classifier: inside JAX or outside.
        image: levels 0..255.
        step: r, as a share of the range, above 0 and up to 0.5.
        of: "logits" (log-probabilities, for a classifier that gives those), or "probabilities"
            (softmax).

    Raises:
        UserError: `step` or `of` cannot be used.
    """
    if not 0 < step <= 0.5:
        raise UserError(f"step is {step:g}; expected a share of the range above 0 and up to 0.5")
    if of not in OUTPUTS:
        raise unknown_name("of", of, OUTPUTS)
    values = image.size
    size = choose_micro_batch(values + 1, classifier)
    flat = image.reshape(-1).astype(np.float32)
    steps = np.where(flat + 255 * step > 255, -255 * step, 255 * step).astype(np.float32)
    outputs = []
    for start in range(0, values + 1, size):
        if classifier.is_jax:
            neighbours = _neighbours(model_of(classifier), size)
            outputs.append(neighbours(classifier.params, image, steps, start))
        else:
            rows = range(start, min(start + size, values + 1))
            outputs.append(evaluate(classifier, _raised(image, steps, rows), size))
    scores = np.concatenate([np.asarray(part) for part in outputs])[: values + 1]
    if of == "probabilities":
        scores = confidence(fitness_of(jnp.asarray(scores), classifier.kind))
    scores = scores[:, classifier.card.class_offset :]
    # the last row is the image itself, from the same program: equal images have equal outputs
    change = (scores[:-1] - scores[-1]) * np.sign(steps)[:, None]
    return OutputMap(scores[-1], change.reshape(*image.shape, -1))


def finite_differences(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    target: Classes | None = None,
    epsilon: float | Sequence[float] = 0.05,
    step: float = 0.01,
    of: str = "logits",
    as_written: bool = False,
    save: str | Path | None = None,
    report: Report | None = None,
) -> AttackResult:
    """Moves every value by epsilon along a sign that is measured from outputs alone.

    Args:
        classifier: inside JAX or outside.
        images: levels 0..255.
        labels: class of each image.
        target: class that each image, or every one, is to be taken for; the likeliest other class
            if None.
        epsilon: size of the change as a share of the range, or a list of sizes.
        step: by how much a value is raised, as a share of the range.
        of: outputs that are compared, "logits" or "probabilities".
        as_written: go the other way, as in the article.
        save: `.npz` file of the maps of finished images, from which a stopped attack is resumed.
        report: is called with the number of images done and of all images.

    Raises:
        UserError: images, classes, epsilons, `step` or `of` that cannot be used, or `save` is of
            another attack.
    """
    task = prepare(classifier, images, labels, target)
    epsilons = check_epsilon(epsilon)
    signs = sign_maps(task, step=step, of=of, save=save, report=report)
    way = 1 if as_written else -1
    made = [quantize_towards(task.images, task.images + way * 255 * e * signs) for e in epsilons]
    shown = math.prod(task.images.shape[1:]) + 1
    return judge(task, stack_like(epsilon, made), queries=shown)


def sign_maps(
    task: Task,
    *,
    step: float = 0.01,
    of: str = "logits",
    save: str | Path | None = None,
    report: Report | None = None,
) -> Int8[np.ndarray, "batch height width channels"]:
    """Returns p of every image; against the likeliest other class where there is no target.

    Args:
        task: what the attack works on.
        step: by how much a value is raised, as a share of the range.
        of: outputs that are compared, "logits" or "probabilities".
        save: `.npz` file of finished maps, from which a stopped attack is resumed.
        report: is called with the number of images done and of all images.
    """
    progress = task.progress(
        save, step=step, of=of, images=task.images, labels=task.labels, target=task.target
    )

    def of_image(index: int) -> dict[str, np.ndarray]:
        around = output_map(task.classifier, task.images[index], step=step, of=of)
        label = int(task.labels[index])
        rival = around.rival(label) if task.target is None else int(task.target[index])
        return {"signs": around.signs(label, rival)}

    return one_after_another(len(task.images), of_image, progress=progress, report=report)["signs"]


@once_per_model
def _neighbours(model: Model, size: int) -> Callable[..., Float[Array, "size outputs"]]:
    """Compiles the outputs for images with one value changed each."""

    def outputs(params, image, steps, start):
        rows = start + jnp.arange(size)
        flat = jnp.broadcast_to(image.reshape(-1).astype(jnp.float32), (size, image.size))
        # a row beyond the last value is the image itself
        raised = flat.at[jnp.arange(size), rows].add(
            steps.at[rows].get(mode="fill", fill_value=0.0), mode="drop"
        )
        return model.apply(params, raised.reshape(size, *image.shape) / 255)

    return jax.jit(outputs)


def _raised(
    image: UInt8[np.ndarray, "height width channels"],
    steps: Float[np.ndarray, " values"],
    rows: range,
) -> Float[np.ndarray, "rows height width channels"]:
    """Returns what `_neighbours` shows the classifier, for one outside JAX."""
    flat = np.repeat(image.reshape(1, -1).astype(np.float32), len(rows), axis=0)
    for row, value in enumerate(rows):
        if value < image.size:
            flat[row, value] += steps[value]
    return from_levels(flat.reshape(-1, *image.shape))
