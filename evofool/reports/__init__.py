"""What there is to look at in a finished run: tables, pictures, files, a quiz, and proofs.

Every function takes a run directory, or a `Run`, and returns data; the command line prints it.
"""

from evofool.reports.blind_quiz import Quiz, quiz
from evofool.reports.charts import write_convergence
from evofool.reports.comparison import RunFacts, compare
from evofool.reports.exporting import export
from evofool.reports.gallery import gallery
from evofool.reports.images import enlarge, render, save_image
from evofool.reports.inspection import (
    Ancestor,
    EliteFacts,
    facts,
    genome_json,
    genome_text,
    inspect,
    stepping_stones,
)
from evofool.reports.sheets import percent
from evofool.reports.verification import Verification, verify

__all__ = [
    "Ancestor",
    "EliteFacts",
    "Quiz",
    "RunFacts",
    "Verification",
    "compare",
    "enlarge",
    "export",
    "facts",
    "gallery",
    "genome_json",
    "genome_text",
    "inspect",
    "percent",
    "quiz",
    "render",
    "save_image",
    "stepping_stones",
    "verify",
    "write_convergence",
]
