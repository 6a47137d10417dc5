"""How far a command is: a live bar in a terminal, a line every few seconds anywhere else."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from evofool.cli.console import progress_output
from evofool.support import duration, percent

if TYPE_CHECKING:
    from evofool.evolution import MetricsLine, Reporter

SECONDS_BETWEEN_LINES = 3.0
BAR_WIDTH, LEAST_BAR = 10, 3
GAP = "  "


def progress(quiet: bool) -> AbstractContextManager["Reporter | None"]:
    """Returns the reporter of this process; None if it is quiet or not the first of its job."""
    from evofool.support import is_first

    if quiet or not is_first():
        return nullcontext(None)
    return ProgressReporter(progress_output())


@contextmanager
def counting(task: str, console: Console) -> Iterator[Callable[[int, int], None]]:
    """Gives a function that is called with the counts of what is done and of all, and shows them.

    Args:
        task: what is done, in one or a few words.
        console: where to write, usually standard error.
    """
    last_line = time.monotonic()
    columns = (
        TextColumn("{task.description}", table_column=Column(overflow="ellipsis", no_wrap=True)),
        BarColumn(bar_width=BAR_WIDTH if console.width >= 60 else LEAST_BAR),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    is_hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=is_hidden) as bar:
        bar_task = bar.add_task(task, total=None)

        def show(done: int, total: int) -> None:
            nonlocal last_line
            bar.update(bar_task, completed=done, total=total)
            if not console.is_terminal and time.monotonic() - last_line >= SECONDS_BETWEEN_LINES:
                last_line = time.monotonic()
                console.print(f"{task}  {done:,}/{total:,}", soft_wrap=True, markup=False)

        yield show


class ProgressReporter:
    """An `evofool.evolution.Reporter` that writes for people; use it as a context manager.

    Args:
        console: where to write, usually standard error.
    """

    def __init__(self, console: Console):
        self._console = console
        self._bar = BarColumn(bar_width=BAR_WIDTH)
        self._live = Progress(
            TextColumn("{task.description}"),
            self._bar,
            TextColumn("{task.fields[status]}", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._live.add_task("starting", total=None, status="")
        self._first: tuple[int, float] | None = None  # generation and time of the first call
        self._newest = self._last = 0
        self._last_line = time.monotonic()

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
        """Prints a line."""
        self._console.print(text, style="dim", markup=False, highlight=False)

    def progress(self, generation: int, last: int, lines: Sequence["MetricsLine"]) -> None:
        """Shows how far the run is.

        Args:
            generation: number of the newest generation.
            last: number of the generation at which the run ends.
            lines: the newest metrics of each independent run.
        """
        now = time.monotonic()
        if self._first is None or generation < self._newest or last != self._last:
            self._first = (generation, now)  # another run has begun, or another phase
        self._newest, self._last = generation, last
        head = f"generation {generation}/{last}"
        facts = [*self._time_left(generation, last, now), *_facts_of(lines)]
        if self._console.is_terminal:
            # the time left matters more than the length of the bar; a space on each side of it
            room = self._console.width - len(head) - 2
            self._bar.bar_width = min(BAR_WIDTH, max(LEAST_BAR, room - len(facts[0])))
            room -= self._bar.bar_width
            self._live.update(
                self._task,
                description=head,
                total=last,
                completed=generation,
                status=_fitting(facts, room),
            )
        elif now - self._last_line >= SECONDS_BETWEEN_LINES or generation == last:
            self._last_line = now
            text = GAP.join([head, *facts])
            self._console.print(text, soft_wrap=True, markup=False, highlight=False)

    def _time_left(self, generation: int, last: int, now: float) -> list[str]:
        """Extrapolates the time that the remaining generations take."""
        assert self._first is not None
        done, seconds = generation - self._first[0], now - self._first[1]
        if not done or generation >= last:
            return []
        return [f"{duration(seconds / done * (last - generation))} left"]


def _facts_of(lines: Sequence["MetricsLine"]) -> list[str]:
    """Formats metrics, the most interesting first; of several runs, the lowest confidences."""
    median = min(line["median_confidence"] for line in lines)
    lowest = min(line["min_confidence"] for line in lines)
    certain = min(line["classes_ge_9999"] for line in lines)
    return [
        f"median {percent(median)}",
        f"min {percent(lowest)}",
        f"{certain} classes >= 99.99 %",
        f"{lines[0]['evaluations_per_second']:,.0f} evaluations/s",
    ]


def _fitting(facts: Sequence[str], room: int) -> str:
    """Joins the first facts, as many as there is room for."""
    text = ""
    for fact in facts:
        longer = GAP.join([text, fact]) if text else fact
        if len(longer) > room:
            break
        text = longer
    return text
