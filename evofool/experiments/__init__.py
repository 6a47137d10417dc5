"""The paper's experiments: one module or folder each, built from what every user of evofool has.

`reproduce` does them and `registry` names them. `bench` is what an experiment works with: a lab
that trains, evolves and caches; `report` is what it returns and how that is written.
"""

from evofool.experiments.bench import Lab, images_of
from evofool.experiments.registry import DOMAINS, NAMES, Experiment, Part, experiments, find
from evofool.experiments.report import Findings, Report, Row, Verdict
from evofool.experiments.reproduce import list_experiments, reproduce

__all__ = [
    "DOMAINS",
    "NAMES",
    "Experiment",
    "Findings",
    "Lab",
    "Part",
    "Report",
    "Row",
    "Verdict",
    "experiments",
    "find",
    "images_of",
    "list_experiments",
    "reproduce",
]
