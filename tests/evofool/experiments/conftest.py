"""What tests of experiments share: parts done at small scale, and a lab that compiles little."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from evofool import Run
from evofool.experiments.bench import Lab, Supplies
from evofool.experiments.report import Report
from evofool.experiments.reproduce import reproduce
from tests.evofool.real_data import data_folder


class DirectLab(Lab):
    """Evolves pixels, whose loop compiles ten times as fast as that of CPPNs."""

    def evolve(self, network: str | Path, *, seed: int = 0, **settings: Any) -> Run:
        return super().evolve(network, seed=seed, **settings | {"encoding": "direct"})


@pytest.fixture(scope="session")
def direct_lab() -> Callable[..., Lab]:
    """Makes labs for digits that evolve pixels whatever they are asked for."""

    def make(experiment: str, out: Path, *, seeds: int = 1) -> Lab:
        lab = DirectLab(
            experiment=experiment,
            domain="mnist",
            scale="small",
            seeds=seeds,
            out=out,
            supplies=Supplies(),
        )
        lab.folder.mkdir(parents=True, exist_ok=True)
        return lab

    return make


class Done(NamedTuple):
    """A part of an experiment that was carried out."""

    report: Report
    folder: Path


@pytest.fixture(scope="session")
def at_small_scale(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Done]:
    """Carries out a part at small scale, unless an earlier `evofool reproduce` has.

    `EVOFOOL_SMALL` names the folder that it was given; .ci/run sets it.
    """
    left = os.environ.get("EVOFOOL_SMALL")
    out = Path(left) if left else tmp_path_factory.mktemp("small")

    def carry_out(name: str, domain: str) -> Done:
        [report] = reproduce(name, on=[domain], scale="small", out=out, data=data_folder())
        return Done(report, out / name / domain)

    return carry_out
