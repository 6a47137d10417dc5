"""Regular images: drawn by evolved networks (CPPN encoding)."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from evofool.analysis import (
    HORIZONTAL,
    VERTICAL,
    Permuted,
    median_interval,
    permutation_test,
    stroke_energy,
)
from evofool.evolution import NEAR_CERTAIN
from evofool.experiments.bench.lab import Lab
from evofool.experiments.bench.shared_runs import NETWORK
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.regular.imagenet import imagenet
from evofool.experiments.report.elites import certainty_rows, confidences, show_runs
from evofool.experiments.report.findings import Figure, Findings, Table, Verdict
from evofool.experiments.transfer.measures import evolve_digits, settings
from evofool.images import chart
from evofool.runs import Run

DIGITS = 10
LOWER = 2  # of three bands
REAL_DIGITS = 1000  # of the test set, that the evolved ones are compared with


def mnist(lab: Lab) -> Findings:
    """Digits, against the LeNet that ships with evofool, and which strokes they have."""
    run = evolve_digits(lab, "lenet")
    elites = [elite for index in range(run.config.runs) for elite in run.elites(index)]
    digits = np.array([elite.class_index for elite in elites])
    runs = np.array([elite.run_index for elite in elites])
    energy = stroke_energy(np.stack(list(run.images(elites))))
    upright, low_bar = strokes(energy)
    test = lab.dataset()
    real = strokes(stroke_energy(test.test_images[:REAL_DIGITS])), test.test_labels[:REAL_DIGITS]
    ones, twos = exceeds(upright, digits, 1, runs), exceeds(low_bar, digits, 2, runs)
    certain = int(np.sum(np.median(confidences(run), axis=1) >= NEAR_CERTAIN))
    found = sum(test.p < 0.05 for test in (ones, twos))
    return Findings(
        rows=certainty_rows(run, every="a few", soon="a few", end="99.99 % by generation 200"),
        tables=[_table((upright, low_bar), digits, *real)],
        images=[
            *show_runs(lab, run, "Digits drawn by CPPNs"),
            _draw_strokes(lab, (upright, low_bar), digits, *real),
        ],
        notes=[
            settings(run),
            "Strokes are measured by the energy of edges (derivatives of a Gaussian, 1 pixel), by "
            "orientation of the stroke in four sectors of 45 degrees and by band, thirds of the "
            "height; shares of an image add up to 1. Tested is the mean of one digit's images "
            "less that of all others', with the digits permuted within each run, one-sided.",
            f'Do "1"s carry vertical strokes? Share of vertical strokes: {ones}. Most of '
            f'its energy is in one direction: {_directions(energy[digits == 1])} of the "1"s; for '
            f"all digits {_directions(energy)}. Means by digit: {_means(upright, digits)}.",
            f'Do "2"s have a horizontal bar low down? Share of horizontal strokes in the lower '
            f"third: {twos}. Means by digit: {_means(low_bar, digits)}.",
        ],
        verdict=Verdict(
            said="reproduced" if certain == lab.seeds and found == 2 else "in part",
            because=f"the median reaches 99.99 % in {certain} of {lab.seeds} runs; "
            f'"1"s {_has(ones)} more vertical strokes than other digits and "2"s {_has(twos)} more '
            f"of a low horizontal bar (n = {len(digits)} images)",
        ),
    )


def cifar10(lab: Lab) -> Findings:
    """Objects of 32x32 pixels, against evofool's CIFAR-10 network."""
    run: Run = evolve_digits(lab, "cifar_cnn")
    found = confidences(run)
    share = float(np.mean(found >= NEAR_CERTAIN))
    return Findings(
        rows=certainty_rows(run, every="", soon="", end=""),
        images=show_runs(lab, run, "Objects drawn by CPPNs"),
        notes=[settings(run), "The paper did not do this."],
        verdict=Verdict(
            said="new", because=f"{100 * share:.0f} % of {found.size} elites reach 99.99 %"
        ),
    )


def strokes(energy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the shares of vertical strokes, and of horizontal ones in the lower third."""
    return energy[:, VERTICAL].sum(axis=1), energy[:, HORIZONTAL, LOWER]


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


def _directions(energy: np.ndarray) -> str:
    """Counts images by the direction of most of their strokes."""
    names = ("horizontal", "rising (/)", "vertical", "falling (\\)")
    counts = np.bincount(energy.sum(axis=2).argmax(axis=1), minlength=len(names))
    return ", ".join(f"{count} {name}" for count, name in zip(counts, names, strict=True))


def _means(values: np.ndarray, digits: np.ndarray) -> str:
    """Lists the digits by their mean, greatest first."""
    means = {digit: values[digits == digit].mean() for digit in range(DIGITS)}
    order = sorted(means, key=lambda digit: -means[digit])
    return ", ".join(f"{digit}: {means[digit]:.2f}" for digit in order)


def _has(test: Permuted) -> str:
    return "have" if test.p < 0.05 else "do not have"


Strokes = Sequence[np.ndarray]


def _table(ours: Strokes, digits: np.ndarray, real: Strokes, labels: np.ndarray) -> Table:
    rows = []
    for digit in range(DIGITS):
        row: list[str | float] = [str(digit)]
        for values, real_values in zip(ours, real, strict=True):
            found = median_interval(values[digits == digit])
            row += [f"{found.median:.3f} [{found.low:.3f}, {found.high:.3f}]"]
            row += [float(np.median(real_values[labels == digit]))]
        rows.append(row)
    return Table(
        title=f"Strokes by digit, medians: {len(digits)} evolved images with intervals, and "
        f"{len(labels)} test digits",
        header=["digit", "vertical", "in real digits", "horizontal, low", "in real digits"],
        rows=rows,
    )


def _draw_strokes(
    lab: Lab, ours: Strokes, digits: np.ndarray, real: Strokes, labels: np.ndarray
) -> Figure:
    names = ("vertical strokes", "horizontal strokes in the lower third")
    with chart(lab.folder / "strokes.png", size=(9, 3.6), panels=2) as panels:
        for axes, name, values, real_values, digit in zip(
            panels, names, ours, real, (1, 2), strict=True
        ):
            axes.boxplot(
                [values[digits == d] for d in range(DIGITS)],
                positions=range(DIGITS),
                widths=0.6,
                patch_artist=True,
                boxprops={"facecolor": "#cfe0f3"},
                medianprops={"color": "#08306b"},
                flierprops={"markersize": 3},
            )
            medians = [np.median(real_values[labels == d]) for d in range(DIGITS)]
            axes.plot(range(DIGITS), medians, "D", color="C1", label="real digits, median")
            axes.axvspan(digit - 0.5, digit + 0.5, color="gold", alpha=0.25, linewidth=0)
            axes.set_xlabel("digit")
            axes.set_ylabel(f"share of edge energy:\n{name}")
            axes.set_ylim(0, 1)
            axes.grid(axis="y", alpha=0.3)
        panels[0].legend(loc="upper right")
    return Figure(
        file="strokes.png",
        caption="Strokes of evolved digits (boxes) and of real ones (diamonds); the paper's claims "
        "are about the digits in yellow",
    )


EXPERIMENT = Experiment(
    name="regular",
    title="Do images drawn by evolved networks fool a network, and what do they look like?",
    paper="sections 3.1 and 3.2, Figs. 1, 5, 7 and 8",
    parts={
        "mnist": Part(run=mnist, networks=("lenet",), images=True, seeds=30),
        "cifar10": Part(run=cifar10, networks=("cifar_cnn",), seeds=3),
        "imagenet": Part(run=imagenet, networks=(NETWORK,), seeds=2),
    },
)
