"""Answers of people to quizzes: how many named the class, by kind of image and by class.

The recognisability experiment asks networks; these are the figures that it lacks.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evofool.measures.statistics import Share, proportion_interval
from evofool.support import UserError, from_csv_cell, read_text

KINDS = ("elite", "real")
COLUMNS = ("quiz", "kind", "class_index", "label", "answer_index")


@dataclass(frozen=True, kw_only=True)
class NamedRight:
    """How many images of one kind people named right.

    Attributes:
        kind: "elite" or "real".
        class_index: of the images; None for all classes together.
        label: of that class; empty for all.
        share: that was named right, with Wilson's interval of 95 %; answers count, not people.
    """

    kind: str
    class_index: int | None
    label: str
    share: Share


@dataclass(frozen=True, kw_only=True)
class QuizResults:
    """What came of quizzes.

    Attributes:
        quizzes: how many were begun.
        answers: to all of them.
        overall: elites and real images, all classes together; only the kinds that were shown.
        by_class: every class of either kind, elites first, by class.
    """

    quizzes: int
    answers: int
    overall: tuple[NamedRight, ...]
    by_class: tuple[NamedRight, ...]


def quiz_results(files: str | Path | Sequence[str | Path]) -> QuizResults:
    """Counts the answers in files that `evofool serve --results` or a visitor of its quiz saved.

    An answer that is in several files, or in one twice, counts once.

    Args:
        files: CSV files.

    Raises:
        UserError: a file cannot be read or has other columns, or there are no answers.
    """
    paths = [files] if isinstance(files, str | Path) else [*files]
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for path in paths:
        for row in _rows(Path(path)):
            rows[row["quiz"], row["number"]] = row
    if not rows:
        raise UserError(f"{', '.join(map(str, paths))}: there are no answers yet")
    counts: dict[tuple[str, int | None], list[bool]] = defaultdict(list)
    labels: dict[int | None, str] = {None: ""}
    for row in rows.values():
        index, is_right = int(row["class_index"]), row["class_index"] == row["answer_index"]
        labels[index] = from_csv_cell(row["label"])
        for key in (index, None):
            counts[row["kind"], key].append(is_right)

    def named(kind: str, index: int | None) -> NamedRight:
        right = counts[kind, index]
        share = proportion_interval(sum(right), len(right))
        return NamedRight(kind=kind, class_index=index, label=labels[index], share=share)

    ordered = [(kind, index) for kind, index in counts if index is not None]
    ordered.sort(key=lambda key: (KINDS.index(key[0]), key[1]))
    return QuizResults(
        quizzes=len({quiz for quiz, _ in rows}),
        answers=len(rows),
        overall=tuple(named(kind, None) for kind in KINDS if (kind, None) in counts),
        by_class=tuple(named(kind, index) for kind, index in ordered),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    """Reads the answers in a file, checked.

    Raises:
        UserError: it cannot be read, or is none of answers.
    """
    reader = csv.DictReader(io.StringIO(read_text(path)))
    try:
        return _checked(reader, path)
    except csv.Error as error:
        raise UserError(f"cannot read {path}: line {reader.line_num}: {error}") from error


def _checked(reader: "csv.DictReader[str]", path: Path) -> list[dict[str, str]]:
    missing = [name for name in (*COLUMNS, "number") if name not in (reader.fieldnames or ())]
    if missing:
        raise UserError(
            f"{path} has no column {missing[0]!r}; expected answers, as evofool serve --results "
            "saves them"
        )
    rows = []
    for line, row in enumerate(reader, start=2):
        numbers = (row["class_index"], row["answer_index"])
        is_good = all(re.fullmatch("[0-9]{1,9}", text or "") for text in numbers)
        if row["kind"] not in KINDS or not is_good or None in row.values():
            raise UserError(f"{path}, line {line}: is no answer of a quiz")
        rows.append(row)
    return rows
