"""Auto-PGD: projected gradient steps whose length adapts, with momentum and restarts.

    z       = P(x_k + eta sign(dL/dx)),   x_{k+1} = P(x_k + a (z - x_k) + (1 - a) (x_k - x_{k-1}))

P projects onto the images within epsilon of the original. At checkpoints, which come ever more
often, eta is halved and the best image so far returned to where the loss L rose in too few of the
steps since the last checkpoint, or where neither eta nor the best loss has changed.

The loss "ce" stands for the cross-entropy: the log-odds of the label, negated, which have the sign
of its gradient everywhere and do not vanish. "dlr" is the difference of logits ratio, which does
not change when logits are scaled. AutoAttack consists of both, and of two other attacks.

References:
    Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse
    parameter-free attacks", 2020, sections 3 and 4, https://arxiv.org/abs/2003.01690
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from evofool.attacks.gradient_sign import uniform_noise
from evofool.attacks.gradients import ClassScores, FloatLevels, class_outputs
from evofool.attacks.inputs import (
    Classes,
    Report,
    Task,
    check_counts,
    check_epsilon,
    check_seed,
    prepare,
    silent,
)
from evofool.attacks.results import AttackResult, judge, quantize_towards, stack_like
from evofool.classifiers import Classifier, fitness_of
from evofool.evaluation import Model, choose_gradient_batch, in_parts, once_per_model
from evofool.support import UserError, unknown_name

LOSSES = ("ce", "dlr")
FIRST, SHRINK, LEAST = 0.22, 0.03, 0.06  # of all steps: to the first checkpoint, and between others
LEAST_RISES = 0.75  # share of steps that have to raise the loss
MOMENTUM = 0.75  # share a of the new step
TINY = 1e-12  # against division by zero where logits are equal


class _Climb(NamedTuple):
    """Where the images of a batch are, in levels.

    Attributes:
        x: the images.
        before: the images one step earlier.
        best: those with the largest loss so far.
        best_loss: that loss.
        fooling: those of the largest loss that have another class; `best` where there are none.
        fooling_loss: that loss, or minus infinity.
        eta: length of the next step.
        last_loss: of the step before.
        rises: number of steps since the last checkpoint that raised the loss.
        eta_then: eta at the last checkpoint.
        loss_then: the best loss at the last checkpoint.
    """

    x: FloatLevels
    before: FloatLevels
    best: FloatLevels
    best_loss: Float[Array, " batch"]
    fooling: FloatLevels
    fooling_loss: Float[Array, " batch"]
    eta: Float[Array, " batch"]
    last_loss: Float[Array, " batch"]
    rises: Int[Array, " batch"]
    eta_then: Float[Array, " batch"]
    loss_then: Float[Array, " batch"]


def apgd(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    target: Classes | None = None,
    epsilon: float | Sequence[float] = 0.03,
    loss: str = "ce",
    steps: int = 100,
    seed: int = 0,
    report: Report | None = None,
) -> AttackResult:
    """Climbs the loss within epsilon of the original, by steps whose length adapts.

    It begins at random within epsilon. There is no step length to choose.

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: class of each image.
        target: class that each image, or every one, is to be taken for; None for any but its label.
        epsilon: largest change of a value as a share of the range, or a list of such.
        loss: "ce" (cross-entropy) or "dlr" (difference of logits ratio).
        steps: number of gradients for each image and epsilon.
        seed: of the random starts; an image's depends on its place among the images.
        report: is called with the number of images done and of all images, epsilons multiplied.

    Raises:
        UserError: images, classes, epsilons, steps or loss that cannot be used, no gradients, or
            too few classes for the loss.
    """
    task = prepare(classifier, images, labels, target, gradients_for="apgd")
    classifier = task.classifier
    epsilons = check_epsilon(epsilon)
    check_counts(steps=(steps, 1))
    check_seed(seed)
    _check_loss(task, loss)
    count, made = len(task.images), []
    start = task.images.astype(np.float32)
    noise = uniform_noise(jax.random.key(seed), task.images)
    climb = _climb(task.model, task.target is not None)
    marks = jnp.append(checkpoints(steps), 0)  # the last images are looked at, too
    for number, largest in enumerate(epsilons):

        def report_all(done: int, _: int, number: int = number) -> None:
            (report or silent)(number * count + done, len(epsilons) * count)

        radius = np.float32(255 * largest)
        begin = np.clip(start + radius * noise, 0, 255).astype(np.float32)
        moved = in_parts(
            partial(climb, classifier.params, loss == "dlr", marks, radius),
            [start, begin, task.labels, task.aim],
            choose_gradient_batch(count, classifier),
            report=report_all,
        )
        made.append(quantize_towards(task.images, moved))
    return judge(task, stack_like(epsilon, made), gradients=steps)


def _check_loss(task: Task, loss: str) -> None:
    if loss not in LOSSES:
        raise unknown_name("loss", loss, LOSSES)
    least, classes = least_classes(task.target is not None), task.classifier.card.classes
    if loss == "dlr" and classes < least:
        raise UserError(
            f"the loss dlr needs {least} classes, and {task.classifier.card.name} has {classes}; "
            "take ce"
        )


def least_classes(is_targeted: bool) -> int:
    """Returns how many classes a classifier needs for the loss "dlr"."""
    return 4 if is_targeted else 3


def usable_losses(classes: int, *, is_targeted: bool = False) -> tuple[str, ...]:
    """Returns the losses of `apgd` for a classifier with so many classes."""
    return LOSSES if classes >= least_classes(is_targeted) else LOSSES[:1]


def checkpoints(steps: int) -> Int[np.ndarray, " steps"]:
    """Returns, for each step, how many steps lie between it and the last checkpoint if it is one.

    It is 0 for steps that are none. Checkpoints are at the shares p_j of all steps, with
    p_0 = 0, p_1 = .22, p_{j+1} = p_j + max(p_j - p_{j-1} - .03, .06), rounded up.
    """
    marks, (before, now) = np.zeros(steps, np.int32), (0.0, FIRST)
    last = 0
    while (place := int(np.ceil(now * steps - 1e-9))) < steps:
        if place > last:
            marks[place] = place - last
            last = place
        before, now = now, now + max(now - before - SHRINK, LEAST)
    return marks


def losses(
    outputs: ClassScores,
    labels: Int[Array, " batch"],
    aim: Int[Array, " batch"],
    *,
    loss: str,
    is_targeted: bool,
    kind: str = "logits",
) -> Float[Array, " batch"]:
    """Returns what is to rise: the larger, the nearer to success.

    Args:
        outputs: of the classes.
        labels: class of each image.
        aim: its target, or its label without one.
        loss: "ce" or "dlr".
        is_targeted: whether there are targets.
        kind: of the outputs, see `Classifier.kind`.
    """

    def of(classes: Int[Array, " batch"], scores: ClassScores) -> Float[Array, " batch"]:
        return jnp.take_along_axis(scores, classes[:, None], axis=1)[:, 0]

    if loss == "ce":
        return (1 if is_targeted else -1) * of(aim, fitness_of(outputs, kind))
    is_label = jax.nn.one_hot(labels, outputs.shape[1], dtype=bool)
    if is_targeted:
        ordered, _ = lax.top_k(outputs, 4)
        scale = ordered[:, 0] - (ordered[:, 2] + ordered[:, 3]) / 2
        return (of(aim, outputs) - of(labels, outputs)) / (scale + TINY)
    ordered, _ = lax.top_k(outputs, 3)
    rival = jnp.max(jnp.where(is_label, -jnp.inf, outputs), axis=1)
    return (rival - of(labels, outputs)) / (ordered[:, 0] - ordered[:, 2] + TINY)


@once_per_model
def _climb(model: Model, is_targeted: bool) -> Callable[..., FloatLevels]:
    """Compiles one program for both losses, in which the gradient is written once."""

    def climb(params, is_dlr, marks, radius, original, begin, labels, aim):
        low = jnp.maximum(original - radius, 0.0)
        high = jnp.minimum(original + radius, 255.0)

        def values_of(outputs: ClassScores) -> Float[Array, " batch"]:
            about = {"labels": labels, "aim": aim, "is_targeted": is_targeted, "kind": model.kind}
            ce, dlr = (partial(losses, loss=loss, **about) for loss in LOSSES)
            if outputs.shape[1] < least_classes(is_targeted):
                return ce(outputs)
            return lax.cond(is_dlr, dlr, ce, outputs)

        def look(x: FloatLevels) -> tuple[Float[Array, " batch"], Bool[Array, " batch"], Array]:
            def total(x):
                outputs = class_outputs(model, params, x)
                values = values_of(outputs)
                found = jnp.argmax(outputs, axis=1)
                return values.sum(), (values, found == aim if is_targeted else found != labels)

            slope, (values, fools) = jax.grad(total, has_aux=True)(x)
            return values, fools, slope

        def step(number, state: _Climb) -> _Climb:
            state = _at_checkpoint(state, marks[number])
            values, fools, slope = look(state.x)
            state = _keep(state, values, fools, number)
            eta = _wide(state.eta)
            straight = jnp.clip(state.x + eta * jnp.sign(slope), low, high)
            momentum = jnp.where(number == 0, 1.0, MOMENTUM)
            carried = momentum * (straight - state.x) + (1 - momentum) * (state.x - state.before)
            moved = jnp.clip(state.x + carried, low, high)
            return state._replace(x=moved, before=state.x)

        state = lax.fori_loop(0, len(marks), step, _begin(begin, radius))
        return jnp.where(_wide(jnp.isfinite(state.fooling_loss)), state.fooling, state.best)

    return jax.jit(climb)


def _begin(begin: FloatLevels, radius: Array) -> _Climb:
    none = jnp.full(len(begin), -jnp.inf)
    eta = jnp.full(len(begin), 2.0) * radius
    return _Climb(
        x=begin,
        before=begin,
        best=begin,
        best_loss=none,
        fooling=begin,
        fooling_loss=none,
        eta=eta,
        last_loss=none,
        rises=jnp.zeros(len(begin), jnp.int32),
        eta_then=eta,
        loss_then=none,
    )


def _keep(
    state: _Climb, values: Float[Array, " batch"], fools: Bool[Array, " batch"], number: Array | int
) -> _Climb:
    """Keeps what is better than all before; the first look is no rise."""
    is_best = values > state.best_loss
    is_fooling = fools & (values > state.fooling_loss)
    rose = (values > state.last_loss) & (number > 0)
    return state._replace(
        best=jnp.where(_wide(is_best), state.x, state.best),
        best_loss=jnp.maximum(values, state.best_loss),
        fooling=jnp.where(_wide(is_fooling), state.x, state.fooling),
        fooling_loss=jnp.where(is_fooling, values, state.fooling_loss),
        last_loss=values,
        rises=state.rises + rose,
    )


def _at_checkpoint(state: _Climb, length: Int[Array, ""]) -> _Climb:
    """Halves steps and goes back to the best images where the loss hardly rose."""
    is_mark = length > 0
    too_few = state.rises < LEAST_RISES * length
    is_same = (state.eta == state.eta_then) & (state.best_loss == state.loss_then)
    halves = is_mark & (too_few | is_same)
    back = _wide(halves)
    return state._replace(
        x=jnp.where(back, state.best, state.x),
        before=jnp.where(back, state.best, state.before),
        eta=jnp.where(halves, state.eta / 2, state.eta),
        last_loss=jnp.where(halves, state.best_loss, state.last_loss),
        eta_then=jnp.where(is_mark, state.eta, state.eta_then),
        loss_then=jnp.where(is_mark, state.best_loss, state.loss_then),
        rises=jnp.where(is_mark, 0, state.rises),
    )


def _wide(values: Array) -> Array:
    """Gives values of images the axes of images."""
    return values[:, None, None, None]
