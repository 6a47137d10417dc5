"""What a setting changes: runs in groups by some settings, over seeds, against a baseline."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args  # Any: a setting

from evofool.measures import Median, TwoGroups, holm, mann_whitney, median_interval
from evofool.runs import Run, RunFacts, compare
from evofool.support import Setting, UserError, flattened, unknown_name
from evofool.sweeps.folder import Sweep, is_sweep
from evofool.sweeps.plan import OPERATIONAL

Measure = Literal[
    "median_confidence",
    "min_confidence",
    "classes_ge_90",
    "classes_ge_99",
    "classes_ge_9999",
    "median_at_90",
    "median_at_9999",
    "evaluations",
]
# settings that may differ between runs that are compared: they change no elite
HARMLESS = (*OPERATIONAL, "log_every", "micro_batch", "max_seconds", "runs")


@dataclass(frozen=True, kw_only=True)
class Group:
    """Runs that agree in the settings that are compared.

    Attributes:
        settings: these settings.
        values: the measure, one for each run; infinite where what it measures never happened.
        median: of the values, with its interval.
        test: Mann-Whitney test against the values of the baseline; None for the baseline itself.
        p: of that test, corrected by Holm's method for the number of tests.
    """

    settings: dict[str, Setting]
    values: tuple[float, ...]
    median: Median
    test: TwoGroups | None = None
    p: float | None = None

    @property
    def label(self) -> str:
        """The settings as text: the value alone where there is one setting."""
        return label_of(self.settings)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Groups of runs side by side.

    Attributes:
        measure: what was measured of each run.
        by: the settings that make groups.
        over: the settings in which the runs of a group differ.
        baseline: label of the group that the others are tested against.
        groups: in the order of their settings where these are numbers, else in that of the runs.
        unfinished: points of sweeps that are left out, as they are not finished.
        resolution: the finest of the runs' classifiers, see `RunFacts`.
    """

    measure: Measure
    by: tuple[str, ...]
    over: tuple[str, ...]
    baseline: str
    groups: tuple[Group, ...]
    unfinished: int
    resolution: float = 0.0


def compare_by(
    runs: Iterable[str | Path | Run | Sweep],
    *,
    by: Sequence[str],
    over: Sequence[str] = ("seed",),
    measure: Measure = "median_confidence",
    baseline: str | None = None,
) -> Comparison:
    """Compares groups of runs: median with its interval, and a test against a baseline.

    Args:
        runs: folders of sweeps, whose finished points are taken, or of runs.
        by: settings whose values make the groups, by their dotted names: `cppn.add_node_rate`.
        over: settings in which the runs of a group differ; usually the seed.
        measure: a member of `RunFacts`.
        baseline: label of the group that the others are tested against, as printed, for instance
            "0.5" or "cppn, hsv"; by default the first.

    Raises:
        UserError: unknown names; the runs differ in other settings too; two have the same settings
            and seed; or one is not a run directory or has logged nothing.

    References:
        Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    if measure not in get_args(Measure):
        raise unknown_name("measure", measure, get_args(Measure))
    runs = [opened(one) for one in runs]
    facts = [
        (settings, one) for run in compared_runs(runs) for settings, one in _settings_and_facts(run)
    ]
    if not facts:
        raise UserError("none of the runs is finished; compare needs one")
    _check(facts, by, over)
    values: dict[str, list[float]] = {}
    settings: dict[str, dict[str, Setting]] = {}
    for known, one in facts:
        mine = {name: known[name] for name in by}
        settings.setdefault(label_of(mine), mine)
        values.setdefault(label_of(mine), []).append(_value(one, measure))
    order = sorted(settings, key=_key(settings))
    first = order[0] if baseline is None else baseline
    if first not in settings:
        raise unknown_name("baseline", first, order, separator="; ")
    return Comparison(
        measure=measure,
        by=tuple(by),
        over=tuple(over),
        baseline=first,
        groups=_tested([(settings[label], values[label]) for label in order], values[first]),
        unfinished=sum(
            point.state != "finished"
            for one in runs
            if isinstance(one, Sweep)
            for point in one.points
        ),
        resolution=min(one.resolution for _, one in facts),
    )


def compared_runs(runs: Iterable[str | Path | Run | Sweep]) -> Iterator[Run]:
    """Yields runs, and of sweeps those of their finished points."""
    for one in map(opened, runs):
        if isinstance(one, Sweep):
            yield from one.runs
        else:
            yield one


def opened(one: str | Path | Run | Sweep) -> Run | Sweep:
    """Opens a run directory or the folder of a sweep."""
    if isinstance(one, Sweep | Run):
        return one
    return Sweep(one) if is_sweep(one) else Run.open(one)


def label_of(settings: Mapping[str, Setting]) -> str:
    """Writes the values of settings."""
    return ", ".join(
        " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for value in settings.values()
    )


def _settings_and_facts(run: Run) -> Iterator[tuple[dict[str, Setting], RunFacts]]:
    settings = flattened(run.config.to_dict())
    for facts in compare([run]):
        yield {**settings, "seed": facts.seed}, facts


def _check(
    facts: Sequence[tuple[dict[str, Setting], RunFacts]], by: Sequence[str], over: Sequence[str]
) -> None:
    """Makes sure that groups differ in what they are compared by, and in nothing else."""
    if not by or not over:
        raise UserError("name at least one setting to compare by, and one to compare over")
    known = facts[0][0]
    for name in (*by, *over):
        if name not in known:
            raise unknown_name("setting", name, known)
    if both := set(by) & set(over):
        raise UserError(f"{', '.join(sorted(both))}: a setting to compare by or over, not both")
    named = {*by, *over}
    other = [
        name
        for name, value in known.items()
        if name not in named
        and name not in HARMLESS
        and any(settings[name] != value for settings, _ in facts)
    ]
    if other:
        raise UserError(
            f"the runs also differ in {', '.join(other)}; add that to --by or to --over, or "
            "compare fewer runs"
        )
    seen: dict[str, str] = {}
    for settings, one in facts:
        key = repr([settings[name] for name in (*by, *over)])
        if key in seen:
            raise UserError(
                f"{seen[key]} and {one.folder} have the same settings and count once; leave one out"
            )
        seen[key] = one.folder


def _value(facts: RunFacts, measure: Measure) -> float:
    value = getattr(facts, measure)
    if value is not None:
        return float(value)
    if measure in ("median_at_90", "median_at_9999"):
        return math.inf  # never, which is later than any generation
    raise UserError(f"{facts.folder} was made before {measure} was counted; choose another measure")


def _key(settings: Mapping[str, Mapping[str, Setting]]) -> Any:
    """Returns what groups are sorted by: their numbers, where there is nothing else."""
    order = list(settings)
    rows = [list(one.values()) for one in settings.values()]
    is_numeric = all(isinstance(value, int | float) for row in rows for value in row)
    return (lambda label: list(settings[label].values())) if is_numeric else order.index


def _tested(
    groups: Sequence[tuple[dict[str, Setting], Sequence[float]]], baseline: Sequence[float]
) -> tuple[Group, ...]:
    tests = [None if values is baseline else mann_whitney(values, baseline) for _, values in groups]
    corrected = iter(holm([test.p for test in tests if test is not None]))
    return tuple(
        Group(
            settings=settings,
            values=tuple(values),
            median=median_interval(values),
            test=test,
            p=None if test is None else next(corrected),
        )
        for (settings, values), test in zip(groups, tests, strict=True)
    )
