"""Small perturbations of photographs: differences, the gradient, one change for all, other eyes."""

import zlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8

from evofool.analysis import Share
from evofool.attacks import universal
from evofool.classifiers import Classifier, with_views
from evofool.evaluation import recognize
from evofool.experiments.bench import NETWORK, Lab
from evofool.experiments.report import Figure, Findings, Row, Table, cells
from evofool.experiments.small_perturbations.gibbon import (
    EPSILONS,
    GIBBON,
    PANDA,
    PUBLISHED,
    PUBLISHED_LEVELS,
    PUBLISHED_SURE,
    Way,
    fgsm_signs,
    name_of,
    rows_of,
    verdict,
    ways,
    write_ways,
)
from evofool.experiments.small_perturbations.perturbing import (
    LEVELS,
    Classes,
    Levels,
    classes_by_chance,
    classes_by_fgsm,
    draw_curves,
    examine,
    runners_up,
    share_at,
)
from evofool.experiments.small_perturbations.travel import (
    STRONG,
    Change,
    Lost,
    show_matrix,
    travel,
    write_change,
)
from evofool.support import UserError

NETWORKS = (
    NETWORK,
    "mobilenet_v1_0.75_192",
    "mobilenet_v2_1.0_224_qat",
    "squeezenet_v1.0_deepcompression",
)
STEP = 0.01  # r
SMALL = (48, 48, 3)  # shape of photographs at small scale
DIFFERENCES, WRITTEN = "finite differences", "with the sign as written"
GRADIENT, TARGETED, CHANCE = "FGSM", "FGSM, to a target", "signs at random"


class Study(NamedTuple):
    """What the network makes of perturbed photographs that it recognises.

    Attributes:
        lost: whether each is taken for another class, by attack.
        reached: whether it is taken for a target drawn for it, after FGSM with that target.
        agreement: share of values for which differences have the sign of the gradient.
        change: one for all photographs.
        rates: share of those it was made with whose class it changes, by pass.
    """

    lost: Mapping[str, Bool[np.ndarray, "strengths attacked"]]
    reached: Bool[np.ndarray, "strengths photographs"]
    agreement: Float[np.ndarray, " photographs"]
    change: Change
    rates: Float[np.ndarray, " passes"]


def imagenet(lab: Lab) -> Findings:
    """Labelled photographs, for the smallest MobileNetV1; then shown to three others."""
    names = lab.choose(full=NETWORKS, small=NETWORKS[:2])
    networks = {name: lab.network(name) for name in names}
    if lab.scale == "small":  # differences of a photograph of 128x128 are 49,153 forward passes
        networks[NETWORK] = with_views(networks[NETWORK], SMALL)
    network = networks[NETWORK]
    photographs, labels = lab.photographs(network)
    found = recognize(network, photographs)
    rows = np.flatnonzero((found.classes == labels) & (labels != GIBBON))
    if not len(rows):
        raise UserError(
            f"{network.card.name} recognises none of {len(labels)} labelled photographs, so that "
            "there is no class to lead away from; check --labels, or give more photographs"
        )
    pandas = rows[labels[rows] == PANDA]
    spread = rows[np.linspace(0, len(rows) - 1, lab.choose(full=20, small=1)).astype(int)]
    attacked = np.unique(np.append(spread[len(pandas) :], pandas))
    differences = [
        _difference(lab, network, photographs[row], int(labels[row]), int(runner_up))
        for row, runner_up in zip(attacked, runners_up(found, labels)[attacked], strict=True)
    ]
    away = np.stack([one["classes"][:, 0] for one in differences], axis=1)
    written = np.stack([one["written"] for one in differences], axis=1)
    kept = lab.arrays(
        "fgsm",
        lambda: _by_gradient(network, photographs[rows], labels[rows]),
        key=[network.card.sha256, len(rows), LEVELS],
    )
    made = _universal(lab, network, photographs[::2], found.classes[::2])
    study = Study(
        lost={
            DIFFERENCES: away != labels[attacked],
            WRITTEN: written != labels[attacked],
            GRADIENT: kept["away"] != labels[rows],
            CHANCE: kept["chance"] != labels[rows],
        },
        reached=kept["towards"] == _targets(labels[rows]),
        agreement=np.array([one["agreement"][0] for one in differences]),
        change=made["change"],
        rates=made["rates"],
    )
    chosen = int(np.argmax(labels[attacked] == PANDA))  # the first where there is no panda
    image, label = photographs[attacked[chosen]], int(labels[attacked[chosen]])
    signs = {
        GRADIENT: fgsm_signs(network, image, label),
        DIFFERENCES: differences[chosen]["signs"][1],
    }
    found_ways, name = ways(network, image, signs), name_of(network, label)
    images = [
        write_ways(lab, network, image, found_ways, name),
        write_change(lab, network, photographs[1::2], study.change),
    ]
    lost = travel(lab, networks, study.change)
    return _findings(lab, study, found_ways, name, images, lost)


