"""Defences against small perturbations: do they help against images that show nothing?

Networks learn digits plainly, from digits perturbed along the sign of the gradient too, and with
outputs that must not change in the worst direction (virtual adversarial training). Then they are
attacked by small perturbations, shown corrupted digits, and fooled by evolution.

References:
    Goodfellow, Shlens, Szegedy, "Explaining and harnessing adversarial examples", 2015,
    https://arxiv.org/abs/1412.6572, section 6: 89.4 % error falls to 17.9 % (maxout, epsilon .25).
    Miyato et al., "Distributional smoothing with virtual adversarial training", 2016,
    https://arxiv.org/abs/1507.00677
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evofool.attacks import add_change, fgsm, finite_differences, pgd, universal
from evofool.classifiers import load_classifier
from evofool.data import Dataset
from evofool.evaluation import recognize
from evofool.evolution import NEAR_CERTAIN
from evofool.experiments.bench import FEW_EXAMPLES, Lab
from evofool.experiments.defences.report import EVALUATIONS, Measures, report
from evofool.experiments.registry import Experiment, Whole
from evofool.experiments.report import Findings, confidences
from evofool.experiments.shredded_or_recolored.measures import BLONDES, CONDITIONS, PIXELS, ROWS
from evofool.runs import Run
from evofool.training import RECIPES, train_classifier

DEFENCES = {"plain": "none", "FGSM": "fgsm", "VAT": "vat"}
ENCODINGS = ("cppn", "direct")
SIZES = (0.1, 0.25)  # epsilons of attacks
EPOCHS = 5


def mnist(lab: Lab) -> Findings:
    """LeNets trained in three ways, with several seeds each; five runs against each of them."""
    dataset = lab.dataset()
    measures: dict[str, list[Measures]] = {}
    runs: dict[str, dict[str, list[Run]]] = {}
    for name, kind in DEFENCES.items():
        paths = [_train(lab, kind, seed) for seed in range(lab.seeds)]
        runs[name] = {
            encoding: [_evolve(lab, path, encoding) for path in paths] for encoding in ENCODINGS
        }
        measures[name] = [
            _measure(lab, path, dataset) | _sum_up({e: runs[name][e][seed] for e in ENCODINGS})
            for seed, path in enumerate(paths)
        ]
    return report(lab, measures, runs, epochs=lab.choose(full=EPOCHS, small=1))


def _train(lab: Lab, kind: str, seed: int) -> Path:
    """Trains a LeNet as `evofool train lenet --adversarial KIND --seed SEED` does, less long."""

    def make(path: Path) -> None:
        train_classifier(
            "lenet",
            path,
            data=lab.supplies.data,
            seed=seed,
            adversarial=kind,
            config=dataclasses.replace(
                RECIPES["lenet"].config, epochs=lab.choose(full=EPOCHS, small=1)
            ),
            examples=lab.choose(full=None, small=FEW_EXAMPLES),
        )

    return lab.train(f"lenet-adversarial-{kind}-{seed}", make)


def _evolve(lab: Lab, path: Path, encoding: str) -> Run:
    return lab.evolve(
        path,
        encoding=encoding,
        generations=lab.choose(full=200, small=5),
        runs=lab.choose(full=5, small=1),
    )


def _measure(lab: Lab, path: Path, dataset: Dataset) -> Measures:
    """Attacks and corrupts test digits: all of them, or the first recognised ones."""
    network = load_classifier(path.stem, weights=path)
    count, learned = lab.choose(full=(10_000, 500), small=(100, 20))
    images, labels = dataset.test_images[:count], dataset.test_labels[:count].astype(int)

    def compute() -> Measures:
        is_right = recognize(network, images).classes == labels
        own, of_own = images[is_right], labels[is_right]
        change = universal(
            network,
            dataset.train_images[:learned],
            dataset.train_labels[:learned].astype(int),
            epsilon=SIZES[-1],
            passes=lab.choose(full=5, small=1),
        ).change
        many, few = lab.choose(full=(1000, 100), small=(10, 2))
        found: dict[str, Any] = {
            "accuracy": is_right.mean(),
            "universal 0.25": add_change(network, own, of_own, change).success.mean(),
        }
        for epsilon in SIZES:
            by_differences = finite_differences(network, own[:few], of_own[:few], epsilon=epsilon)
            found |= {
                f"fgsm {epsilon}": fgsm(network, own, of_own, epsilon=epsilon).success.mean(),
                f"pgd {epsilon}": pgd(
                    network, own[:many], of_own[:many], epsilon=epsilon
                ).success.mean(),
                f"differences {epsilon}": by_differences.success.mean(),
            }
        for condition in (ROWS, PIXELS, BLONDES):
            seen = recognize(network, CONDITIONS[condition](images, 0)).classes
            found[condition] = np.mean(seen == labels)
        return {what: float(value) for what, value in found.items()}

    return lab.step(f"measures-{path.stem}", compute, key=[network.card.sha256, count, SIZES])


def _sum_up(runs: Mapping[str, Run]) -> Measures:
    """Returns what evolution attains: medians over the runs against one network."""
    found: Measures = {}
    for encoding, run in runs.items():
        found[f"{encoding} confidence"] = float(np.median(np.median(confidences(run), axis=1)))
        found[f"{encoding} {EVALUATIONS}"] = float(np.median(evaluations_needed(run)))
    return found


def evaluations_needed(run: Run) -> list[float]:
    """Returns for each run the images tried until every class was certain; infinity if never."""
    first: dict[int, float] = {}
    for line in run.metrics:
        if line["min_confidence"] >= NEAR_CERTAIN:
            tried = float(run.config.batch_size * (line["generation"] + 1))
            first.setdefault(line["run"], tried)
    return [first.get(index, np.inf) for index in range(run.config.runs)]


EXPERIMENT = Experiment(
    name="defences",
    title="Do defences against small perturbations help against images that show nothing?",
    paper="not in the paper; adversarial training of Goodfellow et al. and Miyato et al.",
    parts={"mnist": Whole(run=mnist, images=True, seeds=3)},
)
