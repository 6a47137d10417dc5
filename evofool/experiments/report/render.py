"""The report of one part, and the score card of all: JSON for programs, Markdown for people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from evofool.experiments.report import cells
from evofool.experiments.report.claims import Row
from evofool.experiments.report.findings import Cells, Findings
from evofool.experiments.report.verdicts import tally
from evofool.support import JsonValue, read_json, replacing, write_json

COLUMNS = ("experiment", "data", "paper", "ours", "seeds", "verdict")  # of the score card
WIDEST_CELL = 100  # characters in a cell of the score card
SMALL = " (small scale: shorter runs and less training; no figure here answers the paper)"
LEGEND = (
    "- *reproduced*: every claim of the paper holds.",
    "- *in part*: some claims hold.",
    "- *differs*: no claim holds.",
    "- *new*: the paper claims nothing.",
    "",
    "A claim holds if the figures of more than half of the seeds lie in the range that its report "
    "calls *accepted*.",
    "",
    "`[a, b]` is the 95 % interval of the median of the seeds, or of a share. A blank cell under "
    "*paper* means that it has no figure. *Seeds* are independent repetitions (runs, or networks "
    "trained anew); with one, no interval is given.",
)


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
        so_what: what follows from an answer; reports of earlier versions lack it.
    """

    experiment: str
    domain: str
    title: str
    paper: str
    scale: str
    seeds: int
    command: str
    machine: dict[str, JsonValue]
    evaluations: int
    seconds: float
    findings: Findings
    so_what: str = ""

    def write(self, folder: Path) -> None:
        """Writes `report.json` and `report.md`."""
        with replacing(folder / "report.md") as temporary:
            temporary.write_text(_markdown(self), encoding="utf-8")
        write_json(folder / "report.json", asdict(self))

    @classmethod
    def read(cls, folder: Path) -> "Report | None":
        """Reads a report; None if there is none."""
        path = folder / "report.json"
        if not path.exists():
            return None
        values = read_json(path)
        return cls(**values | {"findings": Findings.from_dict(values["findings"])})

    def score(self) -> dict[str, JsonValue]:
        """Returns the report's line of the score card."""
        paper, ours = self.findings.summary or _in_short(self.findings.rows)
        return {
            "experiment": self.experiment,
            "data": self.domain,
            "paper": paper,
            "ours": ours,
            "seeds": self.seeds,
            "verdict": self.findings.verdict.outcome,
            "held": tally(self.findings.rows),
            "because": self.findings.verdict.because,
        }


def read_reports(out: Path, parts: Iterable[tuple[str, str]]) -> list[Report]:
    """Returns the reports that a folder holds, of pairs of an experiment's name and a domain."""
    reports = [Report.read(out / name / domain) for name, domain in parts]
    return [report for report in reports if report is not None]


def write_score_card(
    out: Path, reports: Sequence[Report], themes: Mapping[str, Sequence[str]] | None = None
) -> list[dict[str, JsonValue]]:
    """Writes `scorecard.json` and `scorecard.md`, and returns the lines.

    Args:
        out: the folder.
        reports: a line each.
        themes: names of experiments, by theme; the rest comes last, as a table of its own.
    """
    lines = [report.score() for report in reports]
    write_json(out / "scorecard.json", lines)
    scale = "" if all(report.scale == "full" for report in reports) else SMALL
    card = [f"# Score card{scale}", "", *LEGEND, ""]
    theme_of = {name: theme for theme, names in (themes or {}).items() for name in names}
    for theme in [*(themes or {}), ""]:
        of_theme = [line for line in lines if theme_of.get(line["experiment"], "") == theme]
        if of_theme:
            card += [f"## {theme}", ""] if theme else []
            card += [*_table(COLUMNS, map(_in_card, of_theme)), ""]
    with replacing(out / "scorecard.md") as temporary:
        temporary.write_text("\n".join(card[:-1]) + "\n", encoding="utf-8")
    return lines


def _in_card(line: Mapping[str, JsonValue]) -> list[str | int]:
    """Returns the cells of a line of the score card."""
    return [
        f"[{line['experiment']}]({line['experiment']}/{line['data']}/report.md)",
        *(_fit(line[column]) for column in COLUMNS[1:-1]),
        _fit(f"{line['verdict']}: {line['held']}" if line["held"] else line["verdict"]),
    ]


def _fit(value: str | int) -> str | int:
    """Shortens a text for a cell of the score card; the report has all of it."""
    return cells.shorten(value, WIDEST_CELL) if isinstance(value, str) else value


def _markdown(report: Report) -> str:
    findings = report.findings
    lines = [
        f"# {report.experiment} ({report.domain})",
        "",
        *([f"*So what?* {report.so_what}", ""] if report.so_what else []),
        f"{report.title} Paper: {report.paper}.",
        "",
    ]
    lines += [f"**{findings.verdict.outcome.capitalize()}**: {findings.verdict.because}.", ""]
    if findings.rows:
        lines += [*_figures(findings.rows), ""]
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


def _figures(rows: Sequence[Row]) -> list[str]:
    """Returns the table of figures; with what the paper's tolerance accepts, where it claims."""
    header = ["measure", "paper", "ours: median [95 % interval]", "n", "repeats"]
    body = [
        [row.what, row.paper, cells.spread(row.ours, row.unit), row.n, row.total] for row in rows
    ]
    if any(row.tolerance for row in rows):
        header += ["accepted", "agrees"]
        body = [[*line, *_agreement(row)] for line, row in zip(body, rows, strict=True)]
    return _table(header, body)


def _agreement(row: Row) -> tuple[str, str]:
    if row.tolerance is None:
        return "", ""
    seeds = f" ({cells.count(row.agreeing, row.total)})" if row.total > 1 else ""
    return row.tolerance.text(row.unit), ("yes" if row.holds else "no") + seeds


def _table(header: Sequence[str], rows: Iterable[Cells]) -> list[str]:
    body = [[cells.cell(value) for value in row] for row in rows]
    return [_line(header), _line(["---"] * len(header)), *map(_line, body)]


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def _in_short(rows: Sequence[Row]) -> tuple[str, str]:
    if not rows:
        return "", ""
    return rows[0].paper, f"{rows[0].what}: {cells.spread(rows[0].ours, rows[0].unit)}"
