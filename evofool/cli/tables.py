"""The tables of runs, of their elites, and of what doctor found."""

from collections.abc import Callable, Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from evofool.classifiers import first_name
from evofool.cli.console import make_table
from evofool.evolution import Confidences, Forecast, summarize
from evofool.runs import (
    MOST_BY_CLASS,
    Diagnosis,
    EliteFacts,
    GroupFacts,
    RunFacts,
    RunSummary,
    inspect_groups,
)
from evofool.support import duration, gigabytes, percent, printable

Percent = Callable[[float], str]  # makes text of a confidence


def elites_report(
    elites: Sequence[EliteFacts], *, ends: int, write: Percent = percent
) -> list[Table | str]:
    """Describes elites: a table of few; of many a summary, their groups, and the table's ends.

    Args:
        elites: at least one, in the order of the table.
        ends: number of rows from each end of the table of many elites.
        write: makes text of a confidence.
    """
    if len(elites) <= MOST_BY_CLASS:
        return [elites_table(elites, write=write)]
    parts: list[Table | str] = [_summary(elites, write), ""]
    groups = inspect_groups(elites)
    if len(groups) > 1:
        parts += [groups_table(groups, write), ""]
    return [*parts, elites_table(elites, ends=ends, write=write)]


def summary_of(elites: Sequence[EliteFacts]) -> Confidences:
    """Returns the numbers of `evolution.summarize` for elites."""
    return summarize(np.array([elite.log_odds for elite in elites]))


def _summary(elites: Sequence[EliteFacts], write: Percent) -> str:
    values = summary_of(elites)
    return (
        f"{len(elites)} elites: median {write(values['median_confidence'])}, "
        f"min {write(values['min_confidence'])}, max {write(values['max_confidence'])}; "
        f"{values['classes_ge_90']} >= .9, {values['classes_ge_99']} >= .99, "
        f"{values['classes_ge_9999']} >= .9999"
    )


def groups_table(groups: Sequence[GroupFacts], write: Percent) -> Table:
    """Makes the table of ImageNet's groups of classes."""
    return make_table(
        ["group", "classes", "median", "share >= .99"],
        [
            [
                group.group,
                group.classes,
                write(group.median_confidence),
                f"{100 * group.share_ge_99:.1f} %",
            ]
            for group in groups
        ],
    )


def elites_table(
    elites: Sequence[EliteFacts], *, ends: int | None = None, write: Percent = percent
) -> Table:
    """Makes the table of elites: of all, or of the first `ends` and the last `ends`."""
    shown = list(elites)
    if ends is not None and len(shown) > 2 * ends:
        shown = [*shown[:ends], *shown[-ends:]]
    is_named = any(elite.label != str(elite.class_index) for elite in shown)
    columns = ["class", *(["label"] if is_named else []), "confidence", "log-odds"]
    columns += ["runner-up", "born", "nodes", "connections", "ancestors", "changes"]
    rows: list[list[object]] = [
        [
            elite.class_index,
            *([first_name(elite.label)] if is_named else []),
            write(elite.confidence),
            f"{elite.log_odds:.2f}",  # differs where confidences look the same
            first_name(elite.runner_up),
            elite.generation,
            elite.nodes,
            elite.connections,
            elite.ancestors,
            elite.class_changes,
        ]
        for elite in shown
    ]
    hidden = len(elites) - len(shown)
    if hidden:
        assert ends is not None
        rows.insert(ends, ["..."] * len(columns))
    return make_table(columns, rows, caption=f"and {hidden} between these" if hidden else "")


def runs_table(per_run: Sequence[RunSummary], *, write: Percent = percent) -> Table:
    """Makes the table of the independent runs of one run directory."""
    return make_table(
        ["run", "seed", "min", "median", ">= .9", ">= .99", ">= .9999"],
        [
            [
                line["run"],
                line["seed"],
                write(line["min_confidence"]),
                write(line["median_confidence"]),
                line.get("classes_ge_90"),  # summaries of older runs lack it
                line["classes_ge_99"],
                line["classes_ge_9999"],
            ]
            for line in per_run
        ],
    )


def comparison_table(lines: Sequence[RunFacts]) -> Table:
    """Makes the table of several runs; it names their classifiers if these differ."""
    is_same = len({line.classifier for line in lines}) == 1
    columns = [
        "run",
        *([] if is_same else ["classifier"]),
        "encoding",
        "seed",
        "evaluations",
        "min",
        "median",
    ]
    columns += [">= .9", ">= .99", ">= .9999", "median\n.9 at", "median\n.9999 at"]
    rows = [
        [
            line.folder,
            *([] if is_same else [line.classifier]),
            line.encoding,
            line.seed,
            f"{line.evaluations:,}",
            percent(line.min_confidence, step=line.resolution),
            percent(line.median_confidence, step=line.resolution),
            None if line.classes_ge_90 is None else f"{line.classes_ge_90}/{line.classes}",
            f"{line.classes_ge_99}/{line.classes}",
            f"{line.classes_ge_9999}/{line.classes}",
            line.median_at_90,
            line.median_at_9999,
        ]
        for line in lines
    ]
    return make_table(columns, rows)


def diagnosis_table(diagnosis: Diagnosis) -> Table:
    """Makes the table of what `doctor` found, a fact per row."""
    versions = ", ".join(f"{name} {version}" for name, version in diagnosis.versions.items())
    rows = [
        ("versions", versions),
        ("processor", f"{diagnosis.processor}, {diagnosis.cores} cores"),
        ("devices", ", ".join(diagnosis.devices)),
        ("compiled programs", diagnosis.cache or "not cached"),
        *((f"data {name}", folder) for name, folder in diagnosis.data.items()),
        *((f"weights {name}", state) for name, state in diagnosis.weights.items()),
    ]
    for facts in diagnosis.classifiers:
        rows += [
            ("classifier", f"{facts.name} ({facts.family})"),
            ("  weights", f"sha256 {facts.sha256}" if facts.sha256 else "no file"),
            (
                "  outputs",
                f"{facts.outputs}; class 0 is output {facts.class_offset}: {facts.first_class}",
            ),
            ("  images", facts.preprocessing),
        ]
    if diagnosis.forecast is not None:
        rows.append(("forecast", _forecast_text(diagnosis.forecast)))
    for check in diagnosis.checks:
        state = "ok" if check.passed else "FAILED"
        rows.append((f"test: {check.name}", f"{state}: {check.detail}"))
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, fact in rows:
        table.add_row(printable(name), Text(printable(fact)))
    return table


def _forecast_text(cost: Forecast) -> str:
    memory = f"{gigabytes(cost.memory_bytes)} of memory"
    if cost.device_memory_bytes:
        memory += f", {gigabytes(cost.device_memory_bytes)} on the device"
    return (
        f"{duration(cost.seconds)} ({duration(cost.compile_seconds)} compiling) at "
        f"{cost.evaluations_per_second:,.0f} evaluations/s; {memory}"
    )
