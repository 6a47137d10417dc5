"""How far a run is: a bar in a terminal, a line of HTML in a notebook, lines anywhere else."""

import html
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from evofool.evolution import MetricsLine, Quiet, Reporter
from evofool.runs.consoles import progress_output
from evofool.support import Foreign, duration, is_first, percent

SECONDS_BETWEEN_LINES = 3.0
SECONDS_BETWEEN_UPDATES = 0.3  # of a notebook, whose every output travels to a browser
BAR_WIDTH, LEAST_BAR = 10, 3
GAP = "  "


def reporting(
    *, reporter: Reporter | None = None, quiet: bool = False
) -> AbstractContextManager[Reporter]:
    """Returns who is told how a run goes, as a context manager.

    Args:
        reporter: of the caller; otherwise one that writes for people, to a notebook where there is
            one and else to standard error. Only the first process of a job writes.
        quiet: nobody is told, unless there is a reporter of the caller.
    """
    if reporter is not None:
        return nullcontext(reporter)
    if quiet or not is_first():
        return nullcontext(Quiet())
    return NotebookReporter() if is_notebook() else ProgressReporter(progress_output())


def is_notebook() -> bool:
    """Says whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


class NotebookReporter(nullcontext[Any]):
    """An `evofool.evolution.Reporter` that keeps one output of a notebook's cell up to date."""

    def __init__(self) -> None:
        super().__init__(self)
        self._messages: list[str] = []
        self._line = ""
        self._handle: Foreign = None
        self._clock = _Clock()
        self._shown = -SECONDS_BETWEEN_UPDATES

    def message(self, text: str) -> None:
        """Adds a line above that of the progress."""
        self._messages.append(text)
        self._show()

    def progress(self, generation: int, last: int, lines: Sequence[MetricsLine]) -> None:
        """Shows how far the run is; arguments are those of `ProgressReporter.progress`."""
        now = time.monotonic()
        left = self._clock.time_left(generation, last, now)
        self._line = GAP.join([f"generation {generation}/{last}", *left, *_facts_of(lines)])
        if generation == last or now - self._shown >= SECONDS_BETWEEN_UPDATES:
            self._shown = now
            self._show()

    def _show(self) -> None:
        # Optional: it is there wherever a notebook is.
        from IPython.display import HTML, display  # pyright: ignore[reportMissingImports]

        text = "\n".join([*self._messages, self._line])
        shown = HTML(f"<pre>{html.escape(text)}</pre>")
        if self._handle is None:
            self._handle = display(shown, display_id=True)
        else:
            self._handle.update(shown)


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
        self._clock = _Clock()
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

    def progress(self, generation: int, last: int, lines: Sequence[MetricsLine]) -> None:
        """Shows how far the run is.

        Args:
            generation: number of the newest generation.
            last: number of the generation at which the run ends.
            lines: the newest metrics of each independent run.
        """
        now = time.monotonic()
        head = f"generation {generation}/{last}"
        facts = [*self._clock.time_left(generation, last, now), *_facts_of(lines)]
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


class _Clock:
    """Extrapolates the time that the remaining generations take."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None  # generation and time of the first call
        self._newest = self._last = 0

    def time_left(self, generation: int, last: int, now: float) -> list[str]:
        """Returns it as text, or nothing where it is not known."""
        if self._first is None or generation < self._newest or last != self._last:
            self._first = (generation, now)  # another run has begun, or another phase
        self._newest, self._last = generation, last
        done, seconds = generation - self._first[0], now - self._first[1]
        if not done or generation >= last:
            return []
        return [f"{duration(seconds / done * (last - generation))} left"]


def _facts_of(lines: Sequence[MetricsLine]) -> list[str]:
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
