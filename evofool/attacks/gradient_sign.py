"""The fast gradient sign method, in one step (FGSM) or many (PGD).

    x' = x + epsilon sign(dJ/dx) untargeted,  x' = x - epsilon sign(dJ/dx) targeted

with the cross-entropy J of the label or the target. The gradient of the class's log-odds takes the
place of J's: it has the opposite sign everywhere, and does not vanish where p is almost 1.

References:
    Goodfellow, Shlens, Szegedy, "Explaining and harnessing adversarial examples", 2015,
    https://arxiv.org/abs/1412.6572
    Madry et al., "Towards deep learning models resistant to adversarial attacks", 2018,
    https://arxiv.org/abs/1706.06083
"""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int8, UInt8

from evofool.attacks.gradients import odds_and_gradient
from evofool.attacks.inputs import LEVEL, Classes, Report, Task, check_epsilon, prepare, silent
from evofool.attacks.results import AttackResult, judge, quantize_towards, stack_like
from evofool.classifiers import Classifier
from evofool.evaluation import Model, choose_gradient_batch, in_parts, once_per_model
from evofool.support import UserError

RADII = 4 / 3  # length of all steps of PGD over epsilon: 40 steps of .01 for .3, as in Madry et al.


def fgsm(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    target: Classes | None = None,
    epsilon: float | Sequence[float] = 0.03,
    report: Report | None = None,
) -> AttackResult:
    """Moves every value by epsilon along the sign of the gradient, in one step.

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: class of each image.
        target: class that each image, or every one, is to be taken for; None for any but its label.
        epsilon: size of the change as a share of the range, or a list of sizes.
        report: is called with the number of images done and of all images.

    Raises:
        UserError: images, classes or epsilons that cannot be used, or no gradients.
    """
    task = prepare(classifier, images, labels, target, gradients_for="fgsm")
    classifier = task.classifier
    epsilons = check_epsilon(epsilon)
    signs = gradient_signs(task, report=report)
    made = [quantize_towards(task.images, task.images + 255 * e * signs) for e in epsilons]
    return judge(task, stack_like(epsilon, made), gradients=1)


def gradient_signs(
    task: Task, *, report: Report | None = None
) -> Int8[np.ndarray, "batch height width channels"]:
    """Returns -1, 0 or 1 for every value: the direction that brings success nearer.

    Args:
        task: of a classifier inside JAX.
        report: is called with the number of images done and of all images.
    """
    function = partial(_signs(task.model), task.classifier.params)
    size = choose_gradient_batch(len(task.images), task.classifier)
    return task.direction * in_parts(function, [task.images, task.aim], size, report=report)


def pgd(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    target: Classes | None = None,
    epsilon: float | Sequence[float] = 0.03,
    steps: int = 40,
    relative_step: float | None = None,
    random_start: bool = False,
    seed: int = 0,
    report: Report | None = None,
) -> AttackResult:
    """Takes many small steps along the sign of the gradient, within epsilon of the original.

    The default step lets a value travel 4/3 epsilon, as Madry et al. do on digits.

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: class of each image.
        target: class that each image, or every one, is to be taken for; None for any but its label.
        epsilon: largest change of a value as a share of the range, or a list of such.
        steps: number of gradients for each image and epsilon.
        relative_step: length of a step, as a share of epsilon; 4 / (3 steps), at most 1, unless
            given.
        random_start: begin anywhere within epsilon instead of at the original.
        seed: of the random starts; an image's depends on its place among the images.
        report: is called with the number of images done and of all images, epsilons multiplied.

    Raises:
        UserError: images, classes, epsilons or steps that cannot be used, steps that all together
            are less than one level of 8 bits, or no gradients.
    """
    task = prepare(classifier, images, labels, target, gradients_for="pgd")
    classifier = task.classifier
    epsilons = check_epsilon(epsilon)
    relative_step = _check_steps(steps, relative_step)
    if not random_start:
        _check_reach(min(epsilons), steps, relative_step)
    count, made = len(task.images), []
    noise = uniform_noise(jax.random.key(seed), task.images) if random_start else None
    for number, largest in enumerate(epsilons):

        def report_all(done: int, _: int, number: int = number) -> None:
            (report or silent)(number * count + done, len(epsilons) * count)

        moved = pgd_levels(
            task,
            largest,
            steps=steps,
            relative_step=relative_step,
            noise=noise,
            report=report_all,
        )
        made.append(quantize_towards(task.images, moved))
    return judge(task, stack_like(epsilon, made), gradients=steps)


def _check_steps(steps: int, relative_step: float | None) -> float:
    """Returns the length of a step, as a share of epsilon."""
    if steps < 1 or (relative_step is not None and not 0 < relative_step <= 1):
        length = "" if relative_step is None else f", relative_step {relative_step:g}"
        raise UserError(
            f"steps is {steps}{length}; expected 1 or more steps, and a share above 0 and up to 1"
        )
    return min(1.0, RADII / steps) if relative_step is None else relative_step


def _check_reach(epsilon: float, steps: int, relative_step: float) -> None:
    """Refuses steps that change nothing: a result that shows no success would mislead."""
    if epsilon * relative_step * steps < LEVEL:
        raise UserError(
            f"{steps} steps of {relative_step:g} epsilon ({epsilon:g}) are less than one level of "
            "8 bits together and change nothing; give more steps, or a larger relative_step"
        )


def pgd_levels(
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
        task: of a classifier inside JAX.
        epsilon: largest change of a value, as a share of the range.
        steps: number of gradients for each image.
        relative_step: length of a step, as a share of epsilon.
        noise: where to begin, as shares of epsilon from the originals; at these if None.
        report: is called with the number of images done and of all images.
    """
    start = task.images.astype(np.float32)
    begin = start if noise is None else np.clip(start + 255 * epsilon * noise, 0, 255)
    radius = 255 * epsilon
    numbers = np.array([radius, task.direction * radius * relative_step], np.float32)
    function = partial(_walk(task.model), task.classifier.params, np.int32(steps), numbers)
    size = choose_gradient_batch(len(start), task.classifier)
    return in_parts(function, [start, begin, task.aim], size, report=report)


@once_per_model
def _signs(model: Model) -> Callable[..., Int8[Array, "batch height width channels"]]:
    def signs(params, images, classes):
        _, gradient = odds_and_gradient(model, params, images.astype(jnp.float32), classes)
        return jnp.sign(gradient).astype(jnp.int8)

    return jax.jit(signs)


@once_per_model
def _walk(model: Model) -> Callable[..., Float[Array, "batch height width channels"]]:
    def walk(params, steps, numbers, original, begin, classes):
        epsilon, length = numbers
        low = jnp.maximum(original - epsilon, 0.0)
        high = jnp.minimum(original + epsilon, 255.0)

        def step(_, levels):
            _, gradient = odds_and_gradient(model, params, levels, classes)
            return jnp.clip(levels + length * jnp.sign(gradient), low, high)

        return lax.fori_loop(0, steps, step, begin)

    return jax.jit(walk)


def uniform_noise(
    key: jax.Array, images: UInt8[np.ndarray, "batch height width channels"]
) -> Float[np.ndarray, "batch height width channels"]:
    """Draws values in [-1, 1) for every image, each from its own key."""
    keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(len(images)))
    shape = images.shape[1:]
    return np.asarray(jax.vmap(lambda key: jax.random.uniform(key, shape, minval=-1.0))(keys))
