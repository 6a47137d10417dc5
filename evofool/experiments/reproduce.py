"""Carries out experiments, one or all, and resumes where an earlier process stopped."""

import dataclasses
import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from evofool.evolution import Quiet, Reporter
from evofool.experiments.bench import Lab, Supplies
from evofool.experiments.registry import DOMAINS, THEMES, Experiment, Part, experiments, find
from evofool.experiments.report import Findings, Report, read_reports, write_score_card
from evofool.support import (
    JsonValue,
    UserError,
    forget_programs,
    locked,
    platform_facts,
    read_json,
    unknown_name,
    write_json,
)

Scale = Literal["full", "small"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A part of an experiment that was asked for."""

    experiment: Experiment
    domain: str
    part: Part[Any] = field(repr=False)


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
    """Carries out one of the paper's experiments, or all, and leaves reports.

    Finished work is cached: reports, measures, networks, runs, and within a run the generations up
    to its newest checkpoint. A report of more seeds than are wanted stays, unless `seeds` or
    `again` is given.

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
        again: redo reports that exist, from cached measures.
        reporter: receives messages on progress; silent by default.

    Returns:
        The reports, including those that existed.

    Raises:
        UserError: no such experiment, something it needs is missing (said before anything is
            computed), or `out` holds results of another scale or number of seeds.
        KeyboardInterrupt: the user stopped it; the same command resumes.
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
    tasks = _tasks(name, on)
    for task in tasks:
        _check(supplies, task)
    folder = _claim(Path(out) if out is not None else Path(f"reproduced-{scale}"), scale)
    reporter = reporter or Quiet()
    options = _options(scale, seeds, supplies)
    reports = []
    for task in tasks:
        wanted = seeds or (1 if scale == "small" else task.part.seeds)
        lab = Lab(
            experiment=task.experiment.name,
            domain=task.domain,
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
            if reports:
                forget_programs()  # a part has its own; those of all parts would take gigabytes
            report = _carry_out(task, lab, options)
        elif report.seeds > wanted:
            lab.say(
                f"skipped: a report with {report.seeds} seeds exists; pass --seeds {wanted} to "
                "redo it"
            )
        else:
            lab.say("skipped: its report exists; pass --again to redo it")
        reports.append(report)
        write_score_card(folder, read_reports(folder, _parts()), THEMES)
    return reports


def _carry_out(task: Task, lab: Lab, options: Sequence[str]) -> Report:
    lab.folder.mkdir(parents=True, exist_ok=True)
    with locked(lab.folder, report=lab.say):
        findings = task.part.run(lab)
        report = _report_of(task, lab, findings, options)
        report.write(lab.folder)
    lab.say(f"{findings.verdict.outcome}: {findings.verdict.because}")
    return report


def _report_of(task: Task, lab: Lab, findings: Findings, options: Sequence[str]) -> Report:
    command = ["evofool", "reproduce", lab.experiment, "--on", lab.domain, *options]
    return Report(
        experiment=lab.experiment,
        domain=lab.domain,
        title=task.experiment.title,
        paper=task.experiment.paper,
        scale=lab.scale,
        seeds=lab.seeds,
        command=shlex.join(command),
        machine=platform_facts() | {"cores": os.cpu_count()},
        evaluations=lab.evaluations,
        seconds=round(lab.seconds, 1),
        findings=findings,
        so_what=task.experiment.so_what,
    )


def _check(supplies: Supplies, task: Task) -> None:
    try:
        supplies.check(task.domain, networks=task.part.networks, images=task.part.images)
    except UserError as error:
        raise UserError(f"experiment {task.experiment.name} on {task.domain}: {error}") from error


def _tasks(name: str, on: Sequence[str]) -> list[Task]:
    for domain in on:
        if domain not in DOMAINS:
            raise unknown_name("data in --on", domain, DOMAINS)
    chosen: Iterable[Experiment] = experiments() if name == "all" else [find(name)]
    tasks = [
        Task(experiment=experiment, domain=domain, part=part)
        for experiment in chosen
        for domain, part in experiment.parts.items()
        if not on or domain in on
    ]
    if not tasks:
        there = ", ".join(find(name).parts)
        raise UserError(f"experiment {name} is not done on {' '.join(on)}; it has {there}")
    return tasks


def _parts() -> Iterator[tuple[str, str]]:
    return (
        (experiment.name, domain) for experiment in experiments() for domain in experiment.parts
    )


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


def list_experiments() -> list[dict[str, JsonValue]]:
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
