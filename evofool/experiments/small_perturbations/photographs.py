"""Small perturbations of photographs: differences, the gradient, one change for all, other eyes."""

import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from evofool.attacks import universal
from evofool.classifiers import Classifier, first_name, with_views
from evofool.evaluation import recognize
from evofool.experiments.bench import NETWORK, Lab
from evofool.experiments.report import (
    Findings,
    Row,
    Table,
    captioned_sheet,
    cells,
    note,
    notes,
)
from evofool.experiments.small_perturbations.gibbon import (
    DIFFERENCES,
    FGSM,
    GIBBON,
    PANDA,
    PUBLISHED,
    PUBLISHED_LEVELS,
    Way,
    fgsm_signs,
    take_way,
    way_rows,
)
from evofool.experiments.small_perturbations.perturbing import (
    LEVELS,
    Classes,
    Hits,
    Image,
    classes_by_chance,
    classes_by_fgsm,
    draw_curves,
    examine,
    lost_rows,
    runners_up,
    share_at,
    share_cells,
    strip,
)
from evofool.experiments.small_perturbations.travel import (
    STRONG,
    Change,
    Lost,
    draw_matrix,
    show_change,
    tabulate_lost,
    travel,
)
from evofool.images import Levels
from evofool.support import UserError, in_markdown

NETWORKS = (
    NETWORK,
    "mobilenet_v1_0.75_192",
    "mobilenet_v2_1.0_224_qat",
    "squeezenet_v1.0_deepcompression",
)
STEP = 0.01  # r
STEPS = "whole levels"  # that the one change for all is made by
EPSILONS = (PUBLISHED, 0.01, 0.02, 0.05)
SMALL = (32, 32, 3)  # shape of photographs at small scale
WRITTEN, TARGETED, CHANCE = "with the sign as written", "FGSM, to a target", "signs at random"


class Measures(NamedTuple):
    """What networks make of perturbed photographs that they recognise."""

    lost: dict[str, Hits]  # taken for another class, by attack
    reached: Hits  # taken for a target drawn for each, after FGSM with that target
    agreement: float  # share of values for which differences have the gradient's sign, mean
    chosen: int  # place of the photograph that goes to the gibbon
    label: int  # its class
    ways: list[Way]
    change: Change  # one for all photographs
    rates: Float[np.ndarray, " passes"]  # share of those it was made with whose class it changes
    travelled: Lost


def load_networks(lab: Lab) -> dict[str, Classifier]:
    """Returns the networks: that which is attacked, then others."""
    names = lab.choose(full=NETWORKS, small=NETWORKS[:2])
    networks = {name: lab.network(name) for name in names}
    if lab.scale == "small":  # differences of a photograph of 128x128 are 49,153 forward passes
        networks[NETWORK] = with_views(networks[NETWORK], SMALL)
    return networks


def measure(lab: Lab) -> Measures:
    """Attacks labelled photographs for the smallest MobileNetV1; then shows them to three others.

    Raises:
        UserError: the network recognises none of the photographs.
    """
    networks = load_networks(lab)
    network = networks[NETWORK]
    photographs, labels = lab.photographs(network)
    seen = recognize(network, photographs)
    rows = np.flatnonzero((seen.classes == labels) & (labels != GIBBON))
    if not len(rows):
        raise UserError(
            f"{network.card.name} recognises none of {len(labels)} labelled photographs, so that "
            "there is no class to lead away from; check --labels, or give more photographs"
        )
    attacked = _choose(rows, labels[rows] == PANDA, lab.choose(full=20, small=1))
    rivals = runners_up(seen, labels)
    examined = [
        _examine(lab, network, photographs[row], int(labels[row]), int(rivals[row]))
        for row in attacked
    ]
    first = int(np.argmax(labels[attacked] == PANDA))  # the first where there is no panda
    chosen = int(attacked[first])
    image, label = photographs[chosen], int(labels[chosen])
    away = np.stack([found["classes"][:, 0] for found in examined], axis=1)
    written = np.stack([found["written"] for found in examined], axis=1)
    recognised, theirs = photographs[rows], labels[rows]
    targets = _draw_targets(theirs)
    made = _make_universal(lab, network, photographs[::2], seen.classes[::2])
    return Measures(
        lost={
            DIFFERENCES: away != labels[attacked],
            WRITTEN: written != labels[attacked],
            FGSM: classes_by_fgsm(network, recognised, theirs) != theirs,
            CHANCE: classes_by_chance(network, recognised) != theirs,
        },
        reached=classes_by_fgsm(network, recognised, theirs, target=targets) == targets,
        agreement=float(np.mean([found["agreement"][0] for found in examined])),
        chosen=chosen,
        label=label,
        ways=[
            take_way(network, image, FGSM, fgsm_signs(network, image, label)),
            take_way(network, image, DIFFERENCES, examined[first]["signs"][1]),
        ],
        change=made["change"],
        rates=made["rates"],
        travelled=travel(lab, networks, made["change"]),
    )


def _choose(
    rows: Classes, is_panda: Bool[np.ndarray, " images"], count: int
) -> Int[np.ndarray, " chosen"]:
    """Returns so many of the rows, evenly spread, and pandas in place of the first."""
    spread = rows[np.linspace(0, len(rows) - 1, count).astype(int)]
    pandas = rows[is_panda]
    return np.unique(np.append(spread[len(pandas) :], pandas))


