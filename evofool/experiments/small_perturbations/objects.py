"""Small perturbations of CIFAR-10 images: finite differences, beside the gradient."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from evofool.classifiers import Classifier
from evofool.evaluation import recognize
from evofool.experiments.bench import Lab
from evofool.experiments.report import (
    Claim,
    Figure,
    Findings,
    Row,
    Table,
    at_least,
    captioned_sheet,
    cells,
    note,
    notes,
)
from evofool.experiments.small_perturbations.perturbing import (
    LEVELS,
    Classes,
    Hits,
    classes_by_chance,
    classes_by_fgsm,
    draw_curves,
    examine,
    lost_rows,
    parts,
    runners_up,
    share_at,
    share_cells,
    smallest_epsilons,
    strip,
)
from evofool.images import Levels
from evofool.measures import signed_rank

NETWORK = "cifar_cnn"
CAT, AIRPLANE = 3, 0
USUAL_STEP = 0.01
STEPS = {"r = 0.01": USUAL_STEP, "r = 1/255": 1 / 255, "r = 0.05": 0.05, "r = 0.1": 0.1}
USUAL, FGSM = "finite differences, r = 0.01", "FGSM"
AS_WRITTEN, CHANCE = "with the sign as written, r = 0.01", "signs at random"
EPSILONS = (0.01, 0.02, 0.05, 0.1)
MOST = 0.9  # of the images

ALMOST_ALL = Claim(
    what=f"lost at epsilon 0.05, {USUAL}", paper="almost surely", tolerance=at_least(0.95)
)


class Differences(NamedTuple):
    """Attacks by finite differences on many images, the last axis; see `perturbing.Differences`."""

    classes: Int[np.ndarray, "strengths rivals images"]
    written: Int[np.ndarray, "strengths images"]
    agreement: Float[np.ndarray, "rivals images"]
    agreement_fgsm: Float[np.ndarray, " images"]
    flat: Float[np.ndarray, " images"]


class Measures(NamedTuple):
    """What the network takes perturbed images for."""

    accuracy: float  # of the network, in [0, 1]
    rows: Int[np.ndarray, " images"]  # places of recognised ones among the test images
    labels: Classes
    targets: Int[np.ndarray, "targets images"]
    differences: dict[str, Differences]  # by attack; the runner-up first, then the targets
    away: Int[np.ndarray, "strengths images"]  # by FGSM
    towards: Int[np.ndarray, "strengths targets images"]  # by FGSM
    chance: Int[np.ndarray, "strengths images"]  # where signs are drawn at random

    @property
    def lost(self) -> dict[str, Hits]:
        """By attack without a target: which images the network loses."""
        away = {name: each.classes[:, 0] for name, each in self.differences.items()} | {
            FGSM: self.away,
            AS_WRITTEN: self.differences[USUAL].written,
            CHANCE: self.chance,
        }
        return {name: classes != self.labels for name, classes in away.items()}

    @property
    def reached(self) -> dict[str, Hits]:
        """By attack: whether images are taken for each of nine targets, a column for each pair."""
        towards = {name: each.classes[:, 1:] for name, each in self.differences.items()}
        return {
            name: (classes == self.targets).reshape(len(LEVELS), -1)
            for name, classes in (towards | {FGSM: self.towards}).items()
        }

    @property
    def cats(self) -> tuple[Classes, Int[np.ndarray, "strengths cats"]]:
        """Which images are cats, and what they become on the way to airplanes."""
        cats = np.flatnonzero(self.labels == CAT)
        return cats, self.differences[USUAL].classes[:, (AIRPLANE - CAT) % 10, cats]


def measure(lab: Lab) -> Measures:
    """Leads recognised test images away from their class, and towards each of the nine others."""
    network, dataset = lab.network(NETWORK), lab.dataset()
    tried = dataset.test_images[: lab.choose(full=None, small=100)]
    seen = recognize(network, tried)
    is_right = seen.classes == dataset.test_labels[: len(tried)]
    rows = np.flatnonzero(is_right)[: lab.choose(full=1000, small=3)]
    images, labels = tried[rows], seen.classes[rows]
    # the class that is 1, 2, ... 9 places on
    targets = np.stack([(labels + ahead) % 10 for ahead in range(1, 10)])
    rivals = np.stack([runners_up(recognize(network, images), labels), *targets])
    steps = [*STEPS.items()][: lab.choose(full=4, small=2)]
    towards = [classes_by_fgsm(network, images, labels, target=target) for target in targets]
    return Measures(
        accuracy=float(is_right.mean()),
        rows=rows,
        labels=labels,
        targets=targets,
        differences={
            f"finite differences, {name}": _attack(lab, network, images, labels, rivals, step)
            for name, step in steps
        },
        away=classes_by_fgsm(network, images, labels),
        towards=np.stack(towards, axis=1),
        chance=classes_by_chance(network, images),
    )


def _attack(
    lab: Lab, network: Classifier, images: Levels, labels: Classes, rivals: np.ndarray, step: float
) -> Differences:
    """Attacks by finite differences; cached part by part, as it is millions of forward passes."""

    def compute(rows: slice) -> dict[str, np.ndarray]:
        results = [
            examine(network, image, int(label), wanted.tolist(), step=step)
            for image, label, wanted in zip(images[rows], labels[rows], rivals.T[rows], strict=True)
        ]
        fields = Differences._fields
        return {name: np.stack([getattr(r, name) for r in results], axis=-1) for name in fields}

    cached = [
        lab.arrays(
            f"differences-{step:.3g}-{rows.start}",
            lambda rows=rows: compute(rows),
            key=[network.card.sha256, rows.stop, LEVELS],
        )
        for rows in parts(len(images))
    ]
    fields = Differences._fields
    return Differences(*(np.concatenate([part[f] for part in cached], axis=-1) for f in fields))


def report(lab: Lab, measures: Measures) -> Findings:
    """Asks how little it takes, and whether the article's signs are those of the gradient."""
    lost, reached = measures.lost, measures.reached
    shown = {name: lost[name] for name in (USUAL, FGSM, AS_WRITTEN, CHANCE)}
    curves = {"away from the class": lost, "towards each of nine others": reached}
    return Findings(
        rows=[
            *lost_rows(shown, (0.01, 0.05), "recognised test images", claims=[ALMOST_ALL]),
            *_cat_rows(measures),
        ],
        tables=[_tabulate_success(measures), _tabulate_steps(measures)],
        images=[
            draw_curves(
                lab,
                "Success over epsilon; the table says of how many recognised test images",
                {
                    title: {name: hits.mean(axis=1) for name, hits in attacks.items()}
                    for title, attacks in curves.items()
                },
            ),
            *_show_cat(lab, measures),
        ],
        notes=[*_notes(measures, is_lossy=lab.dataset().is_lossy)],
        summary=(
            "almost surely fooled at epsilon .05",
            f"{cells.share(share_at(lost[USUAL], 0.05).share)} by finite differences, "
            f"{cells.share(share_at(lost[FGSM], 0.05).share)} by FGSM",
        ),
    )


