"""Similarity across runs and related classes.

The paper shows elites of related classes that look alike, and elites of one class that do not
where they come from different runs. Here likeness is a number: the cosine between two images in
the penultimate layer of the network they fool, of another network, or as pixels; and the share of
common ancestors.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, UInt8

from evofool.analysis import Permuted, compare_groups, contrast_test, cosine, match_test
from evofool.classifiers import first_name, imagenet_group
from evofool.evaluation import extract_features
from evofool.experiments.bench import NETWORK, Lab, evolve_long, images_of
from evofool.experiments.registry import Experiment, Whole
from evofool.experiments.report import Figure, Findings, Row, Table, Verdict
from evofool.images import Section, draw_sheet, save_image, thumbnail, write_matrix
from evofool.runs import Elite, Run, kinship
from evofool.support import percent

OTHER = "mobilenet_v2_1.0_224_qat"
OWN, FOREIGN, PIXELS = "penultimate layer", "another network's penultimate layer", "pixels"
COMMON = "common ancestors"
SHOWN = 10  # elites of a class or group on a sheet
GROUPS_SHOWN = ("dogs", "birds", "reptiles", "food", "big cats", "landscapes")

Views = Mapping[str, Float[np.ndarray, "classes features"]]


def imagenet(lab: Lab) -> Findings:
    """Compares the elites of two runs, within each and across."""
    runs = [evolve_long(lab, seed) for seed in range(max(2, lab.seeds))]
    elites = [run.elites() for run in runs]
    groups = [imagenet_group(elite.class_index) for elite in elites[0]]
    images = [images_of(run, own) for run, own in zip(runs, elites, strict=True)]
    views = [_views(lab, run, shown) for run, shown in zip(runs, images, strict=True)]
    photographs, labels = lab.photographs(lab.network(NETWORK))
    seen = lab.arrays(
        "photographs", lambda: {OWN: extract_features(lab.network(NETWORK), photographs)}
    )
    permutations = lab.choose(full=999, small=99)

    within = {
        what: [_likeness(view[what]) for view in views] for what in (OWN, FOREIGN, PIXELS)
    } | {COMMON: [kinship(own) for own in elites]}
    across = {what: cosine(*(_centred(v[what]) for v in views[:2])) for what in views[0]}
    real = [imagenet_group(int(label)) for label in labels]

    def tests() -> dict[str, list[list[float | int]]]:
        def contrast(similarity: np.ndarray, groups: Sequence[str]) -> list[float | int]:
            return list(contrast_test(similarity, groups, permutations=permutations))

        found = {what: [contrast(each, groups) for each in within[what]] for what in within}
        found |= {f"{what}, across": [contrast(across[what], groups)] for what in across}
        found["photographs"] = [contrast(_likeness(seen[OWN]), real)]
        found |= {
            f"{what}, same class": [list(match_test(across[what], permutations=permutations))]
            for what in across
        }
        return found

    key = [run.summary["archive_sha256"] for run in runs if run.summary]
    kept = lab.step("permutations", tests, key=[*key, permutations])
    found = {what: [_permuted(values) for values in tests] for what, tests in kept.items()}
    _draw(lab, elites, images, groups, within[OWN])
    return _findings(lab, groups, within, across, found)


def _views(
    lab: Lab, run: Run, images: UInt8[np.ndarray, "batch height width channels"]
) -> dict[str, np.ndarray]:
    """Returns what is seen of the elites of a run: by both networks, and as pixels."""
    own, other = lab.network(NETWORK), lab.network(OTHER)
    assert run.summary is not None
    key = [run.summary["archive_sha256"], own.card.sha256, other.card.sha256]

    def compute() -> dict[str, np.ndarray]:
        return {
            OWN: extract_features(own, images),
            FOREIGN: extract_features(other, images),
        }

    kept = lab.arrays(f"features-{run.folder.name}", compute, key=key)
    return kept | {PIXELS: images.reshape(len(images), -1).astype(np.float32)}


def _centred(features: np.ndarray) -> np.ndarray:
    """Subtracts the mean: values that all images share make none of them alike."""
    return features - features.mean(axis=0)


def _likeness(features: np.ndarray) -> np.ndarray:
    return cosine(_centred(features))


def _permuted(values: Sequence[float | int]) -> Permuted:
    observed, p, expected, effect, permutations, n = values
    return Permuted(observed, p, expected, effect, int(permutations), int(n))


def _findings(
    lab: Lab,
    groups: Sequence[str],
    within: Mapping[str, Sequence[np.ndarray]],
    across: Mapping[str, np.ndarray],
    found: Mapping[str, Sequence[Permuted]],
) -> Findings:
    n = f"{len(groups)} classes in {len(set(groups))} groups"
    nearest = float(np.mean(across[OWN].argmax(axis=1) == np.arange(len(groups))))
    same, unlike = found[f"{OWN}, same class"][0], found[f"{PIXELS}, same class"][0]
    rows = [
        Row(
            what=f"{what}: within groups less between, in a run",
            paper="related classes look alike" if what == OWN else "",
            ours=[one.observed for one in found[what]],
            n=n,
        )
        for what in within
    ]
    rows += [
        Row(
            what=f"{what}: within groups less between, across runs",
            ours=[found[f"{what}, across"][0].observed],
            n=f"{n}, no common ancestors",
        )
        for what in across
    ]
    rows += [
        Row(
            what="photographs, penultimate layer: within groups less between",
            ours=[found["photographs"][0].observed],
            n=f"{found['photographs'][0].n} photographs",
        ),
        Row(
            what="same class in two runs, penultimate layer: mean cosine",
            paper="runs find different images",
            ours=[same.observed],
            n=f"{len(groups)} pairs",
        ),
        Row(
            what="same class in two runs, pixels: mean cosine",
            ours=[unlike.observed],
            n=f"{len(groups)} pairs",
        ),
        Row(
            what="elites whose nearest in the other run has their class",
            ours=[nearest],
            unit="%",
            n=f"{len(groups)} elites; by chance {1 / len(groups):.1%}",
        ),
    ]
    seeds = len(within[OWN])
    tests = [
        [what, place if place < seeds and len(several) > 1 else "", f"{one}"]
        for what, several in found.items()
        for place, one in enumerate(several)
    ]
    related = all(one.p < 0.05 and one.effect > 0 for one in (*found[OWN], *found[COMMON]))
    return Findings(
        summary=(
            "related classes look alike (no figure)",
            f"cosine within groups exceeds that between by {found[OWN][0].observed:.2f}",
        ),
        rows=rows,
        tables=[
            _groups_table(groups, within),
            Table(title="Permutation tests", header=["what", "seed", "result"], rows=tests),
        ],
        images=[
            Figure(file="groups.png", caption="Mean cosine between groups, seed 0"),
            Figure(
                file="runs.jpg",
                caption="The same classes in two runs: those that both are most certain of",
            ),
            Figure(
                file="related.jpg",
                caption="Related classes in one run: the most certain elites of some groups",
            ),
        ],
        notes=[
            "Cosines are between feature vectors less their mean over all elites of a run: 0 is no "
            "more alike than any two. In the difference of means every group counts once, however "
            "large. Tests deal the groups out anew among the classes (Mantel); the diagonal, a "
            "image with itself or two of one class, does not count among groups.",
            "That elites of related classes are alike in the network they fool says little by "
            "itself: they were selected to excite classes whose weights are alike. Hence the other "
            f"network ({OTHER}), pixels, and runs against each other, where nothing is inherited.",
        ],
        verdict=Verdict(
            outcome="reproduced" if related else "differs",
            because=f"within groups elites are more alike (by "
            f"{found[OWN][0].effect:.0f} standard deviations of groups dealt at random) and closer "
            f"kin (by {found[COMMON][0].effect:.0f}) than by chance; two runs find images of a "
            f"class whose pixels have a cosine of {unlike.observed:.2f}",
        ),
    )


def _groups_table(groups: Sequence[str], within: Mapping[str, Sequence[np.ndarray]]) -> Table:
    """Shows the groups of the first run."""
    alike = compare_groups(within[OWN][0], groups)
    foreign = {one.group: one for one in compare_groups(within[FOREIGN][0], groups)}
    kin = {one.group: one for one in compare_groups(within[COMMON][0], groups)}
    return Table(
        title="Groups, seed 0: mean cosine within and between, and share of common ancestors",
        header=[
            *("group", "classes", "within", "between"),
            *("other network, within", "between", "ancestors, within", "between"),
        ],
        rows=[
            [
                *one,
                *foreign[one.group][2:],
                *kin[one.group][2:],
            ]
            for one in alike
        ],
    )


def _draw(
    lab: Lab,
    elites: Sequence[Sequence[Elite]],
    images: Sequence[np.ndarray],
    groups: Sequence[str],
    likeness: Sequence[np.ndarray],
) -> None:
    names = [one.group for one in compare_groups(likeness[0], groups)]
    is_member = np.array([[group == name for name in names] for group in groups], float)
    pairs = is_member.T @ (1 - np.eye(len(groups))) @ is_member
    alike = likeness[0] * (1 - np.eye(len(groups)))
    means = is_member.T @ alike @ is_member / pairs
    texts = [[f"{mean:.2f}" for mean in row] for row in means]
    write_matrix(
        means, lab.folder / "groups.png", rows=names, columns=names, top=means.max(), texts=texts
    )

    def section(heading: str, run: int, places: Sequence[int]) -> Section:
        captions = [
            [first_name(elites[run][i].label), percent(elites[run][i].confidence)] for i in places
        ]
        return Section(heading, [thumbnail(images[run][i]) for i in places], captions)

    confidence = np.array([[elite.confidence for elite in own] for own in elites])
    both = np.argsort(-confidence[:2].min(axis=0), kind="stable")
    rows = [both[start : start + SHOWN].tolist() for start in (0, SHOWN)]
    pairs = [section(f"seed {run}", run, places) for places in rows for run in (0, 1)]
    save_image(draw_sheet(pairs), lab.folder / "runs.jpg")
    ranked = np.argsort(-confidence[0], kind="stable")
    related = [
        section(group, 0, [int(i) for i in ranked if groups[i] == group][:SHOWN])
        for group in GROUPS_SHOWN
    ]
    save_image(draw_sheet(related), lab.folder / "related.jpg")


EXPERIMENT = Experiment(
    name="similarity",
    title="Are images of related classes alike, and those of one class in different runs?",
    paper="Figs. 8 and 9",
    parts={"imagenet": Whole(run=imagenet, networks=(NETWORK, OTHER), images=True, seeds=2)},
)
