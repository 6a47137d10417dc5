"""Similarity across runs and related classes.

The paper shows elites of related classes that look alike, and elites of one class that do not
where they come from different runs. Here likeness is a number: the cosine between two images in
the penultimate layer of the network they fool, of another network, or as pixels; and the share of
common ancestors.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from evofool.classifiers import Classifier, imagenet_group
from evofool.evaluation import extract_features
from evofool.experiments.bench import NETWORK, Lab, evolve_long, images_of
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Claim,
    Figure,
    Findings,
    Row,
    Table,
    at_most,
    captioned_sheet,
    cells,
    elite_section,
    note,
    notes,
    one_sided,
    rows_of,
    significant,
)
from evofool.images import Levels, write_matrix
from evofool.measures import (
    GroupSimilarity,
    Permuted,
    compare_groups,
    contrast_test,
    cosine,
    match_test,
)
from evofool.runs import Run, kinship

OTHER = "mobilenet_v2_1.0_224_qat"
OWN, FOREIGN, PIXELS = "penultimate layer", "another network's penultimate layer", "pixels"
COMMON = "common ancestors"
SHOWN = 10  # elites of a class or group on a sheet
GROUPS_SHOWN = ("dogs", "birds", "reptiles", "food", "big cats", "landscapes")

RELATED = significant(f"{OWN}: related classes are alike", "related classes look alike")
KIN = significant(f"{COMMON}: related classes are kin", "related phylogenetically")
DIFFERENT = Claim(
    what="same class in two runs, pixels: mean cosine",
    paper="runs find different images",
    tolerance=at_most(0.5),
    unit="",
)


class Measures(NamedTuple):
    """How alike elites are, by what is compared.

    Attributes:
        within: groups of classes against each other, in every run.
        across: the same between the first two runs.
        photographs: the same of labelled photographs, in the penultimate layer.
        same: pairs of one class from two runs, against pairs at random.
        nearest: share of the elites whose nearest in the other run has their class.
        groups: those of two classes and more, in the first run.
        means: mean cosine between these groups, in the penultimate layer.
    """

    within: dict[str, list[Permuted]]
    across: dict[str, Permuted]
    photographs: Permuted
    same: dict[str, Permuted]
    nearest: float
    groups: dict[str, list[GroupSimilarity]]
    means: Float[np.ndarray, "groups groups"]


def measure(lab: Lab) -> Measures:
    """Compares the elites of two runs, within each and across."""
    runs = _runs(lab)
    elites = [run.elites() for run in runs]
    groups = [imagenet_group(elite.class_index) for elite in elites[0]]
    networks = {OWN: lab.network(NETWORK), FOREIGN: lab.network(OTHER)}
    views = [_views(networks, images_of(run, some)) for run, some in zip(runs, elites, strict=True)]
    within = {what: [cosine(view[what]) for view in views] for what in views[0]}
    within[COMMON] = [kinship(some) for some in elites]
    across = {what: cosine(views[0][what], views[1][what]) for what in views[0]}
    photographs, labels = lab.photographs(networks[OWN])
    seen = cosine(_centred(extract_features(networks[OWN], photographs)))
    permutations = lab.choose(full=999, small=99)
    contrast = partial(contrast_test, permutations=permutations)
    return Measures(
        within={what: [contrast(one, groups) for one in some] for what, some in within.items()},
        across={what: contrast(one, groups) for what, one in across.items()},
        photographs=contrast(seen, [imagenet_group(int(label)) for label in labels]),
        same={what: match_test(one, permutations=permutations) for what, one in across.items()},
        nearest=float(np.mean(across[OWN].argmax(axis=1) == np.arange(len(groups)))),
        groups={what: compare_groups(within[what][0], groups) for what in (OWN, FOREIGN, COMMON)},
        means=_means(within[OWN][0], groups),
    )


def _runs(lab: Lab) -> list[Run]:
    return [evolve_long(lab, seed) for seed in range(max(2, lab.seeds))]


def _views(networks: Mapping[str, Classifier], images: Levels) -> dict[str, np.ndarray]:
    """Returns what is seen of images: by the networks, and as pixels."""
    seen = {what: extract_features(network, images) for what, network in networks.items()}
    seen[PIXELS] = images.reshape(len(images), -1).astype(np.float32)
    return {what: _centred(features) for what, features in seen.items()}


def _centred(features: np.ndarray) -> np.ndarray:
    """Subtracts the mean: values that all images share make none of them alike."""
    return features - features.mean(axis=0)


def _means(likeness: np.ndarray, groups: list[str]) -> Float[np.ndarray, "groups groups"]:
    """Returns the mean over pairs of different classes, for groups of two classes and more."""
    names = [one.group for one in compare_groups(likeness, groups)]
    is_member = np.array([[group == name for name in names] for group in groups], float)
    differ = 1 - np.eye(len(groups))
    return is_member.T @ (likeness * differ) @ is_member / (is_member.T @ differ @ is_member)


def report(lab: Lab, measures: Measures) -> Findings:
    """Asks whether related classes are alike, and one class in two runs."""
    within, across, same = measures.within, measures.across, measures.same
    classes, contrast = same[OWN].n, "within groups less between"
    n = f"{classes} classes, {len(measures.means)} groups of two and more"
    in_a_run = {f"{what}: {contrast}, in a run": tests for what, tests in within.items()}
    in_two = {f"{what}: {contrast}, across runs": [test] for what, test in across.items()}
    real = {f"photographs, {OWN}: {contrast}": [measures.photographs]}
    of_class = {f"same class in two runs, {what}: mean cosine": [t] for what, t in same.items()}
    tests = in_a_run | in_two | real | of_class

    def rows(tests: Mapping[str, Sequence[Permuted]], n: str) -> list[Row]:
        figures = {what: [test.observed for test in several] for what, several in tests.items()}
        return rows_of(figures, claims=[DIFFERENT], unit="", n=n)

    return Findings(
        summary=(
            "related classes look alike (no figure)",
            f"cosine within groups exceeds that between by {within[OWN][0].observed:.2f}",
        ),
        rows=[
            *(
                claim.row([one_sided(test, greater=True) for test in within[what]], n=n)
                for what, claim in {OWN: RELATED, COMMON: KIN}.items()
            ),
            *rows(in_a_run, n),
            *rows(in_two, f"{n}, no common ancestors"),
            *rows(real, f"{measures.photographs.n} photographs"),
            *rows(of_class, f"{classes} pairs"),
            Row(
                what="elites whose nearest in the other run has their class",
                ours=[measures.nearest],
                unit="%",
                n=f"{classes} elites; by chance {cells.share(1 / classes)}",
            ),
        ],
        result=note(
            "similarity", "result", alike=within[OWN][0].effect, kin=within[COMMON][0].effect
        ),
        tables=[
            Table.of(
                "Groups, seed 0: mean cosine, and share of common ancestors",
                (
                    {"group": own.group, "classes": own.n}
                    | {"within": own.within, "between": own.between}
                    | {"another network: within": other.within, "and between": other.between}
                    | {"ancestors within": kin.within, "ancestors between": kin.between}
                    for own, other, kin in zip(*measures.groups.values(), strict=True)
                ),
            ),
            Table.of(
                "Permutation tests",
                (
                    {
                        "what": what,
                        "seed": seed if len(several) > 1 else "",
                        "result": cells.test(test),
                    }
                    for what, several in tests.items()
                    for seed, test in enumerate(several)
                ),
            ),
        ],
        images=[_draw_groups(lab, measures), *_show_elites(lab)],
        notes=notes("similarity", "imagenet", other=OTHER),
    )


def _draw_groups(lab: Lab, measures: Measures) -> Figure:
    names, means = [one.group for one in measures.groups[OWN]], measures.means
    write_matrix(
        means,
        lab.folder / "groups.png",
        rows=names,
        columns=names,
        top=means.max(),
        texts=[[f"{mean:.2f}" for mean in row] for row in means],
    )
    return Figure(file="groups.png", caption="Mean cosine between groups, seed 0")


def _show_elites(lab: Lab) -> list[Figure]:
    """Leaves sheets of the same classes in two runs, and of related classes in one."""
    runs = _runs(lab)[:2]
    elites = [run.elites() for run in runs]
    confidences = np.array([[elite.confidence for elite in some] for some in elites])
    both = np.argsort(-confidences.min(axis=0), kind="stable")
    ranked = sorted(elites[0], key=lambda elite: -elite.confidence)
    pairs = [
        elite_section(f"seed {seed}", run, [elites[seed][i] for i in both[start : start + SHOWN]])
        for start in (0, SHOWN)
        for seed, run in enumerate(runs)
    ]
    related = [
        elite_section(
            group, runs[0], [e for e in ranked if imagenet_group(e.class_index) == group][:SHOWN]
        )
        for group in GROUPS_SHOWN
    ]
    both_certain = "The same classes in two runs: those that both are most certain of"
    some_groups = "Related classes in one run: the most certain elites of some groups"
    return [
        captioned_sheet(lab, "runs.jpg", both_certain, pairs),
        captioned_sheet(lab, "related.jpg", some_groups, related),
    ]


EXPERIMENT = Experiment(
    name="similarity",
    title="Are images of related classes alike, and those of one class in different runs?",
    so_what=(
        "If related classes have images alike, evolution has found features that classes share, "
        "and not accidents of single outputs."
    ),
    paper="Figs. 8 and 9",
    parts={
        "imagenet": Part(
            measure=measure,
            report=report,
            claims=(RELATED, KIN, DIFFERENT),
            networks=(NETWORK, OTHER),
            images=True,
            seeds=2,
        )
    },
)
