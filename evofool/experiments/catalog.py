"""The experiments there are, in the order of the paper."""

import importlib

from evofool.errors import unknown_name
from evofool.experiments.experiment import Experiment

NAMES: tuple[str, ...] = (
    "irregular",
    "regular",
    "single-class",
    "transfer-initialisation",
    "transfer-architecture",
    "ensemble",
    "retraining",
    "local-or-global",
    "real-confidence",
    "gradient-ascent",
    "gradient-ascent-regularised",
    "ablation",
    "similarity",
    "stepping-stones",
    "recognisability",
    "art",
    "shredded-or-recolored",
    "small-perturbations",
    "defences",
)
"""The module of an experiment has its name, with underscores, and ends in `EXPERIMENT`."""


def find(name: str) -> Experiment:
    """Returns an experiment by name.

    Raises:
        UserError: there is none of that name.
    """
    if name not in NAMES:
        raise unknown_name("experiment", name, ("all", *NAMES))
    module = importlib.import_module(f"evofool.experiments.{name.replace('-', '_')}")
    return module.EXPERIMENT


def experiments() -> list[Experiment]:
    """Returns all experiments."""
    return [find(name) for name in NAMES]
