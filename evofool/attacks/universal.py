"""Universal perturbations: one change that fools a classifier on most images.

In each pass the images x come in another random order. Where the change v does not fool the
classifier yet, a step for x + v is added to v, which is then projected onto its ball. The passes
end when v fools the wanted share of the images.

The authors' step is DeepFool's, which for photographs is a fraction of a level. Here it is turned
into one of whole levels that fools, too (see `evofool/attacks/grid.py`): v is always a change that
8-bit images can have, made of few images or of many.

DeepFool leads out of a class and not into a given one. With a target, v climbs the target's mean
log-odds over a few images at a time instead, by the sign of the gradient (L-inf, a whole level) or
along it (L2), with momentum.

References:
    Moosavi-Dezfooli et al., "Universal adversarial perturbations", 2017,
    https://arxiv.org/abs/1610.08401; the authors' `python/universal_pert.py`.
    Hirano and Takemoto, "Simple iterative method for generating targeted universal adversarial
    perturbations", 2020, https://arxiv.org/abs/1911.06502, for signs of gradients instead; Dong et
    al., "Boosting adversarial attacks with momentum", 2018, https://arxiv.org/abs/1710.06081
"""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int16

from evofool.attacks.deepfool import walk_over_border
from evofool.attacks.gradients import class_outputs, odds_and_gradient
from evofool.attacks.grid import WHITE, Border, search_grid
from evofool.attacks.inputs import (
    NORMS,
    Classes,
    Report,
    Task,
    check_epsilon,
    check_seed,
    prepare,
    silent,
)
from evofool.attacks.results import AttackResult, judge
from evofool.classifiers import Classifier
from evofool.evaluation import Model, once_per_model
from evofool.support import UserError, unknown_name

LEAST = 1e-30  # against division by zero where there is no slope
CHUNK = 100  # images between two saves of the state
HALVINGS = 12  # of the share of a change that is rounded
FEW = 10  # images in a step towards a target
MOMENTUM = 0.97
STEPS = 10  # towards a target, from 0 to the radius of an L2 ball
OVERSHOOT, ROUNDS, CANDIDATES = 0.02, 10, 10  # of DeepFool, as in the authors' program

Image = Float[Array, "height width channels"]
Radius = float | np.float32 | Float[Array, ""]  # in levels, outside and inside a program


class Universal(NamedTuple):
    """A universal perturbation.

    Attributes:
        change: whole levels, added to every image.
        rates: share of the images that are fooled after each pass, in [0, 1].
        attack: the result on the images from which the change was made.
    """

    change: Int16[np.ndarray, "height width channels"]
    rates: Float[np.ndarray, " passes"]
    attack: AttackResult


def universal(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    target: Classes | None = None,
    epsilon: float = 10 / 255,
    norm: str = "linf",
    rate: float = 0.8,
    passes: int = 10,
    seed: int = 0,
    save: str | Path | None = None,
    report: Report | None = None,
) -> Universal:
    """Makes one change that fools a classifier on many images.

    `add_change` adds it to other images.

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: class that each image must no longer be taken for: its label or, as in the paper,
            the classifier's verdict on the original.
        target: class that the images, or each of them, are to be taken for; None for any but the
            label.
        epsilon: radius of the ball that the change stays in, values in [0, 1]; 1/255 or more, and
            in the L2 norm not bounded by 1.
        norm: of the ball, "linf" or "l2".
        rate: share of the images, above 0 and up to 1, at which the passes end.
        passes: most passes over all images.
        seed: of the random orders.
        save: `.npz` file of the state, from which a stopped attack is resumed.
        report: is called with the number of images done and of all images, passes multiplied.

    Raises:
        UserError: images, classes or options that cannot be used, no gradients, or `save` is of
            another attack.
    """
    task = prepare(classifier, images, labels, target, gradients_for="universal")
    classifier = task.classifier
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    (radius,) = check_epsilon(epsilon, norm=norm)
    levels = np.float32(math.floor(255 * radius) if norm == "linf" else 255 * radius)
    if not 0 < rate <= 1 or passes < 1:
        raise UserError(f"rate is {rate:g}, passes {passes}; expected a share, and 1 or more")
    check_seed(seed)
    progress = task.progress(
        save,
        images=task.images,
        labels=task.labels,
        target=task.target,
        epsilon=radius,
        norm=norm,
        seed=seed,
        steps="whole levels",  # a file of another way of stepping is not gone on with
    )
    zeros = np.zeros(classifier.card.input_shape, np.float32)
    if task.target is None:
        names, walk = ["change"], _walk(task.model, norm, min(CANDIDATES, classifier.card.classes))
    else:
        names, walk = ["change", "momentum"], _climb(task.model, norm)
    state = progress.load() or {
        **dict.fromkeys(names, zeros),
        "done": np.array(0),
        "rates": np.zeros(0),
    }

    def save_state() -> None:
        progress.save({**carried, "done": np.array(done), "rates": np.array(rates)})

    def with_change() -> tuple[Int16[np.ndarray, "height width channels"], AttackResult]:
        whole = _whole(jnp.asarray(carried["change"]), levels, norm)
        rounded = np.asarray(whole).astype(np.int16)
        return rounded, _with_change(task, rounded)

    count, made = len(task.images), None
    carried, done, rates = {n: state[n] for n in names}, int(state["done"]), list(state["rates"])
    walk = partial(walk, classifier.params, levels)
    while len(rates) < passes and not (rates and rates[-1] >= rate):
        order = np.random.default_rng([seed, len(rates)]).permutation(count)
        for start in range(done % count, count, CHUNK):
            rows = order[start : start + CHUNK]
            carried = jax.device_get(walk(carried, task.images[rows], task.aim[rows]))
            done = len(rates) * count + start + len(rows)
            if start + CHUNK < count:
                save_state()
            (report or silent)(done, passes * count)
        made = with_change()
        rates.append(float(made[1].success.mean()))
        save_state()
    change, result = made or with_change()  # all passes may have been in the file
    return Universal(change, np.array(rates), result)


