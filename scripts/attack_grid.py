"""Tables how small the changes of 8-bit images are with which photographs are taken for others.

For each ImageNet network and attack, on the same photographs, all recognised before:
* success of the change between levels, as the attack finds it before it becomes one of 8 bits;
* success when that is rounded to the nearest levels, and no more is done;
* success in 8 bits, as `evofool attack` returns it, and the medians of the changes' L2 norm, for
  values in [0, 1], and of their L-inf norm, in levels;
* seconds of wall time and of the processor, compilation included.

The universal change is made of 1 and of 5 of the photographs, and counts on these.

    python scripts/attack_grid.py --weights DIR --photographs DIR --labels FILE.csv
    python scripts/attack_grid.py --networks mobilenet_v1_0.25_128 --count 5

It takes half an hour on 2 cores. Nothing is random; nothing is written but the table, in Markdown.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from evofool import AttackResult, Classifier, deepfool, fgsm, lbfgs, load_classifier, pgd, universal
from evofool.attacks.deepfool import deepfool_steps
from evofool.attacks.grid import is_success_between
from evofool.attacks.inputs import LEVEL, Task, prepare
from evofool.data import read_photographs
from evofool.evaluation import recognize
from evofool.experiments.bench import Supplies
from evofool.experiments.small_perturbations.photographs import NETWORKS
from evofool.support import platform_facts

DEEPFOOL = {"steps": 50, "overshoot": 0.02, "candidates": 10}  # the defaults of `deepfool`
FEW = (1, 5)  # photographs that a universal change is made of
STRONG = 10 / 255


class Trial(NamedTuple):
    """An attack on some of the photographs.

    Attributes:
        name: of the attack.
        task: what it works on.
        attack: takes the task, and a folder for its state.
        between: takes the same afterwards; returns the changes between levels. None where the
            attack has none.
    """

    name: str
    task: Task
    attack: Callable[[Task, Path], AttackResult]
    between: Callable[[Task, Path], np.ndarray] | None = None


def main() -> None:
    """Parses the arguments, attacks, prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--attacks", nargs="+", default=[""], help="beginnings of their names")
    parser.add_argument("--count", type=int, default=20, help="photographs for each network")
    parser.add_argument("--weights", type=Path, help="folder of the networks")
    parser.add_argument("--photographs", type=Path, help="folder of labelled photographs")
    parser.add_argument("--labels", type=Path, help="CSV with the columns file and index")
    arguments = parser.parse_args()
    supplies = Supplies(
        data=None,
        weights=arguments.weights,
        photographs=arguments.photographs,
        labels=arguments.labels,
    )
    facts = platform_facts()
    print(
        f"{os.cpu_count()} cores ({facts['processor']}), {facts['backend']}, JAX {facts['jax']}\n"
    )
    columns = ("network", "attack", "n", "between levels", "rounded", "8 bits")
    print("|", " | ".join((*columns, "L2", "levels", "s", "CPU s")), "|")
    print("|" + " --- |" * (len(columns) + 4))
    for name in arguments.networks:
        classifier = load_classifier(name, weights=supplies.network_folder())
        for trial in trials(*recognised(supplies, classifier, arguments.count)):
            if trial.name.startswith(tuple(arguments.attacks)):
                print(f"| {name} |", row(trial), "|", flush=True)


def recognised(supplies: Supplies, classifier: Classifier, count: int) -> tuple[Task, np.ndarray]:
    """Returns photographs that a network recognises, evenly spread, and the runner-up of each."""
    labelled = supplies.labelled(classifier.card)
    photographs = read_photographs([image.path for image in labelled], classifier.card)
    levels = np.stack([image.levels for image in photographs])
    labels = np.array([image.index for image in labelled])
    seen = recognize(classifier, levels)
    rows = np.flatnonzero(seen.classes == labels)
    rows = rows[np.linspace(0, len(rows) - 1, count).astype(int)]
    odds = seen.log_odds[rows]
    odds[np.arange(count), labels[rows]] = -np.inf
    return prepare(classifier, levels[rows], labels[rows]), odds.argmax(axis=1)


def trials(task: Task, runners_up: np.ndarray) -> Iterator[Trial]:
    """Returns the attacks on a network."""
    for name, attack in (("fgsm, 1 level", fgsm), ("pgd, 1 level", pgd)):
        yield Trial(name, task, partial(by_one_level, attack))
    for norm in ("l2", "linf"):
        yield Trial(
            f"deepfool, {norm}",
            task,
            partial(by_deepfool, norm),
            lambda task, _, norm=norm: deepfool_steps(task, norm=norm, **DEEPFOOL)[0],
        )
    to_runner_up = task._replace(target=runners_up)
    yield Trial("lbfgs, to the runner-up", to_runner_up, by_lbfgs, changes_of_lbfgs)
    for few in FEW:
        yield Trial(f"universal, 10 levels, of {few}", task.of(np.arange(few)), by_universal)


def by_one_level(attack: Callable[..., AttackResult], task: Task, _: Path) -> AttackResult:
    """Attacks by one level."""
    return attack(task.classifier, task.images, task.labels, epsilon=LEVEL)


def by_deepfool(norm: str, task: Task, _: Path) -> AttackResult:
    """Attacks by DeepFool."""
    return deepfool(task.classifier, task.images, task.labels, norm=norm, **DEEPFOOL)


def by_lbfgs(task: Task, folder: Path) -> AttackResult:
    """Attacks by L-BFGS, which keeps the changes between levels in its file."""
    file = folder / "lbfgs.npz"
    return lbfgs(task.classifier, task.images, task.labels, target=task.aim, save=file)


def changes_of_lbfgs(_: Task, folder: Path) -> np.ndarray:
    """Reads the changes between levels."""
    with np.load(folder / "lbfgs.npz") as state:
        return state["changes"]


def by_universal(task: Task, _: Path) -> AttackResult:
    """Attacks by one change for all."""
    return universal(task.classifier, task.images, task.labels, epsilon=STRONG).attack


def row(trial: Trial) -> str:
    """Carries out an attack; returns the cells of its row."""
    with TemporaryDirectory() as folder:
        wall, own = time.perf_counter(), time.process_time()
        result = trial.attack(trial.task, Path(folder))
        seconds = time.perf_counter() - wall, time.process_time() - own
        between: Sequence[object] = ("", "")
        if trial.between is not None:
            between = successes_between(trial.task, trial.between(trial.task, Path(folder)))
    cells = (
        trial.name,
        len(trial.task.images),
        *between,
        result.success.sum(),
        f"{np.median(result.l2):.3f}",
        f"{np.median(255 * result.linf):.0f}",
        *(f"{value:.0f}" for value in seconds),
    )
    return " | ".join(map(str, cells))


def successes_between(task: Task, change: np.ndarray) -> tuple[int, int]:
    """Returns how many changes succeed as they are, and rounded to the nearest levels."""
    moved = np.clip(task.images + change.astype(np.float32), 0, 255)
    as_it_is, rounded = (is_success_between(task, each).sum() for each in (moved, np.rint(moved)))
    return int(as_it_is), int(rounded)


if __name__ == "__main__":
    main()
