"""A finished sweep, carried out in this process."""

from collections.abc import Generator, Sequence
from typing import Any

import pytest

import evofool
from evofool import Sweep
from evofool.sweeps.engines import Means
from evofool.sweeps.sweep import ENGINES
from evofool.sweeps.work import Outcome, Task, carry_out

PLAN: dict[str, Any] = {
    "classifier": "mock:5:8x8x1",
    "batch_size": 13,
    "generations": 4,
    "checkpoint_every": 2,
    "seeds": 3,
    "grid": {"direct.mutation_rate": [0.02, 0.3]},
    "encoding": "direct",
}


def carry_out_in_process(tasks: Sequence[Task], means: Means) -> Generator[Outcome, None, None]:
    del means
    yield from map(carry_out, tasks)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "local", carry_out_in_process)


@pytest.fixture(scope="session")
def finished_sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", carry_out_in_process)
        return evofool.sweep(PLAN, out=tmp_path_factory.mktemp("sweep") / "rates")
