"""Survival: how much confidence elites keep when their images are worn.

Every elite is shown worn by each kind of `images.WEAR`, from mild to strong: a curve for each kind.
What is random about the wear of an elite is the same at all amounts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Unpack

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt

from evofool.classifiers import confidence, resolve_classes
from evofool.evaluation import evaluate_log_odds
from evofool.images import WEAR, WORDS, Images, chance_of, chart, wear, wear_named
from evofool.measures.statistics import median_interval, proportion_interval
from evofool.runs import Elite, Given, Run, write_csv
from evofool.support import Foreign, JsonValue, UserError, jit_lightly, locked_folder

COLUMNS = 4  # of panels
NAME = "survival"  # of the files


@dataclass(frozen=True, kw_only=True)
class SurvivalPoint:
    """Elites after wear of one kind and amount.

    Attributes:
        wear: the kind; "none" for images as they are.
        amount: in percent.
        is_held_out: whether the amount is above those that `expect` draws.
        median_confidence: of the elites in their classes, in [0, 1].
        low: lower end of the 95 % interval of that median.
        high: its upper end.
        mean_confidence: in [0, 1].
        same_label: share of elites whose likeliest class is still their own, in [0, 1].
        same_label_low: lower end of the 95 % interval of that share.
        same_label_high: its upper end.
    """

    wear: str
    amount: float
    is_held_out: bool
    median_confidence: float
    low: float
    high: float
    mean_confidence: float
    same_label: float
    same_label_low: float
    same_label_high: float


@dataclass(frozen=True, kw_only=True)
class Survival:
    """What elites keep of their confidence.

    Attributes:
        elites: how many, of all independent runs.
        expect: what the run asked them to survive, as its setting says; empty for nothing.
        points: images as they are, then each kind of wear from mild to strong.
        resolution: step of which all confidences are multiples; 0 if there is none.
        table: the CSV file of the points.
        plot: the PNG file of the curves.
    """

    elites: int
    expect: str
    points: tuple[SurvivalPoint, ...]
    resolution: float
    table: Path
    plot: Path

    def to_dict(self) -> dict[str, JsonValue]:
        """Returns plain values that JSON can hold."""
        return {**asdict(self), "table": str(self.table), "plot": str(self.plot)}


def survive(
    run: str | Path | Run,
    *,
    wear: Sequence[str] = (),
    classes: Sequence[str | int] = (),
    seed: int = 0,
    out: str | Path | None = None,
    **given: Unpack[Given],
) -> Survival:
    """Shows worn images of elites to their classifier; writes a table and a plot.

    Args:
        run: a run directory.
        wear: kinds in `evofool.images.WEAR`; all unless given.
        classes: whose elites are shown, by index, label or WordNet id; all unless given.
        seed: of directions, places and noise.
        out: folder for survival.csv and survival.png; the run directory unless given.
        **given: what is known of the classifier besides what the run says, see `Run`.

    Raises:
        UserError: not a run directory, it has no checkpoint or no elites of the classes, its
            classifier is another one by now, an unknown kind of wear or class, or the folder cannot
            be written.
    """
    kinds = {name: wear_named(name) for name in wear} or WEAR
    run = Run.open(run, **given)
    wanted = resolve_classes(run.card, tuple(map(str, classes)))
    elites = [elite for elite in run.all_elites() if elite.output in wanted]
    if not elites:
        raise UserError(f"{run.folder} has no elites{' of these classes' if classes else ' yet'}")
    run.check_identity(run.classifier)
    asked = [("none", 0.0)]
    asked += [(name, float(amount)) for name, kind in kinds.items() for amount in kind.amounts]
    folder = Path(out) if out is not None else run.folder
    table, plot = folder / f"{NAME}.csv", folder / f"{NAME}.png"
    with locked_folder(folder):  # also of the run: nobody evolves what is measured
        parts = [list(_scores(run, part, asked, seed)) for part in _parts(run, elites)]
        odds = [np.concatenate(same_wear) for same_wear in zip(*parts, strict=True)]
        own = np.array([elite.output for elite in elites])
        points = tuple(
            _point(name, amount, scores, own)
            for (name, amount), scores in zip(asked, odds, strict=True)
        )
        write_csv(table, [asdict(point) for point in points])
        _plot(points, plot, f"{len(elites)} elites against {run.card.name}")
    return Survival(
        elites=len(elites),
        expect=run.config.expect,
        points=points,
        resolution=run.resolution,
        table=table,
        plot=plot,
    )


def _parts(run: Run, elites: Sequence[Elite]) -> Iterator[tuple[int, Images]]:
    """Draws elites in parts; with the number of the first of each."""
    done = 0
    for images in run.draw([elite.genome for elite in elites]):
        yield done, images
        done += len(images)


def _scores(
    run: Run, part: tuple[int, Images], asked: Sequence[tuple[str, float]], seed: int
) -> Iterator[Float[np.ndarray, "images outputs"]]:
    """Returns the log-odds of some images, for each kind and amount of wear."""
    first, images = part
    key = jax.random.key(seed)
    numbers = jnp.arange(first, first + len(images))
    words = jax.vmap(lambda n: jax.random.bits(jax.random.fold_in(key, n), (WORDS,)))(numbers)
    for name, amount in asked:
        worn = images if name == "none" else _wearing(name)(images, amount / 100, words)
        yield evaluate_log_odds(run.classifier, np.asarray(worn), run.micro_batch)


@cache
def _wearing(name: str) -> Callable[..., Array]:
    """Compiles one kind of wear; its amount is an argument."""

    def one(image: Array, amount: Array, words: UInt[Array, " words"]) -> Array:
        return wear(WEAR[name], image, amount, chance_of(words))

    return jit_lightly(jax.vmap(one, in_axes=(0, None, 0)))


def _point(
    name: str, amount: float, odds: Float[np.ndarray, "elites outputs"], own: np.ndarray
) -> SurvivalPoint:
    values = confidence(odds[np.arange(len(own)), own])
    median = median_interval(values)
    label = proportion_interval(int((odds.argmax(axis=1) == own).sum()), len(own))
    return SurvivalPoint(
        wear=name,
        amount=amount,
        is_held_out=name != "none" and amount > WEAR[name].most,
        median_confidence=median.median,
        low=median.low,
        high=median.high,
        mean_confidence=float(values.mean()),
        same_label=label.share,
        same_label_low=label.low,
        same_label_high=label.high,
    )


def _plot(points: Sequence[SurvivalPoint], path: Path, title: str) -> None:
    """Draws a panel for each kind of wear: median confidence, and the share with its label."""
    start, kinds = points[0], list(dict.fromkeys(point.wear for point in points[1:]))
    columns = min(COLUMNS, len(kinds))
    rows = -(-len(kinds) // columns)
    with chart(path, size=(3.2 * columns, 2.6 * rows + 0.3), panels=(rows, columns)) as axes:
        panels = np.ravel(axes)
        for panel, name in zip(panels, kinds, strict=False):  # the last row may have room
            curve = [start, *(point for point in points if point.wear == name)]
            _draw_curve(panel, curve, name)
        for panel in panels[len(kinds) :]:
            panel.set_visible(False)
        panels[0].legend(fontsize=7)
        panels[0].figure.suptitle(title, fontsize=10)


def _draw_curve(axes: Foreign, curve: Sequence[SurvivalPoint], name: str) -> None:
    amounts = [point.amount for point in curve]
    axes.axvspan(WEAR[name].most, amounts[-1], color="0.93", label="more than --expect draws")
    for color, label, fields in (
        ("C0", "median confidence", ("low", "median_confidence", "high")),
        ("C1", "share with its label", ("same_label_low", "same_label", "same_label_high")),
    ):
        low, middle, high = ([getattr(point, field) for point in curve] for field in fields)
        axes.fill_between(amounts, low, high, color=color, alpha=0.2, linewidth=0)
        axes.plot(amounts, middle, color=color, marker=".", label=label)
    axes.set_ylim(-0.02, 1.02)
    axes.set_title(name, fontsize=9)
    axes.set_xlabel(f"% {WEAR[name].unit}", fontsize=7)
    axes.grid(alpha=0.3)
