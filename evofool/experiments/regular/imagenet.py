"""Regular images of a thousand classes: which classes are hard, and whether their families are."""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.stats

from evofool.analysis import Family, family_probabilities, mann_whitney, median_interval
from evofool.classifiers import confidence, groups_of
from evofool.evolution import HIGH, LIKELY, NEAR_CERTAIN
from evofool.experiments.bench.lab import Lab, images_of
from evofool.experiments.bench.shared_runs import evolve_long
from evofool.experiments.irregular import evolve_imagenet_directly
from evofool.experiments.regular.images import (
    PETS,
    PUBLISHED_MEDIAN,
    draw_distributions,
    draw_families,
    show_elites,
    together,
)
from evofool.experiments.report.elites import confidences, spell
from evofool.experiments.report.findings import Findings, Row, Table, Verdict
from evofool.experiments.transfer.measures import settings
from evofool.runs import Run


def imagenet(lab: Lab) -> Findings:
    """A thousand classes, against the smallest MobileNetV1."""
    small = {"generations": 10, "batch_size": 50}
    runs = [evolve_long(lab, seed, small=small) for seed in range(lab.seeds)]
    direct = evolve_imagenet_directly(lab, seeds=1)[0]
    found = [confidences(run)[0] for run in runs]
    irregular = confidences(direct)[0]
    groups = np.array(groups_of(runs[0].card))
    families = [_families(lab, run) for run in runs]
    medians = [float(np.median(each)) for each in found]
    against = [mann_whitney(each, irregular) for each in found]
    pets = {
        pet: [mann_whitney(each[groups == pet], each[~np.isin(groups, PETS)]) for each in found]
        for pet in PETS
    }
    behind = {pet: all(t.p < 0.05 and t.superiority < 0.5 for t in pets[pet]) for pet in PETS}
    said = [f"{pet} {'stay behind' if behind[pet] else 'do not stay behind'}" for pet in PETS]
    near = all(each >= 0.9 * PUBLISHED_MEDIAN for each in medians)
    return Findings(
        rows=_rows(found, irregular, groups),
        tables=[_by_group(found, families, groups)],
        images=[
            draw_distributions(lab, runs, found, direct, irregular, groups),
            draw_families(lab, families, groups),
            show_elites(lab, runs[-1], groups),
        ],
        notes=[
            settings(runs[0])
            + f" A run each of the seeds {', '.join(str(run.config.seed) for run in runs)}.",
            f"Regular against irregular images ({direct.config.generations} generations of "
            f"{direct.config.batch_size} children): "
            + "; ".join(f"seed {seed}: {test}" for seed, test in enumerate(against))
            + ". Published: p < 0.0001.",
            *(
                f"{pet.capitalize()} against all classes but dogs and cats: "
                + "; ".join(f"seed {seed}: {test}" for seed, test in enumerate(tests))
                + "."
                for pet, tests in pets.items()
            ),
            _same_classes(found),
            _of_families(families, groups),
        ],
        verdict=Verdict(
            said="reproduced"
            if near and all(behind.values())
            else "in part"
            if near
            else "differs",
            because=f"median {spell(medians)}; {' and '.join(said)}; summed over all breeds, "
            f"dogs have {spell([_median_of(families, groups, 'dogs')])}",
        ),
    )


def _families(lab: Lab, run: Run) -> Family:
    """Scores the elites' images for all classes; keeps what concerns their families."""
    elites = run.elites()
    groups = groups_of(run.card)

    def compute() -> Mapping[str, np.ndarray]:
        odds = lab.scores(run.classifier, images_of(run, elites))
        classes = np.array([elite.class_index for elite in elites])
        return family_probabilities(confidence(odds), classes, groups)._asdict()

    assert run.summary is not None
    key = run.summary["archive_sha256"]
    return Family(**lab.arrays(f"families-seed{run.config.seed}", compute, key=key))


def _rows(found: Sequence[np.ndarray], irregular: np.ndarray, groups: np.ndarray) -> list[Row]:
    classes = f"{len(groups)} classes"
    high = {">= 90 %": LIKELY, ">= 99 %": HIGH, ">= 99.99 %": NEAR_CERTAIN}
    rest = ~np.isin(groups, PETS)
    median = [float(np.median(each)) for each in found]
    rows = [Row(what="median confidence", paper="88.11 %", ours=median, unit="%", n=classes)]
    rows += [
        Row(
            what=f"classes {what}",
            paper="many" if bar == NEAR_CERTAIN else "",
            ours=[int(np.sum(each >= bar)) for each in found],
            n=classes,
        )
        for what, bar in high.items()
    ]
    rows += [
        Row(
            what=f"median of {name}",
            paper=paper,
            ours=[float(np.median(each[chosen])) for each in found],
            unit="%",
            n=f"{int(chosen.sum())} classes",
        )
        for name, chosen, paper in (
            ("dogs", groups == "dogs", "low"),
            ("cats", groups == "cats", "low"),
            ("all others", rest, ""),
        )
    ]
    ours = [mann_whitney(each, irregular).superiority for each in found]
    what = "probability that a regular image beats an irregular one"
    return [*rows, Row(what=what, paper="p < 0.0001", ours=ours, n=f"{classes} each")]


def _by_group(found: Sequence[np.ndarray], families: Sequence[Family], groups: np.ndarray) -> Table:
    """Tells groups apart: of their classes, and of the family as a whole; all seeds together."""
    rows = []
    for group in np.unique(groups):
        chosen = groups == group
        own = median_interval(np.concatenate([each[chosen] for each in found]))
        family, kept = (together(families, name, chosen) for name in ("family", "doubt_kept"))
        tests = [mann_whitney(each[chosen], each[~chosen]) for each in found]
        rows.append(
            [
                str(group),
                int(chosen.sum()),
                f"{own.median:.3f} [{own.low:.3f}, {own.high:.3f}]",
                float(np.mean([test.superiority for test in tests])),
                float(np.median(family)),
                f"{np.median(kept):.2f} ({families[0].chance[chosen][0]:.2f})",
            ]
        )
    header = ["group", "classes", "confidence, median", "beats other groups"]
    header += ["summed over the group, median", "doubt that stays in the group (by chance)"]
    rows.sort(key=lambda row: row[3])
    return Table(title="Groups of classes, the hardest first", header=header, rows=rows)


def _same_classes(found: Sequence[np.ndarray]) -> str:
    if len(found) < 2:
        return "One seed does not tell whether the same classes are hard again."
    rho, p = scipy.stats.spearmanr(found[0], found[1])
    return (
        f"Are the same classes hard in both runs? Rank correlation of their confidences: "
        f"{rho:.2f} (p = {p:.1g}, n = {len(found[0])} classes)."
    )


def _median_of(families: Sequence[Family], groups: np.ndarray, group: str) -> float:
    return float(np.median(together(families, "family", groups == group)))


def _of_families(families: Sequence[Family], groups: np.ndarray) -> str:
    """Says whether the hard groups are hard as a whole."""
    parts = []
    for name, chosen in (
        ("dogs", groups == "dogs"),
        ("cats", groups == "cats"),
        ("all others", ~np.isin(groups, PETS)),
    ):
        own, family, kept, chance = (together(families, f, chosen) for f in Family._fields)
        parts.append(
            f"{name}: {np.median(own):.1%} for the class, {np.median(family):.1%} for its group; "
            f"of the doubt {np.median(kept):.0%} stays in it, by chance {np.mean(chance):.0%}"
        )
    return (
        "Does probability summed over the family tell another story? Medians, seeds together: "
        + "; ".join(parts)
        + "."
    )
