"""The command that puts runs side by side: compare."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from evofool.cli.flags import Json, refuse_unused
from evofool.cli.startup import start_jax
from evofool.support import percent

if TYPE_CHECKING:
    from evofool.sweeps import Comparison

# as `evofool.sweeps.Measure`, which is not loaded for the help
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
DEFAULT_MEASURE: Measure = "median_confidence"


def compare(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    *,
    by: tuple[str, ...] = (),
    over: tuple[str, ...] = (),
    measure: Measure = DEFAULT_MEASURE,
    baseline: str | None = None,
    csv: Path | None = None,
    plot: Path | None = None,
    strict: bool = False,
    as_json: Json = False,
) -> None:
    """Prints one table of several runs, or of groups of runs.

    It has a row for each independent run. The columns: evaluations, lowest and median confidence
    over the classes, the number of classes with a confidence of .9, .99 and .9999 or more, and the
    first logged generations whose median confidence was .9 and .9999 or more.

    With --by: a row for each value of these settings. The columns: the number of runs, their
    median, its 95 % interval (of fewer than 6 runs the widest there is, and its probability), the
    probability that a run of the group exceeds one of the baseline, and p of a Mann-Whitney test
    for no difference, corrected by Holm's method. The runs may differ in no other setting.

      evofool compare runs/*
      evofool compare runs/cppn-0 runs/direct-0 --json
      evofool compare sweeps/rates --by cppn.add_node_rate --over seed --plot rates.png
      evofool compare sweeps/rates --by encoding --measure median_at_90 --csv rates.csv

    Args:
        runs: run directories, and folders of sweeps.
        by: settings whose values make the groups, by their names in TOML files.
        over: settings in which the runs of a group differ; by default the seed.
        measure: what is compared of each run.
        baseline: the group that the others are tested against, as the table names it; by default
            the first.
        csv: file to write the groups to.
        plot: file to draw the groups to: .png, .svg or .pdf.
        strict: exit with code 1 if the newest checkpoint is damaged; by default an older one is
            used, with a warning.
        as_json: print JSON.
    """
    if not by:
        given = None if measure == DEFAULT_MEASURE else measure
        refuse_unused(
            "without --by", over=over, measure=given, baseline=baseline, csv=csv, plot=plot
        )
    start_jax()
    from evofool.cli.console import output, print_json
    from evofool.cli.tables import comparison_table
    from evofool.runs import Run
    from evofool.runs import compare as describe
    from evofool.sweeps import (
        Sweep,
        compare_by,
        compared_runs,
        is_sweep,
        plot_comparison,
        rows_of,
        write_comparison,
    )

    opened = [Sweep(run) if is_sweep(run) else Run(run, strict=strict) for run in runs]
    if not by:
        lines = describe(compared_runs(opened))
        if as_json:
            print_json(lines)
        else:
            output().print(comparison_table(lines))
        return
    compared = compare_by(opened, by=by, over=over or ("seed",), measure=measure, baseline=baseline)
    if csv is not None:
        write_comparison(compared, csv)
    if plot is not None:
        plot_comparison(compared, plot)
    if as_json:
        print_json(rows_of(compared))
    else:
        _print_groups(compared)


def _print_groups(compared: "Comparison") -> None:
    from evofool.cli.console import make_table, output
    from evofool.measures import p_text
    from evofool.support import rounded_percent

    is_confidence = compared.measure.endswith("_confidence")
    shown = partial(percent, step=compared.resolution) if is_confidence else _number
    rows = [
        [
            group.label,
            group.median.n,
            shown(group.median.median),
            f"{shown(group.median.low)} to {shown(group.median.high)}",
            rounded_percent(group.median.coverage),
            None if group.test is None else f"{group.test.superiority:.3f}",
            "baseline" if group.p is None else p_text(group.p),
        ]
        for group in compared.groups
    ]
    columns = [", ".join(compared.by), "n", compared.measure, "interval", "coverage"]
    left_out = f"{compared.unfinished} points are not finished and left out"
    table = make_table(
        [*columns, "exceeds", "p (Holm)"], rows, caption=left_out if compared.unfinished else ""
    )
    output().print(table)


def _number(value: float) -> str:
    return "never" if value == float("inf") else f"{value:g}"
