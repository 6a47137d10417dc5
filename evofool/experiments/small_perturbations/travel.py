"""One change for all photographs; do perturbations travel to networks they were not made for?"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int16

from evofool.classifiers import Classifier, with_views
from evofool.evaluation import recognize
from evofool.experiments.bench import Lab
from evofool.experiments.report import (
    Figure,
    Table,
    captioned_sheet,
    cells,
    recognized_section,
    section,
)
from evofool.experiments.small_perturbations.perturbing import (
    Classes,
    fgsm_in_parts,
    perturb,
    random_signs,
    share_of,
)
from evofool.images import Levels, write_matrix
from evofool.measures import Share

STRONG = 10  # levels of 255, by which values change: an epsilon of .04
SHOWN = 8  # photographs of the sheet

Change = Int16[np.ndarray, "height width channels"]
Lost = dict[str, dict[str, Share]]
"""By what was done to photographs, and by network: the share that it no longer recognises."""


class Perturbed(NamedTuple):
    """Photographs without and with a perturbation, and their classes."""

    before: Levels
    after: Levels
    labels: Classes


def travel(lab: Lab, networks: Mapping[str, Classifier], change: Change) -> Lost:
    """Shows perturbed photographs to all networks.

    A network sees photographs of another size than its input scaled to it. Only those count that it
    recognises when they are scaled in the same way and not perturbed.

    Args:
        lab: that has the photographs.
        networks: by name; FGSM is done for each of them.
        change: one for all photographs, in levels, made for the first network with every second
            photograph, the first one included; it is added to the others.
    """
    lost = {}
    for name, network in networks.items():
        photographs, labels = lab.photographs(network)
        parts = fgsm_in_parts(network, photographs, labels, strengths=[STRONG])
        attacked = np.concatenate([part.images[0] for part in parts])
        lost[f"FGSM for {name}"] = _show(networks, Perturbed(photographs, attacked, labels))
    first = next(iter(networks))
    photographs, labels = lab.photographs(networks[first])
    others = photographs[1::2]
    # a change of the same size without its pattern: values dealt out anew
    dealt = np.random.default_rng(0).permutation(change.ravel()).reshape(change.shape)
    for name, one in ((f"one change for {first}", change), ("its values in disorder", dealt)):
        lost[name] = _show(networks, Perturbed(others, add(others, one), labels[1::2]))
    noisy = perturb(photographs, random_signs(photographs.shape), STRONG)
    lost["signs at random"] = _show(networks, Perturbed(photographs, noisy, labels))
    return lost


def _show(networks: Mapping[str, Classifier], perturbed: Perturbed) -> dict[str, Share]:
    """Returns by network the share of recognised photographs that are not once perturbed."""
    lost = {}
    for name, network in networks.items():
        seeing = with_views(network, perturbed.before.shape[1:])
        before, after = (
            recognize(seeing, images).classes == perturbed.labels for images in perturbed[:2]
        )
        lost[name] = share_of(~after[before])
    return lost


def add(photographs: Levels, change: Change) -> Levels:
    """Adds one change to all photographs."""
    return np.clip(photographs + change, 0, 255).astype(np.uint8)


def draw_matrix(lab: Lab, lost: Lost) -> Figure:
    """Draws who loses photographs that were perturbed for whom."""
    shares = [[share.share for share in row.values()] for row in lost.values()]
    write_matrix(
        np.array(shares),
        lab.folder / "travel.png",
        rows=list(lost),
        columns=list(next(iter(lost.values()))),
        title="Share of recognised photographs that are lost",
        row_axis="perturbed by",
        column_axis="shown to",
        texts=[[f"{share:.0%}" for share in row] for row in shares],
    )
    caption = "How often perturbed photographs are lost; rows: what was done, columns: shown to"
    return Figure(file="travel.png", caption=caption)


def tabulate_lost(lost: Lost) -> Table:
    """Tables who loses photographs that were perturbed for whom."""
    return Table(
        title=f"Recognised photographs that are lost at epsilon {STRONG / 255:.3f} [95 % interval]",
        header=["perturbed by", *next(iter(lost.values()))],
        rows=[[name, *map(cells.share, row.values())] for name, row in lost.items()],
    )


def show_change(lab: Lab, network: Classifier, photographs: Levels, change: Change) -> Figure:
    """Shows the universal change, and photographs that it was not made with, without and with."""
    some = photographs[np.linspace(0, len(photographs) - 1, SHOWN).astype(int)]
    magnified = np.rint(128 + 127 * change / max(1, np.abs(change).max())).astype(np.uint8)
    return captioned_sheet(
        lab,
        "one-change.jpg",
        "One change for all photographs, on some that it was not made with",
        [
            recognized_section("photographs", network, some),
            recognized_section("with one change for all", network, add(some, change)),
            section("the change, enlarged", [magnified], [[""]]),
        ],
        shows_photographs=True,
    )
