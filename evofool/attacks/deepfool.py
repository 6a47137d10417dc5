"""DeepFool: nearly the smallest change that takes an image over a border of its class.

Each round takes the outputs to be linear and moves the image to the nearest border between its
label and another class, until the image is past one:

    l = argmin_k |f_k| / |w_k|,  r = |f_l| / |w_l|^2 w_l        (L2)
                                 r = |f_l| / |w_l|_1 sign(w_l)  (L-inf)

with f_k the output of class k minus that of the label, and w_k its gradient; |w| is the L2 or the
L1 norm. The sum of the steps is enlarged by `overshoot`, which puts the image past the border.

References:
    Moosavi-Dezfooli, Fawzi, Frossard, "DeepFool: a simple and accurate method to fool deep neural
    networks", 2016, https://arxiv.org/abs/1511.04599
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from evofool.attacks.gradients import ClassScores, FloatLevels, class_outputs
from evofool.attacks.grid import judge_on_grid
from evofool.attacks.inputs import NORMS, Classes, Report, Task, prepare
from evofool.attacks.results import AttackResult
from evofool.classifiers import Classifier, Params
from evofool.evaluation import Model, choose_gradient_batch, in_parts, once_per_model
from evofool.support import UserError, unknown_name

LEAST = 1e-12  # against division by zero where a gradient vanishes
NUDGE = 255e-4  # levels added to a step, as in foolbox; without it borders are only approached


def deepfool(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    norm: str = "l2",
    steps: int = 50,
    overshoot: float = 0.02,
    candidates: int = 10,
    report: Report | None = None,
) -> AttackResult:
    """Moves images just past the nearest border of their class, by nearly the smallest change.

    The result has 8 bits. Its change is not that between levels, which rounding may undo, but
    nearly the smallest of whole levels (see `evofool/attacks/grid.py`).

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: class of each image.
        norm: of the change, which is to be small: "l2" or "linf".
        steps: most rounds.
        overshoot: share by which the change is enlarged, in [0, 1].
        candidates: number of classes, the likeliest at first, whose borders are considered.
        report: is called with the number of images done and of all images.

    Raises:
        UserError: images, classes or options that cannot be used, or no gradients.
    """
    task = prepare(classifier, images, labels, gradients_for="deepfool")
    classifier = task.classifier
    change, rounds = deepfool_steps(
        task,
        norm=norm,
        steps=steps,
        overshoot=overshoot,
        candidates=candidates,
        report=report,
    )
    gradients = rounds * _rivals(classifier, candidates)
    return judge_on_grid(task, change, norm=norm, queries=rounds, gradients=gradients)


def deepfool_steps(
    task: Task,
    *,
    norm: str,
    steps: int,
    overshoot: float,
    candidates: int,
    report: Report | None = None,
) -> tuple[Float[np.ndarray, "batch height width channels"], Int[np.ndarray, " batch"]]:
    """Returns the changes in levels before any rounding, and the number of rounds of each."""
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    if steps < 1 or not 0 <= overshoot <= 1:
        raise UserError(
            f"steps is {steps}, overshoot {overshoot:g}; expected 1 or more, and a share of 0..1"
        )
    classifier = task.classifier
    limits = {"steps": np.int32(steps), "overshoot": np.float32(overshoot)}
    walk = _walk(task.model, norm, _rivals(classifier, candidates))
    return in_parts(
        partial(walk, classifier.params, **limits),
        [task.images.astype(np.float32), task.labels],
        choose_gradient_batch(len(task.images), classifier),
        report=report,
    )


def _rivals(classifier: Classifier, candidates: int) -> int:
    """Returns the number of classes to consider, the label among them."""
    if candidates < 2:
        raise UserError(f"candidates is {candidates}; expected 2 or more classes")
    return min(candidates, classifier.card.classes)


@once_per_model
def _walk(model: Model, norm: str, candidates: int) -> Callable[..., tuple[Array, Array]]:
    return jax.jit(partial(walk_over_border, model, norm=norm, candidates=candidates))


def walk_over_border(
    model: Model,
    params: Params,
    levels: FloatLevels,
    labels: Int[Array, " batch"],
    *,
    norm: str,
    candidates: int,
    steps: int | Int[Array, ""],
    overshoot: float | Float[Array, ""],
) -> tuple[FloatLevels, Int[Array, " batch"]]:
    """Runs DeepFool inside JAX; returns the changes in levels, and the rounds of each image."""
    outputs = partial(class_outputs, model, params)
    _, classes = lax.top_k(outputs(levels), candidates)

    def moved(change):
        return jnp.clip(levels + (1 + overshoot) * change, 0.0, 255.0)

    def goes_on(carried):
        number, _, _, inside = carried
        return (number < steps) & jnp.any(inside)

    def go(carried):
        number, change, rounds, inside = carried
        scores, vjp = jax.vjp(outputs, moved(change))
        is_label = jax.nn.one_hot(labels, scores.shape[1])
        step, _ = lax.scan(
            partial(_nearer, scores, is_label, vjp, norm),
            (jnp.zeros_like(levels), jnp.full(len(levels), jnp.inf)),
            classes.T,
        )
        inside = jnp.argmax(scores, axis=1) == labels
        change = change + jnp.where(inside[:, None, None, None], step[0], 0.0)
        return number + 1, change, rounds + inside, inside

    start = (
        jnp.int32(0),
        jnp.zeros_like(levels),
        jnp.zeros(len(levels), jnp.int32),
        jnp.full(len(levels), True),
    )
    _, change, rounds, _ = lax.while_loop(goes_on, go, start)
    return moved(change) - levels, rounds


def _nearer(
    scores: ClassScores,
    is_label: ClassScores,
    vjp: Callable[[ClassScores], tuple[FloatLevels]],
    norm: str,
    best: tuple[FloatLevels, Float[Array, " batch"]],
    rivals: Int[Array, " batch"],
) -> tuple[tuple[FloatLevels, Float[Array, " batch"]], None]:
    """Replaces steps by those to the borders with rival classes, where these are nearer."""
    step, distance = best
    is_rival = jax.nn.one_hot(rivals, scores.shape[1])
    lead = is_rival - is_label
    gap = jnp.abs(jnp.sum(lead * scores, axis=1))
    (slope,) = vjp(lead)
    axes = (1, 2, 3)
    if norm == "l2":
        size = jnp.sqrt(jnp.sum(jnp.square(slope), axes))
        direction = slope / (size + LEAST)[:, None, None, None]
    else:
        size = jnp.sum(jnp.abs(slope), axes)
        direction = jnp.sign(slope)
    # among the likeliest classes is the label itself: it has no border with itself
    is_same = jnp.sum(is_rival * is_label, axis=1) > 0
    away = jnp.where(is_same, jnp.inf, gap / (size + LEAST))
    is_nearer = away < distance
    chosen = (away + NUDGE)[:, None, None, None] * direction
    return (
        jnp.where(is_nearer[:, None, None, None], chosen, step),
        jnp.minimum(away, distance),
    ), None
