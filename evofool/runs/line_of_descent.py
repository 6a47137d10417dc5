"""How an image came about: its ancestors, each where the line of descent entered a class."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from evofool.classifiers import confidence, first_name, label_of
from evofool.evolution import Step, entries, expectation_of, score_again
from evofool.images import Levels, Section, draw_sheet, percent, thumbnail, to_levels
from evofool.runs.run import Elite, Run


class Ancestor(NamedTuple):
    """An ancestor with which a line of descent entered a class.

    Attributes:
        generation: in which it was born.
        label: of the class that it held.
    """

    generation: int
    label: str


class Stone(NamedTuple):
    """An ancestor of an elite, or the elite itself.

    Attributes:
        generation: in which it was born.
        label: of the class that it held.
        confidence: of the classifier in that class, in [0, 1], as the run scores images; None where
            to ask it would run code that only the run directory names.
        image: as it was scored.
    """

    generation: int
    label: str
    confidence: float | None
    image: Levels


def stepping_stones(elite: Elite) -> list[Ancestor]:
    """Returns where an elite's line of descent entered its classes, generation 0 first.

    The last entry is the class of the elite, at the generation in which the line came to it for
    good.
    """
    return [Ancestor(step.generation, _label_of(elite.run, step)) for step in entries(elite.steps)]


def stones_of(elite: Elite) -> list[Stone]:
    """Makes the ancestors with which an elite's line of descent entered its classes.

    Args:
        elite: of any run; its classifier scores the ancestors.

    Returns:
        The one of generation 0 first; then each that held another class than its parent; the elite
        itself last.

    Raises:
        UserError: the lineage is incomplete, or the classifier cannot be loaded.
    """
    run, steps = elite.run, elite.steps
    shown = entries(steps)
    if shown[-1] != steps[0]:
        shown.append(steps[0])
    genomes = dict(zip(steps, run.replay(elite.run_index, steps), strict=True))
    images = np.concatenate(list(run.draw([genomes[step] for step in shown])))
    scores = [None] * len(shown) if run.would_run_code else _scores(elite, shown, images)
    return [
        Stone(
            generation=step.generation,
            label=_label_of(run, step),
            confidence=score,
            image=to_levels(image),
        )
        for step, image, score in zip(shown, images, scores, strict=True)
    ]


def _scores(elite: Elite, steps: list[Step], images: np.ndarray) -> list[float]:
    """Returns the confidence of an elite's ancestors in the class that each held, in [0, 1]."""
    run = elite.run
    log_odds = score_again(
        run.classifier,
        expectation_of(run.config),
        images,
        seeds=np.full(len(steps), elite.seed),
        born=np.array([(step.generation, step.child) for step in steps]),
        micro_batch=run.micro_batch,
    )
    return [
        float(of_image[run.outputs[step.cell]])
        for step, of_image in zip(steps, confidence(log_odds), strict=True)
    ]


def _label_of(run: Run, step: Step) -> str:
    return label_of(run.card, run.outputs[step.cell])


def descent(run: str | Path | Run, name: str | int, *, run_index: int = 0) -> Image.Image:
    """Draws an elite's line of descent as it passes from class to class, an image for each.

    Args:
        run: a run directory.
        name: of the class, its index or label.
        run_index: which of the independent runs.

    Raises:
        UserError: no such run or class, or the classifier cannot be loaded.
    """
    opened = Run.open(run)
    return draw_stones(stones_of(opened.elite(name, run_index)), write=opened.percent)


def draw_stones(stones: list[Stone], *, write: Callable[[float], str] = percent) -> Image.Image:
    """Draws stones on a sheet, in order, with class, generation and confidence below.

    Args:
        stones: as `stones_of` makes them.
        write: makes text of a confidence.
    """
    captions = [
        [
            first_name(stone.label),
            f"gen. {stone.generation}",
            *([] if stone.confidence is None else [write(stone.confidence)]),
        ]
        for stone in stones
    ]
    return draw_sheet([Section("", [thumbnail(stone.image) for stone in stones], captions)])
