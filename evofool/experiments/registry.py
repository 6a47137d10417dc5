"""The experiments there are, in the order of the paper."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evofool.support import unknown_name

MODULES = {
    "irregular": "irregular",
    "regular": "regular.experiment",
    "single-class": "single_class.experiment",
    "transfer-initialisation": "transfer.initialisation",
    "transfer-architecture": "transfer.architecture",
    "ensemble": "ensemble",
    "retraining": "retraining.experiment",
    "local-or-global": "local_or_global",
    "real-confidence": "real_confidence",
    "gradient-ascent": "gradient_ascent.plain",
    "gradient-ascent-regularised": "gradient_ascent.regularised",
    "ablation": "ablation.experiment",
    "similarity": "similarity",
    "stepping-stones": "stepping_stones",
    "recognisability": "recognisability.experiment",
    "art": "art",
    "shredded-or-recolored": "shredded_or_recolored.experiment",
    "small-perturbations": "small_perturbations.experiment",
    "defences": "defences.experiment",
}
"""Where each experiment is, below this package; the module ends in `EXPERIMENT`."""

NAMES = tuple(MODULES)

DOMAINS = ("mnist", "cifar10", "imagenet")


@dataclass(frozen=True, kw_only=True)
class Part:
    """An experiment on one kind of data.

    Attributes:
        run: does it.
        networks: what it attacks, by name; they are looked for before anything is computed.
        images: whether it reads the data set or, on ImageNet, labelled photographs.
        seeds: independent repetitions at full scale, unless the user says otherwise.
    """

    run: "Callable[[Lab], Findings]"
    networks: tuple[str, ...] = ()
    images: bool = False
    seeds: int = 1


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One experiment.

    Attributes:
        name: as the command line has it.
        title: the question, in one line.
        paper: where the paper has it.
        parts: by domain, a name in `DOMAINS`.
    """

    name: str
    title: str
    paper: str
    parts: Mapping[str, Part]


def find(name: str) -> Experiment:
    """Returns an experiment by name.

    Raises:
        UserError: there is none of that name.
    """
    if name not in NAMES:
        raise unknown_name("experiment", name, ("all", *NAMES))
    module = importlib.import_module(f"evofool.experiments.{MODULES[name]}")
    return module.EXPERIMENT


def experiments() -> list[Experiment]:
    """Returns all experiments."""
    return [find(name) for name in NAMES]


if TYPE_CHECKING:
    from evofool.experiments.bench.lab import Lab
    from evofool.experiments.report.findings import Findings
