"""Draws how the median confidence of several runs rose, over generations, evaluations or minutes.

    python scripts/plot_runs.py runs/a runs/b --labels "seed 0" "seed 1" --line 0.8811 "paper" \
        --out curves.png

Every independent run of a run directory is a line, in the directory's colour. Where a label comes
again, its runs have the same colour, dashed.

`--minutes` gives the processor time that each run took, which no run directory holds: its lines lie
in proportion to its evaluations, or, as those of polishing take longer, to its seconds, if it was
polished.

    python scripts/plot_runs.py polished alone --labels MobileNet MobileNet --minutes 31 30 \
        --out curves.png

Takes a second; reads `metrics.jsonl` of run directories, finished or not.
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
    parser.add_argument("--minutes", nargs="+", type=float, help="of processor time; one per run")
    parser.add_argument("--line", nargs=2, metavar=("CONFIDENCE", "LABEL"), action="append")
    parser.add_argument("--title", default="")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    labels = arguments.labels or [folder.name for folder in arguments.runs]
    for name, given in ("labels", labels), ("minutes", arguments.minutes):
        if given is not None and len(given) != len(arguments.runs):
            parser.error(f"{len(given)} {name} for {len(arguments.runs)} runs; give one for each")

    with chart(arguments.out) as axes:
        runs = list(map(evofool.Run.open, arguments.runs))
        published = arguments.line or []
        draw(axes, runs, labels, x=arguments.x, minutes=arguments.minutes, published=published)
        axes.set_title(arguments.title)


def draw(
    axes: "Axes",
    runs: Sequence[evofool.Run],
    labels: Sequence[str],
    *,
    x: Literal["generation", "evaluations"],
    minutes: Sequence[float] | None = None,
    published: Sequence[tuple[str, str]] = (),
) -> None:
    """Draws the medians of run directories, and horizontal lines of a confidence and a label.

    Args:
        axes: to draw on.
        runs: a line for each of their independent runs.
        labels: one for each run directory; those of one label have one colour.
        x: what lies on the axis.
        minutes: processor time of each run directory, which lies on the axis then.
        published: confidences with what they are.
    """
    colors = {label: f"C{number}" for number, label in enumerate(dict.fromkeys(labels))}
    for place, (run, label) in enumerate(zip(runs, labels, strict=True)):
        is_first = label not in labels[:place]
        lines = run.metrics
        for index in range(run.config.runs):
            mine = [line for line in lines if line["run"] == index]
            medians = on_axis([line["median_confidence"] for line in mine])
            if minutes is None:
                at = [max(line[x], 1) for line in mine]
            else:
                clock = "seconds" if run.config.polish.steps else "evaluations"
                at = [minutes[place] * line[clock] / mine[-1][clock] for line in mine]
            # one line of each colour in the legend
            shown = label if index == 0 and is_first else None
            style = "-" if is_first else "--"
            axes.plot(at, medians, style, color=colors[label], linewidth=1, label=shown)
    for confidence, label in published:
        place = float(on_axis(float(confidence)))
        axes.axhline(place, color="black", linestyle=":", linewidth=1)
        axes.annotate(
            label, (1, place), xycoords=("axes fraction", "data"), ha="right", va="bottom"
        )
    if minutes is None:
        axes.set_xscale("log")
    confidence_axis(axes, "median confidence over the classes")
    axes.set_xlabel(x if minutes is None else "minutes of processor time")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")


if __name__ == "__main__":
    main()
