"""Who is told how a run goes."""

from enum import Enum
from typing import Protocol, runtime_checkable

from evofool.evolution.generation import RunState
from evofool.evolution.metrics import MetricsLine
from evofool.evolution.plan import Plan


@runtime_checkable
class Reporter(Protocol):
    """Is told how a run goes; every method may do nothing."""

    def message(self, text: str) -> None:
        """Takes something worth a line: compiling, growing, a damaged checkpoint."""

    def progress(self, generation: int, last: int, lines: list[MetricsLine]) -> None:
        """Is called after every device call; `lines` are the newest metrics, one per run."""


class Wish(Enum):
    """What somebody who watches a run wants of it."""

    GO_ON = "go on"
    PAUSE = "pause"
    STOP = "stop"  # in order, as Ctrl-C does


@runtime_checkable
class Watcher(Reporter, Protocol):
    """A reporter that also looks at the elites, and can hold the run up; no result depends on it.

    Both methods are called after every device call, before the next one begins.
    """

    def look(self, plan: Plan, state: RunState) -> None:
        """Takes the state, whose arrays are gone after the next call: copy what is kept."""

    def wish(self) -> Wish:
        """Says whether to go on; is asked again and again during a pause."""
        ...


class Quiet:
    """A reporter that says nothing."""

    def message(self, text: str) -> None:
        """Ignores it."""

    def progress(self, generation: int, last: int, lines: list[MetricsLine]) -> None:
        """Ignores it."""
