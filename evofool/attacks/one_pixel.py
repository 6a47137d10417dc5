"""One-pixel and few-pixel attacks by differential evolution; outputs are all they need.

A child takes the place of its member of the population if it is better: a lower probability of the
label, or a higher one of the target. Images are whole levels throughout; see `candidates.py` for
how children come about.

References:
    Su, Vargas, Sakurai, "One pixel attack for fooling deep neural networks", 2019,
    https://arxiv.org/abs/1710.08864
"""

from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from evofool.attacks.candidates import Genes, breed, first_genes, paint
from evofool.attacks.gradients import Model, Report, class_log_odds
from evofool.attacks.inputs import Classes, Task, check_seed, check_task
from evofool.attacks.results import AttackResult, judge
from evofool.classifiers import Classifier
from evofool.evaluation import choose_micro_batch, evaluate
from evofool.images import from_levels
from evofool.support import Progress, UserError

CHUNK = 5  # generations between looks at the clock


class _Population(NamedTuple):
    """Candidates for every image.

    Attributes:
        genes: of each candidate.
        cost: log-odds of the label, or minus those of the target.
        succeeds: whether the image with the candidate is taken for what was wanted.
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
    """Looks for a pixel, or a few, whose change gives images another class.

    Args:
        classifier: inside JAX or outside.
        images: levels 0..255.
        labels: class of each image.
        target: class that each, or all, are to be taken for; None for any but their own.
        pixels: that may change.
        population: candidates for each image, 4 or more.
        generations: after the first.
        stop_early: leave an image alone once it succeeds.
        seed: of everything; an image's candidates depend on its place among the images.
        save: `.npz` file that keeps the populations, and from which it goes on.
        report: is told how many generations of how many are done.

    Raises:
        UserError: images, classes or options that cannot be used, or `save` is of another
            attack.
    """
    task = check_task(classifier, images, labels, target)
    numbers = {
        "pixels": (pixels, 1),
        "population": (population, 4),
        "generations": (generations, 1),
    }
    for argument, (number, least) in numbers.items():
        if number < least:
            raise UserError(f"{argument} is {number}; expected {least} or more")
    check_seed(seed)
    card, count = classifier.card, len(task.images)
    progress = Progress(
        save,
        classifier=card.name,
        sha256=card.sha256,
        images=task.images,
        aim=task.aim,
        options=[task.direction, pixels, population, stop_early, seed],
    )
    score = partial(_score, classifier, task)
    kept = progress.load()
    if kept is None:
        genes = first_genes(seed, count, population, pixels, card.input_shape[2])
        state = _Population(genes, *score(genes, np.zeros(count, bool)))
        done, bred = 0, np.zeros(count, int)
    else:
        state = _Population(*(kept[name] for name in _Population._fields))
        done, bred = int(kept["done"]), kept["bred"]
    while done < generations:
        is_left = state.succeeds.any(axis=1) & stop_early
        if is_left.all():
            break
        children = breed(seed, done + 1, state.genes)
        state = _replace(state, _Population(children, *score(children, is_left)))
        done, bred = done + 1, bred + ~is_left
        if done % CHUNK == 0 or done == generations:
            progress.save({**state._asdict(), "done": np.array(done), "bred": bred})
            if report is not None:
                report(done, generations)
    levels = _paint_each(jnp.asarray(task.images), jnp.asarray(_best(state)))
    found = np.asarray(levels)[:, 0].astype(np.uint8)
    return judge(classifier, task, found, queries=population * (1 + bred))


def _score(
    classifier: Classifier, task: Task, genes: Genes, is_left: Bool[np.ndarray, " images"]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns cost and success of candidates; of images left alone, a cost that is never less."""
    size = choose_micro_batch(genes.shape[1], classifier, "direct")
    if classifier.is_jax:
        model = Model(classifier.apply, classifier.kind, classifier.card.class_offset)
        compiled = _score_inside(model, task.direction, size)
        return jax.device_get(compiled(classifier.params, task.images, task.aim, genes, is_left))
    cost = np.full(genes.shape[:2], np.inf, np.float32)
    succeeds = np.zeros(genes.shape[:2], bool)
    for row in np.flatnonzero(~is_left):
        painted = _paint_each(
            jnp.asarray(task.images[row : row + 1]), jnp.asarray(genes[row : row + 1])
        )
        outputs = evaluate(classifier, from_levels(painted[0]), size)
        odds = classifier.log_odds(jnp.asarray(outputs))[:, classifier.card.class_offset :]
        cost[row], succeeds[row] = _cost(odds, task.aim[row], task.direction)
    return cost, succeeds


@cache
def _score_inside(model: Model, direction: int, size: int) -> Any:
    """Compiles `_score`: image after image, `size` candidates at a time."""

    def score(params, images, aim, genes, is_left):
        population = genes.shape[1]
        rows = jnp.minimum(jnp.arange(-(-population // size) * size), population - 1)

        def of_image(given):
            image, wanted, genes, is_left = given

            def of_part(genes):
                odds = class_log_odds(model, params, paint(image, genes))
                return _cost(odds, wanted, direction)

            def look():
                parts = genes[rows].reshape(-1, size, *genes.shape[1:])
                found = lax.map(of_part, parts)
                return jax.tree.map(lambda leaf: leaf.reshape(-1)[:population], found)

            def leave():
                return jnp.full(population, jnp.inf), jnp.zeros(population, bool)

            return lax.cond(is_left, leave, look)

        return lax.map(of_image, (images, aim, genes, is_left))

    return jax.jit(score)


def _cost(
    odds: Float[Array, "candidates classes"], aim: Int[Array, ""] | np.integer, direction: int
) -> tuple[Float[Array, " candidates"], Bool[Array, " candidates"]]:
    is_aim = jnp.argmax(odds, axis=1) == aim
    return -direction * odds[:, aim], is_aim if direction > 0 else ~is_aim


def _replace(state: _Population, children: _Population) -> _Population:
    """Puts better children in their members' places."""
    is_better = children.cost < state.cost
    return _Population(
        np.where(is_better[..., None, None], children.genes, state.genes),
        np.where(is_better, children.cost, state.cost),
        np.where(is_better, children.succeeds, state.succeeds),
    )


def _best(state: _Population) -> Genes:
    """Returns the best candidate of each image: of those that succeed, if any does."""
    is_eligible = state.succeeds | ~state.succeeds.any(axis=1, keepdims=True)
    best = np.argmin(np.where(is_eligible, state.cost, np.inf), axis=1)
    return np.take_along_axis(state.genes, best[:, None, None, None], axis=1)


_paint_each = jax.jit(jax.vmap(paint))
