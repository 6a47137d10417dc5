"""How a run is going: a live bar in a terminal, plain lines everywhere else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from evofool.cli.console import duration
from evofool.images import percent

SECONDS_BETWEEN_LINES = 3.0


@contextmanager
def counting(what: str, console: Console) -> Iterator[Callable[[int, int], None]]:
    """Gives a function that is told how much of how much is done, and shows it.

    Args:
        what: is done, one or a few words.
        console: where to write, usually standard error.
    """
    spoke = time.monotonic()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def show(done: int, total: int) -> None:
            nonlocal spoke
            bar.update(task, completed=done, total=total)
            if not console.is_terminal and time.monotonic() - spoke >= SECONDS_BETWEEN_LINES:
                spoke = time.monotonic()
                console.print(f"{what}  {done:,}/{total:,}", soft_wrap=True, markup=False)

        yield show


class ProgressReporter:
    """An `evofool.evolution.session.Reporter` for people; use as a context manager.

    Args:
        console: where to write, usually standard error.
    """

    def __init__(self, console: Console):
        self._console = console
        self._live = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[status]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._live.add_task("starting", total=None, status="")
        self._first: tuple[int, float] | None = None
        self._newest = 0
        self._spoke = time.monotonic()

    def __enter__(self) -> "ProgressReporter":
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def message(self, text: str) -> None:
        """Prints something worth a line."""
        self._console.print(text, style="dim", markup=False, highlight=False)

    def progress(self, generation: int, last: int, lines: list[dict[str, Any]]) -> None:
        """Shows how far the run has come."""
        now = time.monotonic()
        if self._first is None or generation < self._newest:  # another run has begun
            self._first = (generation, now)
        self._newest = generation
        head, status = f"generation {generation}/{last}", self._status(generation, last, lines, now)
        self._live.update(
            self._task, description=head, total=last, completed=generation, status=status
        )
        is_due = now - self._spoke >= SECONDS_BETWEEN_LINES or generation == last
        if is_due and not self._console.is_terminal:
            self._spoke = now
            self._console.print(f"{head}  {status}", soft_wrap=True, markup=False, highlight=False)

    def _status(self, generation: int, last: int, lines: list[dict[str, Any]], now: float) -> str:
        """Writes speed, confidence and the time left; with several runs, the weakest counts."""
        median = min(line["median_confidence"] for line in lines)
        least = min(line["min_confidence"] for line in lines)
        certain = min(line["classes_ge_9999"] for line in lines)
        parts = [
            f"median {percent(median)}",
            f"min {percent(least)}",
            f"{certain} classes >= 99.99 %",
            f"{lines[0]['evaluations_per_second']:,.0f} evaluations/s",
        ]
        assert self._first is not None
        done, seconds = generation - self._first[0], now - self._first[1]
        if done and generation < last:
            parts.append(f"{duration(seconds / done * (last - generation))} left")
        return "  ".join(parts)
