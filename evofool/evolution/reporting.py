"""Who is told how a run goes."""

from typing import Protocol, runtime_checkable

from evofool.evolution.metrics import MetricsLine


@runtime_checkable
class Reporter(Protocol):
    """Is told how a run goes; every method may do nothing."""

    def message(self, text: str) -> None:
        """Takes something worth a line: compiling, growing, a damaged checkpoint."""

    def progress(self, generation: int, last: int, lines: list[MetricsLine]) -> None:
        """Is called after every device call; `lines` are the newest metrics, one per run."""


class Quiet:
    """A reporter that says nothing."""

    def message(self, text: str) -> None:
        """Ignores it."""

    def progress(self, generation: int, last: int, lines: list[MetricsLine]) -> None:
        """Ignores it."""
