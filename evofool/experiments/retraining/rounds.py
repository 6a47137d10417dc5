"""Retraining from scratch with a class of fooling images, again and again.

Round 0 is a network of the data set's classes alone. Images are evolved to fool it; they join
the training set as one more class; a new network learns that from other initial weights; it is
fooled in turn, and so on. Every run gives the elites of its first and of its last generation, as
in the paper. The last elites are polished as well, to see whether a search with gradients fools a
network that evolution does not; no network learns from what that makes.
"""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from evofool.classifiers import Card, Classifier, read_classifier
from evofool.evaluation import recognize
from evofool.experiments.bench import Lab, images_of
from evofool.experiments.report import confidences
from evofool.images import Levels
from evofool.training import FOOLING, Augment, Examples, TrainConfig, recipes, with_class

SEEDS_OF_A_ROUND, SEEDS_OF_A_REPETITION = 1000, 100_000  # more than a round has runs
SEED_OF_LONGER = 50_000  # beyond those of all rounds


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What a series of rounds does."""

    network: str  # what the networks' files are named after
    card: Card  # of a network of the data set's classes
    config: TrainConfig
    augment: Augment | None = None
    examples: int | None = None  # training images of the data set; None for all
    tests: int | None = None  # test images; None for all
    rounds: int  # how often images join the training set
    first_runs: int  # against the first network; each gives two images per class
    later_runs: int  # against each network after it
    generations: int  # of a run
    steps: int  # of gradients that its last elites climb by
    batch_size: int = 200  # children per generation
    longer_runs: int  # against the last network, going on for longer
    longer: int  # their generations


class Round(NamedTuple):
    """A network, and how it was fooled; shares are in [0, 1]."""

    training_set: int  # images it learned from
    fooling_share: float  # of them that were fooling images
    error: float  # share of the test images taken for another class, the added one included
    rejected: float  # share of the test images taken for fooling images
    error_among_classes: float  # the same as `error`, if the added output is left out
    confidence: Float[np.ndarray, "runs classes"]  # of the last elites
    images: UInt8[np.ndarray, "classes height width channels"]  # of the last elites of one run
    polished: Float[np.ndarray, "runs classes"]  # confidence of the last elites after their climb
    polished_images: UInt8[np.ndarray, "classes height width channels"]  # of the same run

    @property
    def median(self) -> float:
        """Median confidence of the last elites."""
        return float(np.median(self.confidence))

    @property
    def polished_median(self) -> float:
        """Median confidence of the polished ones."""
        return float(np.median(self.polished))


class Longer(NamedTuple):
    """How runs go on that are given more generations."""

    generations: Int[np.ndarray, " times"]  # that were logged
    medians: Float[np.ndarray, "times runs"]  # median confidence of the elites, in [0, 1]
    polished: Float[np.ndarray, "runs classes"]  # confidence of the last elites after their climb

    @property
    def final(self) -> float:
        """Median of the runs at the end."""
        return float(np.median(self.medians[-1]))


class Series(NamedTuple):
    """All rounds, and how the last network is fooled with more generations."""

    rounds: list[Round]
    longer: Longer


def retrain(lab: Lab, plan: Plan, repetition: int) -> Series:
    """Does all rounds; networks and runs are cached.

    Args:
        lab: of the part.
        plan: what to do.
        repetition: another one has other seeds throughout.
    """
    data, rounds = lab.dataset(), []
    labels = data.train_labels[: plan.examples].astype(np.int32)
    examples = Examples(
        data.train_images[: plan.examples], labels, np.ones(len(labels), np.float32)
    )
    seed, path = repetition * SEEDS_OF_A_REPETITION, Path()
    for number in range(plan.rounds + 1):
        path = lab.train(
            f"retrained-{plan.network}-{repetition}-{number:02d}",
            partial(_train, lab, plan, examples, seed=seed + number),
        )
        runs = plan.first_runs if number == 0 else plan.later_runs
        settings = _settings(plan, runs=runs, seed=seed + number * SEEDS_OF_A_ROUND)
        # generation 0 of the same seeds is what the runs begin with
        first = lab.evolve(path, generations=0, **settings)
        last = lab.evolve(path, generations=plan.generations, **settings)
        polished = lab.polish(last, steps=plan.steps)
        rounds.append(
            Round(
                training_set=len(examples.labels),
                fooling_share=1 - len(labels) / len(examples.labels),
                **_test(lab, plan, path),
                confidence=confidences(last),
                images=images_of(last, last.elites()),
                polished=confidences(polished),
                polished_images=images_of(polished, polished.elites()),
            )
        )
        lab.say(
            f"round {number}: error {rounds[-1].error:.2%}, median {rounds[-1].median:.4%}, "
            f"polished {rounds[-1].polished_median:.4%}"
        )
        for run in (first, last):
            images = images_of(run, run.all_elites())
            examples = _joined(examples, images, output=plan.card.outputs)
    return Series(rounds, fool_longer(lab, plan, path, repetition))


def fool_longer(lab: Lab, plan: Plan, network: Path, repetition: int) -> Longer:
    """Fools a network for many more generations than the rounds do."""
    seed = SEED_OF_LONGER + repetition * SEEDS_OF_A_REPETITION
    settings = _settings(plan, runs=plan.longer_runs, seed=seed)
    run = lab.evolve(network, generations=plan.longer, **settings)
    generations = np.unique([line["generation"] for line in run.metrics])
    medians = np.array([line["median_confidence"] for line in run.metrics])
    return Longer(
        generations,
        medians.reshape(len(generations), plan.longer_runs),
        confidences(lab.polish(run, steps=plan.steps)),
    )


def _train(lab: Lab, plan: Plan, examples: Examples, path: Path, *, seed: int) -> Classifier:
    """Trains a network, with one more class where there are examples of it."""
    data, card = lab.dataset(), plan.card
    if examples.labels.max() == card.outputs:
        card = with_class(card, FOOLING)
    return recipes.train_network(
        path,
        card,
        examples,
        test=(data.test_images[: plan.tests], data.test_labels[: plan.tests]),
        config=plan.config,
        seed=seed,
        augment=plan.augment,
        notes=f"the experiment retraining, {np.sum(examples.labels == plan.card.outputs):,} "
        f"fooling images among {len(examples.labels):,}",
    )


def _joined(examples: Examples, images: Levels, *, output: int) -> Examples:
    """Returns the examples and, behind them, images that are to get another output."""
    more = images, np.full(len(images), output, np.int32), np.ones(len(images), np.float32)
    return Examples(*map(np.concatenate, zip(examples, more, strict=True)))


def _settings(plan: Plan, *, runs: int, seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "runs": runs,
        "batch_size": plan.batch_size,
        "classes": tuple(map(str, range(plan.card.classes))),  # not the one that is added
        "log_every": plan.generations,
    }


def _test(lab: Lab, plan: Plan, path: Path) -> dict[str, float]:
    data, classes = lab.dataset(), plan.card.outputs
    images, labels = data.test_images[: plan.tests], data.test_labels[: plan.tests]
    recognized = recognize(read_classifier(path), images)
    among_classes = recognized.log_odds[:, :classes].argmax(axis=1)
    return {
        "error": float(np.mean(recognized.classes != labels)),
        "rejected": float(np.mean(recognized.classes >= classes)),
        "error_among_classes": float(np.mean(among_classes != labels)),
    }
