"""Adversarial patches: squares that give images a chosen class wherever they lie in them.

The patch p is to work on any image, at any place and at a range of sizes. It climbs

    E log P(target | A(p, x, t)),   p = 255 (1 + tanh w) / 2

over w with Adam, where A draws p into an image x as the placement t says. Each step looks at
images and placements of its own, drawn from (seed, step, number of the image in the step). Those
on which the patch is judged are drawn from (seed, number of the image) and are others.

References:
    Brown, Mané, Roy, Abadi, Gilmer, "Adversarial patch", 2017, https://arxiv.org/abs/1712.09665
    Athalye et al., "Synthesizing robust adversarial examples", 2018, section 2 (expectation over
    transformation), https://arxiv.org/abs/1707.07397
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, UInt8

import cppn
from evofool.attacks.gradients import class_log_odds
from evofool.attacks.inputs import (
    Classes,
    Report,
    Task,
    check_counts,
    check_seed,
    prepare,
    silent,
)
from evofool.attacks.results import AttackResult, judge, stack_like
from evofool.classifiers import Classifier
from evofool.evaluation import Model, choose_gradient_batch, once_per_model
from evofool.images import Levels
from evofool.support import UserError

SIZES = (0.3, 0.4, 0.5, 0.6)
BATCH = 16  # images in a step
CHUNK = 25  # steps between two saves of the state
WORDS = 4  # random words of an image: its number, and the size and place of the patch
_TRAINING, _JUDGING = 0, 1  # what the seed's key is folded with

Image = Float[Array, "height width channels"]
Square = Float[Array, "side side channels"]


class Placement(NamedTuple):
    """Where a patch lies in an image, in pixels.

    Attributes:
        side: of the patch.
        top: its first row.
        left: its first column.
    """

    side: Int[Array, ""]
    top: Int[Array, ""]
    left: Int[Array, ""]


class Patch(NamedTuple):
    """An adversarial patch.

    Attributes:
        image: levels 0..255, of the largest size at which it was judged.
        path: mean log-probability of the target in each step.
        attack: the result on the images, with the patch at places that it was not made with.
        is_held_out: whether the patch was made without the image.
    """

    image: UInt8[np.ndarray, "side side channels"]
    path: Float[np.ndarray, " steps"]
    attack: AttackResult
    is_held_out: Bool[np.ndarray, " batch"]


def patch(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    target: Classes,
    size: float | Sequence[float] = SIZES,
    steps: int = 500,
    rate: float = 0.05,
    hold_out: bool = True,
    seed: int = 0,
    save: str | Path | None = None,
    report: Report | None = None,
) -> Patch:
    """Makes a square that gives images a chosen class wherever it lies in them.

    `add_patch` puts it into other images.

    Args:
        classifier: inside JAX.
        images: levels 0..255.
        labels: class of each image.
        target: class that the images are to be taken for.
        size: side of the patch as a share of the shorter side of the images, or a list of such. It
            is made for all sizes from the least to the largest, and judged at each of the list.
        steps: number of gradients, each the mean over 16 images.
        rate: of Adam, the length of a step.
        hold_out: hold out the second image, the fourth and so on: the patch is only judged on them.
        seed: of the images and places in each step, and of the places where it is judged.
        save: `.npz` file of the state, from which a stopped attack is resumed.
        report: is called with the number of steps done and of all steps.

    Raises:
        UserError: images, classes or options that cannot be used, no gradients, or `save` is of
            another attack.
    """
    task = prepare(classifier, images, labels, target, gradients_for="patch")
    sides = check_size(size, classifier.card.input_shape)
    check_counts(steps=(steps, 1))
    check_seed(seed)
    if not 0 < rate <= 1:
        raise UserError(f"rate is {rate:g}; expected a number above 0 and up to 1")
    is_held_out = hold_out & (np.arange(len(task.images)) % 2 == 1)
    made_of = task.of(np.flatnonzero(~is_held_out))
    state = _train(made_of, sides, steps, rate, seed, save, report or silent)
    image = np.asarray(_levels(jnp.asarray(state["free"]))).astype(np.uint8)
    made = _put_in(task, image, size, seed)
    return Patch(image, state["path"], judge(task, made), is_held_out)


def add_patch(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    image: np.ndarray,
    *,
    target: Classes | None = None,
    size: float | Sequence[float] = SIZES,
    seed: int = 0,
) -> AttackResult:
    """Puts a patch into images, for instance into others than those of which it was made.

    Args:
        classifier: the one for which the patch was made, or any other; inside JAX or outside.
        images: levels 0..255.
        labels: class of each image.
        image: the patch, levels 0..255, uint8 `[side, side, channels]`.
        target: class that the images are to be taken for; None for any but the label.
        size: side of the patch as a share of the shorter side of the images, or a list of such.
        seed: of the places.

    Raises:
        UserError: images, classes or sizes that cannot be used, or a patch of another shape.
    """
    task = prepare(classifier, images, labels, target)
    check_size(size, classifier.card.input_shape)
    side, channels = len(image), task.images.shape[-1]
    if image.shape != (side, side, channels) or image.dtype != np.uint8:
        raise UserError(
            f"the patch is {image.dtype} of shape {image.shape}; expected 8-bit levels, uint8 of "
            f"shape (side, side, {channels})"
        )
    return judge(task, _put_in(task, image, size, seed))


def check_size(size: float | Sequence[float], shape: tuple[int, int, int]) -> list[int]:
    """Returns sides of a patch in pixels.

    Args:
        size: one or several, as shares of the shorter side of the images.
        shape: of the images.

    Raises:
        UserError: a patch would have no pixel or not fit, or there is no size.
    """
    shares = np.atleast_1d(np.asarray(size, float))
    short = min(shape[:2])
    if not len(shares):
        raise UserError("size is empty; expected shares of the shorter side of the images")
    for share in shares:
        if not 0.5 / short < share <= 1:
            raise UserError(
                f"size is {share:g}; expected a share of the shorter side of the images, up to 1, "
                f"of a pixel or more: of {short}"
            )
    return [round(short * share) for share in shares.tolist()]


def _train(
    task: Task,
    sides: Sequence[int],
    steps: int,
    rate: float,
    seed: int,
    save: str | Path | None,
    report: Report,
) -> dict[str, np.ndarray]:
    """Returns the state after all steps."""
    bounds = min(sides), max(sides)
    progress = task.progress(
        save,
        images=task.images,
        aim=task.aim,
        options=[*bounds, steps, rate, seed],
    )
    start = np.zeros((bounds[1], bounds[1], task.images.shape[-1]), np.float32)
    state = progress.load() or {
        "done": np.array(0),
        "path": np.zeros(steps, np.float32),
        **dict.fromkeys(("free", "mu", "nu"), start),
    }
    size = choose_gradient_batch(BATCH, task.classifier)
    size = math.gcd(BATCH, 1 << (size.bit_length() - 1))  # divides the images of a step
    climb = partial(_climb(task.model, size), task.classifier.params, task.images, task.aim)
    while (done := int(state["done"])) < steps:
        stop = min(done + CHUNK, steps)
        between = np.array([done, stop, *bounds], np.int32)
        parts = (state[name] for name in ("free", "mu", "nu", "path"))
        made = jax.device_get(climb(_key(seed, _TRAINING), np.float32(rate), between, *parts))
        state = {
            "done": np.array(stop),
            **dict(zip(("free", "mu", "nu", "path"), made, strict=True)),
        }
        progress.save(state)
        report(stop, steps)
    return state


def _key(seed: int, stream: int) -> Key[Array, ""]:
    return cppn.fold_in(jax.random.key(seed, impl="threefry2x32"), stream)


@once_per_model
def _climb(model: Model, size: int) -> Callable[..., tuple[Array, ...]]:
    """Compiles the steps from one number to another; images go forward and back `size` at once."""
    adam = optax.scale_by_adam()

    def climb(params, images, aims, key, rate, between, free, mu, nu, path):
        start, stop, *bounds = between

        def mean(free, chosen):
            shown, aim, placements = chosen
            levels = shown.astype(jnp.float32)
            covered = jax.vmap(partial(cover, _levels(free)))(levels, placements)
            odds = class_log_odds(model, params, covered)
            of_aim = jnp.take_along_axis(odds, aim[:, None], axis=1)[:, 0]
            return -jnp.mean(jax.nn.softplus(-of_aim))

        def step(number, carried):
            free, state, path = carried
            words = _words(cppn.fold_in(key, number), jnp.arange(BATCH))
            rows = _pick(words[:, 0], len(images))
            placements = jax.vmap(partial(_draw, images.shape[1:3], bounds))(words[:, 1:])
            chosen = jax.tree.map(
                lambda leaf: leaf.reshape(-1, size, *leaf.shape[1:]),
                (images[rows], aims[rows], placements),
            )
            values, slopes = lax.map(partial(jax.value_and_grad(mean), free), chosen)
            moved, state = adam.update(jnp.mean(slopes, axis=0), state)
            return free + rate * moved, state, path.at[number].set(jnp.mean(values))

        state = optax.ScaleByAdamState(count=start, mu=mu, nu=nu)
        free, state, path = lax.fori_loop(start, stop, step, (free, state, path))
        return free, state.mu, state.nu, path

    return jax.jit(climb)


def _levels(free: Square) -> Square:
    """Returns whole levels; gradients pass through the rounding."""
    levels = 255 * (1 + jnp.tanh(free)) / 2
    return levels + lax.stop_gradient(jnp.rint(levels) - levels)


def _words(key: Key[Array, ""], numbers: Int[Array, " batch"]) -> Float[Array, "batch words"]:
    """Draws numbers in [0, 1) for images, each from its own key."""
    return jax.vmap(
        lambda number: cppn.uniform(cppn.random_bits(cppn.fold_in(key, number), WORDS))
    )(numbers)


def _pick(u: Float[Array, "*shape"], count: Int[Array, "*shape"] | int) -> Int[Array, "*shape"]:
    """Turns numbers in [0, 1) into whole ones from 0 to below `count`."""
    return jnp.minimum((u * count).astype(jnp.int32), count - 1)


def _draw(
    size: tuple[int, ...], bounds: Sequence[Int[Array, ""]], u: Float[Array, "3"]
) -> Placement:
    """Draws a placement inside an image; all sides between the bounds, and all places, alike."""
    side = bounds[0] + _pick(u[0], bounds[1] - bounds[0] + 1)
    return Placement(side, *(_pick(u[1 + i], size[i] - side + 1) for i in (0, 1)))


def cover(square: Square, image: Image, placement: Placement) -> Image:
    """Returns an image with a patch in it, in levels that may be between whole ones.

    A patch is made smaller with a triangle filter; at its own size it stays as it is.
    """
    height, width = image.shape[:2]
    rows = _line(height, len(square), placement.top, placement.side)
    columns = _line(width, len(square), placement.left, placement.side)
    drawn = jnp.einsum("ij,jkc,lk->ilc", rows, square, columns)
    share = jnp.sum(rows, axis=1)[:, None] * jnp.sum(columns, axis=1)
    return jnp.where(share[..., None] > 0.5, drawn, image)


def _line(
    length: int, own: int, start: Int[Array, ""], side: Int[Array, ""]
) -> Float[Array, "length own"]:
    """Returns the weights of a patch's rows in those of an image; 0 beside the patch."""
    step = own / side.astype(jnp.float32)
    number = jnp.arange(length) - start
    place = (number + 0.5) * step - 0.5
    width = jnp.maximum(step, 1.0)
    weights = jnp.maximum(1.0 - jnp.abs(place[:, None] - jnp.arange(own)) / width, 0.0)
    weights = weights / jnp.maximum(jnp.sum(weights, axis=1, keepdims=True), 1e-6)
    inside = (number >= 0) & (number < side)
    return jnp.where(inside[:, None], weights, 0.0)


def _put_in(
    task: Task,
    image: UInt8[np.ndarray, "side side channels"],
    size: float | Sequence[float],
    seed: int,
) -> Levels:
    """Draws a patch into images, at each size; a list of sizes becomes the first axis."""
    shape = task.images.shape[1:]
    u = _words(_key(seed, _JUDGING), jnp.arange(len(task.images)))[:, 1:]
    made = []
    for side in check_size(size, shape):
        levels = _covered(jnp.asarray(image), task.images, np.int32(side), u)
        made.append(np.asarray(levels))
    return stack_like(size, made)


@jax.jit
def _covered(
    image: UInt8[Array, "side side channels"],
    images: UInt8[Array, "batch height width channels"],
    side: Int[Array, ""],
    u: Float[Array, "batch 3"],
) -> UInt8[Array, "batch height width channels"]:
    placements = jax.vmap(partial(_draw, images.shape[1:3], (side, side)))(u)
    levels = images.astype(jnp.float32)
    covered = jax.vmap(partial(cover, image.astype(jnp.float32)))(levels, placements)
    return jnp.rint(covered).astype(jnp.uint8)
