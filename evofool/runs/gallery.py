"""Contact sheets of a run: its elites with their labels and confidences, page by page."""

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from evofool.classifiers import first_name
from evofool.images import COLUMNS, Look, Section, draw_sheet, legible, thumbnail
from evofool.runs.choosing import group_of, select
from evofool.runs.run import Elite, Run
from evofool.support import UserError

PER_PAGE = 100
MOST_SCALE = 10
FEW = 2  # elites, of which none has its confidence at the foot of the sheet


def gallery(
    run: str | Path | Run,
    *,
    run_index: int | None = None,
    classes: Sequence[str] = (),
    group: str | None = None,
    sort: str | None = None,
    per_page: int = PER_PAGE,
    page: int | None = None,
    columns: int = COLUMNS,
    scale: int = 1,
    title: str = "",
    dark: bool = False,
) -> list[Image.Image]:
    """Draws contact sheets: every elite with its label and confidence.

    A confidence that most elites have is said once, at the foot of a sheet.

    Args:
        run: a run directory.
        run_index: one of the independent runs; all of them, one after the other, unless given.
        classes: indices, labels or WordNet ids; all unless given.
        group: of ImageNet's classes, for instance "dogs"; all unless given.
        sort: "class", "confidence" (most certain first), or "group" (under headings, most certain
            first within each); by class up to 30 classes and by confidence beyond, unless given.
        per_page: most elites on a sheet.
        page: only this sheet, counted from 1; all unless given.
        columns: elites in a row, at most.
        scale: how many times as large images and letters are, 1 to 10.
        title: above each sheet.
        dark: light letters on a dark ground.

    Returns:
        The sheets.

    Raises:
        UserError: not a run directory, no such run, class, group, order or page, or groups are
            asked for where there are none.
    """
    run = Run.open(run)
    if per_page < 1:
        raise UserError(f"per_page is {per_page}; expected at least 1 image")
    for name, value, most in (("columns", columns, 1000), ("scale", scale, MOST_SCALE)):
        if not 1 <= value <= most:
            raise UserError(f"{name} is {value}; expected 1..{most}")
    elites = select(run, run_index=run_index, classes=classes, group=group, sort=sort)
    pages = [elites[start : start + per_page] for start in range(0, len(elites), per_page)]
    if page is not None and not 1 <= page <= len(pages):
        raise UserError(
            f"page is {page}; expected 1..{len(pages)} ({len(elites)} elites, {per_page} on each)"
        )
    headings = _headings(elites) if sort == "group" else {}
    usual = _usual(elites)
    note = f"Confidence {usual} where none is given." if usual else ""
    look = Look(columns=columns, scale=scale, title=title, dark=dark, note=note)
    chosen = pages if page is None else [pages[page - 1]]
    return [draw_sheet(_sections(run, part, headings, usual, scale), look=look) for part in chosen]


def _sections(
    run: Run, elites: list[Elite], headings: dict[str, str], usual: str | None, scale: int
) -> list[Section]:
    """Groups the elites of one page; without headings they are one section."""
    images = (thumbnail(image, scale=scale) for image in run.images(elites))
    runs = itertools.groupby(elites, key=lambda elite: headings.get(group_of(elite), ""))
    return [
        Section(heading, [next(images) for _ in part], [_caption(elite, usual) for elite in part])
        for heading, part in ((heading, list(members)) for heading, members in runs)
    ]


def _usual(elites: list[Elite]) -> str | None:
    """Returns the confidence, as text, that more than half of many elites have."""
    counted = Counter(elite.run.percent(elite.confidence) for elite in elites)
    [(text, count)] = counted.most_common(1)
    return text if len(elites) > FEW and 2 * count > len(elites) else None


def _headings(elites: list[Elite]) -> dict[str, str]:
    members: dict[str, list[Elite]] = {}
    for elite in elites:
        members.setdefault(group_of(elite), []).append(elite)
    return {
        group: f"{group} ({len(some)}, median {_median_of(some)})"
        for group, some in members.items()
    }


def _median_of(elites: list[Elite]) -> str:
    median = np.median([elite.confidence for elite in elites])
    return elites[0].run.percent(float(median))


def name_on_sheets(elite: Elite) -> str:
    """Returns the first name of an elite's class; with the index where no font can draw it."""
    return legible(first_name(elite.label), elite.class_index)


def _caption(elite: Elite, usual: str | None) -> list[str]:
    shown = elite.run.percent(elite.confidence)
    confidence = [] if shown == usual else [shown]
    seed = [f"seed {elite.seed}"] if elite.run.config.runs > 1 else []
    return [name_on_sheets(elite), *confidence, *seed]
