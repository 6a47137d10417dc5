"""How an image came about: its ancestors, each where the line of descent entered a class."""

import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from evofool.classifiers import confidence, first_name, label_of
from evofool.evaluation import evaluate_log_odds
from evofool.images import Levels, Section, draw_sheet, percent, thumbnail, to_levels
from evofool.runs.run import Elite, Run


class Stone(NamedTuple):
    """An ancestor of an elite, or the elite itself.

    Attributes:
        generation: in which it was born.
        label: of the class that it held.
        confidence: of the classifier in that class, in [0, 1].
        image: as it was scored.
    """

    generation: int
    label: str
    confidence: float
    image: Levels


def stones_of(elite: Elite) -> list[Stone]:
    """Makes the ancestors with which an elite's line of descent entered its classes.

    Args:
        elite: of any run; the classifier must be there, to score the ancestors.

    Returns:
        The one of generation 0 first; then each that held another class than its parent; the elite
        itself last.

    Raises:
        UserError: the lineage is incomplete, or the classifier cannot be loaded.
    """
    run = elite.run
    genomes = run.replay(elite.run_index, elite.steps)[::-1]
    steps = elite.steps[::-1]
    entered = [after.cell != before.cell for before, after in itertools.pairwise(steps)]
    shown = [0, *(i for i, is_new in enumerate(entered, start=1) if is_new)]
    if shown[-1] != len(steps) - 1:
        shown.append(len(steps) - 1)
    images = np.concatenate(list(run.draw([genomes[i] for i in shown])))
    confidences = confidence(evaluate_log_odds(run.classifier, images, run.micro_batch))
    outputs = [run.outputs[steps[i].cell] for i in shown]
    return [
        Stone(
            generation=steps[i].generation,
            label=label_of(run.card, output),
            confidence=float(confidences[row, output]),
            image=to_levels(images[row]),
        )
        for row, (i, output) in enumerate(zip(shown, outputs, strict=True))
    ]


def descent(run: str | Path | Run, name: str | int, *, run_index: int = 0) -> Image.Image:
    """Draws an elite's line of descent as it passes from class to class, an image for each.

    Args:
        run: a run directory.
        name: of the class, its index or label.
        run_index: which of the independent runs.

    Raises:
        UserError: no such run or class, or the classifier cannot be loaded.
    """
    return draw_stones(stones_of(Run.open(run).elite(name, run_index)))


def draw_stones(stones: list[Stone]) -> Image.Image:
    """Draws stones on a sheet, in order, with class, generation and confidence below."""
    captions = [
        [first_name(stone.label), f"gen. {stone.generation}", percent(stone.confidence)]
        for stone in stones
    ]
    return draw_sheet([Section("", [thumbnail(stone.image) for stone in stones], captions)])
