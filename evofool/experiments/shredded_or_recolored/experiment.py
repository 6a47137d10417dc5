"""Shredded or recoloured: which digits does a network still recognise?

An article cuts test digits to pieces within 7x7 windows, of which its code exchanges the rows, and
recolours them by a table of levels without any order. It finds that its network copes with the
first, suspects that it takes all of the second for the same digit, and expects more from training
on shifted and scaled digits.

References:
    "Blondes, monsters and addictions of artificial intelligence": a network of 590,650 parameters,
    accuracy .9939 (.995 after another epoch); .7051 shredded; .1634 recoloured.
"""

from collections.abc import Iterator

import numpy as np
import scipy

from evofool.classifiers import Classifier
from evofool.experiments.bench import Lab
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Claim,
    Figure,
    Findings,
    Row,
    Table,
    captioned_sheet,
    cells,
    near,
    note,
    notes,
    recognized_section,
    rows_of,
)
from evofool.experiments.shredded_or_recolored.measures import (
    ARTICLE,
    AUGMENTED,
    BLONDES,
    BRIEF,
    COMPARED,
    CONDITIONS,
    CONSTANT,
    PIXELS,
    ROWS,
    WHOLE,
    WINDOW,
    Accuracies,
    ByTable,
    Digits,
    Measures,
    load_digits,
    load_networks,
    measure,
)
from evofool.images import Section, chart

ANOTHER_EPOCH = f"accuracy, {WHOLE}, after another epoch"
PUBLISHED = {
    f"accuracy, {WHOLE}": 0.9939,
    ANOTHER_EPOCH: 0.995,
    f"accuracy, {ROWS}": 0.7051,
    f"accuracy, {BLONDES}": 0.1634,
}
"""Figures of the article's network."""
CLAIMS = [
    Claim(what=what, paper=f"{100 * share:.2f} %", tolerance=near(share))
    for what, share in PUBLISHED.items()
]


def report(lab: Lab, measures: Measures) -> Findings:
    """Asks what the article's network recognises, and what that depends on."""
    networks, digits = load_networks(lab), load_digits(lab)
    n = f"{len(digits.images)} digits"
    ours, random = measures.accuracy[ARTICLE], measures.random.accuracy
    commonest = int(measures.counts.argmax())
    return Findings(
        rows=accuracy_rows(ours, measures.another_epoch, n),
        tables=[
            Table(
                title="Accuracy of other networks (mean over seeds of the shuffles)",
                header=["network", *CONDITIONS],
                rows=[
                    [name, *(cells.share(float(values.mean())) for values in each.values())]
                    for name, each in measures.accuracy.items()
                ],
            ),
            Table(
                title="Rank correlation (Spearman) of accuracy with properties of the table",
                header=["tables", "n", "non-monotonicity", "contrast", "|contrast|"],
                rows=[
                    ["random", *_correlations(measures.random)],
                    ["graded", *_correlations(measures.graded)],
                ],
            ),
            Table(
                title="How the networks were made",
                header=["network", "made"],
                rows=[[name, network.card.notes] for name, network in networks.items()],
            ),
        ],
        images=[
            captioned_sheet(
                lab,
                "strip.png",
                "One digit of each kind, and what is made of it",
                _show_conditions(networks[ARTICLE], digits),
            ),
            _draw_sides(lab, measures),
            _draw_tables(lab, measures),
        ],
        notes=[
            *notes(
                "shredded-or-recolored",
                "mnist",
                commonest=commonest,
                commonest_share=cells.share(measures.counts[commonest] / measures.counts.sum()),
                digits=measures.counts.sum(),
                counts=", ".join(map(str, measures.counts)),
                tables=len(random),
                recolored=measures.recolored,
                median=cells.share(float(np.median(random))),
                least=cells.share(random.min()),
                most=cells.share(random.max()),
                as_hard=cells.share(np.mean(random <= ours[BLONDES][0])),
                shredded=measures.shredded,
                augmentation="; ".join(_gains(measures)) or "not tried at this scale",
            ),
            *_note_schedule(measures),
        ],
    )


def accuracy_rows(accuracy: Accuracies, another_epoch: float, n: str) -> list[Row]:
    """Puts the accuracies of the article's network beside the published ones."""
    figures = {f"accuracy, {name}": values.tolist() for name, values in accuracy.items()}
    figures[ANOTHER_EPOCH] = [another_epoch]
    return rows_of(figures, claims=CLAIMS, n=n)


def _correlations(tables: ByTable) -> Iterator[str | int]:
    yield len(tables.accuracy)
    for values in (tables.non_monotonicity, tables.contrast, np.abs(tables.contrast)):
        rho, p = scipy.stats.spearmanr(tables.accuracy, values)
        yield f"{rho:+.2f} (p = {p:.1g})"


