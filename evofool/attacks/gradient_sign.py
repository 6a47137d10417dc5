"""The fast gradient sign method, in one step (FGSM) or many (PGD).

    x' = x + epsilon sign(dJ/dx) untargeted,  x' = x - epsilon sign(dJ/dx) targeted

with the cross-entropy J of the label or the target. The gradient of the class's log-odds is taken
instead of J's: it has the opposite sign everywhere, and does not vanish where p is almost 1.

References:
    Goodfellow, Shlens, Szegedy, "Explaining and harnessing adversarial examples", 2015,
    https://arxiv.org/abs/1412.6572
    Madry et al., "Towards deep learning models resistant to adversarial attacks", 2018,
    https://arxiv.org/abs/1706.06083
"""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float, Int8

from evofool.attacks.gradients import Model, Report, micro_batch, model_of, odds_and_gradient
from evofool.attacks.inputs import Classes, Task, check_epsilon, check_task
from evofool.attacks.results import AttackResult, judge, quantize_towards, stack_like
from evofool.classifiers import Classifier
from evofool.evaluation import in_parts
from evofool.support import UserError


def fgsm(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    target: Classes | None = None,
    epsilon: float | Sequence[float] = 0.03,
    report: Report | None = None,
) -> AttackResult:
    """Moves every value by epsilon along the sign of the gradient; one gradient serves all.

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: class of each image.
        target: class that each, or all, are to be taken for; None for any but their own.
        epsilon: size of the change as a share of the range, or a list of sizes.
        report: is told how many images of how many are done.

    Raises:
        UserError: images, classes or epsilons that cannot be used, or no gradients.
    """
    task = check_task(classifier, images, labels, target)
    epsilons = check_epsilon(epsilon)
    signs = gradient_signs(classifier, task, attack="fgsm", report=report)
    made = [quantize_towards(task.images, task.images + 255 * e * signs) for e in epsilons]
    return judge(classifier, task, stack_like(epsilon, made), gradients=1)


def gradient_signs(
    classifier: Classifier, task: Task, *, attack: str = "fgsm", report: Report | None = None
) -> Int8[np.ndarray, "batch height width channels"]:
    """Returns -1, 0 or 1 for every value: the direction that brings success nearer.

    Args:
        classifier: inside JAX.
        task: the images and their classes.
        attack: what to call it in an error.
        report: is told how many images of how many are done.
    """
    function = partial(_signs(model_of(classifier, attack)), classifier.params)
    size = micro_batch(classifier, len(task.images))
    return task.direction * in_parts(function, [task.images, task.aim], size, report=report)


def pgd(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    target: Classes | None = None,
    epsilon: float | Sequence[float] = 0.03,
    steps: int = 40,
    relative_step: float = 1 / 30,
    random_start: bool = False,
    seed: int = 0,
    report: Report | None = None,
) -> AttackResult:
    """Takes many small steps along the sign of the gradient, within epsilon of the original.

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: class of each image.
        target: class that each, or all, are to be taken for; None for any but their own.
        epsilon: largest change of a value as a share of the range, or a list of such.
        steps: number of gradients for each image and epsilon.
        relative_step: length of a step, as a share of epsilon.
        random_start: begin anywhere within epsilon instead of at the original.
        seed: of the random starts; an image's depends on its place among the images.
        report: is told how many images of how many are done, all epsilons counted.

    Raises:
        UserError: images, classes, epsilons or steps that cannot be used, or no gradients.
    """
    task = check_task(classifier, images, labels, target)
    epsilons = check_epsilon(epsilon)
    if steps < 1 or not 0 < relative_step <= 1:
        raise UserError(
            f"steps is {steps}, relative_step {relative_step:g}; expected 1 or more, and a share "
            "above 0"
        )
    count, made = len(task.images), []
    noise = _uniform(jax.random.key(seed), task.images) if random_start else None
    for number, largest in enumerate(epsilons):

        def so_far(done: int, _: int, number: int = number) -> None:
            if report is not None:
                report(number * count + done, len(epsilons) * count)

        moved = pgd_levels(
            classifier,
            task,
            largest,
            steps=steps,
            relative_step=relative_step,
            noise=noise,
            report=so_far,
        )
        made.append(quantize_towards(task.images, moved))
    return judge(classifier, task, stack_like(epsilon, made), gradients=steps)


def pgd_levels(
    classifier: Classifier,
    task: Task,
    epsilon: float,
    *,
    steps: int,
    relative_step: float,
    noise: Float[np.ndarray, "batch height width channels"] | None = None,
    report: Report | None = None,
) -> Float[np.ndarray, "batch height width channels"]:
    """Returns the images of PGD in levels, before any rounding.

    Args:
        classifier: inside JAX.
        task: the images and their classes.
        epsilon: largest change of a value, as a share of the range.
        steps: number of gradients for each image.
        relative_step: length of a step, as a share of epsilon.
        noise: where to begin, as shares of epsilon; at the originals if None.
        report: is told how many images of how many are done.
    """
    start = task.images.astype(np.float32)
    begin = start if noise is None else np.clip(start + 255 * epsilon * noise, 0, 255)
    radius = 255 * epsilon
    numbers = np.array([radius, task.direction * radius * relative_step], np.float32)
    walk = _walk(model_of(classifier, "pgd"))
    function = partial(walk, classifier.params, np.int32(steps), numbers)
    size = micro_batch(classifier, len(start))
    return in_parts(function, [start, begin, task.aim], size, report=report)


@cache
def _signs(model: Model) -> Any:
    def signs(params, images, classes):
        _, gradient = odds_and_gradient(model, params, images.astype(jnp.float32), classes)
        return jnp.sign(gradient).astype(jnp.int8)

    return jax.jit(signs)


@cache
def _walk(model: Model) -> Any:
    def walk(params, steps, numbers, original, begin, classes):
        epsilon, length = numbers
        low = jnp.maximum(original - epsilon, 0.0)
        high = jnp.minimum(original + epsilon, 255.0)

        def step(_, levels):
            _, gradient = odds_and_gradient(model, params, levels, classes)
            return jnp.clip(levels + length * jnp.sign(gradient), low, high)

        return lax.fori_loop(0, steps, step, begin)

    return jax.jit(walk)


def _uniform(key: jax.Array, images: np.ndarray) -> np.ndarray:
    """Draws values in [-1, 1) for every image, from a key of its own."""
    keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(len(images)))
    shape = images.shape[1:]
    return np.asarray(jax.vmap(lambda key: jax.random.uniform(key, shape, minval=-1.0))(keys))
