"""Regular images of a thousand classes: which classes are hard, and whether their families are."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy
from jaxtyping import Float

from evofool.classifiers import confidence, groups_of
from evofool.evaluation import recognize
from evofool.evolution import HIGH, LIKELY, NEAR_CERTAIN
from evofool.experiments.bench import (
    Lab,
    evolve_imagenet_directly,
    evolve_long,
    images_of,
)
from evofool.experiments.regular.images import (
    PETS,
    PUBLISHED_MEDIAN,
    draw_distributions,
    draw_families,
    show_elites,
    together,
)
from evofool.experiments.report import (
    SIGNIFICANT,
    Claim,
    Findings,
    Row,
    Table,
    at_least,
    at_most,
    cells,
    confidences,
    near,
    note,
    notes,
    one_sided,
    settings,
)
from evofool.measures import (
    FamilyConfidence,
    family_probabilities,
    mann_whitney,
    median_interval,
    p_text,
)
from evofool.runs import Run
from evofool.support import Foreign

MEDIAN = Claim(what="median confidence", paper="88.11 %", tolerance=near(PUBLISHED_MEDIAN))
CERTAIN_CLASSES = Claim(  # "many" is a fifth of the classes
    what="classes >= 99.99 %", paper="many", tolerance=at_least(200), unit=""
)
BETTER = Claim(
    what="regular images are more certain than irregular ones",
    paper="p < 0.0001",
    tolerance=at_most(1e-4),
    unit="p",
)
BEHIND = {
    pet: Claim(
        what=f"{pet} are less certain than other classes",
        paper="low",
        tolerance=SIGNIFICANT,
        unit="p",
    )
    for pet in PETS
}
CLAIMS = (MEDIAN, CERTAIN_CLASSES, BETTER, *BEHIND.values())


class Thousand(NamedTuple):
    """Elites of a thousand classes.

    Attributes:
        regular: confidence of the elites of every seed.
        irregular: of directly encoded elites, for comparison.
        families: probabilities of the elites' classes and groups, of every seed.
    """

    regular: Float[np.ndarray, "seeds classes"]
    irregular: Float[np.ndarray, " classes"]
    families: list[FamilyConfidence]


def measure_thousand(lab: Lab) -> Thousand:
    """Evolves images of a thousand classes against the smallest MobileNetV1."""
    runs = _runs(lab)
    return Thousand(
        regular=np.concatenate([confidences(run) for run in runs]),
        irregular=confidences(evolve_imagenet_directly(lab))[0],
        families=[_measure_families(run) for run in runs],
    )


def report_thousand(lab: Lab, measures: Thousand) -> Findings:
    """Asks how certain the network is, and which classes are hard."""
    runs, direct = _runs(lab), evolve_imagenet_directly(lab)
    groups = np.array(groups_of(runs[0].card))
    against = [mann_whitney(values, measures.irregular) for values in measures.regular]
    rest = ~np.isin(groups, PETS)
    pets = {
        pet: [mann_whitney(values[groups == pet], values[rest]) for values in measures.regular]
        for pet in PETS
    }
    n = f"{len(groups)} classes"
    return Findings(
        rows=[
            *confidence_rows(measures.regular, groups),
            Row(
                what="probability that a regular image beats an irregular one",
                paper="p < 0.0001",
                ours=[test.superiority for test in against],
                n=f"{n} each",
            ),
            BETTER.row([one_sided(test, greater=True) for test in against], n=f"{n} each"),
            *(
                BEHIND[pet].row([one_sided(test, greater=False) for test in tests], n=n)
                for pet, tests in pets.items()
            ),
        ],
        tables=[tabulate_groups(measures.regular, measures.families, groups)],
        images=[
            draw_distributions(lab, runs, measures.regular, direct, measures.irregular, groups),
            draw_families(lab, measures.families, groups),
            show_elites(lab, runs[-1], groups),
        ],
        notes=[
            *notes(
                "regular",
                "imagenet",
                settings=settings(runs[0]),
                seeds=", ".join(str(run.config.seed) for run in runs),
                direct=direct.config,
                against=cells.tests(against),
                dogs=cells.tests(pets["dogs"]),
                cats=cells.tests(pets["cats"]),
            ),
            note_same_classes(measures.regular),
            note_families(measures.families, groups),
        ],
    )


def _runs(lab: Lab) -> list[Run]:
    small = {"generations": 10, "batch_size": 50}
    return [evolve_long(lab, seed, small=small) for seed in range(lab.seeds)]


def _measure_families(run: Run) -> FamilyConfidence:
    elites = run.elites()
    log_odds = recognize(run.classifier, images_of(run, elites)).log_odds
    classes = np.array([elite.class_index for elite in elites])
    return family_probabilities(confidence(log_odds), classes, groups_of(run.card))


def confidence_rows(regular: Float[np.ndarray, "seeds classes"], groups: np.ndarray) -> list[Row]:
    """Returns how certain all classes, and dogs and cats among them, are."""
    n = f"{len(groups)} classes"

    def reach(bar: float) -> list[int]:
        return np.sum(regular >= bar, axis=1).tolist()

    def medians(chosen: np.ndarray) -> list[float]:
        return np.median(regular[:, chosen], axis=1).tolist()

    return [
        MEDIAN.row(medians(np.full(len(groups), True)), n=n),
        Row(what="classes >= 90 %", ours=reach(LIKELY), n=n),
        Row(what="classes >= 99 %", ours=reach(HIGH), n=n),
        CERTAIN_CLASSES.row(reach(NEAR_CERTAIN), n=n),
        *(
            Row(
                what=f"median of {name}",
                paper="low" if name in PETS else "",
                ours=medians(chosen),
                unit="%",
                n=f"{int(chosen.sum())} classes",
            )
            for name, chosen in _pets_and_others(groups).items()
        ),
    ]


def _pets_and_others(groups: np.ndarray) -> dict[str, np.ndarray]:
    return {pet: groups == pet for pet in PETS} | {"all others": ~np.isin(groups, PETS)}


def tabulate_groups(
    regular: Float[np.ndarray, "seeds classes"],
    families: Sequence[FamilyConfidence],
    groups: np.ndarray,
) -> Table:
    """Compares groups: their classes, and the family as a whole; all seeds together."""
    rows = []
    for group in np.unique(groups):
        chosen = groups == group
        median = median_interval(regular[:, chosen].ravel())
        family, doubt = (together(families, name, chosen) for name in ("family", "doubt_kept"))
        tests = [mann_whitney(values[chosen], values[~chosen]) for values in regular]
        rows.append(
            [
                str(group),
                int(chosen.sum()),
                f"{median.median:.3f} [{median.low:.3f}, {median.high:.3f}]",
                float(np.mean([test.superiority for test in tests])),
                float(np.median(family)),
                f"{np.median(doubt):.2f} ({families[0].chance[chosen][0]:.2f})",
            ]
        )
    header = ["group", "classes", "confidence, median", "beats other groups"]
    header += ["summed over the group, median", "doubt that stays in the group (by chance)"]
    rows.sort(key=lambda row: row[3])
    return Table(title="Groups of classes, the hardest first", header=header, rows=rows)


def note_same_classes(regular: Float[np.ndarray, "seeds classes"]) -> str:
    """Says whether the same classes are hard in two runs."""
    if len(regular) < 2:
        return note("regular", "one seed")
    result: Foreign = scipy.stats.spearmanr(regular[0], regular[1])  # scipy's types know no fields
    rho, p = f"{result.statistic:.2f}", p_text(result.pvalue)
    return note("regular", "two seeds", rho=rho, p=p, n=regular.shape[1])


def note_families(families: Sequence[FamilyConfidence], groups: np.ndarray) -> str:
    """Says whether the hard groups are hard as a whole."""
    parts = []
    for name, chosen in _pets_and_others(groups).items():
        own, family, doubt, chance = (
            together(families, f, chosen) for f in FamilyConfidence._fields
        )
        parts.append(
            note(
                "regular",
                "family",
                name=name,
                own=cells.share(float(np.median(own))),
                family=cells.share(float(np.median(family))),
                doubt=cells.share(float(np.median(doubt))),
                chance=cells.share(float(np.mean(chance))),
            )
        )
    return note("regular", "families", parts="; ".join(parts))
