"""The report of one part, and the score card of all: JSON for programs, Markdown for people."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evofool.analysis import median_interval
from evofool.experiments.registry import Experiment
from evofool.experiments.report.findings import Findings, Row
from evofool.images import percent
from evofool.support import read_json, replacing, write_json

SMALL = " (small scale: shorter runs and less training; no figure here answers the paper)"
LEGEND = (
    "- *reproduced*: ours agrees with the paper's figure or statement; the clause says in what.",
    "- *in part*: the direction or some of the figures agree, not all.",
    "- *differs*: ours contradicts the paper's.",
    "- *new*: the paper has nothing to compare with.",
    "",
    "`[a, b]` is the 95 % interval of the median of the seeds, or of a share. A blank cell under "
    "*paper* means that it has no figure. *Seeds* are independent repetitions (runs, or networks "
    "trained anew); with one, no interval is given.",
)
Cells = Sequence[str | float | int | None]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is kept of a finished part.

    Attributes:
        experiment: its name.
        domain: on which data.
        title: the question.
        paper: where the paper has it.
        scale: "full" or "small".
        seeds: independent repetitions.
        command: that makes it.
        machine: facts of `evofool.support.platforms.platform_facts`, and the number of cores.
        evaluations: images that evolution showed to classifiers.
        seconds: wall time of everything that it is made of.
        findings: the result.
    """

    experiment: str
    domain: str
    title: str
    paper: str
    scale: str
    seeds: int
    command: str
    machine: dict[str, Any]
    evaluations: int
    seconds: float
    findings: Findings

    def write(self, folder: Path) -> None:
        """Writes `report.json` and `report.md`."""
        with replacing(folder / "report.md") as temporary:
            temporary.write_text(_markdown(self))
        write_json(folder / "report.json", asdict(self))

    @classmethod
    def read(cls, folder: Path) -> "Report | None":
        """Reads a report; None if there is none."""
        path = folder / "report.json"
        if not path.exists():
            return None
        values = read_json(path)
        return cls(**values | {"findings": Findings.from_dict(values["findings"])})

    def score(self) -> dict[str, Any]:
        """Returns the report's line of the score card."""
        paper, ours = self.findings.summary or _in_short(self.findings.rows)
        return {
            "experiment": self.experiment,
            "data": self.domain,
            "paper": paper,
            "ours": ours,
            "seeds": self.seeds,
            "verdict": self.findings.verdict.said,
            "because": self.findings.verdict.because,
        }


def read_reports(out: Path, experiments: Iterable[Experiment]) -> list[Report]:
    """Returns the reports that a folder holds, in the order of the experiments."""
    found = [
        Report.read(out / experiment.name / domain)
        for experiment in experiments
        for domain in experiment.parts
    ]
    return [report for report in found if report is not None]


def write_score_card(out: Path, reports: Sequence[Report]) -> list[dict[str, Any]]:
    """Writes `scorecard.json` and `scorecard.md`, and returns the lines."""
    lines = [report.score() for report in reports]
    write_json(out / "scorecard.json", lines)
    scale = "" if all(report.scale == "full" for report in reports) else SMALL
    columns = ("experiment", "data", "paper", "ours", "seeds", "verdict")
    rows = [
        [
            f"[{line['experiment']}]({line['experiment']}/{line['data']}/report.md)",
            *(line[column] for column in columns[1:-1]),
            f"{line['verdict']}: {line['because']}",
        ]
        for line in lines
    ]
    with replacing(out / "scorecard.md") as temporary:
        card = [f"# Score card{scale}", "", *LEGEND, "", *_table(columns, rows)]
        temporary.write_text("\n".join(card) + "\n")
    return lines


def _markdown(report: Report) -> str:
    findings = report.findings
    lines = [
        f"# {report.experiment} ({report.domain})",
        "",
        f"{report.title} Paper: {report.paper}.",
        "",
    ]
    lines += [f"**{findings.verdict.said.capitalize()}**: {findings.verdict.because}.", ""]
    if findings.rows:
        rows = [[row.what, row.paper, spread(row), row.n, len(row.ours)] for row in findings.rows]
        lines += [
            *_table(["measure", "paper", "ours: median [95 % interval]", "n", "seeds"], rows),
            "",
        ]
    for image in findings.images:
        lines += [f"![{image.caption}]({image.file})", "", image.caption, ""]
    for table in findings.tables:
        lines += [f"**{table.title}**", "", *_table(table.header, table.rows), ""]
    for note in findings.notes:
        lines += [note, ""]
    machine = report.machine
    lines += [
        f"`{report.command}`: scale {report.scale}, {report.seeds} seed(s), "
        f"{report.evaluations:,} evaluations by evolution, {report.seconds:,.0f} s in all on "
        f"{machine['cores']} cores ({machine['processor']}, {machine['backend']}, JAX "
        f"{machine['jax']}).",
    ]
    return "\n".join(lines) + "\n"


def _table(header: Sequence[str], rows: Iterable[Cells]) -> list[str]:
    body = [[_cell(cell) for cell in row] for row in rows]
    return [_line(header), _line(["---"] * len(header)), *map(_line, body)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cell(value: str | float | int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if math.isfinite(value) else "-"
    return str(value)


def spread(row: Row) -> str:
    """Writes the figures of a row: the one there is, or their median and its interval.

    Example:
        >>> spread(Row(what="share", ours=[0.5], unit="%"))
        '50.0 %'
    """
    if not row.ours:
        return "none"
    if len(row.ours) == 1:
        return _with_unit(row.ours[0], row.unit)
    middle, low, high = median_interval(row.ours)[:3]
    ends = ", ".join(
        _with_unit(end, row.unit).removesuffix(row.unit).strip() for end in (low, high)
    )
    return f"{_with_unit(middle, row.unit)} [{ends}]"


def as_percentage(share: float) -> str:
    """Writes a share in [0, 1] as a percentage.

    Near 1 it has the digits that tell confidences apart, and is not rounded up to what counts as
    certain (99 %, 99.99 %, 100 %).

    Example:
        >>> [as_percentage(share) for share in (0.0048480, 0.5, 0.9967, 0.99986, 1 - 1e-9, 1.0)]
        ['0.4848 %', '50.0 %', '99.67 %', '99.9860 %', '> 99.9999 %', '100 %']
    """
    if not 0.01 < share < 1:
        return f"{100 * share:.4g} %"
    shortest = (f"{100 * share:.{digits}f}" for digits in (1, 2))
    for text, bar in zip(shortest, (99, 99.99), strict=True):
        if float(text) < bar:
            return f"{text} %"
    return percent(share)


def _with_unit(value: float, unit: str) -> str:
    if unit == "%":
        return as_percentage(value)
    number = f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{number} {unit}".strip()


def _in_short(rows: Sequence[Row]) -> tuple[str, str]:
    if not rows:
        return "", ""
    return rows[0].paper, f"{rows[0].what}: {spread(rows[0])}"
