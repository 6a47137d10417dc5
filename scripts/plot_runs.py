"""Draws how the median confidence of several runs rose, over generations or evaluations.

    python scripts/plot_runs.py runs/a runs/b --labels "seed 0" "seed 1" --line 0.8811 "paper" \
        --out curves.png

Every independent run of a run directory is a line, in the directory's colour. Takes a second; reads
`metrics.jsonl` of run directories, finished or not.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import evofool
from evofool.images import chart, confidence_axis, on_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def main() -> None:
    """Parses the arguments and draws."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, help="run directories")
    parser.add_argument("--labels", nargs="+", help="one for each run; its folder unless given")
    parser.add_argument("--x", choices=("generation", "evaluations"), default="generation")
    parser.add_argument("--line", nargs=2, metavar=("CONFIDENCE", "LABEL"), action="append")
    parser.add_argument("--title", default="")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    labels = arguments.labels or [folder.name for folder in arguments.runs]
    if len(labels) != len(arguments.runs):
        parser.error(f"{len(labels)} labels for {len(arguments.runs)} runs; give one for each")

    with chart(arguments.out) as axes:
        runs = list(map(evofool.Run.open, arguments.runs))
        draw(axes, runs, labels, x=arguments.x, published=arguments.line or [])
        axes.set_title(arguments.title)


def draw(
    axes: "Axes",
    runs: Sequence[evofool.Run],
    labels: Sequence[str],
    *,
    x: Literal["generation", "evaluations"],
    published: Sequence[tuple[str, str]] = (),
) -> None:
    """Draws the medians of run directories, and horizontal lines of a confidence and a label."""
    for color, (run, label) in enumerate(zip(runs, labels, strict=True)):
        lines = run.metrics
        for index in range(run.config.runs):
            mine = [line for line in lines if line["run"] == index]
            medians = on_axis([line["median_confidence"] for line in mine])
            shown = label if index == 0 else None  # one line of each colour in the legend
            at = [max(line[x], 1) for line in mine]
            axes.plot(at, medians, color=f"C{color}", linewidth=1, label=shown)
    for confidence, label in published:
        place = float(on_axis(float(confidence)))
        axes.axhline(place, color="black", linestyle=":", linewidth=1)
        axes.annotate(
            label, (1, place), xycoords=("axes fraction", "data"), ha="right", va="bottom"
        )
    axes.set_xscale("log")
    confidence_axis(axes, "median confidence over the classes")
    axes.set_xlabel(x)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")


if __name__ == "__main__":
    main()
