"""One-pixel and few-pixel attacks by differential evolution; they need outputs alone.

A candidate is a place and a colour for each pixel that may change. The child of member i of the
population is

    a + F (b - c),  F = 0.5,  with three other members a, b, c of the population;

there is no crossover. A child replaces its member if it is better: a lower probability of the
label, or a higher one of the target. Images are whole levels throughout. Every random number
derives from (seed, image, generation).

References:
    Storn, Price, "Differential evolution", 1997
    Su, Vargas, Sakurai, "One pixel attack for fooling deep neural networks", 2019,
    https://arxiv.org/abs/1710.08864
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, UInt8

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
from evofool.attacks.results import AttackResult, judge
from evofool.classifiers import Classifier
from evofool.evaluation import Model, choose_micro_batch, evaluate, once_per_model
from evofool.images import from_levels
from evofool.support import UserError

CHUNK = 5  # generations between two saves of the state
FACTOR = np.float32(0.5)  # of the difference of two members

MOST_PIXELS = 100  # the time to compile grows with them: 25 s for 120

Genes = Float[np.ndarray, "images population pixels genes"]
"""Row and column in [0, 1], then the channels in levels, of each pixel."""


class _Population(NamedTuple):
    """Candidates for every image.

    Attributes:
        genes: of each candidate.
        cost: log-odds of the label, or minus those of the target.
        succeeds: whether the image with the candidate's pixels is a success.
    """

    genes: Genes
    cost: Float[np.ndarray, "images population"]
    succeeds: Bool[np.ndarray, "images population"]


def one_pixel(
    classifier: Classifier,
    images: np.ndarray,
    labels: Classes,
    *,
    target: Classes | None = None,
    pixels: int = 1,
    population: int = 400,
    generations: int = 75,
    stop_early: bool = True,
    seed: int = 0,
    save: str | Path | None = None,
    report: Report | None = None,
) -> AttackResult:
    """Looks for a pixel, or a few, whose change gives images another class, by evolution.

    Args:
        classifier: inside JAX or outside.
        images: levels 0..255.
        labels: class of each image.
        target: class that each image, or every one, is to be taken for; None for any but its label.
        pixels: number of pixels that may change.
        population: number of candidates for each image, 4 or more.
        generations: number of generations after the first.
        stop_early: stop the search for an image once it succeeds.
        seed: of all random numbers; those of an image depend on its place among the images.
        save: `.npz` file of the populations, from which a stopped attack is resumed.
        report: is called with the number of generations done and of all generations.

    Raises:
        UserError: images, classes or options that cannot be used, or `save` is of another
            attack.
    """
    task = prepare(classifier, images, labels, target)
    check_counts(pixels=(pixels, 1), population=(population, 4), generations=(generations, 1))
    check_seed(seed)
    there_are = math.prod(classifier.card.input_shape[:2])
    if pixels > min(MOST_PIXELS, there_are):
        raise UserError(
            f"pixels is {pixels}; expected at most {min(MOST_PIXELS, there_are)}: an image has "
            f"{there_are}, and more than {MOST_PIXELS} take long to compile"
        )
    count, channels = len(task.images), classifier.card.input_shape[2]
    options = [task.direction, pixels, population, stop_early, seed]
    progress = task.progress(save, images=task.images, aim=task.aim, options=options)
    saved = progress.load()
    if saved is None:
        genes = first_genes(seed, count, population, pixels, channels)
        state = _Population(genes, *_score(task, genes, np.zeros(count, bool)))
        done, bred = 0, np.zeros(count, int)
    else:
        state = _Population(*(saved[name] for name in _Population._fields))
        done, bred = int(saved["done"]), saved["bred"]
    while done < generations:
        is_over = np.asarray(state.succeeds.any(axis=1) & stop_early)
        if is_over.all():
            break
        children = breed(seed, done + 1, state.genes)
        state = _replace(state, _Population(children, *_score(task, children, is_over)))
        done, bred = done + 1, bred + ~is_over
        if done % CHUNK == 0 or done == generations:
            progress.save({**state._asdict(), "done": np.array(done), "bred": bred})
            (report or silent)(done, generations)
    levels = _paint_each(jnp.asarray(task.images), jnp.asarray(_best(state)))
    adversarial = np.asarray(levels)[:, 0].astype(np.uint8)
    return judge(task, adversarial, queries=population * (1 + bred))


def _score(
    task: Task, genes: Genes, is_over: Bool[np.ndarray, " images"]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns cost and success of candidates; infinite cost for images whose search is over."""
    classifier = task.classifier
    size = choose_micro_batch(genes.shape[1], classifier)
    if classifier.is_jax:
        compiled = _score_inside(task.model, task.direction, size)
        return jax.device_get(compiled(classifier.params, task.images, task.aim, genes, is_over))
    cost = np.full(genes.shape[:2], np.inf, np.float32)
    succeeds = np.zeros(genes.shape[:2], bool)
    for row in np.flatnonzero(~is_over):
        painted = _paint_each(
            jnp.asarray(task.images[row : row + 1]), jnp.asarray(genes[row : row + 1])
        )
        outputs = evaluate(classifier, from_levels(painted[0]), size)
        odds = classifier.log_odds(jnp.asarray(outputs))[:, classifier.card.class_offset :]
        cost[row], succeeds[row] = _cost(odds, task.aim[row], task.direction)
    return cost, succeeds


