"""Doing experiments: one or all, going on where an earlier process stopped."""

import dataclasses
import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from evofool.evolution import Quiet, Reporter
from evofool.experiments.bench.lab import Lab
from evofool.experiments.bench.supplies import Supplies
from evofool.experiments.registry import DOMAINS, Experiment, Part, experiments, find
from evofool.experiments.report.render import Report, read_reports, write_score_card
from evofool.support import UserError, platform_facts, read_json, unknown_name, write_json

Scale = Literal["full", "small"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A part that is to be done."""

    experiment: Experiment
    domain: str
    part: Part = field(repr=False)


def reproduce(
    name: str = "all",
    *,
    scale: str = "full",
    seeds: int | None = None,
    on: Sequence[str] = (),
    out: str | Path | None = None,
    data: str | Path | None = None,
    weights: str | Path | None = None,
    photographs: str | Path | None = None,
    labels: str | Path | None = None,
    again: bool = False,
    reporter: Reporter | None = None,
) -> list[Report]:
    """Does one of the paper's experiments, or all, and leaves reports.

    What is finished is not done again: a report, a step of an experiment, a network, a run, and
    within a run the generations up to its newest checkpoint. A report of more seeds than are wanted
    stays, unless `seeds` or `again` is given.

    Args:
        name: of an experiment, or "all".
        scale: "full", or "small": the same code, networks and data with fewer generations and
            shorter training.
        seeds: independent repetitions; each part's own number unless given (one at small scale).
        on: kinds of data, among "mnist", "cifar10", "imagenet"; all that an experiment has unless
            given.
        out: folder for reports, networks and runs; `reproduced-<scale>` unless given.
        data: folder of the data sets; looked for in the usual places unless given.
        weights: folder of the ImageNet networks; `imagenet-models` in the usual places if not.
        photographs: folder of labelled images; `imagenet/samples` in the usual places if not.
        labels: CSV with the columns file and index, of the photographs.
        again: make reports that are there anew, from the steps that are kept.
        reporter: is told how it goes; silent by default.

    Returns:
        The reports, also those that were there.

    Raises:
        UserError: no such experiment, something it needs is missing (said before anything is
            computed), or `out` holds results of another scale or number of seeds.
        KeyboardInterrupt: the user stopped it; the same command goes on.
    """
    supplies = Supplies(
        data=_path(data),
        weights=_path(weights),
        photographs=_path(photographs),
        labels=_path(labels),
    )
    if seeds is not None and seeds < 1:
        raise UserError(f"seeds is {seeds}; expected 1 or more")
    if scale not in get_args(Scale):
        raise unknown_name("scale", scale, get_args(Scale))
    jobs = _jobs(name, on)
    for job in jobs:
        supplies.check(job.experiment.name, job.domain, job.part)
    folder = _claim(Path(out) if out is not None else Path(f"reproduced-{scale}"), scale)
    reporter = reporter or Quiet()
    options = _options(scale, seeds, supplies)
    reports = []
    for job in jobs:
        wanted = seeds or (1 if scale == "small" else job.part.seeds)
        lab = Lab(
            experiment=job.experiment.name,
            domain=job.domain,
            scale=scale,
            seeds=wanted,
            out=folder,
            supplies=supplies,
            reporter=reporter,
        )
        report = Report.read(lab.folder)
        has_fewer = report is not None and report.seeds < wanted
        has_others = report is not None and seeds is not None and report.seeds != seeds
        if report is None or again or has_fewer or has_others:
            report = _carry_out(job, lab, options)
        elif report.seeds > wanted:
            lab.say(f"is done with {report.seeds} seeds; --seeds {wanted} makes it with fewer")
        else:
            lab.say("is done")
        reports.append(report)
        write_score_card(folder, read_reports(folder, experiments()))
    return reports


def _carry_out(job: Job, lab: Lab, options: Sequence[str]) -> Report:
    lab.folder.mkdir(parents=True, exist_ok=True)
    findings = job.part.run(lab)
    command = ["evofool", "reproduce", lab.experiment, "--on", lab.domain, *options]
    report = Report(
        experiment=lab.experiment,
        domain=lab.domain,
        title=job.experiment.title,
        paper=job.experiment.paper,
        scale=lab.scale,
        seeds=lab.seeds,
        command=shlex.join(command),
        machine=platform_facts() | {"cores": os.cpu_count()},
        evaluations=lab.evaluations,
        seconds=round(lab.seconds, 1),
        findings=findings,
    )
    report.write(lab.folder)
    lab.say(f"{findings.verdict.said}: {findings.verdict.because}")
    return report


def _jobs(name: str, on: Sequence[str]) -> list[Job]:
    for domain in on:
        if domain not in DOMAINS:
            raise unknown_name("data in --on", domain, DOMAINS)
    chosen: Iterable[Experiment] = experiments() if name == "all" else [find(name)]
    jobs = [
        Job(experiment=experiment, domain=domain, part=part)
        for experiment in chosen
        for domain, part in experiment.parts.items()
        if not on or domain in on
    ]
    if not jobs:
        there = ", ".join(find(name).parts)
        raise UserError(f"experiment {name} is not done on {' '.join(on)}; it has {there}")
    return jobs


def _claim(folder: Path, scale: str) -> Path:
    """Makes the folder, and sees to it that results of two scales do not mix."""
    mark = folder / "scale.json"
    if mark.exists() and read_json(mark) != scale:
        raise UserError(
            f"{folder} holds results at scale {read_json(mark)}, and scale is {scale}; choose "
            "another --out"
        )
    write_json(mark, scale)
    return folder


def _options(scale: str, seeds: int | None, supplies: Supplies) -> list[str]:
    """Returns the flags that results depend on."""
    options = ["--scale", scale]
    if seeds is not None:
        options += ["--seeds", str(seeds)]
    for flag, value in dataclasses.asdict(supplies).items():
        if value is not None:
            options += [f"--{flag}", str(value)]
    return options


def _path(given: str | Path | None) -> Path | None:
    return Path(given) if given is not None else None


def list_experiments() -> list[dict[str, Any]]:
    """Returns what there is: name, question, place in the paper, and what the parts need."""
    return [
        {
            "name": experiment.name,
            "title": experiment.title,
            "paper": experiment.paper,
            "on": {
                domain: {
                    "networks": list(part.networks),
                    "images": part.images,
                    "seeds": part.seeds,
                }
                for domain, part in experiment.parts.items()
            },
        }
        for experiment in experiments()
    ]