def _difference(
    lab: Lab,
    network: Classifier,
    image: UInt8[np.ndarray, "height width channels"],
    label: int,
    runner_up: int,
) -> dict[str, np.ndarray]:
    """Attacks by finite differences, away from the class and towards the gibbon."""
    return lab.arrays(
        f"differences-{label}",
        lambda: examine(network, image, label, [runner_up, GIBBON], step=STEP)._asdict(),
        key=[network.card.sha256, zlib.crc32(image.tobytes()), STEP, LEVELS],
    )


def _by_gradient(network: Classifier, images: Levels, labels: Classes) -> dict[str, np.ndarray]:
    return {
        "away": classes_by_fgsm(network, images, labels),
        "towards": classes_by_fgsm(network, images, labels, target=_targets(labels)),
        "chance": classes_by_chance(network, images),
    }


def _targets(labels: Classes) -> Classes:
    """Draws another class for every photograph."""
    ahead = np.random.default_rng(0).integers(1, 1000, len(labels))
    return (labels + ahead) % 1000


def _universal(
    lab: Lab, network: Classifier, images: Levels, seen: Classes
) -> dict[str, np.ndarray]:
    """Makes one change for all, against what the network sees, as its authors do."""

    def compute() -> dict[str, np.ndarray]:
        found = universal(
            network,
            images,
            seen,
            epsilon=STRONG / 255,
            passes=lab.choose(full=10, small=1),
            save=lab.folder / "steps" / "universal-under-way.npz",
        )
        return {"change": found.change, "rates": found.rates}

    return lab.arrays("universal", compute, key=[network.card.sha256, len(images), STRONG])


def _findings(
    lab: Lab,
    study: Study,
    found: list[Way],
    name: str,
    images: list[Figure],
    travelled: Lost,
) -> Findings:
    counts = {attack: hits.shape[1] for attack, hits in study.lost.items()}
    curves = {f"{one} (n = {counts[one]})": hits.mean(axis=1) for one, hits in study.lost.items()}
    draw_curves(lab.folder / "curves.png", {"recognised photographs that are lost": curves})
    matrix, table = show_matrix(lab, travelled)
    one_change = travelled[f"one change for {NETWORK}"][NETWORK]
    rows = [
        Row(
            what=f"lost at epsilon {epsilon:g}, {attack}",
            ours=[share_at(hits, epsilon).share],
            unit="%",
            n=f"{counts[attack]} recognised photographs",
        )
        for attack, hits in study.lost.items()
        for epsilon in (PUBLISHED, 0.05)
    ]
    rows.append(
        Row(
            what=f"lost by one change for all, epsilon {STRONG / 255:.3f}",
            ours=[one_change.share],
            unit="%",
            n=f"{one_change.n} recognised photographs that it was not made with",
        )
    )
    hits = {**study.lost, TARGETED: study.reached}
    success = Table(
        title="Success [95 % interval], recognised photographs",
        header=["attack", "n", *(f"epsilon {epsilon:g}" for epsilon in EPSILONS)],
        rows=[
            [attack, of.shape[1], *(_short(share_at(of, epsilon)) for epsilon in EPSILONS)]
            for attack, of in hits.items()
        ],
    )
    return Findings(
        summary=(
            f"panda to gibbon by {PUBLISHED_LEVELS:.1f} levels of 255 ({PUBLISHED_SURE:.1%})",
            f"{name} to gibbon {found[0]}",
        ),
        rows=rows_of(found, name) + rows,
        tables=[success, table],
        images=[
            *images,
            Figure(file="curves.png", caption="Recognised photographs that are lost, by epsilon"),
            matrix,
        ],
        notes=_notes(study, counts, travelled),
        verdict=verdict(found, name),
    )


