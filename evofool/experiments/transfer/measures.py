"""What the transfer experiments share: who takes whose images for what, and how that is said."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool

from evofool.analysis import Share, proportion_interval
from evofool.classifiers import confidence
from evofool.evolution import NEAR_CERTAIN
from evofool.experiments.bench import Lab
from evofool.experiments.report import Figure, Table
from evofool.images import write_matrix
from evofool.runs import Run, Seen, look


def seen_by(lab: Lab, run: Run, networks: Sequence[str]) -> dict[str, Seen]:
    """Shows all elites of a run to networks, once: what each makes of them, by its name."""
    loaded = {name: lab.network(name) for name in networks}

    def compute() -> dict[str, np.ndarray]:
        elites = [elite for index in range(run.config.runs) for elite in run.elites(index)]
        images = np.concatenate(list(run.draw([elite.genome for elite in elites])))
        classes = [elite.class_index for elite in elites]
        found = {"classes": np.array(classes)}
        for name, network in loaded.items():
            lab.say(f"{run.folder.name}, seen by {name}")
            seen = look(network, images, classes)
            found |= {f"{name} top": seen.top, f"{name} log-odds": seen.log_odds}
        return found

    assert run.summary is not None
    key = [run.summary["archive_sha256"], *(one.card.sha256 for one in loaded.values())]
    kept = lab.arrays(f"seen-{run.folder.name}", compute, key=key)
    return {
        name: Seen(
            classes=kept["classes"],
            top=kept[f"{name} top"],
            confidence=confidence(kept[f"{name} log-odds"]),
            log_odds=kept[f"{name} log-odds"],
        )
        for name in networks
    }


def share(kept: Bool[np.ndarray, " images"]) -> Share:
    """Returns the share of images for which something holds, with its interval."""
    return proportion_interval(int(np.sum(kept)), len(kept))


def near_certain(*seen: Seen) -> Bool[np.ndarray, " images"]:
    """Whether every network is certain of an image's class, at 99.99 % or more."""
    return np.all([one.confidence >= NEAR_CERTAIN for one in seen], axis=0)


def by_own_confidence(before: Seen, after: Seen, *, title: str) -> Table:
    """Tells whether images transfer better the surer the network is that they were made for."""
    edges = (0.0, 0.5, 0.9, 0.99, 0.999, NEAR_CERTAIN, np.inf)
    same = before.top == after.top
    rows = []
    for low, high in itertools.pairwise(edges):
        chosen = (before.confidence >= low) & (before.confidence < high)
        if chosen.any():
            name = f"{low:g} to {high:g}" if high < np.inf else f"{low:g} and more"
            median = float(np.median(after.confidence[chosen]))
            rows.append([name, int(chosen.sum()), str(share(same[chosen])), median])
    return Table(
        title=title,
        header=["confidence before", "images", "same label on both", "median confidence after"],
        rows=rows,
    )


def matrix(
    lab: Lab, seen: Mapping[str, Mapping[str, Seen]], owners: Mapping[str, str]
) -> tuple[Figure, Table]:
    """Shows who takes whose images for what their own network takes them for.

    Args:
        lab: where the image is left.
        seen: by row, what each network makes of the images; columns in the same order.
        owners: by row, the network that the images were evolved for.

    Returns:
        An image of coloured squares, and a table with intervals and n.
    """
    columns = list(next(iter(seen.values())))
    shares = [
        [share(of_row[name].top == of_row[owners[row]].top) for name in columns]
        for row, of_row in seen.items()
    ]
    write_matrix(
        np.array([[one.share for one in of_row] for of_row in shares]),
        lab.folder / "matrix.png",
        rows=list(seen),
        columns=columns,
        title="Share of images with the same label on both",
        row_axis="evolved for",
        column_axis="shown to",
        texts=[[f"{one.share:.0%}" for one in of_row] for of_row in shares],
    )
    table = Table(
        title="Same label on both networks [95 % interval], and median confidence in the class",
        header=["evolved for", "n", *columns],
        rows=[
            [
                row,
                of_shares[0].n,
                *(
                    f"{one.share:.1%} [{one.low:.1%}, {one.high:.1%}], "
                    f"{np.median(of_row[name].confidence):.2g}"
                    for name, one in zip(columns, of_shares, strict=True)
                ),
            ]
            for (row, of_row), of_shares in zip(seen.items(), shares, strict=True)
        ],
    )
    image = Figure(
        file="matrix.png",
        caption="How often two networks see the same; rows: evolved for, columns: shown to",
    )
    return image, table
