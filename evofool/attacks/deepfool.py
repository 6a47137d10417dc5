"""DeepFool: nearly the smallest step over a classifier's nearest border.

In each round the outputs are taken to be linear, and the image goes to the border with the class
that is nearest then, until it is past one:

    l = argmin_k |f_k| / |w_k|,  r = |f_l| / |w_l|^2 w_l        (L2)
                                 r = |f_l| / |w_l|_1 sign(w_l)  (L-inf)

with f_k the output of class k minus that of the label, and w_k its gradient; |w| is the L2 or the
L1 norm. The sum of the steps is enlarged by `overshoot`, which puts the image past the border.

References:
    Moosavi-Dezfooli, Fawzi, Frossard, "DeepFool: a simple and accurate method to fool deep neural
    networks", 2016, https://arxiv.org/abs/1511.04599
"""

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from evofool.attacks.gradients import (
    FloatLevels,
    Model,
    Report,
    class_outputs,
    micro_batch,
    model_of,
)
from evofool.attacks.inputs import Classes, check_task
from evofool.attacks.results import AttackResult, judge, round_to_success
from evofool.classifiers import Classifier
from evofool.evaluation import in_parts
from evofool.support import UserError, unknown_name

NORMS = ("l2", "linf")
LEAST = 1e-12  # against division by zero where a gradient vanishes
NUDGE = 255e-4  # levels by which a step is longer, as in foolbox; else borders are only approached


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
    """Takes images just past the border of their class.

    The result is rounded to 8 bits; where that puts an image back, its change is enlarged a
    little (see `round_to_success`).

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: class of each image.
        norm: "l2" or "linf", which is to be small.
        steps: rounds at most.
        overshoot: share by which the change is enlarged.
        candidates: classes that are looked at: those with the largest outputs at first.
        report: is told how many images of how many are done.

    Raises:
        UserError: images, classes or options that cannot be used, or no gradients.
    """
    task = check_task(classifier, images, labels, None)
    change, rounds = deepfool_steps(
        classifier,
        task.images.astype(np.float32),
        task.labels,
        norm=norm,
        steps=steps,
        overshoot=overshoot,
        candidates=candidates,
        report=report,
    )
    rounded, shown = round_to_success(classifier, task, change)
    among = _check_candidates(classifier, candidates)
    return judge(classifier, task, rounded, queries=rounds + shown, gradients=rounds * among)


def deepfool_steps(
    classifier: Classifier,
    levels: Float[np.ndarray, "batch height width channels"],
    labels: Int[np.ndarray, " batch"],
    *,
    norm: str,
    steps: int,
    overshoot: float,
    candidates: int,
    report: Report | None = None,
) -> tuple[Float[np.ndarray, "batch height width channels"], Int[np.ndarray, " batch"]]:
    """Returns the changes in levels before any rounding, and in how many rounds they came about."""
    model = model_of(classifier, "deepfool")
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    if steps < 1 or not 0 <= overshoot <= 1:
        raise UserError(
            f"steps is {steps}, overshoot {overshoot:g}; expected 1 or more, and a share of 0..1"
        )
    among = _check_candidates(classifier, candidates)
    limits = {"steps": np.int32(steps), "overshoot": np.float32(overshoot)}
    function = partial(_walk(model, norm, among), classifier.params, **limits)
    size = micro_batch(classifier, len(levels))
    return in_parts(function, [levels, labels], size, report=report)


def _check_candidates(classifier: Classifier, candidates: int) -> int:
    if candidates < 2:
        raise UserError(f"candidates is {candidates}; expected 2 or more classes")
    return min(candidates, classifier.card.classes)


@cache
def _walk(model: Model, norm: str, candidates: int) -> Any:
    return jax.jit(partial(walk_over_border, model, norm=norm, candidates=candidates))


def walk_over_border(
    model: Model,
    params: Any,
    levels: FloatLevels,
    labels: Int[Array, " batch"],
    *,
    norm: str,
    candidates: int,
    steps: Any,
    overshoot: Any,
) -> tuple[FloatLevels, Int[Array, " batch"]]:
    """Is DeepFool within JAX: the changes in levels, and the rounds of each image."""
    outputs = partial(class_outputs, model, params)
    _, classes = lax.top_k(outputs(levels), candidates)

    def moved(change):
        return jnp.clip(levels + (1 + overshoot) * change, 0.0, 255.0)

    def goes_on(carried):
        number, _, _, inside = carried
        return (number < steps) & jnp.any(inside)

    def go(carried):
        number, change, rounds, inside = carried
        found, vjp = jax.vjp(outputs, moved(change))
        is_label = jax.nn.one_hot(labels, found.shape[1])
        step, _ = lax.scan(
            partial(_nearer, found, is_label, vjp, norm),
            (jnp.zeros_like(levels), jnp.full(len(levels), jnp.inf)),
            classes.T,
        )
        inside = jnp.argmax(found, axis=1) == labels
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


def _nearer(found, is_label, vjp, norm, best, rivals):
    """Replaces steps by those to the borders with other classes, where these are nearer."""
    step, distance = best
    is_rival = jax.nn.one_hot(rivals, found.shape[1])
    lead = is_rival - is_label
    gap = jnp.abs(jnp.sum(lead * found, axis=1))
    (slope,) = vjp(lead)
    axes = (1, 2, 3)
    if norm == "l2":
        size = jnp.sqrt(jnp.sum(jnp.square(slope), axes))
        direction = slope / (size + LEAST)[:, None, None, None]
    else:
        size = jnp.sum(jnp.abs(slope), axes)
        direction = jnp.sign(slope)
    # the label itself is no rival
    is_own = jnp.sum(is_rival * is_label, axis=1) > 0
    away = jnp.where(is_own, jnp.inf, gap / (size + LEAST))
    is_nearer = away < distance
    chosen = (away + NUDGE)[:, None, None, None] * direction
    return (
        jnp.where(is_nearer[:, None, None, None], chosen, step),
        jnp.minimum(away, distance),
    ), None
