"""The command that repeats the paper's experiments: reproduce."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from evofool.cli.flags import Json, refuse_unused
from evofool.cli.numbers import MaybeCount
from evofool.cli.startup import start_jax
from evofool.support import UserError

Name = Annotated[str, tyro.conf.Positional]
List = Annotated[bool, tyro.conf.arg(name="list")]


def reproduce(
    name: Name = "",
    *,
    listing: List = False,
    scale: Literal["full", "small"] = "full",
    seeds: MaybeCount = None,
    on: tuple[str, ...] = (),
    out: Path | None = None,
    data: Path | None = None,
    weights: Path | None = None,
    photographs: Path | None = None,
    labels: Path | None = None,
    again: bool = False,
    quiet: bool = False,
    as_json: Json = False,
) -> None:
    """Repeats experiments of the paper and compares the figures.

    Repeats one experiment, or all. Writes a report with tables and images for each data set, and a
    score card of all reports. Finished work is cached. Run the same command again to resume. Scale
    small is a quick look, with fewer generations and epochs.

      evofool reproduce --list
      evofool reproduce regular --on mnist
      evofool reproduce all --scale small
      evofool reproduce ensemble --on imagenet --weights nets --out results

    Args:
        name: name of an experiment, or all.
        listing: list the experiments and their data sets.
        scale: full for the published sizes, small for a quick look.
        seeds: number of independent repetitions; each experiment has a default.
        on: data sets, of mnist, cifar10 and imagenet; by default all that the experiment has.
        out: folder for reports, networks and runs; by default reproduced-full or
            reproduced-small.
        data: folder of data sets; by default that of EVOFOOL_DATA, or the user cache.
        weights: folder of the ImageNet networks; by default imagenet-models beside the data sets.
        photographs: folder of labelled photographs; by default imagenet/samples beside the data
            sets.
        labels: CSV file of the photographs, with the columns file and index.
        again: write reports that exist again, from the cached results.
        quiet: print no progress.
        as_json: print JSON.
    """
    if not name and not listing:
        raise UserError(
            "no experiment was named; give one that 'evofool reproduce --list' lists, or all"
        )
    if listing:
        refuse_unused(
            "with --list",
            name=name,
            seeds=seeds,
            on=on,
            out=out,
            data=data,
            weights=weights,
            photographs=photographs,
            labels=labels,
            again=again,
        )
    start_jax(evolves=True)
    from evofool.cli.console import make_table, output, print_json
    from evofool.experiments import list_experiments
    from evofool.experiments import reproduce as carry_out
    from evofool.runs import reporting

    if listing:
        listed = list_experiments()
        if as_json:
            print_json(listed)
            return
        rows = [
            (line["name"], " ".join(line["on"]), line["paper"], line["title"]) for line in listed
        ]
        output().print(make_table(["experiment", "on", "paper", "question"], rows))
        return
    with reporting(quiet=quiet) as reporter:
        reports = carry_out(
            name,
            scale=scale,
            seeds=seeds,
            on=on,
            out=out,
            data=data,
            weights=weights,
            photographs=photographs,
            labels=labels,
            again=again,
            reporter=reporter,
        )
    lines = [report.score() for report in reports]
    if as_json:
        print_json(lines)
        return
    columns = ["experiment", "data", "paper", "ours", "seeds", "verdict"]
    output().print(make_table(columns, [[line[column] for column in columns] for line in lines]))
