"""The part of the ablation experiment that removes copies of repeated elements."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from evofool.classifiers import confidence, first_name
from evofool.evaluation import recognize
from evofool.experiments.bench import Lab
from evofool.experiments.report import (
    MOST,
    Claim,
    Figure,
    Findings,
    Row,
    Table,
    Tolerance,
    captioned_sheet,
    cells,
    note,
    notes,
    rows_of,
    section,
)
from evofool.images import Levels, Section, chart
from evofool.measures import (
    CANDIDATES,
    DRAWS,
    FILLS,
    Repeats,
    ablate,
    find_repeats,
    median_interval,
    places_elsewhere,
    proportion_interval,
    remove_patches,
    signed_rank,
)
from evofool.runs import Elite, Run
from evofool.support import UserError

LEAST_COPIES = 3
ALL = -1  # of an elite's copies, and as many patches elsewhere
STEPS = {**{str(count): count for count in range(1, LEAST_COPIES + 1)}, "all": ALL}
FILL = "membrane"  # where one is reported only
REMOVED = ("copies", "elsewhere, anywhere", "elsewhere, alike")
SHOWN = 8  # elites
CYAN, MAGENTA = (0, 255, 255), (255, 0, 255)

LOST = Claim(
    what="confidence lost with one copy, median",
    paper="usually drops, by a small amount",
    tolerance=Tolerance(low=0.0001, high=0.1),
)
USUALLY = Claim(what="elites that lose confidence with one copy", paper="usually", tolerance=MOST)


class Removed(NamedTuple):
    """What is left of elites when copies of an element, or other patches, are removed.

    Attributes:
        run: index of the run of each elite.
        cell: of the elite in its run.
        copies: how many it has of its element.
        left: log-odds of the whole image and after 1, 2, ... patches, by fill (`FILLS`) and by what
            is removed (`REMOVED`); NaN where there are no more copies or no more room.
        looked_at: number of elites, with and without copies.
        least_confidence: of these.
        least_similarity: of copies, as in `find_repeats`.
    """

    run: Int[np.ndarray, " elites"]
    cell: Int[np.ndarray, " elites"]
    copies: Int[np.ndarray, " elites"]
    left: Float[np.ndarray, "fills removed elites patches"]
    looked_at: int
    least_confidence: float
    least_similarity: float

    def after(self, patches: int, fill: str = FILL) -> Float[np.ndarray, "removed elites"]:
        """Returns the log-odds that are left after 0 to `LEAST_COPIES` patches, or `ALL`."""
        places = self.copies if patches == ALL else np.full_like(self.copies, patches)
        of_fill = self.left[list(FILLS).index(fill)]
        return np.take_along_axis(of_fill, places[None, :, None], axis=2)[..., 0]

    def lost(self, patches: int, fill: str = FILL) -> Float[np.ndarray, "removed elites"]:
        """Returns the confidence that goes with so many patches, in [-1, 1]."""
        with np.errstate(invalid="ignore"):  # NaN where there is no room
            return confidence(self.after(0, fill)) - confidence(self.after(patches, fill))

    def comparable(self, patches: int, fill: str = FILL) -> Bool[np.ndarray, " elites"]:
        """Whether there is room elsewhere for as many patches."""
        return np.all(np.isfinite(self.after(patches, fill)), axis=0)


def remove_all(
    elites: Sequence[Sequence[Elite]], *, least_confidence: float, least_similarity: float
) -> Removed:
    """Removes the copies of every elite, among some of each run, that has copies.

    Raises:
        UserError: no elite has a repeated element.
    """
    places, left = [], []
    for run, of_run in enumerate(elites):
        images = of_run[0].run.images(of_run) if of_run else ()
        for elite, image in zip(of_run, images, strict=True):
            repeats = _repeats(image, least_similarity)
            if repeats is not None:
                places.append((run, elite.cell, len(repeats.corners)))
                left.append([_left(elite, image, repeats, fill) for fill in FILLS])
    looked_at = sum(map(len, elites))
    if not places:
        raise UserError(
            f"none of {looked_at} elites repeats an element {LEAST_COPIES} times; evolve longer"
        )
    run, cell, copies = np.array(places).T
    table = np.full((len(left), len(FILLS), len(REMOVED), 1 + copies.max()), np.nan)
    for of_elite, series, count in zip(table, left, copies, strict=True):
        of_elite[..., : 1 + count] = series
    table = np.moveaxis(table, 0, 2)
    return Removed(run, cell, copies, table, looked_at, least_confidence, least_similarity)


def _repeats(image: Levels, least_similarity: float) -> Repeats | None:
    return find_repeats(image, least_copies=LEAST_COPIES, least_similarity=least_similarity)


def _left(
    elite: Elite, image: Levels, repeats: Repeats, fill: str
) -> Float[np.ndarray, "removed patches"]:
    def score(images: np.ndarray) -> np.ndarray:
        return recognize(elite.run.classifier, images).log_odds[:, elite.class_index]

    left = ablate(image, repeats, score, fill=fill, seed=elite.cell)
    return np.stack(
        [np.append(left.whole, series) for series in (left.copies, left.anywhere, left.alike)]
    )


def report(lab: Lab, removed: Removed, runs: Sequence[Run]) -> Findings:
    """Says what removing copies from elites of the runs does, and leaves images of it."""
    kept, result = removed.comparable(1), ""
    if kept.any():
        copies, _, alike = removed.after(1)[:, kept]
        cost = cells.median(removed.lost(1)[2, kept])
        test = cells.test(signed_rank(alike, copies))
        result = note("ablation", "control", alike=cost, test=test)
    return Findings(
        rows=loss_rows(removed),
        result=result,
        tables=tabulate(removed),
        images=[_draw_losses(lab, removed), _show_copies(lab, removed, runs)],
        notes=notes(
            "ablation",
            "copies",
            removed=removed,
            least=cells.share(removed.least_confidence),
            has_some=cells.share(proportion_interval(len(removed.cell), removed.looked_at)),
            copies=LEAST_COPIES,
            draws=DRAWS,
            candidates=CANDIDATES,
        ),
    )


def loss_rows(removed: Removed) -> list[Row]:
    """Returns what copies cost, a figure for each run."""
    one, every = (
        [removed.lost(patches)[0, removed.run == run] for run in np.unique(removed.run)]
        for patches in (1, ALL)
    )
    figures = {
        LOST.what: [float(np.median(lost)) for lost in one],
        USUALLY.what: [float(np.mean(lost > 0)) for lost in one],
        "confidence lost with all copies, median": [float(np.median(lost)) for lost in every],
    }
    return rows_of(figures, claims=[LOST, USUALLY], n=f"{len(removed.run)} elites")


def tabulate(removed: Removed) -> list[Table]:
    """Returns what copies and other patches cost, and whether that differs."""
    losses, tests = [], []
    for fill in FILLS:
        for name, patches in STEPS.items():
            kept = removed.comparable(patches, fill)
            if kept.any():
                head = {"fill": fill, "patches": name, "elites": int(kept.sum())}
                lost = map(cells.median, removed.lost(patches, fill)[:, kept])
                copies, *others = removed.after(patches, fill)[:, kept]
                beyond = [cells.test(signed_rank(other, copies)) for other in others]
                losses.append(head | dict(zip(REMOVED, lost, strict=True)))
                tests.append(head | dict(zip(REMOVED[1:], beyond, strict=True)))
    return [
        Table.of("Confidence lost: median [95 % interval]", losses),
        Table.of("Log-odds that copies cost beyond patches elsewhere", tests),
    ]


def _draw_losses(lab: Lab, removed: Removed) -> Figure:
    """Draws what one, two and three patches cost, for the elites that have them all."""
    kept, patches = removed.comparable(LEAST_COPIES), np.arange(1, LEAST_COPIES + 1)
    with chart(lab.folder / "copies.png") as axes:
        for place, label in enumerate(REMOVED):
            lost = [removed.lost(k)[place, kept] for k in patches.tolist() if kept.any()]
            found = np.array([median_interval(values)[:3] for values in lost]).reshape(-1, 3)
            middle, low, high = found.T
            x = (patches + 0.06 * (place - 1))[: len(found)]
            axes.errorbar(
                x, middle, [middle - low, high - middle], marker="o", capsize=3, label=label
            )
        axes.set_xticks(patches)
        axes.set_xlabel("patches removed")
        axes.set_ylabel(f"confidence lost, {kept.sum()} elites")
        axes.axhline(0, color="black", linestyle=":", linewidth=1)
        axes.grid(alpha=0.3)
        axes.legend()
    return Figure(
        file="copies.png",
        caption="Confidence lost with copies and with patches elsewhere: median and 95 % interval",
    )


def _show_copies(lab: Lab, removed: Removed, runs: Sequence[Run]) -> Figure:
    """Shows elites of the first run that has some, evenly spread over the classes."""
    run = runs[removed.run[0]]
    of_run = removed.cell[removed.run == removed.run[0]]
    shown = np.linspace(0, len(of_run) - 1, min(SHOWN, len(of_run))).round().astype(int)
    elites = {elite.cell: elite for elite in run.elites()}
    return captioned_sheet(
        lab,
        "copies.jpg",
        "Whole; with its copies (cyan) and patches elsewhere of their contrast (magenta) marked; "
        "without the copies; without the patches elsewhere",
        [_section(elites[cell], removed.least_similarity) for cell in of_run[shown]],
    )


def _section(elite: Elite, least_similarity: float) -> Section:
    image = elite.image()
    repeats = _repeats(image, least_similarity)
    assert repeats is not None
    generator = np.random.default_rng(elite.cell)
    elsewhere = places_elsewhere(generator, image, repeats, alike=True)
    marked, shown = image, [image]
    for corners, color in ((repeats.corners, CYAN), (elsewhere, MAGENTA)):
        marked = _outlined(marked, corners, repeats.size, color)
        shown.append(remove_patches(image, corners, repeats.size, fill=FILL)[-1])
    seen = recognize(elite.run.classifier, np.stack(shown))
    odds = seen.confidence_in(np.full(3, elite.class_index))
    whole, without, control = map(cells.confidence, odds.tolist())
    return section(
        f"{first_name(elite.label)}, {len(repeats.corners)} copies",
        [image, marked, *shown[1:]],
        [
            ["whole", whole],
            ["marked"],
            ["without copies", without],
            [f"{len(elsewhere)} elsewhere", control],
        ],
    )


def _outlined(
    image: Levels, corners: Int[np.ndarray, "patches 2"], size: int, color: tuple[int, int, int]
) -> Levels:
    """Draws squares, one pixel wide, around patches."""
    outlined = image.copy()
    for row, column in corners:
        square = outlined[row : row + size, column : column + size]
        square[[0, -1]] = square[:, [0, -1]] = color
    return outlined
