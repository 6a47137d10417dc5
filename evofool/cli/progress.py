"""How far a command is that counts: a live bar, or a line every few seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from evofool.support import duration

SECONDS_BETWEEN_LINES = 3.0
BAR_WIDTH, LEAST_BAR = 10, 3


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


@contextmanager
def parts(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Gives a function that is called with the part of long work, and what is done and all work.

    The time left is that of the whole work, extrapolated.

    Args:
        console: where to write, usually standard error.
    """
    began = last_line = time.monotonic()
    columns = (
        TextColumn("{task.description}", table_column=Column(overflow="ellipsis", no_wrap=True)),
        BarColumn(bar_width=BAR_WIDTH if console.width >= 60 else LEAST_BAR),
        TextColumn("{task.fields[status]}", markup=False),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        bar_task = bar.add_task("starting", total=None, status="")

        def show(part: str, done: int, total: int) -> None:
            nonlocal last_line
            now = time.monotonic()
            left = f"{duration((now - began) / done * (total - done))} left" if done else ""
            status = "  ".join(filter(None, [f"{done / total:.0%}", left]))
            bar.update(bar_task, description=part, completed=done, total=total, status=status)
            if not console.is_terminal and now - last_line >= SECONDS_BETWEEN_LINES:
                last_line = now
                console.print(f"{part}  {status}", soft_wrap=True, markup=False, highlight=False)

        yield show
