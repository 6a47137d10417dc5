"""What came out of small perturbations of CIFAR-10 images: rows, tables, notes."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from evofool.analysis import median_interval, signed_rank
from evofool.experiments.report import Figure, Findings, Row, Table, Verdict
from evofool.experiments.small_perturbations.perturbing import (
    LEVELS,
    Classes,
    share_at,
    smallest_epsilons,
)

CAT, AIRPLANE = 3, 0
USUAL = "finite differences, r = 0.01"
AS_WRITTEN, CHANCE = "with the sign as written, r = 0.01", "signs at random"
EPSILONS = (0.01, 0.02, 0.05, 0.1)
NEARLY_ALL, MOST = 0.9, 0.9  # shares of the images


class Study(NamedTuple):
    """What the network takes perturbed images for.

    Attributes:
        labels: of the images, all of which it recognises as they are.
        away: classes after attacks that only lead away from the label, by name.
        towards: classes after attacks with each of nine targets, by name.
        targets: those of each image.
        differences: the other fields of `Differences`, by attack; images are the last axis.
    """

    labels: Classes
    away: Mapping[str, Int[np.ndarray, "strengths images"]]
    towards: Mapping[str, Int[np.ndarray, "strengths targets images"]]
    targets: Int[np.ndarray, "targets images"]
    differences: Mapping[str, Mapping[str, np.ndarray]]

    def lost(self, name: str) -> Bool[np.ndarray, "strengths images"]:
        """Returns which of the images an attack makes the network lose."""
        return self.away[name] != self.labels

    def reached(self, name: str) -> Bool[np.ndarray, "strengths pairs"]:
        """Returns whether images are taken for each target."""
        hits = self.towards[name] == self.targets
        return hits.reshape(len(hits), -1)

    def cats(self) -> tuple[Int[np.ndarray, " cats"], Int[np.ndarray, "strengths cats"]]:
        """Returns which images are cats, and what they become on the way to airplanes."""
        rows = np.flatnonzero(self.labels == CAT)
        return rows, self.towards[USUAL][:, (AIRPLANE - CAT) % 10 - 1, rows]


def report(study: Study, images: list[Figure], accuracy: float, is_lossy: bool) -> Findings:
    """Says what came out.

    Args:
        study: of recognised images.
        images: that were drawn.
        accuracy: share of the test images that are recognised, in [0, 1].
        is_lossy: whether these are a lossy copy.
    """
    n = f"{len(study.labels)} recognised test images"
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
                paper="of one image",
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
        images=images,
        notes=_notes(study, accuracy, is_lossy),
        verdict=Verdict(
            outcome="reproduced"
            if is_published
            else "in part"
            if at[0.05].share > 0.5
            else "differs",
            because=f"at epsilon .05, {at[0.05]} of recognised images are lost, at .01 "
            f"{at[0.01].share:.1%}",
        ),
    )


def _success_table(study: Study) -> Table:
    def shares(hits: Bool[np.ndarray, "strengths images"]) -> list[str]:
        found = [share_at(hits, epsilon) for epsilon in EPSILONS]
        return [f"{one.share:.1%} [{one.low:.1%}, {one.high:.1%}]" for one in found]

    away = [
        ["away", name, classes.shape[-1], *shares(study.lost(name))]
        for name, classes in study.away.items()
    ]
    towards = [
        ["to each of nine targets", name, classes.shape[-1], *shares(study.reached(name))]
        for name, classes in study.towards.items()
    ]
    return Table(
        title="Success [95 % interval] with recognised images, without a target and with nine",
        header=[
            "where to",
            "attack",
            "images",
            *(f"epsilon {epsilon:g}" for epsilon in EPSILONS),
        ],
        rows=away + towards,
    )


def _steps_table(study: Study) -> Table:
    rows = [
        [
            name,
            f"{one['agreement'][0].mean():.1%}",
            f"{one['agreement_fgsm'].mean():.1%}",
            f"{one['flat'].mean():.2%}",
            *_least(study, name),
        ]
        for name, one in study.differences.items()
    ]
    return Table(
        title="Signs of finite differences (label against runner-up): share that the gradient of "
        "the same difference has, and that of FGSM's gradient; and the smallest epsilon of a "
        "image",
        header=[
            *("attack", "as the gradient", "as FGSM", "no difference"),
            *("smallest epsilon, median", f"enough for {MOST:.0%}"),
        ],
        rows=[*rows, ["FGSM", "", "", "", *_least(study, "FGSM")]],
    )


def _least(study: Study, name: str) -> list[str]:
    least = smallest_epsilons(study.lost(name))
    found = median_interval(least)
    enough = float(np.quantile(least, MOST, method="higher"))
    return [f"{found.median:.4f} [{found.low:.4f}, {found.high:.4f}]", f"{enough:.4f}"]


def _notes(study: Study, accuracy: float, is_lossy: bool) -> list[str]:
    least = {name: smallest_epsilons(study.lost(name)) for name in (USUAL, "FGSM")}
    is_both = np.isfinite(least[USUAL]) & np.isfinite(least["FGSM"])
    never = ", ".join(f"{name}: {np.isinf(one).sum()}" for name, one in least.items())
    lossy = ", in a copy of JPEG files, which is lossy" if is_lossy else ""
    notes = [
        f"The network (cifar_cnn) recognises {accuracy:.1%} of the test images{lossy}; the first "
        f"{len(study.labels)} of those are attacked.",
        "The article names neither its classifier nor r, and shows one image. Here r is on the "
        "scale [0, 1] and differences are of logits; one map of outputs (3073 forward passes) "
        "serves the runner-up and all nine targets. Changes are whole levels, rounded towards the "
        "image: epsilon .01 is 2 levels of 255, .02 is 5, .05 is 12, .1 is 25.",
        "The sign slip: the article takes the sign p of what raising a value does to the label's "
        "lead over the target, and adds epsilon p, which defends the image. Its results need "
        f"epsilon p subtracted. As written, {share_at(study.lost(AS_WRITTEN), 0.05)} are lost at "
        f".05; signs at random lose {share_at(study.lost(CHANCE), 0.05)}.",
        f"Never lost within epsilon {LEVELS[-1] / 255:.2f}: {never}.",
    ]
    if is_both.any():
        test = signed_rank(least[USUAL][is_both], least["FGSM"][is_both])
        notes.append(f"Smallest epsilon, finite differences less FGSM: {test}.")
    return notes