def _gains(measures: Measures) -> Iterator[str]:
    """Says what training on shifted and scaled digits changes."""
    for name, augmented in ((BRIEF, AUGMENTED), ("lenet", "lenet-shift-scale")):
        if augmented in measures.accuracy:
            before, after = (measures.accuracy[network] for network in (name, augmented))
            changes = (
                f"{cells.share(before[each].mean())} to {cells.share(after[each].mean())} ({each})"
                for each in (WHOLE, ROWS, PIXELS)
            )
            yield f"{name}: {', '.join(changes)}"


def _note_schedule(measures: Measures) -> Iterator[str]:
    """Says how accuracy depends on the learning rate's decay, where that was varied."""
    if CONSTANT in measures.accuracy:
        texts = {
            field: ", ".join(
                f"{cells.share(values.mean())} ({name})"
                for name, values in measures.accuracy[network].items()
            )
            for field, network in (("article", ARTICLE), ("brief", BRIEF), ("constant", CONSTANT))
        }
        yield note("shredded-or-recolored", "schedule", **texts)


def _show_conditions(network: Classifier, digits: Digits) -> Iterator[Section]:
    """Shows a digit of each class under every condition, and what the network takes it for."""
    some = digits.images[[int(np.argmax(digits.labels == digit)) for digit in range(10)]]
    for name, apply in CONDITIONS.items():
        yield recognized_section(name, network, apply(some, 0))


def _draw_sides(lab: Lab, measures: Measures) -> Figure:
    """Draws accuracy over the side of windows, a colour per network and a line per kind."""
    with chart(lab.folder / "windows.png") as axes:
        for color, (name, each) in zip(("C0", "C1"), measures.by_side.items(), strict=True):
            for style, (condition, values) in zip(("-", "--"), each.items(), strict=True):
                label = f"{name}, {condition}"
                axes.plot(measures.sides, values, style, color=color, label=label)
        axes.plot([WINDOW], [PUBLISHED[f"accuracy, {ROWS}"]], "k*", label="article, rows shuffled")
        axes.axhline(0.1, color="grey", linestyle=":", linewidth=1)
        axes.set(ylim=(0, 1), xlabel="side of the windows, pixels of 28", ylabel="accuracy")
        axes.grid(alpha=0.3)
        axes.legend()
    return Figure(file="windows.png", caption="Accuracy over the side of the windows")


def _draw_tables(lab: Lab, measures: Measures) -> Figure:
    """Draws what recoloured digits are taken for, and the accuracy under many tables."""
    (blondes,) = measures.accuracy[ARTICLE][BLONDES]
    random = measures.random.accuracy
    with chart(lab.folder / "tables.png", size=(13, 3.8), panels=3) as (bars, histogram, scatter):
        bars.bar(range(10), measures.counts)
        bars.set(xticks=range(10), xlabel="what recoloured digits are taken for", ylabel="digits")
        histogram.hist(random, bins=np.arange(0, 1.01, 0.05))
        label = f"the article's table, here: {cells.share(blondes)}"
        histogram.axvline(blondes, color="black", linestyle=":", label=label)
        histogram.set(xlabel="accuracy", ylabel=f"tables, of {len(random)} random ones")
        histogram.legend()
        for marker, tables in (("o", measures.graded), ("x", measures.random)):
            style = {"c": tables.contrast, "marker": marker, "cmap": "coolwarm"}
            points = scatter.scatter(
                tables.non_monotonicity, tables.accuracy, vmin=-255, vmax=255, **style
            )
        label = "non-monotonicity (o growing disorder, x random)"
        scatter.set(xlabel=label, ylabel="accuracy")
        scatter.figure.colorbar(points, ax=scatter, label="contrast of ink, levels")
    return Figure(
        file="tables.png",
        caption="What recoloured digits are taken for; accuracy under random tables; and under "
        "tables of growing disorder, where colour is the contrast of ink",
    )


EXPERIMENT = Experiment(
    name="shredded-or-recolored",
    title="Does a network recognise digits that are cut to pieces, or recoloured?",
    so_what=(
        "If shuffled rows keep their label and new colours do not, a network looks at other "
        "things than people, who find the one hard and the other easy."
    ),
    paper='"Blondes, monsters and addictions of artificial intelligence"',
    parts={
        "mnist": Part(
            measure=measure,
            report=report,
            claims=tuple(CLAIMS),
            networks=(ARTICLE, BRIEF, AUGMENTED, CONSTANT, *COMPARED),
            images=True,
            seeds=5,
        )
    },
)
