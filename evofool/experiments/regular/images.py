"""Images of how a thousand classes, and groups of them, came out."""

from collections.abc import Sequence

import numpy as np

from evofool.analysis import Family
from evofool.classifiers import first_name
from evofool.experiments.bench.lab import Lab
from evofool.experiments.report.elites import save_sheet
from evofool.experiments.report.findings import Figure
from evofool.images import Section, chart, draw_sheet, percent, thumbnail
from evofool.runs import Run

PUBLISHED_MEDIAN = 0.8811  # AlexNet, ten crops
PETS = ("dogs", "cats")  # the groups that the paper says stay low


def draw_distributions(
    lab: Lab,
    runs: Sequence[Run],
    found: Sequence[np.ndarray],
    direct: Run,
    irregular: np.ndarray,
    groups: np.ndarray,
) -> Figure:
    """Draws confidence over the classes of every run, and over the groups of classes."""
    pooled = {name: np.concatenate([e[groups == name] for e in found]) for name in set(groups)}
    names = sorted(pooled, key=lambda name: np.median(pooled[name]))
    with chart(lab.folder / "classes.png", size=(11, 4.6), panels=2) as (left, right):
        for run, each in zip(runs, found, strict=True):
            left.plot(np.sort(each)[::-1], label=f"CPPN, seed {run.config.seed}")
        left.plot(np.sort(irregular)[::-1], label=f"direct, seed {direct.config.seed}", color="C7")
        left.axhline(PUBLISHED_MEDIAN, color="black", linestyle=":", linewidth=1)
        left.annotate("paper's median, CPPN", (0, PUBLISHED_MEDIAN), va="top", fontsize=8)
        left.axvline(len(groups) / 2, color="black", linewidth=0.5)
        left.set_xlabel("classes, most certain first")
        left.set_ylabel("confidence")
        left.legend(loc="lower left")
        right.boxplot(
            [pooled[name] for name in names], orientation="horizontal", flierprops={"markersize": 2}
        )
        right.set_yticks(range(1, len(names) + 1), names)
        right.set_xlabel("confidence of the classes of a group, all seeds")
    return Figure(
        file="classes.png",
        caption="How confidence is distributed over the classes, and over their groups (hardest "
        "below)",
    )


def draw_families(lab: Lab, families: Sequence[Family], groups: np.ndarray) -> Figure:
    """Draws the probability of a class beside that of its group, by group."""
    names = np.unique(groups).tolist()
    median = {
        field: [float(np.median(together(families, field, groups == name))) for name in names]
        for field in ("own", "family")
    }
    order = np.argsort(median["own"])
    with chart(lab.folder / "families.png", size=(7, 4.6)) as axes:
        for place, index in enumerate(order):
            ends = [median["own"][index], median["family"][index]]
            axes.plot(ends, [place, place], color="#bbbbbb", zorder=1)
        for field, color, label in (
            ("own", "C0", "the class alone"),
            ("family", "C3", "summed over its group"),
        ):
            values = np.array(median[field])[order]
            axes.scatter(values, range(len(names)), color=color, label=label, zorder=2)
        axes.set_yticks(range(len(names)), [names[index] for index in order])
        axes.set_xlim(0, 1.02)
        axes.set_xlabel("median probability over the elites of a group")
        axes.grid(axis="x", alpha=0.3)
        axes.legend(loc="lower left")
    return Figure(
        file="families.png",
        caption="Probability of the class, and summed over the classes of its group",
    )


def show_elites(lab: Lab, run: Run, groups: np.ndarray) -> Figure:
    """Leaves a sheet of the surest elites, and of the dogs and cats, surest and least sure."""
    ranked = sorted(run.elites(), key=lambda elite: -elite.fitness)
    dogs, cats = ([e for e in ranked if groups[e.class_index] == pet] for pet in PETS)
    sections = []
    for heading, elites in (
        ("The surest", ranked[:40]),
        ("Dogs: the surest", dogs[:10]),
        ("Dogs: the least sure", dogs[-10:]),
        ("Cats", cats),
    ):
        captions = [[first_name(e.label), percent(e.confidence)] for e in elites]
        sections.append(Section(heading, [*map(thumbnail, run.images(elites))], captions))
    save_sheet(draw_sheet(sections), lab.folder / "sheet.jpg")
    return Figure(file="sheet.jpg", caption=f"Elites of seed {run.config.seed}")


def together(families: Sequence[Family], field: str, chosen: np.ndarray) -> np.ndarray:
    """Returns one field for the chosen classes of all seeds."""
    return np.concatenate([getattr(each, field)[chosen] for each in families])
