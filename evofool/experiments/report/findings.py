"""What an experiment found: figures beside the paper's, tables, images, and a verdict."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evofool.experiments.report.claims import Row
from evofool.experiments.report.verdicts import Verdict, judge
from evofool.support import JsonValue

Cells = Sequence[str | float | int | None]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of its own; cells are shown as they are, numbers with three digits."""

    title: str
    header: Sequence[str]
    rows: Sequence[Cells]

    @classmethod
    def of(cls, title: str, lines: Iterable[Mapping[str, str | float | int | None]]) -> "Table":
        """Makes a table of lines that name the columns of their cells, each the same ones."""
        lines = list(lines)
        header = list(lines[0]) if lines else []
        return cls(title=title, header=header, rows=[[line[h] for h in header] for line in lines])


@dataclass(frozen=True, kw_only=True)
class Figure:
    """An image in the report.

    Attributes:
        file: its name in the folder of the report.
        caption: what it shows.
        shows_photographs: that belong to other people: it is not published with the report.
    """

    file: str
    caption: str
    shows_photographs: bool = False


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The result of one part of an experiment.

    Attributes:
        rows: figures beside the paper's; those with a tolerance decide the verdict.
        result: our result in a clause; needed where the paper claims nothing.
        tables: further figures.
        images: files that the part has left in its folder.
        notes: paragraphs: what was done, and where ours differs why, with evidence.
        summary: what the score card shows of the paper and of ours; the first row unless given.
        verdict: follows from `rows` and `result`; given only where a report is read.
    """

    rows: Sequence[Row] = ()
    result: str = ""
    tables: Sequence[Table] = ()
    images: Sequence[Figure] = ()
    notes: Sequence[str] = ()
    summary: tuple[str, str] | None = None
    verdict: Verdict = None  # type: ignore[assignment]  # set below

    def __post_init__(self) -> None:
        if self.verdict is None:
            object.__setattr__(self, "verdict", judge(self.rows, self.result))

    def to_dict(self) -> dict[str, JsonValue]:
        """Returns nested plain values that JSON can hold and `from_dict` reads back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, JsonValue]) -> "Findings":
        """Is the inverse of `to_dict`; reads old reports, with "pictures" and "said", as well."""
        verdict = values["verdict"]
        images = values["images"] if "images" in values else values["pictures"]
        return cls(
            rows=[Row.from_dict(row) for row in values["rows"]],
            result=values.get("result", ""),
            tables=[Table(**table) for table in values["tables"]],
            images=[Figure(**image) for image in images],
            notes=list(values["notes"]),
            summary=tuple(values["summary"]) if values["summary"] else None,
            verdict=Verdict(
                outcome=verdict.get("outcome") or verdict["said"], because=verdict["because"]
            ),
        )
