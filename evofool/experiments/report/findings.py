"""What an experiment found: figures beside the paper's, tables, images, and a verdict."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Said = Literal["reproduced", "in part", "differs", "new"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure, the paper's figure beside ours.

    Attributes:
        what: the measure, for instance "median confidence".
        ours: a number per seed (run, network); their median and interval are shown.
        paper: the published figure as text; empty where there is none.
        unit: "%" if `ours` are shares in [0, 1] to be shown as percentages, else text put behind.
        n: of what and how many, for instance "1000 classes".
    """

    what: str
    ours: Sequence[float | int]
    paper: str = ""
    unit: str = ""
    n: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of its own; cells are shown as they are, numbers with three digits."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str | float | int | None]]


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
class Verdict:
    """How our figures stand to the paper's.

    Attributes:
        said: "reproduced", "in part", "differs", or "new" where the paper has no figure.
        because: one clause with the figures that decide.
    """

    said: Said
    because: str


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The result of one part of an experiment.

    Attributes:
        verdict: in a word and a clause.
        rows: figures beside the paper's.
        tables: further ones.
        images: files that the part has left in its folder.
        notes: paragraphs: what was done, and where ours differs why, with evidence.
        summary: what the score card shows of the paper and of ours; the first row unless given.
    """

    verdict: Verdict
    rows: Sequence[Row] = ()
    tables: Sequence[Table] = ()
    images: Sequence[Figure] = ()
    notes: Sequence[str] = ()
    summary: tuple[str, str] | None = field(default=None)

    def to_dict(self) -> dict[str, Any]:
        """Returns nested plain values that JSON can hold and `from_dict` reads back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Findings":
        """Is the inverse of `to_dict`."""
        return cls(
            verdict=Verdict(**values["verdict"]),
            rows=[Row(**row) for row in values["rows"]],
            tables=[Table(**table) for table in values["tables"]],
            images=[Figure(**image) for image in values["images"]],
            notes=list(values["notes"]),
            summary=tuple(values["summary"]) if values["summary"] else None,
        )
