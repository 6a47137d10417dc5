"""One change for all photographs; do perturbations travel to networks they were not made for?"""

import zlib
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from jaxtyping import Int16

from evofool.analysis import Share, proportion_interval
from evofool.attacks import fgsm
from evofool.classifiers import Classifier, first_name
from evofool.evaluation import recognize
from evofool.experiments.bench import Lab
from evofool.experiments.report import Figure, Table
from evofool.experiments.small_perturbations.perturbing import (
    Classes,
    Levels,
    parts,
    perturb,
    random_signs,
)
from evofool.images import Section, draw_sheet, from_levels, save_image, thumbnail, write_matrix
from evofool.runs import look

STRONG = 10  # levels of 255, by which values change: an epsilon of .04
SHOWN = 8  # photographs of the sheet

Change = Int16[np.ndarray, "height width channels"]
Lost = Mapping[str, Mapping[str, Share]]
"""By what was done to photographs, and by network: the share that it no longer recognises."""


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
    show = partial(_show, lab, networks)
    lost = {
        f"FGSM for {name}": show(f"fgsm-{name}", *lab.photographs(network), partial(_fool, network))
        for name, network in networks.items()
    }
    first = next(iter(networks))
    photographs, labels = lab.photographs(networks[first])
    # a change of the same size without its pattern: values dealt out anew
    dealt = np.random.default_rng(0).permutation(change.ravel()).reshape(change.shape)
    for name, one in ((f"one change for {first}", change), ("its values in disorder", dealt)):
        file = f"universal-{zlib.crc32(one.tobytes()):08x}"
        lost[name] = show(file, photographs[1::2], labels[1::2], partial(_add, one))
    lost["signs at random"] = show("random", photographs, labels, _add_noise)
    return lost


def _show(
    lab: Lab,
    networks: Mapping[str, Classifier],
    name: str,
    photographs: Levels,
    labels: Classes,
    perturbed: Callable[[Levels, Classes], Levels],
) -> dict[str, Share]:
    """Returns by network the share of recognised photographs that are not once perturbed."""

    def compute() -> dict[str, np.ndarray]:
        shown = {"before": photographs, "after": perturbed(photographs, labels)}
        return {
            f"{viewer} {when}": _recognised(network, images, labels)
            for viewer, network in networks.items()
            for when, images in shown.items()
        }

    key = [STRONG, len(labels), *(network.card.sha256 for network in networks.values())]
    kept = lab.arrays(f"shown-{name}", compute, key=key)
    lost = {}
    for viewer in networks:
        before, after = kept[f"{viewer} before"], kept[f"{viewer} after"]
        lost[viewer] = proportion_interval(int(np.sum(before & ~after)), int(before.sum()))
    return lost


def _recognised(network: Classifier, images: Levels, labels: Classes) -> np.ndarray:
    found = [
        look(network, from_levels(images[rows]), labels[rows].tolist()).hits
        for rows in parts(len(images))
    ]
    return np.concatenate(found)


def _fool(network: Classifier, photographs: Levels, labels: Classes) -> Levels:
    epsilon = (STRONG + 0.5) / 255
    found = [
        fgsm(network, photographs[rows], labels[rows], epsilon=epsilon).images
        for rows in parts(len(labels))
    ]
    return np.concatenate(found)


def _add(change: Change, photographs: Levels, labels: Classes) -> Levels:
    del labels
    return np.clip(photographs + change, 0, 255).astype(np.uint8)


def _add_noise(photographs: Levels, labels: Classes) -> Levels:
    del labels
    return perturb(photographs, random_signs(photographs.shape), STRONG)


def show_matrix(lab: Lab, lost: Lost) -> tuple[Figure, Table]:
    """Shows who loses photographs that were perturbed for whom."""
    columns = list(next(iter(lost.values())))
    write_matrix(
        np.array([[one.share for one in row.values()] for row in lost.values()]),
        lab.folder / "travel.png",
        rows=list(lost),
        columns=columns,
        title="Share of recognised photographs that are lost",
        row_axis="perturbed by",
        column_axis="shown to",
        texts=[[f"{one.share:.0%}" for one in row.values()] for row in lost.values()],
    )
    table = Table(
        title=f"Recognised photographs that are lost at epsilon {STRONG / 255:.3f} [95 % interval]",
        header=["perturbed by", *columns],
        rows=[[name, *map(str, row.values())] for name, row in lost.items()],
    )
    caption = "How often perturbed photographs are lost; rows: what was done, columns: shown to"
    return Figure(file="travel.png", caption=caption), table


def write_change(lab: Lab, network: Classifier, photographs: Levels, change: Change) -> Figure:
    """Shows the universal change, and photographs that it was not made with, without and with."""
    some = photographs[np.linspace(0, len(photographs) - 1, SHOWN).astype(int)]
    changed = np.clip(some + change, 0, 255).astype(np.uint8)
    magnified = np.rint(128 + 127 * change / max(1, np.abs(change).max())).astype(np.uint8)

    def row(heading: str, images: Levels) -> Section:
        found = recognize(network, images)
        captions = [
            (first_name(network.card.labels[index]), f"{sure:.1%}")
            for index, sure in zip(found.classes, found.confidence, strict=True)
        ]
        return Section(heading, list(map(thumbnail, images)), captions)

    sections = [
        row("photographs", some),
        row("with one change for all", changed),
        Section("the change, enlarged", [thumbnail(magnified)], [[""]]),
    ]
    save_image(draw_sheet(sections), lab.folder / "one-change.jpg")
    return Figure(
        file="one-change.jpg",
        caption="One change for all photographs, on some that it was not made with",
        shows_photographs=True,
    )
