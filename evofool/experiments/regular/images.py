"""Images of how a thousand classes, and groups of them, came out."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from evofool.experiments.bench import Lab
from evofool.experiments.report import Figure, captioned_sheet, elite_section
from evofool.images import chart, confidence_axis, on_axis
from evofool.measures import FamilyConfidence
from evofool.runs import Run

PUBLISHED_MEDIAN = 0.8811  # AlexNet, ten crops
PETS = ("dogs", "cats")  # the groups that the paper says stay low


def draw_distributions(
    lab: Lab,
    runs: Sequence[Run],
    regular: Float[np.ndarray, "seeds classes"],
    direct: Run,
    irregular: np.ndarray,
    groups: np.ndarray,
) -> Figure:
    """Draws confidence over the classes of every run, and over the groups of classes."""
    pooled = {name: regular[:, groups == name].ravel() for name in set(groups)}
    names = sorted(pooled, key=lambda name: np.median(pooled[name]))
    with chart(lab.folder / "classes.png", size=(11, 4.6), panels=2) as (left, right):
        for run, values in zip(runs, regular, strict=True):
            left.plot(on_axis(np.sort(values)[::-1]), label=f"CPPN, seed {run.config.seed}")
        ranked = on_axis(np.sort(irregular)[::-1])
        left.plot(ranked, label=f"direct, seed {direct.config.seed}", color="C7")
        published = on_axis(PUBLISHED_MEDIAN)
        left.axhline(published, color="black", linestyle=":", linewidth=1)
        left.annotate("paper's median, CPPN", (0, published), va="top", fontsize=8)
        left.axvline(len(groups) / 2, color="black", linewidth=0.5)
        left.set_xlabel("classes, most certain first")
        confidence_axis(left, "confidence")
        left.legend()
        right.boxplot(
            [on_axis(pooled[name]) for name in names],
            orientation="horizontal",
            flierprops={"markersize": 2},
        )
        right.set_yticks(range(1, len(names) + 1), names)
        confidence_axis(right, "confidence of the classes of a group, all seeds", which="x")
    return Figure(
        file="classes.png",
        caption="How confidence is distributed over the classes, and over their groups (hardest "
        "below)",
    )


def draw_families(lab: Lab, families: Sequence[FamilyConfidence], groups: np.ndarray) -> Figure:
    """Draws the probability of a class beside that of its group, by group."""
    names = np.unique(groups).tolist()
    median = {
        field: [float(np.median(together(families, field, groups == name))) for name in names]
        for field in ("own", "family")
    }
    order = np.argsort(median["own"])
    with chart(lab.folder / "families.png", size=(7, 4.6)) as axes:
        for place, index in enumerate(order):
            ends = on_axis([median["own"][index], median["family"][index]])
            axes.plot(ends, [place, place], color="#bbbbbb", zorder=1)
        for field, color, label in (
            ("own", "C0", "the class alone"),
            ("family", "C3", "summed over its group"),
        ):
            values = on_axis(median[field])[order]
            axes.scatter(values, range(len(names)), color=color, label=label, zorder=2)
        axes.set_yticks(range(len(names)), [names[index] for index in order])
        confidence_axis(axes, "median probability over the elites of a group", which="x")
        axes.grid(axis="x", alpha=0.3)
        axes.legend()
    return Figure(
        file="families.png",
        caption="Probability of the class, and summed over the classes of its group",
    )


def show_elites(lab: Lab, run: Run, groups: np.ndarray) -> Figure:
    """Leaves a sheet of the surest elites, and of the dogs and cats, surest and least sure."""
    ranked = sorted(run.elites(), key=lambda elite: -elite.fitness)
    dogs, cats = ([e for e in ranked if groups[e.class_index] == pet] for pet in PETS)
    shown = {
        "The surest": ranked[:40],
        "Dogs: the surest": dogs[:10],
        "Dogs: the least sure": dogs[-10:],
        "Cats": cats,
    }
    sections = [elite_section(heading, run, elites) for heading, elites in shown.items()]
    return captioned_sheet(lab, "sheet.jpg", f"Elites of seed {run.config.seed}", sections)


def together(families: Sequence[FamilyConfidence], field: str, chosen: np.ndarray) -> np.ndarray:
    """Returns one field for the chosen classes of all seeds."""
    return np.concatenate([getattr(each, field)[chosen] for each in families])
