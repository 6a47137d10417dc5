"""One table of all defences, what evolution still finds, and whether that differs."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from evofool.analysis import mann_whitney
from evofool.classifiers import confidence
from evofool.evolution import NEAR_CERTAIN
from evofool.experiments.bench import Lab
from evofool.experiments.report import (
    Figure,
    Findings,
    Row,
    Table,
    Verdict,
    confidences,
    save_sheet,
)
from evofool.experiments.shredded_or_recolored.measures import BLONDES, PIXELS, ROWS
from evofool.images import Section, chart, draw_sheet, thumbnail
from evofool.runs import Run
from evofool.support import percent
from evofool.training import EPSILONS

Measures = dict[str, float]
"""Of one network, by name: shares in [0, 1], and evaluations."""

EVALUATIONS = "evaluations until every class is certain"
SHARES = {
    "accuracy": "clean digits recognised",
    "fgsm 0.1": "FGSM, epsilon .1: success",
    "fgsm 0.25": "FGSM, epsilon .25: success",
    "pgd 0.1": "PGD (40 steps), epsilon .1: success",
    "pgd 0.25": "PGD (40 steps), epsilon .25: success",
    "differences 0.1": "finite differences, epsilon .1: success",
    "differences 0.25": "finite differences, epsilon .25: success",
    "universal 0.25": "one change for all, epsilon .25: success",
    ROWS: "digits with rows shuffled in 7x7 windows recognised",
    PIXELS: "digits with pixels shuffled in 7x7 windows recognised",
    BLONDES: "recoloured digits recognised",
    "cppn confidence": "CPPN images: median confidence",
    "direct confidence": "direct images: median confidence",
}
FIRST = ("fgsm 0.25", "cppn confidence", "direct confidence")  # besides the table
PUBLISHED = {("fgsm 0.25", "plain"): "89.4 %", ("fgsm 0.25", "FGSM"): "17.9 %"}
COLORS = ("C0", "C1", "C2")
ENCODINGS = {"cppn": "CPPN", "direct": "directly encoded"}


def report(
    lab: Lab,
    measures: Mapping[str, Sequence[Measures]],
    runs: Mapping[str, Mapping[str, Sequence[Run]]],
    *,
    epochs: int,
) -> Findings:
    """Says what came out, and leaves the images.

    Args:
        lab: where images are left.
        measures: by defence, of each network.
        runs: by defence and encoding, against each network.
        epochs: of training.
    """
    plain = next(iter(measures))
    config = runs[plain]["cppn"][0].config
    tests = [
        [ENCODINGS[encoding], name, str(mann_whitney(_odds(own[encoding]), _odds(base)))]
        for encoding, base in runs[plain].items()
        for name, own in runs.items()
        if name != plain
    ]
    return Findings(
        summary=("not in the paper", _fooled(measures)),
        rows=[
            Row(
                what=f"{SHARES[what]}, {name}",
                paper=PUBLISHED.get((what, name), ""),
                ours=[one[what] for one in of],
                unit="%",
                n=f"{len(of)} networks",
            )
            for what in FIRST
            for name, of in measures.items()
        ],
        tables=[
            _table(measures, runs),
            Table(
                title=f"Median log-odds of the ten elites of each run: against {plain} training",
                header=["images", "training", "a: with the defence, b: without"],
                rows=tests,
            ),
        ],
        images=[_write_sheet(lab, runs), _draw_curves(lab, runs)],
        notes=[
            f"LeNets learn for {epochs} epoch(s). FGSM: training digits are perturbed by epsilon "
            f"{EPSILONS['fgsm']:g} too, at equal weight. VAT: by {EPSILONS['vat']:g} in L2 norm, "
            "along the direction in which outputs change most.",
            "Success is the share of recognised test digits that are no longer recognised. At full "
            "scale those are all of them for FGSM and for the one change (made with 500 training "
            "digits), the first 1000 for PGD, and the first 100 for finite differences (r = .01, "
            "of logits, against the runner-up). PGD tells whether a network has merely learned to "
            "bend its gradient where FGSM looks.",
            "Every figure of evolution is the median of the runs against a network: "
            f"{config.runs} of {config.generations} generations of {config.batch_size} children "
            "with each encoding. Intervals are over training seeds; with three of them they are "
            "their span (a 75 % interval). Runs against one network are not independent of each "
            "other, so that p-values, which count every run, are too small.",
        ],
        verdict=Verdict(outcome="new", because=_fooled(measures)),
    )


def _fooled(measures: Mapping[str, Sequence[Measures]]) -> str:
    """Says in a clause what each way of training does to both kinds of fooling."""

    def all_of(what: str, spell: Callable[[float], str]) -> str:
        medians = (float(np.median([one[what] for one in of])) for of in measures.values())
        return " / ".join(map(spell, medians))

    evolved = (
        f"{title} images reach {all_of(f'{encoding} confidence', percent)} and are certain in all "
        f"classes after {all_of(f'{encoding} {EVALUATIONS}', _count)} evaluations"
        for encoding, title in ENCODINGS.items()
    )
    success = all_of("fgsm 0.25", lambda share: f"{share:.1%}")
    return f"{' / '.join(measures)}: FGSM .25 fools {success}; {'; '.join(evolved)}"


def _table(
    measures: Mapping[str, Sequence[Measures]], runs: Mapping[str, Mapping[str, Sequence[Run]]]
) -> Table:
    rows: list[list[str]] = [
        [title, *(_spread([one[what] for one in of]) for of in measures.values())]
        for what, title in SHARES.items()
    ]
    for encoding, title in ENCODINGS.items():
        needed = f"{encoding} {EVALUATIONS}"
        rows.append(
            [
                f"{title} images: {EVALUATIONS}",
                *(
                    f"{_count(float(np.median(values)))} [{_count(min(values))}, "
                    f"{_count(max(values))}]"
                    for values in ([one[needed] for one in of] for of in measures.values())
                ),
            ]
        )
        rows.append(
            [
                f"{title} images: classes >= 99.99 %",
                *(
                    f"{np.mean([confidences(run) >= NEAR_CERTAIN for run in own[encoding]]):.1%}"
                    for own in runs.values()
                ),
            ]
        )
    return Table(
        title="Median [least, greatest] of the training seeds",
        header=["measure", *measures],
        rows=rows,
    )


def _odds(runs: Sequence[Run]) -> np.ndarray:
    """Returns the median log-odds of each run, where confidences would all be 1."""
    return np.concatenate([np.median(run.table["archive.fitness"], axis=1) for run in runs])


def _spread(values: Sequence[float]) -> str:
    low, middle, high = (f"{100 * value:.4g}" for value in np.quantile(values, [0, 0.5, 1]))
    return f"{middle} % [{low}, {high}]"


def _count(evaluations: float) -> str:
    return f"{evaluations:,.0f}" if np.isfinite(evaluations) else "never"


def _write_sheet(lab: Lab, runs: Mapping[str, Mapping[str, Sequence[Run]]]) -> Figure:
    """Leaves the elites of the first run against the first network of each kind."""
    sections = []
    for name, own in runs.items():
        for encoding, (run, *_) in own.items():
            elites = run.elites()
            sections.append(
                Section(
                    f"{name} training, {ENCODINGS[encoding]}",
                    [thumbnail(elite.image()) for elite in elites],
                    [[elite.label, percent(float(confidence(elite.fitness)))] for elite in elites],
                )
            )
    save_sheet(draw_sheet(sections), lab.folder / "elites.jpg")
    return Figure(
        file="elites.jpg", caption="Elites against networks trained in three ways: seed 0, run 0"
    )


def _draw_curves(lab: Lab, runs: Mapping[str, Mapping[str, Sequence[Run]]]) -> Figure:
    """Draws how the median confidence rises, every run a line."""
    with chart(lab.folder / "curves.png", size=(11, 4), panels=len(ENCODINGS)) as panels:
        for axes, (encoding, title) in zip(panels, ENCODINGS.items(), strict=True):
            for color, (name, own) in zip(COLORS, runs.items(), strict=True):
                for place, run in enumerate(own[encoding]):
                    for index in range(run.config.runs):
                        lines = [line for line in run.metrics if line["run"] == index]
                        medians = [line["median_confidence"] for line in lines]
                        at = [line["generation"] for line in lines]
                        label = name if place == index == 0 else None
                        axes.plot(at, medians, color=color, linewidth=0.8, label=label)
            axes.set_title(f"{title} images")
            axes.set_xlabel("generation")
            axes.set_ylim(0, 1.02)
            axes.grid(alpha=0.3)
        panels[0].set_ylabel("median confidence of the elites")
        panels[0].legend(title="training")
    return Figure(
        file="curves.png", caption="How fast evolution fools networks trained in three ways"
    )
