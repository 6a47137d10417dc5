"""Small perturbations of CIFAR-10 pictures: finite differences, beside the gradient."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from evofool.classifiers import Classifier
from evofool.experiments.findings import Findings, Picture, Row, Table, Verdict
from evofool.experiments.lab import Lab
from evofool.experiments.perturbing import (
    LEVELS,
    Classes,
    Levels,
    classes_by_chance,
    classes_by_fgsm,
    draw_curves,
    examine,
    parts,
    runners_up,
    share_at,
    smallest_epsilons,
    strip,
)
from evofool.recognition import recognize
from evofool.reports import draw_sheet, save_image
from evofool.statistics import median_interval, signed_rank

NETWORK = "cifar_cnn"
CAT, AIRPLANE = 3, 0
STEPS = {"r = 0.01": 0.01, "r = 1/255": 1 / 255, "r = 0.05": 0.05, "r = 0.1": 0.1}
USUAL = "finite differences, r = 0.01"
AS_WRITTEN, CHANCE = "with the sign as written, r = 0.01", "signs at random"
EPSILONS = (0.01, 0.02, 0.05, 0.1)
NEARLY_ALL = 0.9


class Study(NamedTuple):
    """What the network takes perturbed pictures for.

    Attributes:
        labels: of the pictures, all of which it recognises as they are.
        away: classes after attacks that only lead away from the label, by name.
        towards: classes after attacks with each of nine targets, by name.
        targets: those of each picture.
        differences: the other fields of `Differences`, by attack; pictures are the last axis.
    """

    labels: Classes
    away: Mapping[str, Int[np.ndarray, "strengths images"]]
    towards: Mapping[str, Int[np.ndarray, "strengths targets images"]]
    targets: Int[np.ndarray, "targets images"]
    differences: Mapping[str, Mapping[str, np.ndarray]]

    def lost(self, name: str) -> Bool[np.ndarray, "strengths images"]:
        """Returns which of the pictures an attack makes the network lose."""
        return self.away[name] != self.labels

    def reached(self, name: str) -> Bool[np.ndarray, "strengths pairs"]:
        """Returns whether pictures are taken for each target."""
        hits = self.towards[name] == self.targets
        return hits.reshape(len(hits), -1)

    def cats(self) -> tuple[Int[np.ndarray, " cats"], Int[np.ndarray, "strengths cats"]]:
        """Returns which pictures are cats, and what they become on the way to airplanes."""
        rows = np.flatnonzero(self.labels == CAT)
        return rows, self.towards[USUAL][:, (AIRPLANE - CAT) % 10 - 1, rows]


def cifar10(lab: Lab) -> Findings:
    """Recognised test pictures, away from their class and towards each of the nine others."""
    network, dataset = lab.network(NETWORK), lab.dataset()
    tried = dataset.test_images[: lab.choose(full=None, small=100)]
    seen = recognize(network, tried)
    is_right = seen.classes == dataset.test_labels[: len(tried)]
    rows = np.flatnonzero(is_right)[: lab.choose(full=1000, small=4)]
    images, labels = tried[rows], seen.classes[rows]
    found = recognize(network, images)
    # the runner-up first, then the class that is 1, 2, ... 9 places on
    rivals = np.stack([runners_up(found, labels), *((labels + k) % 10 for k in range(1, 10))])
    differences = {
        f"finite differences, {name}": _differences(lab, network, images, labels, rivals, step)
        for name, step in [*STEPS.items()][: lab.choose(full=4, small=2)]
    }
    others = _others(lab, network, images, labels, rivals)
    study = Study(
        labels=labels,
        away={
            **{name: one["classes"][:, 0] for name, one in differences.items()},
            "FGSM": others["untargeted"],
            AS_WRITTEN: differences[USUAL]["written"],
            CHANCE: others["chance"],
        },
        towards={
            **{name: one["classes"][:, 1:] for name, one in differences.items()},
            "FGSM": others["targeted"],
        },
        targets=rivals[1:],
        differences=differences,
    )
    pictures = _draw(lab, network, images, study)
    return _findings(study, pictures, float(is_right.mean()), dataset.is_lossy)


def _differences(
    lab: Lab, network: Classifier, images: Levels, labels: Classes, rivals: np.ndarray, step: float
) -> dict[str, np.ndarray]:
    """Attacks by finite differences; pictures are the last axis of what comes out."""

    def compute(rows: slice) -> dict[str, np.ndarray]:
        found = [
            examine(network, image, int(label), own.tolist(), step=step)._asdict()
            for image, label, own in zip(images[rows], labels[rows], rivals.T[rows], strict=True)
        ]
        return {
            field: np.stack([one[field] for one in found], axis=-1)
            for field in ("classes", "written", "agreement", "agreement_fgsm", "flat")
        }

    found = [  # kept part by part: all of them are millions of forward passes
        lab.arrays(
            f"differences-{step:.3g}-{rows.start}",
            lambda rows=rows: compute(rows),
            key=[network.card.sha256, rows.stop, LEVELS],
        )
        for rows in parts(len(images))
    ]
    return {field: np.concatenate([one[field] for one in found], axis=-1) for field in found[0]}


def _others(
    lab: Lab, network: Classifier, images: Levels, labels: Classes, rivals: np.ndarray
) -> dict[str, np.ndarray]:
    """Attacks by FGSM, and by signs drawn at random."""

    def compute() -> dict[str, np.ndarray]:
        targeted = [classes_by_fgsm(network, images, labels, target=one) for one in rivals[1:]]
        return {
            "untargeted": classes_by_fgsm(network, images, labels),
            "targeted": np.stack(targeted, axis=1),
            "chance": classes_by_chance(network, images),
        }

    return lab.arrays("fgsm", compute, key=[network.card.sha256, len(images), LEVELS])


def _draw(lab: Lab, network: Classifier, images: Levels, study: Study) -> list[Picture]:
    """Draws success over epsilon, and a cat on its way to an airplane, as the article does."""
    draw_curves(
        lab.folder / "curves.png",
        {
            "away from the class": {name: study.lost(name).mean(axis=1) for name in study.away},
            "towards each of nine others": {
                name: study.reached(name).mean(axis=1) for name in study.towards
            },
        },
    )
    caption = f"Success over epsilon, {len(images)} recognised test pictures"
    pictures = [Picture(file="curves.png", caption=caption)]
    rows, became = study.cats()
    if len(rows):
        is_alike = (became[LEVELS.index(2)] != CAT) & (became[LEVELS.index(12)] == AIRPLANE)
        chosen = [*rows[is_alike], *rows][0]
        (signs,) = examine(network, images[chosen], CAT, [AIRPLANE], step=STEPS["r = 0.01"]).signs
        sections = [
            strip(network, images[chosen], way * signs, EPSILONS, heading)
            for way, heading in (
                (1, "cat to airplane, against the signs of finite differences"),
                (-1, "the same with the sign as the article writes it"),
            )
        ]
        save_image(draw_sheet(sections), lab.folder / "cat.png")
        what = "A test cat on its way to an airplane: the picture, the change, what is seen in it"
        pictures.append(Picture(file="cat.png", caption=what))
    return pictures


def _findings(study: Study, pictures: list[Picture], accuracy: float, is_lossy: bool) -> Findings:
    n = f"{len(study.labels)} recognised test pictures"
    usual = study.lost(USUAL)
    at = {epsilon: share_at(usual, epsilon) for epsilon in EPSILONS}
    _, became = study.cats()
    cats = f"{became.shape[1]} cats"
    rows = [
        Row(
            what=f"lost at epsilon {epsilon:g}, {name}",
            paper=published if name == USUAL else "",
            ours=[share_at(study.lost(name), epsilon).share],
            unit="%",
            n=n,
        )
        for name in (USUAL, "FGSM", AS_WRITTEN, CHANCE)
        for epsilon, published in ((0.01, ""), (0.05, "almost surely"))
    ]
    if became.size:
        rows += [
            Row(
                what=f"cats {what} at epsilon {epsilon:g}, {USUAL}",
                paper="of one picture",
                ours=[share_at(hits, epsilon).share],
                unit="%",
                n=cats,
            )
            for what, hits, epsilon in (
                ("that are no longer cats", became != CAT, 0.01),
                ("taken for airplanes", became == AIRPLANE, 0.05),
            )
        ]
    is_published = at[0.05].low >= NEARLY_ALL
    return Findings(
        summary=(
            "almost surely fooled at epsilon .05",
            f"{at[0.05].share:.1%} by finite differences, "
            f"{share_at(study.lost('FGSM'), 0.05).share:.1%} by FGSM",
        ),
        rows=rows,
        tables=[_success_table(study), _steps_table(study)],
        pictures=pictures,
        notes=_notes(study, accuracy, is_lossy),
        verdict=Verdict(
            said="reproduced" if is_published else "in part" if at[0.05].share > 0.5 else "differs",
            because=f"at epsilon .05, {at[0.05]} of recognised pictures are lost, at .01 "
            f"{at[0.01].share:.1%}",
        ),
    )


def _success_table(study: Study) -> Table:
    def shares(hits: Bool[np.ndarray, "strengths pictures"]) -> list[str]:
        found = [share_at(hits, epsilon) for epsilon in EPSILONS]
        return [f"{one.share:.1%} [{one.low:.1%}, {one.high:.1%}]" for one in found]

    away = [["away", name, *shares(study.lost(name))] for name in study.away]
    towards = [["to a target", name, *shares(study.reached(name))] for name in study.towards]
    return Table(
        title=f"Success [95 % interval]: {len(study.labels)} recognised pictures, without a target "
        "and with nine",
        header=["where to", "attack", *(f"epsilon {epsilon:g}" for epsilon in EPSILONS)],
        rows=away + towards,
    )


def _steps_table(study: Study) -> Table:
    rows = []
    for name, one in study.differences.items():
        least = smallest_epsilons(study.lost(name))
        found = median_interval(least)
        rows.append(
            [
                name,
                f"{one['agreement'][0].mean():.1%}",
                f"{one['agreement_fgsm'].mean():.1%}",
                f"{one['flat'].mean():.2%}",
                f"{found.median:.4f} [{found.low:.4f}, {found.high:.4f}]",
            ]
        )
    found = median_interval(smallest_epsilons(study.lost("FGSM")))
    rows.append(["FGSM", "", "", "", f"{found.median:.4f} [{found.low:.4f}, {found.high:.4f}]"])
    return Table(
        title="Signs of finite differences (label against runner-up): share that the gradient of "
        "the same difference has, and that of FGSM's gradient; and the smallest epsilon, median",
        header=["attack", "as the gradient", "as FGSM", "no difference", "smallest epsilon"],
        rows=rows,
    )


def _notes(study: Study, accuracy: float, is_lossy: bool) -> list[str]:
    least = {name: smallest_epsilons(study.lost(name)) for name in (USUAL, "FGSM")}
    is_both = np.isfinite(least[USUAL]) & np.isfinite(least["FGSM"])
    never = ", ".join(f"{name}: {np.isinf(one).sum()}" for name, one in least.items())
    lossy = ", in a copy of JPEG files, which is lossy" if is_lossy else ""
    notes = [
        f"{NETWORK} recognises {accuracy:.1%} of the test pictures{lossy}; the first "
        f"{len(study.labels)} of those are attacked.",
        "The article names neither its classifier nor r, and shows one picture. Here r is on the "
        "scale [0, 1] and differences are of logits; one map of outputs (3073 forward passes) "
        "serves the runner-up and all nine targets. Changes are whole levels, rounded towards the "
        "picture: epsilon .01 is 2 levels of 255, .02 is 5, .05 is 12, .1 is 25.",
        "The sign slip: the article takes the sign p of what raising a value does to the label's "
        "lead over the target, and adds epsilon p, which defends the picture. Its results need "
        f"epsilon p subtracted. As written, {share_at(study.lost(AS_WRITTEN), 0.05)} are lost at "
        f".05; signs at random lose {share_at(study.lost(CHANCE), 0.05)}.",
        f"Never lost within epsilon {LEVELS[-1] / 255:.2f}: {never}.",
    ]
    if is_both.any():
        test = signed_rank(least[USUAL][is_both], least["FGSM"][is_both])
        notes.append(f"Smallest epsilon, finite differences less FGSM: {test}.")
    return notes
