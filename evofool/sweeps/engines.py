"""What an engine is: it carries tasks out, wherever, and tells what became of each."""

from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from evofool.support import Setting
from evofool.sweeps.work import Outcome, Task


class Means(NamedTuple):
    """What an engine works with.

    Attributes:
        logs: folder for what workers print.
        workers: points carried out at the same time; None for as many as the engine finds right.
        address: of a cluster, where the engine has one.
        resources: what each point is to get, as the plan says.
    """

    logs: Path
    workers: int | None
    address: str | None
    resources: Mapping[str, Setting]


Engine = Callable[[Sequence[Task], Means], Generator[Outcome, None, None]]
"""Yields what became of every task, in the order in which they end; it ends work when closed."""
