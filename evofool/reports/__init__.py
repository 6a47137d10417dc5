"""What there is to look at in a finished run: tables, pictures, files, a quiz, and proofs.

Every function takes a run directory, or a `Run`, and returns data; the command line prints it.
"""

from evofool.reports.blind_quiz import Quiz, quiz
from evofool.reports.charts import chart, write_convergence, write_matrix
from evofool.reports.comparison import RunFacts, compare
from evofool.reports.descent import Stone, descent, draw_stones, stones_of
from evofool.reports.exporting import export
from evofool.reports.gallery import PER_PAGE, gallery
from evofool.reports.groups import groups_of
from evofool.reports.images import render, resized, save_image, save_pages
from evofool.reports.inspection import (
    Ancestor,
    EliteFacts,
    GroupFacts,
    facts,
    genome_json,
    genome_text,
    inspect,
    inspect_groups,
    stepping_stones,
)
from evofool.reports.poster import poster
from evofool.reports.selection import MOST_BY_CLASS
from evofool.reports.sheets import Section, draw_sheet, percent, thumbnail
from evofool.reports.striking import colourfulness, contrast, striking
from evofool.reports.verification import Verification, verify

__all__ = [
    "MOST_BY_CLASS",
    "PER_PAGE",
    "Ancestor",
    "EliteFacts",
    "GroupFacts",
    "Quiz",
    "RunFacts",
    "Section",
    "Stone",
    "Verification",
    "chart",
    "colourfulness",
    "compare",
    "contrast",
    "descent",
    "draw_sheet",
    "draw_stones",
    "export",
    "facts",
    "gallery",
    "genome_json",
    "genome_text",
    "groups_of",
    "inspect",
    "inspect_groups",
    "percent",
    "poster",
    "quiz",
    "render",
    "resized",
    "save_image",
    "save_pages",
    "stepping_stones",
    "stones_of",
    "striking",
    "thumbnail",
    "verify",
    "write_convergence",
    "write_matrix",
]