def _cat_rows(measures: Measures) -> Iterator[Row]:
    cats, became = measures.cats
    if len(cats):
        for what, hits, epsilon in (
            ("that are no longer cats", became != CAT, 0.01),
            ("taken for airplanes", became == AIRPLANE, 0.05),
        ):
            yield Row(
                what=f"cats {what} at epsilon {epsilon:g}, {USUAL}",
                paper="of one image",
                ours=[share_at(hits, epsilon).share],
                unit="%",
                n=f"{len(cats)} cats",
            )


def _tabulate_success(measures: Measures) -> Table:
    return Table(
        title="Success [95 % interval] with recognised images, without a target and with nine",
        header=["where to", "attack", "images", *(f"epsilon {epsilon:g}" for epsilon in EPSILONS)],
        rows=[
            [where, name, len(measures.labels), *share_cells(hits, EPSILONS)]
            for where, attacks in (
                ("away", measures.lost),
                ("to each of nine targets", measures.reached),
            )
            for name, hits in attacks.items()
        ],
    )


def _tabulate_steps(measures: Measures) -> Table:
    def least(name: str) -> list[str]:
        epsilons = smallest_epsilons(measures.lost[name])
        enough = float(np.quantile(epsilons, MOST, method="higher"))
        return [cells.median(epsilons, unit=""), f"{enough:.4f}"]

    rows = [
        [
            name,
            cells.share(each.agreement[0].mean()),
            cells.share(each.agreement_fgsm.mean()),
            cells.share(each.flat.mean()),
            *least(name),
        ]
        for name, each in measures.differences.items()
    ]
    return Table(
        title="Signs of finite differences (label against runner-up): share that the gradient of "
        "the same difference has, and that of FGSM's gradient; and the smallest epsilon of an "
        "image",
        header=[
            *("attack", "as the gradient", "as FGSM", "no difference"),
            *("smallest epsilon, median", f"enough for {MOST:.0%}"),
        ],
        rows=[*rows, [FGSM, "", "", "", *least(FGSM)]],
    )


def _show_cat(lab: Lab, measures: Measures) -> Iterator[Figure]:
    """Shows a cat on its way to an airplane, as the article does, where there is one."""
    cats, became = measures.cats
    if len(cats):
        is_alike = (became[LEVELS.index(2)] != CAT) & (became[LEVELS.index(12)] == AIRPLANE)
        chosen = [*cats[is_alike], *cats][0]
        network, image = lab.network(NETWORK), lab.dataset().test_images[measures.rows[chosen]]
        (signs,) = examine(network, image, CAT, [AIRPLANE], step=USUAL_STEP).signs
        sections = [
            strip(network, image, way * signs, EPSILONS, heading)
            for way, heading in (
                (1, "cat to airplane, against the signs of finite differences"),
                (-1, "the same with the sign as the article writes it"),
            )
        ]
        caption = "A test cat on its way to an airplane: the image, the change, what is seen in it"
        yield captioned_sheet(lab, "cat.png", caption, sections)


def _notes(measures: Measures, *, is_lossy: bool) -> Iterator[str]:
    lost = measures.lost
    least = {name: smallest_epsilons(lost[name]) for name in (USUAL, FGSM)}
    never = (f"{name}: {np.isinf(epsilons).sum()}" for name, epsilons in least.items())
    yield from notes(
        "small-perturbations",
        "cifar10",
        accuracy=cells.share(measures.accuracy),
        copy=", in a copy of JPEG files, which is lossy" if is_lossy else "",
        count=len(measures.labels),
        written=cells.share(share_at(lost[AS_WRITTEN], 0.05)),
        chance=cells.share(share_at(lost[CHANCE], 0.05)),
        largest=f"{LEVELS[-1] / 255:.2f}",
        never=", ".join(never),
    )
    is_both = np.isfinite(least[USUAL]) & np.isfinite(least[FGSM])
    if is_both.any():
        test = signed_rank(least[USUAL][is_both], least[FGSM][is_both])
        yield note("small-perturbations", "smallest", test=cells.test(test))
