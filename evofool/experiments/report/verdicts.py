"""The verdict of a part: one rule for all, from the rows that carry a published claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evofool.experiments.report.claims import Row

Outcome = Literal["reproduced", "in part", "differs", "new"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How our figures stand to the paper's.

    Attributes:
        outcome: "reproduced", "in part", "differs", or "new" where the paper has no claim.
        because: the figures that decide, in one clause.
    """

    outcome: Outcome
    because: str


def judge(rows: Sequence[Row], result: str = "") -> Verdict:
    """Judges by the rows with a tolerance.

    All hold: reproduced. None does: differs. Some do: in part. There are none: new. A row holds
    if the figures of more than half of the seeds lie in the accepted range.

    Args:
        rows: of a part; those without a tolerance do not count.
        result: our result in a clause; all that a verdict of "new" says.
    """
    claims = [row for row in rows if row.tolerance is not None]
    if not claims:
        return Verdict(outcome="new", because=result)
    holding = [str(row) for row in claims if row.holds]
    failing = [str(row) for row in claims if not row.holds]
    outcome: Outcome = "in part"
    if not failing:
        outcome = "reproduced"
    elif not holding:
        outcome = "differs"
    parts = [f"holds: {', '.join(holding)}"] if holding else []
    parts += [f"does not hold: {', '.join(failing)}"] if failing else []
    return Verdict(outcome=outcome, because="; ".join([*parts, *([result] if result else [])]))


def tally(rows: Sequence[Row]) -> str:
    """Writes how many claims hold, for the score card: "1 of 2 claims hold"."""
    claims = [row for row in rows if row.tolerance is not None]
    if not claims:
        return ""
    return f"{sum(row.holds for row in claims)} of {len(claims)} claims hold"
