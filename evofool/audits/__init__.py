"""An audit: how certain a classifier is about images that show nothing it knows.

`audit` checks first that the audit is *valid*, that is, that the classifier is used as its user
means. Then it does the parts: *sources* of images that are not real (evolved, ascended to, noise),
*detectors* that tell them from real ones, calibration, small changes, corruptions, *remedies*. A
*metric* is a figure with a name, a *gate* a condition on one under which the audit fails. A
*replay* shows the images of an earlier audit again. Everything is in `audit.json`; the page shows
it.
"""

from evofool.audits.budgets import BUDGETS, Amount, Budget, BudgetName
from evofool.audits.comparison import Difference, compare_metrics
from evofool.audits.elites import read_elites
from evofool.audits.gates import METRICS, pattern_of
from evofool.audits.perform import AuditResult, audit
from evofool.audits.record import FAILED, INVALID, PASSED, STOPPED, Record, Summary, read_summary
from evofool.audits.remedies import REMEDIES
from evofool.audits.separation import Separation, separate

__all__ = [
    "BUDGETS",
    "FAILED",
    "INVALID",
    "METRICS",
    "PASSED",
    "REMEDIES",
    "STOPPED",
    "Amount",
    "AuditResult",
    "Budget",
    "BudgetName",
    "Difference",
    "Record",
    "Separation",
    "Summary",
    "audit",
    "compare_metrics",
    "pattern_of",
    "read_elites",
    "read_summary",
    "separate",
]
