"""Published claims with stated tolerances, and rows that put our figures beside them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from evofool.experiments.report import cells
from evofool.measures import Permuted, TwoGroups
from evofool.support import JsonValue


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """The range of figures that agree with a published claim.

    Attributes:
        low: least figure that agrees; None if there is no least one.
        high: greatest figure that agrees; None if there is no greatest one.
    """

    low: float | int | None = None
    high: float | int | None = None

    def accepts(self, value: float | int) -> bool:
        """Whether a figure agrees."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def text(self, unit: str) -> str:
        """Writes the range: "at least 50.0 %", "17.3 % to 27.0 %"."""
        if self.high is None:
            return "any" if self.low is None else f"at least {cells.number(self.low, unit)}"
        if unit == "p":
            return f"p at most {self.high:g}"
        high = cells.number(self.high, unit)
        return (
            f"at most {high}" if self.low is None else f"{cells.number(self.low, unit)} to {high}"
        )


def within(published: float | int, distance: float | int) -> Tolerance:
    """Accepts figures that differ from the published one by at most `distance`."""
    return Tolerance(low=published - distance, high=published + distance)


def factor(published: float | int, times: float | int = 2) -> Tolerance:
    """Accepts counts between the published one divided by `times` and multiplied by it."""
    return Tolerance(low=published / times, high=published * times)


def near(published: float | int, times: float | int = 2) -> Tolerance:
    """Accepts shares in (0, 1) whose odds are within a factor of those of the published one.

    The odds p / (1 - p) keep the range within (0, 1), and narrow it near 0 and 1.
    """
    odds = factor(published / (1 - published), times)
    assert odds.low is not None
    assert odds.high is not None
    return Tolerance(low=odds.low / (1 + odds.low), high=odds.high / (1 + odds.high))


def at_least(bar: float | int) -> Tolerance:
    """Accepts figures of `bar` and more: for "many", "usually", or a published lower bound."""
    return Tolerance(low=bar)


def at_most(bar: float | int) -> Tolerance:
    """Accepts figures of `bar` and less."""
    return Tolerance(high=bar)


MOST, MANY, SOME = at_least(0.5), at_least(0.2), at_least(0.01)
"""Accept shares for which the paper says "most" or "usually", "many", and "some"."""

SIGNIFICANT = Tolerance(high=0.05)
"""Accepts p-values of a one-sided test in the direction that is published; the unit is "p"."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure, the paper's figure beside ours.

    Attributes:
        what: the measure, for instance "median confidence".
        ours: a number per seed (run, network); their median and interval are shown.
        paper: the published figure as text; empty where there is none.
        unit: "%" if `ours` are shares in [0, 1] to be shown as percentages, "p" if they are
            p-values, else text put behind.
        n: of what and how many, for instance "1000 classes".
        tolerance: figures that agree with the paper's; None if the row decides nothing.
        seeds: how many there are, where some have no figure; 0 if each has one.

    A figure of all seeds together, as of all their images, is one number.
    """

    what: str
    ours: Sequence[float | int]
    paper: str = ""
    unit: str = ""
    n: str = ""
    tolerance: Tolerance | None = None
    seeds: int = 0

    @property
    def agreeing(self) -> int:
        """How many seeds have a figure that agrees with the paper's; 0 without a tolerance."""
        return sum(self.tolerance is not None and self.tolerance.accepts(x) for x in self.ours)

    @property
    def total(self) -> int:
        """How often it was measured: how many seeds there are, with or without a figure."""
        return self.seeds or len(self.ours)

    @property
    def holds(self) -> bool:
        """Whether more than half of the seeds agree with the paper."""
        return 2 * self.agreeing > self.total

    def judged_by(self, claim: "Claim | None") -> "Row":
        """Returns the row beside what the paper claims; the row itself where it claims nothing."""
        if claim is None:
            return self
        return replace(self, paper=claim.paper, unit=claim.unit, tolerance=claim.tolerance)

    def __str__(self) -> str:
        text = f"{self.what} {cells.spread(self.ours, self.unit)}"
        if self.tolerance is None:
            return text
        if self.total > 1:
            text += f" in {cells.count(self.agreeing, self.total)} seeds"
        accepted = self.tolerance.text(self.unit)
        return f"{text} (paper: {self.paper or 'stated'}; accepted: {accepted})"

    @classmethod
    def from_dict(cls, values: Mapping[str, JsonValue]) -> "Row":
        """Reads a row of a report, also one written before rows had tolerances."""
        tolerance = values.get("tolerance")
        return cls(**{**values, "tolerance": Tolerance(**tolerance) if tolerance else None})


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the paper says of a measure, and which figures agree with it.

    Attributes:
        what: the measure.
        paper: the published figure or statement.
        tolerance: figures that agree; None where the paper's figure decides nothing.
        unit: as in `Row`.
    """

    what: str
    paper: str
    tolerance: Tolerance | None = None
    unit: str = "%"

    def row(
        self, ours: Sequence[float | int], *, n: str = "", seeds: int = 0, what: str = ""
    ) -> Row:
        """Puts our figures beside the claim.

        Args:
            ours: a number per seed that has one.
            n: as in `Row`.
            seeds: how many there are, where some have no figure.
            what: the measure with what is known only now; that of the claim unless given.
        """
        row = Row(what=what or self.what, ours=list(ours), n=n, seeds=seeds)
        return row.judged_by(self)


def measured(
    figures: Iterable[tuple[str, Sequence[float | int], str]],
    claims: Sequence[Claim] = (),
    *,
    unit: str = "%",
) -> list[Row]:
    """Returns a row for each measure: its name, a figure per seed, and of what and how many.

    A claim of the same name judges the row.
    """
    judges = {claim.what: claim for claim in claims}
    return [
        Row(what=what, ours=list(ours), unit=unit, n=n).judged_by(judges.get(what))
        for what, ours, n in figures
    ]


def significant(what: str, paper: str) -> Claim:
    """Claims a direction: the p-value of a one-sided test (`one_sided`) is at most .05."""
    return Claim(what=what, paper=paper, tolerance=SIGNIFICANT, unit="p")


def rows_of(
    figures: Mapping[str, Sequence[float | int]],
    *,
    claims: Sequence[Claim] = (),
    unit: str = "%",
    n: str = "",
) -> list[Row]:
    """Returns a row for each measure, as `measured` does, where `n` is the same for all.

    Args:
        figures: a number per seed that has one.
        claims: on some of the measures; those on others are passed over.
        unit: of measures without a claim.
        n: as in `Row`, of all.
    """
    return measured(((what, ours, n) for what, ours in figures.items()), claims, unit=unit)


def one_sided(result: TwoGroups | Permuted, *, greater: bool) -> float:
    """Returns the p-value of a test in the direction that is published.

    Args:
        result: a two-sided test of a against b, or of a statistic against permuted labels.
        greater: whether the paper says that a, or the statistic, is greater; otherwise less.
    """
    distance = result.effect if isinstance(result, Permuted) else result.superiority - 0.5
    is_there = distance > 0 if greater else distance < 0
    return result.p / 2 if is_there else 1 - result.p / 2