def _examine(
    lab: Lab, network: Classifier, image: Image, label: int, runner_up: int
) -> Mapping[str, np.ndarray]:
    """Attacks by finite differences, away from the class and towards the gibbon; cached."""
    return lab.arrays(
        f"differences-{label}",
        lambda: examine(network, image, label, [runner_up, GIBBON], step=STEP)._asdict(),
        key=[network.card.sha256, zlib.crc32(image.tobytes()), STEP, LEVELS],
    )


def _make_universal(
    lab: Lab, network: Classifier, images: Levels, seen: Classes
) -> Mapping[str, np.ndarray]:
    """Makes one change for all, against what the network sees, as its authors do; cached."""

    def compute() -> Mapping[str, np.ndarray]:
        made = universal(
            network,
            images,
            seen,
            epsilon=STRONG / 255,
            passes=lab.choose(full=10, small=1),
            save=lab.folder / "steps" / "universal-under-way.npz",
        )
        return {"change": made.change, "rates": made.rates}

    return lab.arrays("universal", compute, key=[network.card.sha256, len(images), STRONG, STEPS])


def _draw_targets(labels: Classes) -> Classes:
    """Draws another class for every photograph."""
    ahead = np.random.default_rng(0).integers(1, 1000, len(labels))
    return (labels + ahead) % 1000


def report(lab: Lab, measures: Measures) -> Findings:
    """Asks how soon photographs are lost, and whether that travels to other networks."""
    network = load_networks(lab)[NETWORK]
    photographs, _ = lab.photographs(network)
    name = in_markdown(first_name(network.card.labels[measures.label]))
    one_change = measures.travelled[f"one change for {NETWORK}"][NETWORK]
    hits = {**measures.lost, TARGETED: measures.reached}
    return Findings(
        summary=(
            f"panda to gibbon by {PUBLISHED_LEVELS} levels of 255 (99.3 %)",
            f"{name} to gibbon {measures.ways[0]}",
        ),
        rows=[
            *way_rows(measures.ways, name),
            *lost_rows(measures.lost, (PUBLISHED, 0.05), "recognised photographs"),
            Row(
                what=f"lost by one change for all, epsilon {STRONG / 255:.3f}",
                ours=[one_change.share],
                unit="%",
                n=f"{one_change.n} recognised photographs that it was not made with",
            ),
        ],
        tables=[
            Table(
                title="Success [95 % interval], recognised photographs",
                header=["attack", "n", *(f"epsilon {epsilon:g}" for epsilon in EPSILONS)],
                rows=[
                    [attack, each.shape[1], *share_cells(each, EPSILONS)]
                    for attack, each in hits.items()
                ],
            ),
            tabulate_lost(measures.travelled),
        ],
        images=[
            captioned_sheet(
                lab,
                "gibbon.png",
                f"{name} to gibbon: the photograph, the change, and what {network.card.name} sees",
                [
                    strip(
                        network,
                        photographs[measures.chosen],
                        way.signs,
                        EPSILONS,
                        f"{name} to gibbon by {way.attack}",
                    )
                    for way in measures.ways
                ],
                shows_photographs=True,
            ),
            show_change(lab, network, photographs[1::2], measures.change),
            draw_curves(
                lab,
                "Recognised photographs that are lost, by epsilon",
                {
                    "recognised photographs that are lost": {
                        f"{attack} (n = {each.shape[1]})": each.mean(axis=1)
                        for attack, each in measures.lost.items()
                    }
                },
            ),
            draw_matrix(lab, measures.travelled),
        ],
        notes=[*_notes(measures)],
    )


def _notes(measures: Measures) -> Iterator[str]:
    lost, travelled = measures.lost, measures.travelled
    one_change, disorder, chance = (
        travelled[name][NETWORK]
        for name in (f"one change for {NETWORK}", "its values in disorder", CHANCE)
    )
    recognised = (f"{name} {travelled[f'FGSM for {name}'][name].n}" for name in travelled[CHANCE])
    attacked, protocol, written, universal_change, others = notes(
        "small-perturbations",
        "imagenet",
        recognised=", ".join(recognised),
        network=NETWORK,
        step=STEP,
        passes=measures.change.size + 1,
        examined=lost[DIFFERENCES].shape[1],
        agreement=cells.share(measures.agreement),
        epsilon=PUBLISHED,
        levels=PUBLISHED_LEVELS,
        rates=", ".join(cells.share(rate) for rate in measures.rates),
        one_change=cells.share(one_change),
        beside="fewer" if one_change.share < chance.share else "no fewer",
        chance=cells.share(chance),
        disorder=cells.share(disorder),
    )
    yield from (attacked, protocol, written, *_note_growth(lost), universal_change, others)


def _note_growth(lost: Mapping[str, Hits]) -> Iterator[str]:
    """Explains why larger steps lose fewer photographs, where they do."""
    near, far = (share_at(lost[DIFFERENCES], epsilon) for epsilon in (PUBLISHED, 0.05))
    if far.share < near.share:
        yield note(
            "small-perturbations",
            "growth",
            epsilon=PUBLISHED,
            near=cells.share(near),
            far=cells.share(far),
            fgsm_near=cells.share(share_at(lost[FGSM], PUBLISHED).share),
            fgsm_far=cells.share(share_at(lost[FGSM], 0.05).share),
        )
