"""Scores made again: of an elite from its image and its id, exactly as evolution scored it."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, Integer

from archive import Archive
from evofool.classifiers import Classifier, two_best
from evofool.evaluation import evaluate_log_odds
from evofool.evolution.encodings import Encoding, compiled_render
from evofool.evolution.expectation import Expectation, expected_log_odds
from evofool.evolution.generation import RunState, child_keys
from evofool.evolution.plan import Plan


def score_again(
    classifier: Classifier,
    expectation: Expectation | None,
    images: Float[np.ndarray, "batch height width channels"],
    *,
    seeds: Integer[np.ndarray, " batch"],
    born: Int[np.ndarray, "batch 2"],
    micro_batch: int,
) -> Float[np.ndarray, "batch outputs"]:
    """Returns the log-odds that evolution gave to children.

    Args:
        classifier: of the run.
        expectation: of the run; without one, seeds and ids are not needed.
        images: of the children, in [0, 1].
        seeds: of their independent runs.
        born: (generation, child index) of each.
        micro_batch: images in a forward pass.
    """
    if expectation is None:
        return evaluate_log_odds(classifier, images, micro_batch)
    keys = jax.vmap(lambda seed, id_: child_keys(seed, id_[0], id_[1:])[0])(
        seeds.astype(np.uint32), born.astype(np.int32)
    )
    return expected_log_odds(classifier, expectation, images, keys, micro_batch)


def with_fitness_of(plan: Plan, encoding: Encoding, state: RunState) -> RunState:
    """Gives elites of another fitness the fitness of a plan.

    Args:
        plan: says what fitness is.
        encoding: of the genomes.
        state: of a run that was evolved by another fitness; on any device.

    Returns:
        The state, on the host; cells without an elite stay empty.
    """
    elites: Archive = jax.device_get(state.archive)
    fitness, best = np.array(elites.fitness), np.array(elites.items.best)
    outputs = np.array(plan.selection.outputs)
    for run, seed in enumerate(np.asarray(state.seeds)):
        cells = np.flatnonzero(np.isfinite(fitness[run]))
        for start in range(0, len(cells), plan.micro_batch):
            part = cells[np.minimum(start + np.arange(plan.micro_batch), len(cells) - 1)]
            genomes = jax.tree.map(lambda leaf, r=run, p=part: leaf[r, p], elites.items.genome)
            odds = score_again(
                plan.classifier,
                plan.expectation,
                np.asarray(compiled_render(encoding)(genomes)),
                seeds=np.full(len(part), seed),
                born=elites.items.born[run, part],
                micro_batch=plan.micro_batch,
            )
            own = odds[np.arange(len(part)), outputs[part]]
            fitness[run, part] = np.where(np.isfinite(own), own, -np.inf)  # as for children
            best[run, part] = two_best(jnp.asarray(odds))
    items = elites.items._replace(best=best)
    return state._replace(archive=elites._replace(items=items, fitness=fitness))
