"""The experiments, in the order of the paper: a name for each module, and what a part is."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from evofool.experiments.bench import Lab
from evofool.experiments.bench.arrays import Measures
from evofool.experiments.report import Claim, Findings
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
    "defences": "defences",
    "survival": "survival",
    "simplicity": "simplicity",
    "polish": "polish",
}
"""The module of each experiment, below this package; it ends in `EXPERIMENT`."""

NAMES = tuple(MODULES)

THEMES = {
    "Images that fool": ("irregular", "regular", "single-class", "simplicity"),
    "Other networks": ("transfer-initialisation", "transfer-architecture", "ensemble"),
    "Defences": ("retraining", "defences", "survival"),
    "What networks look at": ("local-or-global", "ablation", "similarity", "stepping-stones"),
    "Certainty and gradients": (
        "real-confidence",
        "gradient-ascent",
        "gradient-ascent-regularised",
        "polish",
    ),
    "People": ("recognisability", "art"),
    "Changes of real images": ("shredded-or-recolored", "small-perturbations"),
}
"""The experiments by what they are about, as the score card has them."""

DOMAINS = ("mnist", "cifar10", "imagenet")


@dataclass(frozen=True, kw_only=True)
class Part(Generic[Measures]):
    """An experiment on one kind of data.

    Attributes:
        measure: trains, evolves and measures; returns a NamedTuple of arrays, which are cached.
        report: puts the measures beside the paper's claims, in tables and images.
        claims: what the paper says; empty where it says nothing.
        networks: what it attacks, by name; they are looked for before anything is computed.
        images: whether it reads the data set or, on ImageNet, labelled photographs.
        seeds: independent repetitions at full scale, unless the user says otherwise.
    """

    measure: Callable[[Lab], Measures]
    report: Callable[[Lab, Measures], Findings]
    claims: tuple[Claim, ...] = ()
    networks: tuple[str, ...] = ()
    images: bool = False
    seeds: int = 1

    def run(self, lab: Lab) -> Findings:
        """Measures, unless that was done before, and reports."""
        findings = self.report(lab, lab.measures(self.measure))
        judged = {(row.paper, row.tolerance) for row in findings.rows if row.tolerance}
        claimed = {(claim.paper, claim.tolerance) for claim in self.claims}
        assert judged == claimed, f"{lab.experiment}, {lab.domain}: claims {claimed ^ judged}"
        return findings


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One experiment.

    Attributes:
        name: as the command line has it.
        title: the question, in one line.
        so_what: what follows from an answer, in one sentence that holds whatever the figures are.
        paper: where the paper has it.
        parts: by domain, a name in `DOMAINS`.
    """

    name: str
    title: str
    so_what: str
    paper: str
    parts: Mapping[str, Part[Any]]  # each part has measures of its own type


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
