"""Finite differences: a sign map for any pair of classes from outputs alone.

Every value of an image is raised by r in turn. Where that raises the label's output over the
target's, the attack lowers the value by epsilon, and the other way round:

    p_i = sign((psi'_T - psi'_A) - (psi_T - psi_A)),    x' = x - epsilon p

with the outputs psi for the label T and the target A. The article that describes the method adds
epsilon p, which defends the image instead; `as_written` does that.

References:
    planetaria, "Adversarial examples" (in Japanese), Deep Learning Advent Calendar 2016, day 13.
"""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int8, UInt8

from evofool.attacks.gradients import Report
from evofool.attacks.inputs import Classes, Task, check_epsilon, check_task
from evofool.attacks.results import AttackResult, judge, quantize_towards, stack_like
from evofool.classifiers import Classifier, confidence, fitness_of
from evofool.evaluation import choose_micro_batch, evaluate
from evofool.images import from_levels
from evofool.support import Progress, UserError, unknown_name

OUTPUTS = ("logits", "probabilities")


class OutputMap(NamedTuple):
    """A classifier's outputs around an image; it serves every pair of classes.

    Attributes:
        base: for the image itself.
        change: what raising each value by a small step adds to every output.
    """

    base: Float[np.ndarray, " classes"]
    change: Float[np.ndarray, "height width channels classes"]

    def rival(self, label: int) -> int:
        """Returns the likeliest class but for the label."""
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
    """Shows the classifier an image with each of its values raised in turn, and as it is.

    A value that would leave the range is lowered instead, and the difference turned round.

    Args:
        classifier: inside JAX or outside.
        image: levels 0..255.
        step: r, as a share of the range.
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
    size = choose_micro_batch(values + 1, classifier, "direct")
    flat = image.reshape(-1).astype(np.float32)
    steps = np.where(flat + 255 * step > 255, -255 * step, 255 * step).astype(np.float32)
    outputs = []
    for start in range(0, values + 1, size):
        if classifier.is_jax:
            outputs.append(
                _neighbours(classifier.apply, size)(classifier.params, image, steps, start)
            )
        else:
            rows = range(start, min(start + size, values + 1))
            outputs.append(evaluate(classifier, _raised(image, steps, rows), size))
    found = np.concatenate([np.asarray(part) for part in outputs])[: values + 1]
    if of == "probabilities":
        found = confidence(fitness_of(jnp.asarray(found), classifier.kind))
    found = found[:, classifier.card.class_offset :]
    # to the last row, which is the image itself, in the same program
    change = (found[:-1] - found[-1]) * np.sign(steps)[:, None]
    return OutputMap(found[-1], change.reshape(*image.shape, -1))


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
    """Moves every value by epsilon against its effect on the label's lead over the target.

    Args:
        classifier: inside JAX or outside.
        images: levels 0..255.
        labels: class of each image.
        target: class that each, or all, are to be taken for; the likeliest other class if None.
        epsilon: size of the change as a share of the range, or a list of sizes.
        step: by how much a value is raised, as a share of the range.
        of: what differences are taken of, "logits" or "probabilities".
        as_written: go the other way, as the article has it.
        save: `.npz` file that keeps the maps of finished images, and from which it goes on.
        report: is told how many images of how many are done.

    Raises:
        UserError: images, classes, epsilons, `step` or `of` that cannot be used, or `save` is of
            another attack.
    """
    task = check_task(classifier, images, labels, target)
    epsilons = check_epsilon(epsilon)
    signs = sign_maps(classifier, task, step=step, of=of, save=save, report=report)
    way = 1 if as_written else -1
    made = [quantize_towards(task.images, task.images + way * 255 * e * signs) for e in epsilons]
    shown = math.prod(task.images.shape[1:]) + 1
    return judge(classifier, task, stack_like(epsilon, made), queries=shown)


def sign_maps(
    classifier: Classifier,
    task: Task,
    *,
    step: float = 0.01,
    of: str = "logits",
    save: str | Path | None = None,
    report: Report | None = None,
) -> Int8[np.ndarray, "batch height width channels"]:
    """Returns p of every image; against the likeliest other class where there is no target.

    Args:
        classifier: inside JAX or outside.
        task: the images and their classes.
        step: by how much a value is raised, as a share of the range.
        of: what differences are taken of, "logits" or "probabilities".
        save: `.npz` file that keeps finished maps, and from which it goes on.
        report: is told how many images of how many are done.
    """
    card = classifier.card
    progress = Progress(
        save,
        classifier=card.name,
        sha256=card.sha256,
        step=step,
        of=of,
        images=task.images,
        labels=task.labels,
        target=task.target,
    )
    kept = progress.load()
    done = list(kept["signs"]) if kept else []
    for index in range(len(done), len(task.images)):
        found = output_map(classifier, task.images[index], step=step, of=of)
        label = int(task.labels[index])
        rival = found.rival(label) if task.target is None else int(task.target[index])
        done.append(found.signs(label, rival))
        progress.save({"signs": np.stack(done)})
        if report is not None:
            report(index + 1, len(task.images))
    return np.stack(done)


@cache
def _neighbours(apply: Any, size: int) -> Any:
    """Compiles the outputs for images with one value changed each."""

    def outputs(params, image, steps, start):
        rows = start + jnp.arange(size)
        flat = jnp.broadcast_to(image.reshape(-1).astype(jnp.float32), (size, image.size))
        # a row beyond the last value is the image itself
        raised = flat.at[jnp.arange(size), rows].add(
            steps.at[rows].get(mode="fill", fill_value=0.0), mode="drop"
        )
        return apply(params, raised.reshape(size, *image.shape) / 255)

    return jax.jit(outputs)


def _raised(image: np.ndarray, steps: np.ndarray, rows: range) -> np.ndarray:
    flat = np.repeat(image.reshape(1, -1).astype(np.float32), len(rows), axis=0)
    for row, value in enumerate(rows):
        if value < image.size:
            flat[row, value] += steps[value]
    return from_levels(flat.reshape(-1, *image.shape))
