"""Plots of runs for papers and notebooks: each draws on matplotlib axes and returns them.

    ax = evofool.plots.convergence(runs, by="cppn.add_node_rate")
    ax.figure.savefig("rates.pdf")

Without `axes` a function makes a figure of its own with `matplotlib.pyplot`, as notebooks show it.
Confidence is drawn on one axis everywhere, that of log-odds, scaled to the data.
"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from evofool.classifiers import first_name, label_of
from evofool.images import confidence_axis, on_axis
from evofool.runs.convergence import curves_of, draw_span
from evofool.runs.line_of_descent import stones_of
from evofool.runs.run import Elite, Run
from evofool.runs.summary import nothing_yet
from evofool.support import UserError, flattened, unknown_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Runs = str | Path | Run | Iterable[str | Path | Run]
MOST_NAMES = 40  # of classes below a heat map; more are counted only
SHADE = 0.15


def convergence(runs: Runs, *, by: str = "seed", axes: "Axes | None" = None) -> "Axes":
    """Plots how the median confidence rose with the generations.

    Args:
        runs: one or several run directories; all their independent runs are drawn.
        by: what the curves are coloured by: "seed", "folder", "classifier", or any setting, as in
            "encoding" or "cppn.add_node_rate". Of several runs with one value, the median over
            the runs is drawn, in the band from the least to the greatest of them.
        axes: to draw on; new ones unless given.

    Raises:
        UserError: no run, one has logged nothing, or there is no such setting.
    """
    groups: dict[str, list[tuple[list[int], Float[np.ndarray, " generations"]]]] = {}
    for run in _opened(runs):
        generations, curves = curves_of(run)
        if not generations:
            raise nothing_yet(run.folder, "has logged no generation yet")
        for index, curve in enumerate(curves):
            value = _value(run, index, by)
            groups.setdefault(str(value), []).append((generations, curve[1]))
    axes = axes or _new_axes()
    for color, (value, members) in enumerate(groups.items()):
        common = sorted(set.intersection(*(set(generations) for generations, _ in members)))
        rows = np.stack([_at(common, generations, curve) for generations, curve in members])
        band = np.stack([rows.min(axis=0), np.median(rows, axis=0), rows.max(axis=0)])
        draw_span(axes, common, band, f"C{color}", f"{by} {value}", SHADE)
    confidence_axis(axes, "median confidence")
    axes.set_xlabel("generation")
    if len(groups) <= MOST_NAMES:
        axes.legend(loc="best", fontsize="small")
    return axes


def confidences(runs: Runs, *, bins: int = 30, axes: "Axes | None" = None) -> "Axes":
    """Plots a histogram of the confidence of the elites, a step line for each run directory.

    Args:
        runs: one or several run directories.
        bins: number of bins, of equal width in log-odds.
        axes: to draw on; new ones unless given.

    Raises:
        UserError: no run, or none has an elite.
    """
    values = {str(run.folder): _elite_values(run) for run in _opened(runs)}
    together = np.concatenate(list(values.values()))
    if not len(together):
        raise UserError("there are no elites to plot: no image has got a score that is a number")
    axes = axes or _new_axes()
    edges = np.histogram_bin_edges(on_axis(together), bins)
    for name, of_run in values.items():
        axes.hist(on_axis(of_run), edges.tolist(), histtype="step", label=name)
    confidence_axis(axes, "confidence", which="x")
    axes.tick_params(axis="x", labelrotation=45)
    axes.set_ylabel("elites")
    if len(values) > 1:
        axes.legend(loc="best", fontsize="small")
    return axes


def classes(runs: Runs, *, axes: "Axes | None" = None) -> "Axes":
    """Plots a heat map: the confidence of every class (columns) in every independent run (rows).

    Args:
        runs: one or several run directories that evolved for the same classes.
        axes: to draw on; new ones unless given.

    Raises:
        UserError: no run, or they evolved for different classes.
    """
    opened = _opened(runs)
    labels = [[label_of(run.card, output) for output in run.outputs] for run in opened]
    if any(other != labels[0] for other in labels):
        raise UserError("the runs evolved for different classes; plot those of the same together")
    values = np.concatenate([run.confidences for run in opened])
    axes = axes or _new_axes()
    shown = axes.imshow(on_axis(values), aspect="auto", interpolation="nearest")
    bar = axes.figure.colorbar(shown, ax=axes)
    confidence_axis(bar.ax, "confidence")
    if len(labels[0]) <= MOST_NAMES:
        names = [first_name(label) for label in labels[0]]
        axes.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > 2 else 0)
    axes.set_xlabel("class")
    names = [f"{run.folder.name}, seed {one.seed}" for run in opened for one in run.runs]
    if len(names) <= MOST_NAMES:
        axes.set_yticks(range(len(names)), names)
    return axes


def lineage(elite: Elite, *, axes: "Axes | None" = None) -> "Axes":
    """Plots an elite's line of descent: the confidence of each ancestor that entered a class.

    Each is drawn with its image, at the generation in which the line came to the class.

    Args:
        elite: of any run; its classifier scores the ancestors.
        axes: to draw on; new ones unless given.

    Raises:
        UserError: to load the classifier would run code that only the run directory names.
    """
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    stones = stones_of(elite)
    known = [(stone, stone.confidence) for stone in stones if stone.confidence is not None]
    if not known:
        raise UserError(
            f"the classifier of {elite.run.folder} is code that only the run directory names; open "
            "the run with Run(folder, trust_code=True) to score the ancestors"
        )
    axes = axes or _new_axes()
    generations = [stone.generation for stone, _ in known]
    places = on_axis([confidence for _, confidence in known])
    axes.plot(generations, places, marker="o", color="C0")
    for (stone, _), x, y in zip(known, generations, places.tolist(), strict=True):
        image = np.repeat(stone.image, 3, axis=2) if stone.image.shape[2] == 1 else stone.image
        box = OffsetImage(image, zoom=30 / max(image.shape[:2]))
        axes.add_artist(AnnotationBbox(box, (x, y), xybox=(0, 22), boxcoords="offset points"))
        axes.annotate(
            first_name(stone.label), (x, y), (0, -14), textcoords="offset points", ha="center"
        )
    axes.margins(0.12, 0.3)
    confidence_axis(axes, "confidence in the class that it held")
    axes.set_xlabel("generation")
    axes.set_title(f"ancestors of {first_name(elite.label)!r}")
    return axes


def _opened(runs: Runs) -> list[Run]:
    listed = [runs] if isinstance(runs, str | Path | Run) else list(runs)
    if not listed:
        raise UserError("no run to plot")
    return [Run.open(run) for run in listed]


def _value(run: Run, index: int, by: str) -> object:
    """Returns what an independent run is grouped by."""
    facts = {"seed": run.config.seed + index, "folder": run.folder, "classifier": run.card.name}
    if by in facts:
        return facts[by]
    settings = flattened(dataclasses.asdict(run.config))
    if by not in settings:
        raise unknown_name("by", by, [*facts, *settings])
    return settings[by]


def _at(
    wanted: list[int], generations: list[int], curve: Float[np.ndarray, " generations"]
) -> Float[np.ndarray, " wanted"]:
    place = {generation: i for i, generation in enumerate(generations)}
    return curve[[place[generation] for generation in wanted]]


def _elite_values(run: Run) -> Float[np.ndarray, " elites"]:
    return run.confidences[np.isfinite(run.table["archive.fitness"])]


def _new_axes() -> "Axes":
    from matplotlib import pyplot

    return pyplot.subplots(layout="constrained")[1]
