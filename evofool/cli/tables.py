"""The tables of the commands that look at runs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.table import Table

from evofool.classifiers import first_name
from evofool.cli.console import make_table
from evofool.evolution import summarize
from evofool.images import percent
from evofool.runs import MOST_BY_CLASS, EliteFacts, GroupFacts, RunFacts, inspect_groups


def elites_report(elites: Sequence[EliteFacts], *, ends: int) -> list[Table | str]:
    """Describes elites: a table of all, or of many a summary, their groups, and both ends.

    Args:
        elites: at least one, in the order of the table.
        ends: how many from the beginning and as many from the end, when there are many.
    """
    if len(elites) <= MOST_BY_CLASS:
        return [elites_table(elites)]
    parts: list[Table | str] = [_summary(elites), ""]
    groups = inspect_groups(elites)
    if len(groups) > 1:
        parts += [groups_table(groups), ""]
    return [*parts, elites_table(elites, ends=ends)]


def summary_of(elites: Sequence[EliteFacts]) -> dict[str, Any]:
    """Returns the numbers of `metrics.summarize` for elites."""
    return summarize(np.array([elite.log_odds for elite in elites]))


def _summary(elites: Sequence[EliteFacts]) -> str:
    values = summary_of(elites)
    return (
        f"{len(elites)} elites: median {percent(values['median_confidence'])}, "
        f"min {percent(values['min_confidence'])}, max {percent(values['max_confidence'])}; "
        f"{values['classes_ge_90']} >= .9, {values['classes_ge_99']} >= .99, "
        f"{values['classes_ge_9999']} >= .9999"
    )


def groups_table(groups: Sequence[GroupFacts]) -> Table:
    """Makes the table of groups of classes."""
    return make_table(
        ["group", "classes", "median", "share >= .99"],
        [
            [
                one.group,
                one.classes,
                percent(one.median_confidence),
                f"{100 * one.share_ge_99:.1f} %",
            ]
            for one in groups
        ],
    )


def elites_table(elites: Sequence[EliteFacts], *, ends: int | None = None) -> Table:
    """Makes the table of elites: of all, or of the `ends` first and the `ends` last."""
    shown = list(elites)
    if ends is not None and len(shown) > 2 * ends:
        shown = [*shown[:ends], *shown[-ends:]]
    is_named = any(elite.label != str(elite.class_index) for elite in shown)
    columns = ["class", *(["label"] if is_named else []), "confidence", "log-odds"]
    columns += ["runner-up", "born", "nodes", "connections", "ancestors", "changes"]
    rows: list[list[Any]] = [
        [
            elite.class_index,
            *([first_name(elite.label)] if is_named else []),
            percent(elite.confidence),
            f"{elite.log_odds:.2f}",  # goes on rising where confidence looks the same
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


def runs_table(per_run: Sequence[dict[str, Any]]) -> Table:
    """Makes the table of the independent runs of one run directory."""
    return make_table(
        ["run", "seed", "min", "median", ">= .9", ">= .99", ">= .9999"],
        [
            [
                line["run"],
                line["seed"],
                percent(line["min_confidence"]),
                percent(line["median_confidence"]),
                line.get("classes_ge_90"),  # summaries of older runs lack it
                line["classes_ge_99"],
                line["classes_ge_9999"],
            ]
            for line in per_run
        ],
    )


def comparison_table(lines: Sequence[RunFacts]) -> Table:
    """Makes the table of several runs; of several classifiers, when there are several."""
    have_one = len({line.classifier for line in lines}) == 1
    columns = [
        "run",
        *([] if have_one else ["classifier"]),
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
            *([] if have_one else [line.classifier]),
            line.encoding,
            line.seed,
            f"{line.evaluations:,}",
            percent(line.min_confidence),
            percent(line.median_confidence),
            None if line.classes_ge_90 is None else f"{line.classes_ge_90}/{line.classes}",
            f"{line.classes_ge_99}/{line.classes}",
            f"{line.classes_ge_9999}/{line.classes}",
            line.median_at_90,
            line.median_at_9999,
        ]
        for line in lines
    ]
    return make_table(columns, rows)
