"""Retraining from scratch with a class of fooling images, again and again.

Round 0 is a network of the data set's classes alone. Images are evolved to fool it; they join
the training set as one more class; a new network learns that from other initial weights; it is
fooled in turn, and so on. Every run gives the elites of its first and of its last generation, as
in the paper.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from evofool.classifiers import Card, Classifier, confidence, read_classifier
from evofool.data import Dataset
from evofool.evaluation import recognize
from evofool.experiments.bench import Lab, images_of
from evofool.runs import Run
from evofool.training import FOOLING, Augment, Examples, TrainConfig, recipes, with_class

SEEDS_OF_A_ROUND, SEEDS_OF_A_REPETITION = 1000, 100_000  # more than a round has runs
SEED_OF_LONGER = 50_000  # beyond those of all rounds


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a series of rounds does.

    Attributes:
        network: what the networks' files are named after.
        card: of a network of the data set's classes.
        config: how a network is trained.
        augment: what is done to training images.
        examples: training images of the data set; None for all.
        tests: test images; None for all.
        rounds: how often images join the training set.
        first_runs: runs against the first network; each gives two images per class.
        later_runs: runs against each network after it.
        generations: of a run.
        batch_size: children per generation.
        longer_runs: runs that go on for longer, against the last network.
        longer: their generations.
    """

    network: str
    card: Card
    config: TrainConfig
    augment: Augment | None = None
    examples: int | None = None
    tests: int | None = None
    rounds: int
    first_runs: int
    later_runs: int
    generations: int
    batch_size: int = 200
    longer_runs: int
    longer: int


class Round(NamedTuple):
    """A network, and how it was fooled.

    Attributes:
        network: its weights.
        number: how often images had joined its training set.
        training_set: images it learned from.
        fooling_share: of them that were fooling images, in [0, 1].
        error: share of the test images that it takes for another class, the added one included.
        rejected: share of the test images that it takes for fooling images.
        error_among_classes: the same as `error`, if the added output is left out.
        confidence: of the last elites.
        images: of the last elites.
    """

    network: Path
    number: int
    training_set: int
    fooling_share: float
    error: float
    rejected: float
    error_among_classes: float
    confidence: Float[np.ndarray, "runs classes"]
    images: UInt8[np.ndarray, "runs classes height width channels"]

    @property
    def median(self) -> float:
        """Median confidence of the last elites."""
        return float(np.median(self.confidence))


class Longer(NamedTuple):
    """How runs go on that are given more generations.

    Attributes:
        generations: that were looked at.
        medians: median confidence of the elites, in [0, 1].
    """

    generations: Int[np.ndarray, " times"]
    medians: Float[np.ndarray, "times runs"]


def retrain(lab: Lab, plan: Plan, repetition: int) -> list[Round]:
    """Does all rounds; networks, runs and images are made once and then kept.

    Args:
        lab: of the part.
        plan: what to do.
        repetition: another one has other seeds throughout.
    """
    rounds: list[Round] = []
    examples = _learned(lab.dataset(), plan)
    own, seed = len(examples.labels), repetition * SEEDS_OF_A_REPETITION
    for number in range(plan.rounds + 1):
        mark = f"{repetition}-{number:02d}"
        path = lab.train(
            f"retrained-{plan.network}-{mark}",
            partial(_train, lab, plan, examples, seed=seed + number),
        )
        runs = plan.first_runs if number == 0 else plan.later_runs
        evolved = _evolve(lab, plan, path, mark, runs=runs, seed=seed + number * SEEDS_OF_A_ROUND)
        test = lab.step(f"test-{mark}", partial(_test, lab, plan, path))
        rounds.append(
            Round(
                network=path,
                number=number,
                training_set=len(examples.labels),
                fooling_share=1 - own / len(examples.labels),
                **test,
                confidence=evolved["confidence"],
                images=evolved["last"],
            )
        )
        lab.say(f"round {number}: error {test['error']:.2%}, median {rounds[-1].median:.4%}")
        for name in ("first", "last"):
            examples = _joined(examples, evolved[name], output=plan.card.outputs)
    return rounds


