"""The part of the ablation experiment that removes copies of repeated elements."""

from collections.abc import Sequence

import numpy as np

from evofool.analysis import (
    CANDIDATES,
    DRAWS,
    FILLS,
    Median,
    Paired,
    Share,
    median_interval,
    p_text,
    proportion_interval,
)
from evofool.experiments.ablation.images import draw_copies, draw_losses
from evofool.experiments.ablation.measures import (
    ELSEWHERE,
    LEAST_COPIES,
    Removed,
    comparable,
    medians,
    paired,
    remove_all,
)
from evofool.experiments.bench import Lab
from evofool.experiments.report import Figure, Findings, Row, Table, Verdict
from evofool.images import save_image
from evofool.runs import Run
from evofool.support import UserError


def findings(lab: Lab, runs: Sequence[Run], *, least_confidence: float) -> Findings:
    """Removes copies from elites, says what that does, and leaves images of it.

    Args:
        lab: where everything is kept.
        runs: whose elites to take.
        least_confidence: of the elites.

    Raises:
        UserError: no elite has a repeated element.
    """
    similarity = lab.choose(full=0.9, small=0.7)
    chosen = [[e for e in run.elites() if e.confidence >= least_confidence] for run in runs]
    by_run = [
        remove_all(lab, run, elites, similarity) for run, elites in zip(runs, chosen, strict=True)
    ]
    every = [one for of_run in by_run for one in of_run]
    looked_at = sum(map(len, chosen))
    if not every:
        raise UserError(
            f"none of {looked_at} elites repeats an element {LEAST_COPIES} times; evolve longer"
        )
    has_some = proportion_interval(len(every), looked_at)
    falls = proportion_interval(sum(one.lost("copies", 1) > 0 for one in every), len(every))
    draw_losses(lab, every)
    run, removed = next((run, some) for run, some in zip(runs, by_run, strict=True) if some)
    save_image(draw_copies(run, removed), lab.folder / "copies.jpg")
    return Findings(
        rows=_rows([of_run for of_run in by_run if of_run]),
        tables=[_losses(every), _tests(every)],
        images=[
            Figure(
                file="copies.png",
                caption="Confidence lost with copies and with patches elsewhere: median and 95 % "
                "interval",
            ),
            Figure(
                file="copies.jpg",
                caption="Whole; with its copies (cyan) and patches elsewhere of their contrast "
                "(magenta) marked; without the copies; without the patches elsewhere",
            ),
        ],
        notes=[
            f"Of the elites with a confidence of at least {least_confidence:g}, {has_some} repeat "
            f"an element at least {LEAST_COPIES} times: squares of an eighth to a quarter of the "
            "image's side, found by autocorrelation and counted as copies from a normalised "
            f"correlation of {similarity} on (shifted copies; mirrored ones are not looked for). "
            "Copies are removed one by one, those most like the element first. Holes are filled by "
            "the smoothest surface that meets the pixels around them (membrane: Laplace's "
            "equation), which adds no edge; the tables also have the mean color around them.",
            "Control: squares of the same size and number that overlap no copy, filled the same "
            f"way, mean log-odds of {DRAWS} draws: anywhere at random, or alike in contrast (of "
            f"{CANDIDATES} random places the one nearest to the copy's). Where the rest of a "
            "image has too little room, an elite is left out of that comparison.",
        ],
        verdict=_verdict(every, falls),
    )


def _rows(by_run: Sequence[Sequence[Removed]]) -> list[Row]:
    n = f"{sum(map(len, by_run))} elites"
    first = [np.array([one.lost("copies", 1) for one in of_run]) for of_run in by_run]
    everything = [np.array([one.lost("copies", -1) for one in of_run]) for of_run in by_run]
    return [
        Row(
            what="confidence lost with one copy, median",
            paper="usually drops, by a small amount",
            ours=[float(np.median(lost)) for lost in first],
            unit="%",
            n=n,
        ),
        Row(
            what="elites that lose confidence with one copy",
            paper="usually",
            ours=[float(np.mean(lost > 0)) for lost in first],
            unit="%",
            n=n,
        ),
        Row(
            what="confidence lost with all copies, median",
            ours=[float(np.median(lost)) for lost in everything],
            unit="%",
            n=n,
        ),
    ]


def _steps(every: Sequence[Removed]) -> list[tuple[str, int, list[Removed]]]:
    """Returns 1 to 3 patches, which all have, and all: with the elites that can be compared."""
    steps = [
        (str(patches), patches, comparable(every, patches))
        for patches in range(1, LEAST_COPIES + 1)
    ]
    return [step for step in [*steps, ("all", -1, comparable(every, -1))] if step[2]]


def _losses(every: Sequence[Removed]) -> Table:
    return Table(
        title="Confidence lost: median [95 % interval]",
        header=["fill", "patches", "elites", "copies", *(f"elsewhere, {e}" for e in ELSEWHERE)],
        rows=[
            [fill, name, len(kept), *map(_points, medians(kept, patches, fill))]
            for fill in FILLS
            for name, patches, kept in _steps(every)
        ],
    )


def _points(found: Median) -> str:
    return f"{found.median:.1%} [{found.low:.1%}, {found.high:.1%}]"


def _tests(every: Sequence[Removed]) -> Table:
    return Table(
        title="Log-odds that copies cost beyond patches elsewhere: median of the differences, "
        "rank-biserial r, Wilcoxon p",
        header=["fill", "patches", "elites", *(f"beyond {which}" for which in ELSEWHERE)],
        rows=[
            [fill, name, len(kept), *(_test(paired(kept, e, patches, fill)) for e in ELSEWHERE)]
            for fill in FILLS
            for name, patches, kept in _steps(every)
        ],
    )


def _test(found: Paired) -> str:
    return f"{found.median:+.3f}, r = {found.rank_biserial:+.2f}, {p_text(found.p)}"


def _verdict(every: Sequence[Removed], falls: Share) -> Verdict:
    lost = median_interval([one.lost("copies", 1) for one in every])
    kept = comparable(every, 1)
    said = "reproduced" if falls.low > 0.5 and 0 < lost.low <= lost.high < 0.1 else "differs"
    because = f"confidence falls with the first copy in {falls}, by a median of {_points(lost)}"
    if kept:
        alike = medians(kept, 1)[-1]
        test = paired(kept, "alike", 1)
        because += (
            f"; a patch elsewhere of the same contrast costs {_points(alike)} (log-odds that a "
            f"copy costs beyond it: {_test(test)})"
        )
    return Verdict(outcome=said, because=because)
