"""Carlini and Wagner's L2 attack: nearly the smallest change, by descent over values that are free.

    minimise  |x' - x|^2 + c max(0, lead + margin),   x' = (1 + tanh w) / 2

over w with Adam, where the lead is that of the label's output over all others, or of the largest
other output over the target's. Values stay in [0, 1] by themselves. The weight c is searched for,
for each image: ten times as large until the image succeeds, then by bisection. The smallest change
met on the way that succeeds then becomes one of whole levels (see `evofool/attacks/grid.py`).

References:
    Carlini and Wagner, "Towards evaluating the robustness of neural networks", 2017, sections 5
    and 6, https://arxiv.org/abs/1608.04644
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from evofool.attacks.gradients import ClassScores, FloatLevels, class_outputs
from evofool.attacks.grid import judge_on_grid
from evofool.attacks.inputs import Classes, Report, check_counts, prepare
from evofool.attacks.results import AttackResult
from evofool.classifiers import Classifier
from evofool.evaluation import Model, choose_gradient_batch, in_parts, once_per_model
from evofool.support import UserError

FIRST_WEIGHT, TIMES = 1e-2, 10.0
INSIDE = 1 - 1e-6  # tanh never reaches the ends of the range

OfEach = Float[Array, " batch"]


class _Search(NamedTuple):
    """The search for the weight of each image.

    Attributes:
        low: largest weight without a success.
        high: least weight with one; infinite before there is any.
        weight: the next.
        best: the smallest change that succeeded, or zeros, in values.
        square: of its length; infinite where none did.
    """

    low: OfEach
    high: OfEach
    weight: OfEach
    best: FloatLevels
    square: OfEach


def carlini_wagner(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    target: Classes | None = None,
    searches: int = 7,
    steps: int = 200,
    rate: float = 0.1,
    margin: float = 0.0,
    report: Report | None = None,
) -> AttackResult:
    """Looks for nearly the smallest change (L2) with which images have another class.

    The result has 8 bits. Its change is not that between levels, which rounding may undo, but
    nearly the smallest of whole levels (see `evofool/attacks/grid.py`).

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: class of each image.
        target: class that each image, or every one, is to be taken for; None for any but its label.
        searches: number of weights c that are tried.
        steps: of Adam for each weight.
        rate: of Adam, the length of a step.
        margin: by which the wanted output is to lead, at least, while the change is made smaller.
        report: is called with the number of images done and of all images.

    Raises:
        UserError: images, classes or options that cannot be used, or no gradients.
    """
    task = prepare(classifier, images, labels, target, gradients_for="carlini-wagner")
    classifier = task.classifier
    check_counts(searches=(searches, 1), steps=(steps, 1))
    if not (0 < rate <= 1 and 0 <= margin < np.inf):
        raise UserError(f"rate is {rate:g}, margin {margin:g}; expected above 0..1, and 0 or more")
    numbers = np.int32(searches), np.int32(steps), np.float32(rate), np.float32(margin)
    change = in_parts(
        partial(_smallest(task.model), classifier.params, np.int32(task.direction), numbers),
        [task.images.astype(np.float32), task.aim],
        choose_gradient_batch(len(task.images), classifier),
        report=report,
    )
    looks = searches * steps
    return judge_on_grid(task, change, queries=looks, gradients=looks)


@once_per_model
def _smallest(model: Model) -> Callable[..., FloatLevels]:
    """Compiles the search; it returns changes in levels, of 0 where none was found."""

    def smallest(params, direction, numbers, levels, aim):
        searches, steps, rate, margin = numbers
        original = levels / 255
        free = jnp.arctanh((2 * original - 1) * INSIDE)
        adam = optax.adam(rate)

        def look(free, weight):
            values = (1 + jnp.tanh(free)) / 2
            lead = leads(class_outputs(model, params, 255 * values), aim, direction)
            square = jnp.sum(jnp.square(values - original), axis=(1, 2, 3))
            loss = square + weight * jnp.maximum(0.0, lead + margin)
            return loss.sum(), (values - original, square, lead)

        def step(_, carried):
            free, state, search, succeeds = carried
            slope, (change, square, lead) = jax.grad(look, has_aux=True)(free, search.weight)
            is_success = lead < -margin
            search = _keep(search, change, square, is_success)
            update, state = adam.update(slope, state)
            return optax.apply_updates(free, update), state, search, succeeds | is_success

        def of_weight(_, search):
            start = free, adam.init(free), search, jnp.zeros(len(levels), bool)
            _, _, search, succeeds = lax.fori_loop(0, steps, step, start)
            return _other_weight(search, succeeds)

        each = jnp.zeros(len(levels))
        start = _Search(each, each + jnp.inf, each + FIRST_WEIGHT, 0 * original, each + jnp.inf)
        return 255 * lax.fori_loop(0, searches, of_weight, start).best

    return jax.jit(smallest)


def leads(outputs: ClassScores, aim: Int[Array, " batch"], direction: Int[Array, ""]) -> OfEach:
    """Returns by how much each image is from success; below 0 it is one.

    Args:
        outputs: of the classes.
        aim: the target of each image, with direction 1; or its label, with direction -1.
        direction: whether the output of `aim` is to lead or to fall behind.
    """
    is_aim = jax.nn.one_hot(aim, outputs.shape[1], dtype=bool)
    other = jnp.max(jnp.where(is_aim, -jnp.inf, outputs), axis=1)
    own = jnp.take_along_axis(outputs, aim[:, None], axis=1)[:, 0]
    return direction * (other - own)


def _keep(
    search: _Search, change: FloatLevels, square: OfEach, is_success: Bool[Array, " batch"]
) -> _Search:
    is_best = is_success & (square < search.square)
    return search._replace(
        best=jnp.where(is_best[:, None, None, None], change, search.best),
        square=jnp.where(is_best, square, search.square),
    )


def _other_weight(search: _Search, succeeds: Bool[Array, " batch"]) -> _Search:
    """Narrows the weights: less where the image succeeded, more where it did not."""
    high = jnp.where(succeeds, search.weight, search.high)
    low = jnp.where(succeeds, search.low, search.weight)
    weight = jnp.where(jnp.isfinite(high), (low + high) / 2, TIMES * search.weight)
    return search._replace(low=low, high=high, weight=weight)
