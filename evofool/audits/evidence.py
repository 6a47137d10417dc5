"""Images that show nothing a classifier knows: evolved, ascended to, or made without looking."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from PIL import Image

from evofool.attacks import Ascent, gradient_ascent
from evofool.audits.nothing import NOTHINGS
from evofool.audits.subject import Subject
from evofool.audits.workshop import Watching, Workshop
from evofool.classifiers import Classifier
from evofool.evaluation import Recognized
from evofool.evolution import load, saved_generations
from evofool.images import Levels
from evofool.runs import Run, evolve, resume

Encoding = Literal["cppn", "direct"]
ENCODINGS: tuple[Encoding, ...] = ("cppn", "direct")  # sources that are evolved
GRADIENT = "gradient"

NO_CLASS = -1
MARKS = 10  # generations of a run whose elites are kept, to see when each class was fooled
# Steps that aim at a tenth of all probability, or half of what is missing, get there in fifty.
ASCENT = Ascent(early_gain=0.1, late_gain=0.5)
CONTROL = "control"  # the source of images that were evolved for the shipped LeNet


class Evidence(NamedTuple):
    """Images from one source.

    Attributes:
        source: cppn, direct, gradient; noise, constant, ramp; or control.
        images: levels 0..255, of the classifier's input shape.
        aimed: class that each image was made for; -1 where it was made for none.
        run: number of the independent run that it comes from.
        evaluations: images that the classifier was shown to find these, gradients included.
    """

    source: str
    images: Levels
    aimed: Int[np.ndarray, " images"]
    run: Int[np.ndarray, " images"]
    evaluations: int

    @property
    def is_aimed(self) -> bool:
        """Whether the images were made for classes."""
        return bool(len(self.aimed) and self.aimed[0] != NO_CLASS)

    def log_odds(self, seen: Recognized) -> Float[np.ndarray, " images"]:
        """Returns the log-odds of the classes aimed at or, without, of the likeliest."""
        return seen.log_odds_in(self.aimed if self.is_aimed else seen.classes).astype(float)

    def some(self, rows: Sequence[int] | np.ndarray) -> "Evidence":
        """Returns some of the images."""
        return self._replace(images=self.images[rows], aimed=self.aimed[rows], run=self.run[rows])


def evolve_run(
    classifier: Classifier,
    encoding: Encoding,
    workshop: Workshop,
    *,
    folder: Path,
    evaluations: int,
    runs: int,
    batch: int,
    seed: int,
    marks: int = MARKS,
) -> Run:
    """Evolves against a classifier, or goes on with a run that was stopped.

    Args:
        classifier: to be fooled.
        encoding: of the genomes.
        workshop: is told how far the run is.
        folder: run directory.
        evaluations: of each independent run.
        runs: number of independent runs.
        batch: children of a generation.
        seed: of the first run.
        marks: checkpoints, from which it goes on.

    Raises:
        KeyboardInterrupt: evolution was interrupted.
    """
    generations = max(1, evaluations // batch - 1)
    watching = Watching(workshop)
    if (folder / "config.json").exists():
        run = resume(folder, classifier=classifier, reporter=watching)
    else:
        run = evolve(
            classifier,
            out=folder,
            reporter=watching,
            encoding=encoding,
            generations=generations,
            batch_size=batch,
            runs=runs,
            seed=seed,
            checkpoint_every=-(-generations // marks),
            # the archive of pixels is as large as all its images
            keep_checkpoints=marks + 2 if encoding == "cppn" else 1,
        )
    if run.was_interrupted:
        raise KeyboardInterrupt
    return run


def evolved(run: Run, source: str) -> Evidence:
    """Draws all elites of a run."""
    elites = run.all_elites()
    return Evidence(
        source,
        np.stack(list(run.images(elites))),
        np.array([elite.class_index for elite in elites]),
        np.array([elite.run_index for elite in elites]),
        (run.generation + 1) * run.config.batch_size * run.config.runs,
    )


def reached(run: Run, bar: float) -> Int[np.ndarray, "runs cells"]:
    """Returns after how many evaluations of a run each class had an elite of some confidence.

    They are those of the first checkpoint that has one, and -1 where there is none.
    """
    found = np.full(run.confidences.shape, -1)
    least = np.log(bar) - np.log1p(-bar)
    for generation in reversed(saved_generations(run.folder / "checkpoints")):
        table = load(run.folder / "checkpoints", generation).table
        is_there = table["archive.fitness"] >= least
        found[is_there] = (generation + 1) * run.config.batch_size
    return found


def ascended(subject: Subject, workshop: Workshop) -> Evidence:
    """Follows gradients from noise to images of some classes, evenly spread."""
    count = min(subject.budget.ascent_classes, subject.classes)
    classes = np.unique(np.linspace(0, subject.classes - 1, count).round().astype(int))
    steps = subject.budget.ascent_steps

    def ascend() -> Levels:
        return gradient_ascent(
            subject.classifier,
            classes,
            settings=ASCENT.shorter(steps),
            seed=subject.seed,
            save=workshop.folder / "ascent.npz",
            report=workshop.tick,
        ).attack.images

    images = workshop.images(GRADIENT, ascend)
    return Evidence(GRADIENT, images, classes, np.zeros_like(classes), steps * len(classes))


def of_nothing(subject: Subject, source: str) -> Evidence:
    """Makes images of nothing: noise, constants or ramps."""
    count, shape = subject.budget.nothing, subject.classifier.card.input_shape
    images = NOTHINGS[source](shape, count, seed=subject.seed)
    return Evidence(source, images, np.full(count, NO_CLASS), np.zeros(count, int), count)


def borrowed(subject: Subject, control: Evidence) -> Evidence:
    """Scales images that were evolved for the control to the subject's input.

    They are of the kind of 2015's: CPPNs that a LeNet takes for digits.
    """
    height, width, channels = subject.classifier.card.input_shape
    scaled = [
        np.asarray(Image.fromarray(image[..., 0]).resize((width, height), Image.Resampling.BICUBIC))
        for image in control.images
    ]
    images = np.repeat(np.stack(scaled)[..., None], channels, axis=3)
    nothing = np.full(len(images), NO_CLASS)
    return Evidence(CONTROL, images, nothing, control.run, len(images))
