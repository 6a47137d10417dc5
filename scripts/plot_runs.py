"""Draws how the median confidence of several runs rose, over generations or evaluations.

    python scripts/plot_runs.py runs/a runs/b --labels "seed 0" "seed 1" --line 0.8811 "paper" \
        --out curves.png

Takes a second; reads `metrics.jsonl` of run directories, finished or not.
"""

import argparse
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import evofool


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

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for folder, label in zip(arguments.runs, labels, strict=True):
        lines = [line for line in evofool.Run.open(folder).metrics if line["run"] == 0]
        x = [max(line[arguments.x], 1) for line in lines]
        axes.plot(x, [line["median_confidence"] for line in lines], label=label)
    for confidence, label in arguments.line or []:
        axes.axhline(float(confidence), color="black", linestyle=":", linewidth=1)
        axes.annotate(
            label,
            (1, float(confidence)),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
        )
    axes.set_xscale("log")
    axes.set_ylim(0, 1)
    axes.set_xlabel(arguments.x)
    axes.set_ylabel("median confidence over the classes")
    axes.set_title(arguments.title)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    figure.savefig(arguments.out, dpi=110)


if __name__ == "__main__":
    main()
