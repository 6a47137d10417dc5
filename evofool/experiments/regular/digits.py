"""Regular images of ten classes, and which strokes evolved digits have."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from evofool.experiments.bench import Lab, evolve_digits
from evofool.experiments.report import (
    CERTAIN_MEDIAN,
    SIGNIFICANT,
    Certainty,
    Claim,
    Figure,
    Findings,
    Table,
    cells,
    certainty,
    certainty_rows,
    every_class_by,
    note,
    notes,
    settings,
    share_certain,
    show_runs,
)
from evofool.images import chart
from evofool.measures import (
    HORIZONTAL,
    VERTICAL,
    Permuted,
    median_interval,
    permutation_test,
    stroke_energy,
)

DIGITS = 10
LOWER = 2  # of three bands
REAL_DIGITS = 1000  # of the test set, that the evolved ones are compared with

SOON = every_class_by("a few", 20)  # a tenth of the generations
ONES = Claim(
    what='"1"s have more vertical strokes than other digits',
    paper="vertical bars",
    tolerance=SIGNIFICANT,
    unit="p",
)
TWOS = Claim(
    what='"2"s have more horizontal strokes in the lower third',
    paper="a horizontal bar",
    tolerance=SIGNIFICANT,
    unit="p",
)


class Strokes(NamedTuple):
    """Stroke energy of labelled images.

    Attributes:
        labels: the digits.
        energy: of edges, by direction and by third of the height; adds up to 1.
    """

    labels: Int[np.ndarray, " images"]
    energy: Float[np.ndarray, "images directions bands"]

    @property
    def upright(self) -> Float[np.ndarray, " images"]:
        """The share of vertical strokes."""
        return self.energy[:, VERTICAL].sum(axis=1)

    @property
    def low_bar(self) -> Float[np.ndarray, " images"]:
        """The share of horizontal strokes in the lower third."""
        return self.energy[:, HORIZONTAL, LOWER]


class Digits(NamedTuple):
    """Evolved digits, the run that each is from, and real ones.

    Attributes:
        certainty: of the runs.
        evolved: every elite.
        runs: index of the run of each.
        real: test images.
    """

    certainty: Certainty
    evolved: Strokes
    runs: Int[np.ndarray, " images"]
    real: Strokes


def measure_digits(lab: Lab) -> Digits:
    """Evolves digits against the LeNet that ships with evofool."""
    run, dataset = evolve_digits(lab, "lenet"), lab.dataset()
    elites = [elite for index in range(run.config.runs) for elite in run.elites(index)]
    return Digits(
        certainty=certainty(run),
        evolved=Strokes(
            np.array([elite.class_index for elite in elites]),
            stroke_energy(np.stack(list(run.images(elites)))),
        ),
        runs=np.array([elite.run_index for elite in elites]),
        real=Strokes(
            dataset.test_labels[:REAL_DIGITS], stroke_energy(dataset.test_images[:REAL_DIGITS])
        ),
    )


def report_digits(lab: Lab, measures: Digits) -> Findings:
    """Asks how soon digits are certain, and whether they have the strokes of their class."""
    run, evolved = evolve_digits(lab, "lenet"), measures.evolved
    labels, n = evolved.labels, f"{len(evolved.labels)} images"
    ones = exceeds(evolved.upright, labels, 1, measures.runs)
    twos = exceeds(evolved.low_bar, labels, 2, measures.runs)
    return Findings(
        rows=[
            *certainty_rows(measures.certainty, every=SOON, soon="a few", end=CERTAIN_MEDIAN),
            ONES.row([ones.p], n=n),
            TWOS.row([twos.p], n=n),
        ],
        tables=[tabulate_strokes(evolved, measures.real)],
        images=[
            *show_runs(lab, run, "Digits drawn by CPPNs"),
            _draw_strokes(lab, evolved, measures.real),
        ],
        notes=[
            settings(run),
            *notes(
                "regular",
                "mnist",
                ones=cells.test(ones),
                twos=cells.test(twos),
                directions_of_ones=directions(evolved.energy[labels == 1]),
                directions=directions(evolved.energy),
                upright=means_by_digit(evolved.upright, labels),
                low_bar=means_by_digit(evolved.low_bar, labels),
            ),
        ],
    )


def measure_objects(lab: Lab) -> Certainty:
    """Evolves objects of 32x32 pixels against evofool's CIFAR-10 network."""
    return certainty(evolve_digits(lab, "cifar_cnn"))


