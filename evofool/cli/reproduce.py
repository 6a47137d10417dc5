"""The command that does the paper's experiments: reproduce."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from evofool.cli.flags import Json
from evofool.cli.startup import start_jax
from evofool.support import UserError

Name = Annotated[str, tyro.conf.Positional]
List = Annotated[bool, tyro.conf.arg(name="list")]


def reproduce(
    name: Name = "",
    *,
    listing: List = False,
    scale: Literal["full", "small"] = "full",
    seeds: int | None = None,
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
    """Does an experiment of the paper, or all, and puts our figures beside the published ones.

    Leaves, for each kind of data, a report with tables and images, and a score card of all. What
    is finished is kept: the same command goes on where it was stopped. At small scale, a quick look
    at everything, there are fewer generations and networks are trained for less long.

      evofool reproduce --list
      evofool reproduce regular --on mnist
      evofool reproduce all --scale small
      evofool reproduce ensemble --on imagenet --weights nets --out results

    Args:
        name: of an experiment, or all.
        listing: say which experiments there are, and on which data.
        scale: full, or small.
        seeds: independent repetitions; each experiment has its own number.
        on: mnist, cifar10, imagenet; what the experiment has, unless given.
        out: folder for reports, networks and runs; reproduced-full or reproduced-small.
        data: folder of the data sets; else $EVOFOOL_DATA and the user cache are tried.
        weights: folder of the ImageNet networks; else imagenet-models beside the data sets.
        photographs: folder of labelled images; else imagenet/samples beside the data sets.
        labels: CSV file with the columns file and index, of the photographs.
        again: make reports anew that are there, from the steps that are kept.
        quiet: no progress.
        as_json: print JSON.
    """
    if not name and not listing:
        raise UserError(
            "no experiment was named; give a name of 'evofool reproduce --list', or all"
        )
    start_jax(evolves=True)
    from evofool.cli.console import make_table, output, print_json
    from evofool.cli.work import progress
    from evofool.experiments import list_experiments
    from evofool.experiments import reproduce as carry_out

    if listing:
        found = list_experiments()
        if as_json:
            print_json(found)
            return
        rows = [
            (line["name"], " ".join(line["on"]), line["paper"], line["title"]) for line in found
        ]
        output().print(make_table(["experiment", "on", "paper", "question"], rows))
        return
    with progress(quiet) as reporter:
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