def add_change(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    change: Int16[np.ndarray, "height width channels"],
    *,
    target: Classes | None = None,
) -> AttackResult:
    """Adds one change to images, for instance to others than those from which it was made.

    Args:
        classifier: the one for which the change was made, or any other; inside JAX or outside.
        images: levels 0..255.
        labels: class of each image.
        change: in whole levels.
        target: class for which the images are to be taken; None for any but the label.

    Raises:
        UserError: images or classes that cannot be used, or a change of another shape.
    """
    task = prepare(classifier, images, labels, target)
    if change.shape != task.images.shape[1:]:
        raise UserError(
            f"the change has shape {change.shape}; expected {task.images.shape[1:]}, as images"
        )
    return _with_change(task, change)


def _with_change(task: Task, change: Int16[np.ndarray, "height width channels"]) -> AttackResult:
    changed = np.clip(task.images.astype(np.int16) + change, 0, 255).astype(np.uint8)
    return judge(task, changed)


@once_per_model
def _walk(model: Model, norm: str, candidates: int) -> Callable[..., dict[str, Array]]:
    """Compiles the growth of the change over some images in turn."""

    def walk(params, radius, carried, images, labels):
        def add(change, labelled):
            image, label = labelled
            levels = image.astype(jnp.float32)[None]
            # in whole levels, as the result will be: smaller changes must not count
            moved = jnp.clip(levels + _whole(change, radius, norm), 0.0, WHITE)

            def enlarged(change):
                between, _ = walk_over_border(
                    model,
                    params,
                    moved,
                    label[None],
                    norm="l2",
                    candidates=candidates,
                    steps=ROUNDS,
                    overshoot=OVERSHOOT,
                )
                reach = radius if norm == "linf" else WHITE
                step, _ = search_grid(
                    model,
                    params,
                    moved,
                    Border(label[None], -1),
                    between,
                    (jnp.maximum(levels - reach, 0.0), jnp.minimum(levels + reach, WHITE)),
                    rounds=1,
                )
                return _into_ball(change + step[0], radius, norm)

            is_fooled = jnp.argmax(class_outputs(model, params, moved)[0]) != label
            return lax.cond(is_fooled, lambda change: change, enlarged, change), None

        return {"change": lax.scan(add, carried["change"], (images, labels))[0]}

    return jax.jit(walk)


@once_per_model
def _climb(model: Model, norm: str) -> Callable[..., dict[str, Array]]:
    """Compiles the climb of the change towards targets, over a few images at a time."""

    def climb(params, radius, carried, images, targets):
        def add(carried, few):
            images, targets = few
            whole = _whole(carried["change"], radius, norm)
            moved = jnp.clip(images.astype(jnp.float32) + whole, 0.0, WHITE)
            _, slopes = odds_and_gradient(model, params, moved, targets)
            slope = jnp.mean(slopes, axis=0)
            slope = slope / (jnp.mean(jnp.abs(slope)) + LEAST)  # each step's weighs as much
            momentum = MOMENTUM * carried["momentum"] + slope
            length = 1.0 if norm == "linf" else radius / STEPS
            change = carried["change"] + length * _direction(momentum, norm)
            return {"change": _into_ball(change, radius, norm), "momentum": momentum}, None

        size = min(FEW, len(images))
        rows = np.arange(-(-len(images) // size) * size) % len(images)
        few = (part[rows].reshape(-1, size, *part.shape[1:]) for part in (images, targets))
        return lax.scan(add, carried, tuple(few))[0]

    return jax.jit(climb)


def _direction(slope: Image, norm: str) -> Image:
    """Returns the way on which a step in the norm climbs most."""
    if norm == "linf":
        return jnp.sign(slope)
    return slope / (jnp.linalg.norm(slope.reshape(-1)) + LEAST)


def _into_ball(change: Image, radius: Radius, norm: str) -> Image:
    """Projects a change onto the ball around 0."""
    if norm == "linf":
        return jnp.clip(change, -radius, radius)
    return change * jnp.minimum(1.0, radius / (jnp.linalg.norm(change.reshape(-1)) + 1e-12))


def _whole(change: Image, radius: Radius, norm: str) -> Image:
    """Rounds a change in the ball to whole levels, in the ball.

    In the L2 norm projections leave fractions of levels. The change is shrunk until its rounded
    values are in the ball, so that of equal values none is kept at the cost of another.
    """
    if norm == "linf":  # whole already: the radius is, and so are the steps
        return change

    def halve(_, shares):
        low, high = shares
        middle = (low + high) / 2
        fits = jnp.sum(jnp.square(jnp.rint(middle * change))) <= jnp.square(radius)
        return jnp.where(fits, middle, low), jnp.where(fits, high, middle)

    share, _ = lax.fori_loop(0, HALVINGS, halve, (0.0, 1.0))
    return jnp.rint(share * change)