def report_objects(lab: Lab, measures: Certainty) -> Findings:
    """Asks how soon objects are certain, which the paper did not."""
    run = evolve_digits(lab, "cifar_cnn")
    return Findings(
        rows=certainty_rows(measures),
        result=share_certain(measures),
        images=show_runs(lab, run, "Objects drawn by CPPNs"),
        notes=[settings(run), note("shared", "not in the paper")],
    )


def exceeds(
    values: Float[np.ndarray, " images"],
    digits: Int[np.ndarray, " images"],
    digit: int,
    runs: Int[np.ndarray, " images"],
) -> Permuted:
    """Tests whether one digit's images have more of something than the others'."""

    def more(labels: np.ndarray) -> float:
        return float(values[labels == digit].mean() - values[labels != digit].mean())

    return permutation_test(more, digits, within=runs, alternative="greater")


def directions(energy: Float[np.ndarray, "images directions bands"]) -> str:
    """Counts images by the direction of most of their strokes."""
    names = ("horizontal", "rising (/)", "vertical", "falling (\\)")
    counts = np.bincount(energy.sum(axis=2).argmax(axis=1), minlength=len(names))
    return ", ".join(f"{count} {name}" for count, name in zip(counts, names, strict=True))


def means_by_digit(values: Float[np.ndarray, " images"], digits: Int[np.ndarray, " images"]) -> str:
    """Lists the digits by their mean, greatest first."""
    means = {digit: values[digits == digit].mean() for digit in range(DIGITS)}
    order = sorted(means, key=lambda digit: -means[digit])
    return ", ".join(f"{digit}: {means[digit]:.2f}" for digit in order)


def tabulate_strokes(evolved: Strokes, real: Strokes) -> Table:
    """Returns the medians of evolved digits, with intervals, beside those of real ones."""
    rows = []
    for digit in range(DIGITS):
        row: list[str | float] = [str(digit)]
        for values, real_values in (
            (evolved.upright, real.upright),
            (evolved.low_bar, real.low_bar),
        ):
            median = median_interval(values[evolved.labels == digit])
            row += [f"{median.median:.3f} [{median.low:.3f}, {median.high:.3f}]"]
            row += [float(np.median(real_values[real.labels == digit]))]
        rows.append(row)
    return Table(
        title=f"Strokes by digit, medians: {len(evolved.labels)} evolved images with intervals, "
        f"and {len(real.labels)} test digits",
        header=["digit", "vertical", "in real digits", "horizontal, low", "in real digits"],
        rows=rows,
    )


def _draw_strokes(lab: Lab, evolved: Strokes, real: Strokes) -> Figure:
    drawn = (
        ("vertical strokes", evolved.upright, real.upright, 1),
        ("horizontal strokes in the lower third", evolved.low_bar, real.low_bar, 2),
    )
    with chart(lab.folder / "strokes.png", size=(9, 3.6), panels=2) as panels:
        for axes, (name, values, real_values, claimed) in zip(panels, drawn, strict=True):
            axes.boxplot(
                [values[evolved.labels == digit] for digit in range(DIGITS)],
                positions=range(DIGITS),
                widths=0.6,
                patch_artist=True,
                boxprops={"facecolor": "#cfe0f3"},
                medianprops={"color": "#08306b"},
                flierprops={"markersize": 3},
            )
            medians = [np.median(real_values[real.labels == digit]) for digit in range(DIGITS)]
            axes.plot(range(DIGITS), medians, "D", color="C1", label="real digits, median")
            axes.axvspan(claimed - 0.5, claimed + 0.5, color="gold", alpha=0.25, linewidth=0)
            axes.set_xlabel("digit")
            axes.set_ylabel(f"share of edge energy:\n{name}")
            axes.set_ylim(0, 1)
            axes.grid(axis="y", alpha=0.3)
        panels[0].legend()
    return Figure(
        file="strokes.png",
        caption="Strokes of evolved digits (boxes) and of real ones (diamonds); the paper's claims "
        "are about the digits in yellow",
    )