def _short(found: Share) -> str:
    return f"{found.share:.1%} [{found.low:.1%}, {found.high:.1%}]"


def _notes(study: Study, counts: Mapping[str, int], travelled: Lost) -> list[str]:
    rates = ", ".join(f"{rate:.0%}" for rate in study.rates)
    passes = study.change.size + 1
    own = [f"{name} {travelled[f'FGSM for {name}'][name].n}" for name in travelled[CHANCE]]
    return [
        f"Attacked are photographs that the network recognises: {', '.join(own)}. Figures are of "
        f"{NETWORK} where no other is named; by finite differences (r = {STEP}, of logits, "
        f"{passes:,} forward passes each, against the runner-up) {counts[DIFFERENCES]} of its "
        "photographs are attacked. Their signs are those of the gradient of the same difference "
        f"for {np.mean(study.agreement):.1%} of the values (mean). Targets of FGSM are drawn at "
        "random, one for each photograph.",
        "An epsilon is a share of the range, rounded down to whole levels: "
        f"{PUBLISHED} is 1 of 255, .01 is 2, .02 is 5, .05 is 12. The published {PUBLISHED} is on "
        f"GoogLeNet's scale, which spans 2, and is {PUBLISHED_LEVELS:.1f} levels: a panda is "
        "compared at one level. It is not said there to be the least that does.",
        f'"{WRITTEN.capitalize()}": the article adds epsilon times the sign of what raising a '
        "value does to the label's lead, which is the wrong way round and defends the image; its "
        "results need it subtracted, as in all other rows.",
        *_of_growth(study),
        "The one change for all is made with every second photograph, against what the network "
        f"sees in them, by steps of DeepFool. Of those, it changed after each pass: {rates}. "
        f"{_of_one_change(travelled)}",
        "Shown to other networks, photographs are scaled to their size, as they are and perturbed "
        "alike; only those count that a network recognises when they are as they are. Signs drawn "
        "at random move every value as far as FGSM does and show what that does by itself. The one "
        "change moves most values less; beside it, its own values in disorder are the control.",
    ]


def _of_growth(study: Study) -> list[str]:
    """Says what larger steps do along signs that were found at the photograph itself."""
    near, far = (share_at(study.lost[DIFFERENCES], epsilon) for epsilon in (PUBLISHED, 0.05))
    if far.share >= near.share:
        return []
    steps = [share_at(study.lost[GRADIENT], epsilon).share for epsilon in (PUBLISHED, 0.05)]
    return [
        f"Larger steps by finite differences lose fewer photographs: {near} at {PUBLISHED}, {far} "
        "at .05. The signs are those at the photograph itself, for its lead over one other class, "
        "and need not hold further away; FGSM, which leads away from the label and not to a class, "
        f"goes from {cells.share(steps[0])} to {cells.share(steps[1])}."
    ]


def _of_one_change(travelled: Lost) -> str:
    """Compares it with changes of its size, and of its bound, that follow nothing."""
    one, disorder, chance = (
        travelled[name][NETWORK]
        for name in (f"one change for {NETWORK}", "its values in disorder", CHANCE)
    )
    beside = "fewer" if one.share < chance.share else "no fewer"
    return (
        f"Of others it loses {one}, {beside} than signs at random at the same epsilon, which move "
        f"every value by all of it ({chance}); its own values in disorder lose {disorder}."
    )
