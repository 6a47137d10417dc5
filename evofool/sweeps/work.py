"""One point of a sweep, carried out: the same on every engine, begun, gone on with, or repeated."""

import contextlib
import os
import traceback
from pathlib import Path
from typing import Literal, NamedTuple

from evofool.config import from_dict
from evofool.runs import Run, evolve, resume
from evofool.support import Setting, UserError, configure, forget_programs

State = Literal["finished", "stopped early", "failed"]


class Task(NamedTuple):
    """What a worker needs to know of a point; all of it is plain, so that it travels.

    Attributes:
        name: of the point.
        folder: its run directory, an absolute path that all workers see.
        config: `EvolveConfig.to_dict`.
        devices: number of JAX devices to split the processor into.
        directory: working directory, from which weights and code are found.
    """

    name: str
    folder: str
    config: dict[str, Setting]
    devices: int
    directory: str


class Outcome(NamedTuple):
    """What became of a point.

    Attributes:
        name: of the point.
        state: whether it is finished; one that stopped early goes on the next time.
        error: why it failed, in one line.
        details: the same at length.
        median: median confidence over the classes, of one that is finished, as text.
    """

    name: str
    state: State
    error: str = ""
    details: str = ""
    median: str = ""


_previous: list[str] = []  # the classifier of this process's last point


def carry_out(task: Task) -> Outcome:
    """Evolves a point to its end, from wherever it is; never raises."""
    try:
        configure(devices=task.devices)
        with contextlib.chdir(task.directory):
            _make_room(task.config["classifier"])
            run = _evolved(task)
    except KeyboardInterrupt:
        return Outcome(task.name, "stopped early")
    except UserError as error:
        return Outcome(task.name, "failed", str(error))
    except Exception as error:  # whatever a model of a stranger's raises
        said = f"{type(error).__name__}: {error}"
        return Outcome(task.name, "failed", said.split("\n")[0], traceback.format_exc())
    if run.was_interrupted:
        return Outcome(task.name, "stopped early")
    return Outcome(task.name, "finished", median=median_of(run))


def median_of(run: Run) -> str:
    """Returns the median confidence of a finished run as text."""
    return run.percent(run.finished["median_confidence"])


def _evolved(task: Task) -> Run:
    folder, config = Path(task.folder), from_dict(task.config)
    if (folder / "config.json").exists():
        # both come from the sweep, whose user is trusted, and not from the run directory
        return resume(folder, classifier=config.classifier, weights=config.weights, quiet=True)
    return evolve(config=config, out=folder, quiet=True)


def _make_room(classifier: str) -> None:
    """Lets go of the programs of another classifier, which the next points hardly need."""
    if _previous and _previous[0] != classifier:
        forget_programs()
    _previous[:] = [classifier]


def devices_of(cores: float | None = None) -> int:
    """Returns how many devices JAX gets where a point has so many processor cores."""
    return max(1, min(8, int(cores if cores is not None else os.cpu_count() or 1)))
