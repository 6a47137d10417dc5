"""L-BFGS: a nearly smallest change with which an image is taken for a chosen class.

    minimise  c |r|^2 - log p_target(x + r),  x + r in [0, 1]

for the largest c whose solution is taken for the target; bisection of log c finds it. Each
minimisation begins at the solution for the c before. The smallest change met on the way that was
taken for the target then becomes one of whole levels (see `evofool/attacks/grid.py`).

Everything runs in one compiled program: for the 49,152 values of a small photograph SciPy's
L-BFGS-B takes longer than the network. Steps are projected onto the range and halved until they
lower the sum; values at an end of the range that would leave it stay where they are.

References:
    Szegedy et al., "Intriguing properties of neural networks", 2014, section 4.1,
    https://arxiv.org/abs/1312.6199
    Nocedal, Wright, "Numerical optimization", 2006, algorithm 7.4
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from evofool.attacks.gradients import odds_and_gradient
from evofool.attacks.grid import judge_on_grid
from evofool.attacks.inputs import Classes, Report, one_after_another, prepare
from evofool.attacks.results import AttackResult
from evofool.classifiers import Classifier
from evofool.evaluation import Model, once_per_model
from evofool.support import UserError

LEAST_WEIGHT, MOST_WEIGHT = 1e-4, 1e4  # of |r|^2, values in [0, 1]
MEMORY = 5  # steps that the curvature is estimated from; with 10 each takes longer than a gradient
ENOUGH = 1e-4  # of the decrease that the slope promises, which a step must bring (Armijo)
STILL = 1e-4  # share of the sum; a step that lowers it by less is the last
SHORTEST = 2.0**-12  # step that is tried, as a share of the full one
LEAST = 1e-30  # against division by zero

Values = Float[Array, "height width channels"]
Number = Float[Array, ""]


def lbfgs(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    target: Classes,
    searches: int = 10,
    steps: int = 50,
    save: str | Path | None = None,
    report: Report | None = None,
) -> AttackResult:
    """Looks for the smallest change (L2) with which images are taken for a chosen class.

    The result has 8 bits. Its change is not that between levels, which rounding may undo, but
    nearly the smallest of whole levels (see `evofool/attacks/grid.py`).

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: class of each image.
        target: class that each image, or every one, is to be taken for.
        searches: number of weights c that are tried.
        steps: most iterations of L-BFGS for each weight.
        save: `.npz` file of finished images, from which a stopped attack is resumed.
        report: is called with the number of images done and of all images.

    Raises:
        UserError: images, classes or options that cannot be used, no gradients, or `save` is of
            another attack.
    """
    task = prepare(classifier, images, labels, target, gradients_for="lbfgs")
    classifier = task.classifier
    if min(searches, steps) < 1:
        raise UserError(f"searches is {searches}, steps {steps}; expected 1 or more")
    progress = task.progress(
        save, images=task.images, target=task.aim, searches=searches, steps=steps
    )
    limits = {"searches": np.int32(searches), "steps": np.int32(steps)}
    search = partial(_smallest(task.model), classifier.params, **limits)

    def of_image(index: int) -> dict[str, np.ndarray]:
        change, calls = search(target=task.aim[index], image=task.images[index])
        return {"changes": np.asarray(change), "calls": np.asarray(calls)}

    arrays = one_after_another(len(task.images), of_image, progress=progress, report=report)
    calls = arrays["calls"]
    return judge_on_grid(task, arrays["changes"], queries=calls, gradients=calls)


class _Point(NamedTuple):
    """A change and what it is worth."""

    r: Values
    loss: Number
    slope: Values
    is_target: Bool[Array, ""]


class _Memory(NamedTuple):
    """The last steps, the newest first; 0 where there was none yet."""

    steps: Float[Array, "memory height width channels"]
    turns: Float[Array, "memory height width channels"]  # what they changed the slope by


class _Smallest(NamedTuple):
    """The smallest change so far that was taken for the target."""

    r: Values
    square: Number  # infinite before there is one


class _Descent(NamedTuple):
    """A minimisation under way."""

    point: _Point
    memory: _Memory
    length: Number  # of the next step that is tried, as a share of the full one
    taken: Int[Array, ""]  # steps
    calls: Int[Array, ""]  # of the classifier
    is_done: Bool[Array, ""]
    smallest: _Smallest


@once_per_model
def _smallest(model: Model) -> Callable[..., tuple[Values, Int[Array, ""]]]:
    """Compiles the search for an image; returns the smallest change in levels, and the calls."""

    def smallest(params, target, image, searches, steps):
        original = image.astype(jnp.float32) / 255

        def at(weight, r):
            odds, slope = odds_and_gradient(model, params, 255 * (original + r)[None], target[None])
            wanted = odds[0, target]
            # -log p = softplus(-odds), whose derivative is -(1 - p)
            return _Point(
                r=r,
                loss=weight * _dot(r, r) + jax.nn.softplus(-wanted),
                slope=2 * weight * r - 255 * jax.nn.sigmoid(-wanted) * slope[0],
                is_target=jnp.argmax(odds[0]) == target,
            )

        def descend(weight, descent):
            way = _way(original, descent.point, descent.memory)
            moved = jnp.clip(original + descent.point.r + descent.length * way, 0.0, 1.0)
            return _after(descent, at(weight, moved - original))

        def search(_, carried):
            low, high, calls, last, smallest = carried
            weight = jnp.exp((low + high) / 2)
            start = _start(at(weight, last), calls + 1, smallest)
            descent = lax.while_loop(
                lambda descent: ~descent.is_done & (descent.taken < steps),
                partial(descend, weight),
                start,
            )
            point, middle = descent.point, (low + high) / 2
            low = jnp.where(point.is_target, middle, low)  # the next weight punishes more
            high = jnp.where(point.is_target, high, middle)
            return low, high, descent.calls, point.r, descent.smallest

        nothing = jnp.zeros_like(original)
        low, high = jnp.log(LEAST_WEIGHT), jnp.log(MOST_WEIGHT)
        start = low, high, jnp.int32(0), nothing, _Smallest(nothing, jnp.float32(jnp.inf))
        _, _, calls, last, found = lax.fori_loop(0, searches, search, start)
        return 255 * jnp.where(jnp.isfinite(found.square), found.r, last), calls

    return jax.jit(smallest)


def _start(point: _Point, calls: Int[Array, ""], smallest: _Smallest) -> _Descent:
    """Begins a minimisation; its first step has length 1 in the L2 norm."""
    none = jnp.zeros((MEMORY, *point.r.shape))
    return _Descent(
        point=point,
        memory=_Memory(none, none),
        length=jnp.float32(1.0),
        taken=jnp.int32(0),
        calls=calls,
        is_done=jnp.bool(False),
        smallest=_smaller(smallest, point),
    )


def _after(descent: _Descent, tried: _Point) -> _Descent:
    """Takes the step that was tried, or halves it."""
    point, memory = descent.point, descent.memory
    step, turn = tried.r - point.r, tried.slope - point.slope
    gain = point.loss - tried.loss
    is_taken = (gain > 0) & (gain >= -ENOUGH * _dot(point.slope, step))
    # a turn against the step is no curvature to learn from
    is_learned = is_taken & (_dot(step, turn) > LEAST)
    learned = _Memory(
        jnp.concatenate([step[None], memory.steps[:-1]]),
        jnp.concatenate([turn[None], memory.turns[:-1]]),
    )
    length = jnp.where(is_taken, 1.0, descent.length / 2)
    is_still = is_taken & (gain < STILL * jnp.abs(tried.loss))
    return _Descent(
        point=_choose(is_taken, tried, point),
        memory=_choose(is_learned, learned, memory),
        length=length,
        taken=descent.taken + is_taken,
        calls=descent.calls + 1,
        is_done=is_still | (length < SHORTEST),
        smallest=_smaller(descent.smallest, tried),
    )


def _smaller(smallest: _Smallest, point: _Point) -> _Smallest:
    square = _dot(point.r, point.r)
    is_smaller = point.is_target & (square < smallest.square)
    return _choose(is_smaller, _Smallest(point.r, square), smallest)


def _way(original: Values, point: _Point, memory: _Memory) -> Values:
    """Returns the full step of L-BFGS, 0 for values that would leave the range at once."""
    x = original + point.r
    is_held = ((x <= 0) & (point.slope > 0)) | ((x >= 1) & (point.slope < 0))
    slope = jnp.where(is_held, 0.0, point.slope)
    share = 1 / (jnp.sum(memory.steps * memory.turns, axis=(1, 2, 3)) + LEAST)

    def unfold(q, remembered):
        step, turn, share = remembered
        part = share * _dot(step, q)
        return q - part * turn, part

    def fold(q, remembered):
        step, turn, share, part = remembered
        return q + (part - share * _dot(turn, q)) * step, None

    q, parts = lax.scan(unfold, slope, (*memory, share))
    step, turn = memory.steps[0], memory.turns[0]
    curved = _dot(step, turn) > 0
    scale = jnp.where(
        curved,
        _dot(step, turn) / (_dot(turn, turn) + LEAST),
        1 / (jnp.sqrt(_dot(slope, slope)) + LEAST),
    )
    q, _ = lax.scan(fold, scale * q, (*memory, share, parts), reverse=True)
    return jnp.where(is_held, 0.0, -q)


def _dot(one: Values, other: Values) -> Number:
    return jnp.sum(one * other)


def _choose(condition: Bool[Array, ""], chosen, otherwise):
    """Returns one of two trees of arrays."""
    return jax.tree.map(partial(jnp.where, condition), chosen, otherwise)
