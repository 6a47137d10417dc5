"""The grid of 8-bit levels: nearly the least changes of whole levels that cross a border.

The border nearest to a photograph is a fraction of a level away in every value. Rounding undoes so
small a change; the least change of whole levels is another one. Where the border is linear, with
slope w, the k-th level of value i adds 2k - 1 to |d|^2 and brings the border nearer by |w_i|. It is
best to take the levels that bring more than some amount for what they add, and these are

    d = round(t w)

in which few values with steep slopes change, by a level or more, and most do not. The least t with
which the classifier takes the 8-bit image for another class is found by bisection. In the L-inf
norm d is also clipped, to the fewest levels with which there is such a t.

Borders are curved. The first w is the direction of the change between levels. The slope at the
change just found is then added to a mean of all w, round after round; with the last slope alone the
search swings from side to side. At last, the levels that bring least for what they add are taken
back, as many as the image can do without.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from evofool.attacks.gradients import FloatLevels, class_outputs
from evofool.attacks.inputs import Task
from evofool.attacks.results import AttackResult, judge
from evofool.classifiers import Params
from evofool.evaluation import (
    Model,
    choose_gradient_batch,
    evaluate,
    in_parts,
    micro_batch_for,
    once_per_model,
)
from evofool.support import AnyArray

ROUNDS = 8  # slopes that are averaged
LOOKS = 12  # of a bisection: down to 1/2048 of the first guess, or up to 2048 times it
BISECTIONS = {"l2": 1, "linf": 2}  # in a round
CLEARLY = 1e-4  # lead over the next class, as a share of its output: more than other last bits
WHITE = 255.0
FAR = 1e9  # a t at which every value that has a slope changes as far as it may
LEAST = 1e-30  # against division by zero where there is no slope

OfEach = Float[Array, " batch"]
IsAcross = Callable[[FloatLevels], Bool[Array, " batch"]]


class Border(NamedTuple):
    """What the images of a batch are to be taken for.

    Attributes:
        aim: a class for each.
        direction: 1 if they are to be taken for it, -1 if for any other.
    """

    aim: Int[Array, " batch"]
    direction: int | Int[Array, ""]


class Found(NamedTuple):
    """The least changes of whole levels that were found.

    Attributes:
        change: in levels; 0 where none was found.
        most: what no value was allowed to change by more than, in levels.
        square: sum of the squares of the change; infinite where none was found.
        slope: of the lead over other classes, at the changed image.
    """

    change: FloatLevels
    most: OfEach
    square: OfEach
    slope: FloatLevels


def judge_on_grid(
    task: Task,
    change: Float[np.ndarray, "batch height width channels"],
    *,
    norm: str = "l2",
    queries: int | np.ndarray,
    gradients: int | np.ndarray,
) -> AttackResult:
    """Looks for changes of whole levels near others, and judges the images with them.

    Where none of whole levels is found, the change is rounded as it is; the result says whether
    that undid a success.

    Args:
        task: what the attack works on.
        change: of the originals, in levels; across a border of classes, or on the way to it.
        norm: in which the change is to be small, "l2" or "linf".
        queries: number of images shown before, for each or for all.
        gradients: number of gradients computed before, for each or for all.
    """
    originals, between = task.images.astype(np.float32), change.astype(np.float32)
    search = partial(_search(task.model, norm), task.classifier.params, np.int32(task.direction))
    size = choose_gradient_batch(len(originals), task.classifier)
    found, is_found = in_parts(search, [originals, task.aim, between], size)
    between = np.clip(originals + between, 0, WHITE)
    whole = np.where(_of_each(is_found), originals + found, np.rint(between))
    result = judge(
        task,
        whole.astype(np.uint8),
        queries=queries + ROUNDS + LOOKS * (ROUNDS * BISECTIONS[norm] + 1),
        gradients=gradients + ROUNDS,
    )
    lost = np.flatnonzero(~result.success)
    if len(lost):
        result.rounded_away[lost] = is_success_between(task.of(lost), between[lost])
    return result


def is_success_between(
    task: Task, levels: Float[np.ndarray, "batch height width channels"]
) -> Bool[np.ndarray, " batch"]:
    """Returns whether images between levels succeed."""
    classifier = task.classifier
    outputs = evaluate(classifier, levels / np.float32(WHITE), micro_batch_for(classifier))
    return task.is_success(outputs[:, classifier.card.class_offset :].argmax(axis=1))


@once_per_model
def _search(model: Model, norm: str) -> Callable[..., tuple[FloatLevels, Bool[Array, " batch"]]]:
    def search(params, direction, levels, aim, between):
        bounds = jnp.zeros_like(levels), jnp.full_like(levels, WHITE)
        border = Border(aim, direction)
        return search_grid(model, params, levels, border, between, bounds, norm=norm)

    return jax.jit(search)


def search_grid(
    model: Model,
    params: Params,
    levels: FloatLevels,
    border: Border,
    between: FloatLevels,
    bounds: tuple[FloatLevels, FloatLevels],
    *,
    norm: str = "l2",
    rounds: int = ROUNDS,
) -> tuple[FloatLevels, Bool[Array, " batch"]]:
    """Looks for small changes of whole levels across a border, inside JAX.

    Args:
        model: of the classifier.
        params: of the classifier.
        levels: the originals, whole.
        border: that is to be crossed.
        between: changes of any size whose directions lead to the border.
        bounds: least and largest levels of every value, whole.
        norm: in which the changes are to be small, "l2" or "linf".
        rounds: number of slopes that are averaged.

    Returns:
        The changes in levels, 0 where none was found; and whether one was found.
    """
    lead = partial(_lead, model, params, border)

    def is_across(change):
        ahead, scale = lead(levels + change)
        return ahead > CLEARLY * scale

    def slope_at(change):
        return jax.grad(lambda moved: jnp.sum(lead(moved)[0]))(levels + change)

    def along(way, most, t):
        low = jnp.maximum(bounds[0], levels - _of_each(most))
        high = jnp.minimum(bounds[1], levels + _of_each(most))
        return jnp.clip(jnp.rint(levels + _of_each(t) * way), low, high) - levels

    def go(number, carried):
        way, t, most, best = carried
        if norm == "linf":
            least, _ = _least(lambda most: is_across(along(way, jnp.ceil(most), FAR + 0 * t)), most)
            most = jnp.ceil(least)
        t, is_found = _least(lambda t: is_across(along(way, most, t)), t)
        change = along(way, most, t)
        slope = slope_at(change)
        square = jnp.where(is_found, _sum(jnp.square(change)), jnp.inf)
        best = _smaller(best, Found(change, most, square, slope))
        return way + (_unit(slope) - way) / (number + 2), t, most, best

    way = _unit(between)
    guess = 1 / (_largest(way) + LEAST)
    most = jnp.full(len(levels), WHITE)
    best = Found(jnp.zeros_like(levels), most, jnp.full(len(levels), jnp.inf), way)
    if norm == "linf":
        most = jnp.ceil(jnp.maximum(1.0, _largest(between)))
    *_, best = lax.fori_loop(0, rounds, go, (way, guess, most, best))
    return _take_back(is_across, best), jnp.isfinite(best.square)


def _lead(
    model: Model, params: Params, border: Border, levels: FloatLevels
) -> tuple[OfEach, OfEach]:
    """Returns how far images are across the border, in outputs, and the scale of these."""
    outputs = class_outputs(model, params, levels)
    is_aim = jax.nn.one_hot(border.aim, outputs.shape[1], dtype=bool)
    aim = jnp.sum(outputs, axis=1, where=is_aim)
    others = jnp.max(outputs, axis=1, where=~is_aim, initial=-jnp.inf)
    return border.direction * (aim - others), jnp.abs(others)


def _least(
    works: Callable[[OfEach], Bool[Array, " batch"]], guess: OfEach
) -> tuple[OfEach, Bool[Array, " batch"]]:
    """Returns the least number above 0 that works, by bisection, and whether there is one.

    A guess that does not work is doubled until it does.
    """

    def look(_, carried):
        low, high, tried = carried
        good = works(tried)
        low, high = jnp.where(good, low, tried), jnp.where(good, tried, high)
        return low, high, jnp.where(jnp.isinf(high), 2 * tried, (low + high) / 2)

    start = jnp.zeros_like(guess), jnp.full_like(guess, jnp.inf), guess
    _, high, _ = lax.fori_loop(0, LOOKS, look, start)
    is_found = jnp.isfinite(high)
    return jnp.where(is_found, high, guess), is_found


def _smaller(one: Found, other: Found) -> Found:
    """Returns the smaller of two changes of each image; the first of equals."""
    fewer = (other.most < one.most) | ((other.most == one.most) & (other.square < one.square))
    is_other = fewer & jnp.isfinite(other.square)

    def choose(mine, theirs):
        return jnp.where(is_other.reshape(-1, *[1] * (mine.ndim - 1)), theirs, mine)

    return jax.tree.map(choose, one, other)


def _take_back(is_across: IsAcross, found: Found) -> FloatLevels:
    """Takes a level back from as many values as images can do without.

    The first are those whose level brings least for what it adds to the square of the change.
    """
    change = found.change
    is_changed = change != 0
    worth = jnp.sign(change) * found.slope / (2 * jnp.abs(change) - 1)
    order = jnp.argsort(jnp.where(is_changed, -worth, jnp.inf).reshape(len(change), -1), axis=1)
    rank = jnp.argsort(order, axis=1).reshape(change.shape)

    def keep(count):
        return change - jnp.where(rank >= _of_each(jnp.ceil(count)), jnp.sign(change), 0)

    changed = _sum(is_changed.astype(jnp.float32))
    count, is_found = _least(lambda count: is_across(keep(count)), changed)
    return jnp.where(_of_each(is_found), keep(count), change)


def _of_each(numbers: Array | np.ndarray) -> AnyArray:
    """Shapes a number of each image so that it goes with images."""
    return numbers[:, None, None, None]


def _sum(levels: FloatLevels) -> OfEach:
    return jnp.sum(levels, axis=(1, 2, 3))


def _largest(levels: FloatLevels) -> OfEach:
    return jnp.max(jnp.abs(levels), axis=(1, 2, 3))


def _unit(levels: FloatLevels) -> FloatLevels:
    """Scales what each image has to length 1; 0 stays."""
    return levels / (_of_each(jnp.sqrt(_sum(jnp.square(levels)))) + LEAST)
