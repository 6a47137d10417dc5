"""The paper's experiments: one module each, built from what every user of evofool has.

`reproduce` does them; `catalog` names them; a `Lab` is what a part of an experiment works with,
and `Findings` is what it returns.
"""

from evofool.experiments.catalog import NAMES, experiments, find
from evofool.experiments.experiment import DOMAINS, Experiment, Part
from evofool.experiments.findings import Findings, Picture, Row, Table, Verdict
from evofool.experiments.lab import Lab, pictures_of
from evofool.experiments.reports import Report
from evofool.experiments.reproducing import list_experiments, reproduce

__all__ = [
    "DOMAINS",
    "NAMES",
    "Experiment",
    "Findings",
    "Lab",
    "Part",
    "Picture",
    "Report",
    "Row",
    "Table",
    "Verdict",
    "experiments",
    "find",
    "list_experiments",
    "pictures_of",
    "reproduce",
]
