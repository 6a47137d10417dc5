"""What an experiment is: a part for every kind of data it is done on, and what those need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evofool.experiments.findings import Findings
    from evofool.experiments.lab import Lab

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