@once_per_model
def _score_inside(
    model: Model, direction: int, size: int
) -> Callable[..., tuple[Float[Array, "images population"], Bool[Array, "images population"]]]:
    """Compiles `_score`: image after image, `size` candidates at a time."""

    def score(params, images, aim, genes, is_over):
        population = genes.shape[1]
        rows = jnp.minimum(jnp.arange(-(-population // size) * size), population - 1)

        def of_image(arrays):
            image, wanted, genes, is_over = arrays

            def of_part(genes):
                odds = class_log_odds(model, params, paint(image, genes))
                return _cost(odds, wanted, direction)

            def look():
                scored = lax.map(of_part, genes[rows].reshape(-1, size, *genes.shape[1:]))
                return jax.tree.map(lambda leaf: leaf.reshape(-1)[:population], scored)

            def skip():
                return jnp.full(population, jnp.inf), jnp.zeros(population, bool)

            return lax.cond(is_over, skip, look)

        return lax.map(of_image, (images, aim, genes, is_over))

    return jax.jit(score)


def _cost(
    odds: Float[Array, "candidates classes"], aim: Int[Array, ""] | np.integer, direction: int
) -> tuple[Float[Array, " candidates"], Bool[Array, " candidates"]]:
    """Returns what evolution minimises, and success, from the log-odds of candidates."""
    is_aim = jnp.argmax(odds, axis=1) == aim
    return -direction * odds[:, aim], is_aim if direction > 0 else ~is_aim


def _replace(state: _Population, children: _Population) -> _Population:
    """Replaces members by their children where these are better."""
    is_better = children.cost < state.cost
    return _Population(
        np.where(is_better[..., None, None], children.genes, state.genes),
        np.where(is_better, children.cost, state.cost),
        np.where(is_better, children.succeeds, state.succeeds),
    )


def _best(state: _Population) -> Genes:
    """Returns the best candidate of each image, among those that succeed if any does."""
    is_eligible = state.succeeds | ~state.succeeds.any(axis=1, keepdims=True)
    best = np.argmin(np.where(is_eligible, state.cost, np.inf), axis=1)
    return np.take_along_axis(state.genes, best[:, None, None, None], axis=1)


def first_genes(seed: int, images: int, population: int, pixels: int, channels: int) -> Genes:
    """Draws the first candidates: uniform places, levels normal around mid-grey."""
    drawn = []
    for rng in _generators(seed, 0, images):
        places = rng.random((population, pixels, 2), np.float32)
        colors = 128 + 127 * rng.standard_normal((population, pixels, channels), np.float32)
        drawn.append(np.concatenate([places, np.clip(colors, 0, 255)], axis=2))
    return np.stack(drawn)


def breed(seed: int, generation: int, genes: Genes) -> Genes:
    """Makes a child for every member. A gene that leaves its range is drawn at random.

    Args:
        seed: of all random numbers.
        generation: of the children, from 1.
        genes: of the members.
    """
    top = np.where(np.arange(genes.shape[3]) < 2, 1, 255).astype(np.float32)
    generators = _generators(seed, generation, len(genes))

    def children(rng: np.random.Generator, members: np.ndarray) -> np.ndarray:
        a, b, c = (members[parents] for parents in three_others(rng, len(members)))
        moved = a + FACTOR * (b - c)
        drawn = top * rng.random(moved.shape, np.float32)
        return np.where((moved < 0) | (moved > top), drawn, moved)

    return np.stack([children(*of_image) for of_image in zip(generators, genes, strict=True)])


def three_others(rng: np.random.Generator, population: int) -> list[Int[np.ndarray, " population"]]:
    """Draws three different other members for each member."""
    draws = rng.integers(0, population - 1 - np.arange(3), (population, 3))
    taken = [np.arange(population)]
    for draw in draws.T:
        for used in np.sort(taken, axis=0):
            draw = draw + (draw >= used)  # skips the members that are taken
        taken.append(draw)
    return taken[1:]


def paint(
    image: UInt8[Array, "height width channels"], genes: Float[Array, "population pixels genes"]
) -> Float[Array, "population height width channels"]:
    """Returns an image with the pixels of each candidate, in whole levels 0..255."""
    size = jnp.array(image.shape[:2])
    places = jnp.minimum((genes[..., :2] * size).astype(jnp.int32), size - 1)
    colors = jnp.rint(jnp.clip(genes[..., 2:], 0, 255))

    def painted(places: Array, colors: Array) -> Array:
        changed = image.astype(jnp.float32)
        for place, color in zip(places, colors, strict=True):  # at one place the last pixel counts
            changed = changed.at[place[0], place[1]].set(color)
        return changed

    return jax.vmap(painted)(places, colors)


def _generators(seed: int, generation: int, images: int) -> Iterator[np.random.Generator]:
    """Yields a random generator for each image, which depends on its place among the images."""
    return (np.random.default_rng([seed, image, generation]) for image in range(images))


_paint_each = jax.jit(jax.vmap(paint))
