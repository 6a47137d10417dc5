"""What an experiment returns, and how that becomes a report.

A *claim* is a published figure or statement with a stated tolerance; a *row* puts our figures
beside it. The *verdict* follows from the rows by one rule. *Cells* are numbers as text; *templates*
hold the prose; a *sheet* is an image of many captioned images.
"""

from evofool.experiments.report import cells
from evofool.experiments.report.claims import (
    MANY,
    MOST,
    SIGNIFICANT,
    SOME,
    Claim,
    Row,
    Tolerance,
    at_least,
    at_most,
    factor,
    measured,
    near,
    one_sided,
    rows_of,
    significant,
    within,
)
from evofool.experiments.report.elites import (
    CERTAIN_MEDIAN,
    EVERY_CLASS,
    Certainty,
    certainty,
    certainty_rows,
    confidences,
    every_class_by,
    generation_row,
    settings,
    share_certain,
)
from evofool.experiments.report.findings import Cells, Figure, Findings, Table
from evofool.experiments.report.prose import note, notes
from evofool.experiments.report.render import Report, read_reports, write_score_card
from evofool.experiments.report.sheets import (
    captioned_sheet,
    elite_section,
    recognized_captions,
    recognized_section,
    save_sheet,
    section,
    sheet_of_most_certain,
    show_best,
    show_runs,
)
from evofool.experiments.report.verdicts import Outcome, Verdict, judge

__all__ = [
    "CERTAIN_MEDIAN",
    "EVERY_CLASS",
    "MANY",
    "MOST",
    "SIGNIFICANT",
    "SOME",
    "Cells",
    "Certainty",
    "Claim",
    "Figure",
    "Findings",
    "Outcome",
    "Report",
    "Row",
    "Table",
    "Tolerance",
    "Verdict",
    "at_least",
    "at_most",
    "captioned_sheet",
    "cells",
    "certainty",
    "certainty_rows",
    "confidences",
    "elite_section",
    "every_class_by",
    "factor",
    "generation_row",
    "judge",
    "measured",
    "near",
    "note",
    "notes",
    "one_sided",
    "read_reports",
    "recognized_captions",
    "recognized_section",
    "rows_of",
    "save_sheet",
    "section",
    "settings",
    "share_certain",
    "sheet_of_most_certain",
    "show_best",
    "show_runs",
    "significant",
    "within",
    "write_score_card",
]