def fool_longer(lab: Lab, plan: Plan, last: Round, repetition: int) -> Longer:
    """Fools the last network for many more generations than the rounds do."""

    def compute() -> dict[str, np.ndarray]:
        settings = _settings(
            plan, runs=plan.longer_runs, seed=SEED_OF_LONGER + repetition * SEEDS_OF_A_REPETITION
        )
        lines = lab.evolve(last.network, generations=plan.longer, **settings).metrics
        generations = np.unique([line["generation"] for line in lines])
        medians = [line["median_confidence"] for line in lines]
        return {
            "generations": generations,
            "medians": np.reshape(medians, (len(generations), plan.longer_runs)),
        }

    key = [plan.longer, plan.longer_runs, plan.batch_size, plan.generations]
    return Longer(**lab.arrays(f"longer-{repetition}-{last.number:02d}", compute, key=key))


def _train(lab: Lab, plan: Plan, examples: Examples, path: Path, *, seed: int) -> Classifier:
    """Trains a network, with one more class where there are examples of it."""
    dataset, card = lab.dataset(), plan.card
    if examples.labels.max() == card.outputs:
        card = with_class(card, FOOLING)
    return recipes.train_network(
        path,
        card,
        examples,
        test=(dataset.test_images[: plan.tests], dataset.test_labels[: plan.tests]),
        config=plan.config,
        seed=seed,
        augment=plan.augment,
        notes=f"the experiment retraining, {np.sum(examples.labels == plan.card.outputs):,} "
        f"fooling images among {len(examples.labels):,}",
    )


def _learned(dataset: Dataset, plan: Plan) -> Examples:
    images = dataset.train_images[: plan.examples]
    labels = dataset.train_labels[: plan.examples].astype(np.int32)
    return Examples(images, labels, np.ones(len(labels), np.float32))


def _joined(
    examples: Examples,
    fooling: UInt8[np.ndarray, "runs classes height width channels"],
    *,
    output: int,
) -> Examples:
    """Returns the examples and, behind them, images that are to get another output."""
    images = fooling.reshape(-1, *fooling.shape[2:])
    return Examples(
        np.concatenate([examples.images, images]),
        np.concatenate([examples.labels, np.full(len(images), output, np.int32)]),
        np.concatenate([examples.weights, np.ones(len(images), np.float32)]),
    )


def _settings(plan: Plan, *, runs: int, seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "runs": runs,
        "batch_size": plan.batch_size,
        "classes": tuple(map(str, range(plan.card.classes))),  # not the one that is added
        "log_every": plan.generations,
    }


def _evolve(
    lab: Lab, plan: Plan, path: Path, mark: str, *, runs: int, seed: int
) -> dict[str, np.ndarray]:
    """Fools a network; returns first and last images, and the confidence of the last."""
    settings = _settings(plan, runs=runs, seed=seed)

    def compute() -> dict[str, np.ndarray]:
        # generation 0 of the same seeds is what the runs begin with
        first = lab.evolve(path, generations=0, **settings)
        last = lab.evolve(path, generations=plan.generations, **settings)
        odds = last.table["archive.fitness"]
        return {"first": _all(first), "last": _all(last), "confidence": confidence(odds)}

    return lab.arrays(f"evolved-{mark}", compute, key=[settings, plan.generations])


def _all(run: Run) -> UInt8[np.ndarray, "runs classes height width channels"]:
    """Returns the images of all elites of all runs."""
    elites = [elite for index in range(run.config.runs) for elite in run.elites(index)]
    return images_of(run, elites).reshape(run.config.runs, -1, *run.card.input_shape)


def _test(lab: Lab, plan: Plan, path: Path) -> dict[str, float]:
    dataset, own = lab.dataset(), plan.card.outputs
    images, labels = dataset.test_images[: plan.tests], dataset.test_labels[: plan.tests]
    scores = recognize(read_classifier(path), images).log_odds
    found = scores.argmax(axis=1)
    return {
        "error": float(np.mean(found != labels)),
        "rejected": float(np.mean(found >= own)),
        "error_among_classes": float(np.mean(scores[:, :own].argmax(axis=1) != labels)),
    }
