"""Local or global features: how much confidence remains when either is destroyed.

The paper concludes from repeated elements that networks learn low- and middle-level features
rather than the global structure of objects. If a network went by global structure, images whose
tiles have changed places would lose their confidence; if by local features, it would go when the
pixels within a tile are shuffled, or blurred.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from evofool.classifiers import Classifier
from evofool.evaluation import recognize
from evofool.experiments.bench import NETWORK, Lab, evolve_digits, evolve_imagenet, images_of
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Figure,
    Findings,
    Row,
    Table,
    captioned_sheet,
    cells,
    note,
    notes,
    recognized_section,
)
from evofool.images import Levels, Section, chart, corruptions
from evofool.measures import mann_whitney, median_interval
from evofool.runs import Elite, Run
from evofool.support import UserError

HIGH = 0.9  # least confidence of the images that are compared
ELITES = 200
SHOWN = 6  # images of each kind on a sheet
KINDS: dict[str, Callable[[Levels, float], Levels]] = {
    "tiles exchanged": lambda images, side: corruptions.exchange_tiles(images, tile=int(side)),
    "tiles mirrored": lambda images, side: corruptions.mirror_tiles(images, tile=int(side)),
    "windows shuffled": lambda images, side: corruptions.shuffle_pixels(images, window=int(side)),
    "blur": lambda images, sigma: corruptions.blur(images, sigma=sigma),
}


class Damage(NamedTuple):
    """A corruption at one strength."""

    kind: str  # a key of `KINDS`
    size: float  # side of tiles or windows, or sigma, in pixels

    def __str__(self) -> str:
        if self.kind == "blur":
            return f"blur, sigma {self.size:g}"
        return f"{self.size:g}x{self.size:g} {self.kind}"

    def apply(self, images: Levels) -> Levels:
        """Damages images."""
        return KINDS[self.kind](images, self.size)


class Subjects(NamedTuple):
    """What is compared: elites and real images (levels 0..255), shown to the network they fool."""

    network: Classifier
    elites: Levels
    reals: Levels
    name: str  # of the real images
    damages: list[Damage]


class Remaining(NamedTuple):
    """The confidence that remains in the class that a network took an image for."""

    confidence: Float[np.ndarray, " images"]  # in that class, of the whole image, in [0, 1]
    ratio: Float[np.ndarray, "damages images"]  # share of it that a damage leaves
    label: Bool[np.ndarray, "damages images"]  # whether it is still the likeliest class

    def select(self, chosen: Bool[np.ndarray, " images"]) -> "Remaining":
        """Returns the values of some of the images."""
        return Remaining(self.confidence[chosen], self.ratio[:, chosen], self.label[:, chosen])


class Measures(NamedTuple):
    """Damage to elites, and to all real images."""

    elites: Remaining
    reals: Remaining


def prepare_digits(lab: Lab) -> Subjects:
    """CPPN elites and test digits, shown to the LeNet that ships with evofool."""
    sides = lab.choose(full=[14, 7, 4, 2], small=[7, 2])
    return Subjects(
        network=lab.network("lenet"),
        elites=_certain_elites(evolve_digits(lab, "lenet")),
        reals=lab.dataset().test_images[: lab.choose(full=10_000, small=1000)],
        name="digits",
        damages=plan_damages(sides, lab.choose(full=[0.5, 1.0, 2.0, 4.0], small=[2.0])),
    )


def prepare_photographs(lab: Lab) -> Subjects:
    """CPPN elites and photographs, shown to the smallest MobileNetV1."""
    sides = lab.choose(full=[64, 32, 16, 8, 4], small=[32, 8])
    network = lab.network(NETWORK)
    return Subjects(
        network=network,
        elites=_certain_elites(evolve_imagenet(lab)),
        reals=lab.photographs(network)[0],
        name="photographs",
        damages=plan_damages(sides, lab.choose(full=[0.5, 1.0, 2.0, 4.0, 8.0], small=[2.0])),
    )


def plan_damages(sides: Sequence[float | int], sigmas: Sequence[float]) -> list[Damage]:
    """Returns tiles and windows of every side, and blur of every sigma."""
    *squares, smooth = KINDS
    return [
        *(Damage(kind, side) for kind in squares for side in sides),
        *(Damage(smooth, sigma) for sigma in sigmas),
    ]


def choose_elites(run: Run, count: int) -> list[Elite]:
    """Returns elites of high confidence, evenly spread over the classes.

    Of those with a confidence of at least `HIGH`, in the order of their classes, every k-th is
    taken. Where they are fewer than `count`, it is the most confident ones instead.
    """
    elites = sorted(run.all_elites(), key=lambda elite: (elite.class_index, elite.run_index))
    high = [elite for elite in elites if elite.confidence >= HIGH]
    if len(high) < count:
        elites.sort(key=lambda elite: -elite.fitness)
        return elites[:count]
    return [high[place] for place in np.linspace(0, len(high) - 1, count).round().astype(int)]


def _certain_elites(run: Run) -> Levels:
    return images_of(run, choose_elites(run, ELITES))


def damage_all(network: Classifier, images: Levels, damages: Sequence[Damage]) -> Remaining:
    """Measures what every damage leaves of the confidence in each image's likeliest class."""
    whole = recognize(network, images)
    damaged = [recognize(network, damage.apply(images)) for damage in damages]
    return Remaining(
        confidence=whole.confidence,
        ratio=np.stack([seen.confidence_in(whole.classes) / whole.confidence for seen in damaged]),
        label=np.stack([seen.classes == whole.classes for seen in damaged]),
    )


def measure(lab: Lab, prepare: Callable[[Lab], Subjects]) -> Measures:
    """Damages elites and real images.

    Raises:
        UserError: the network is certain of no real image.
    """
    network, elites, reals, name, damages = prepare(lab)
    remaining = damage_all(network, reals, damages)
    if not (remaining.confidence >= HIGH).any():
        raise UserError(
            f"{network.card.name} has a confidence of {HIGH:.0%} in none of {len(reals)} {name}, "
            "so that there is nothing to compare elites with; give more of them"
        )
    return Measures(damage_all(network, elites, damages), remaining)


def report(lab: Lab, measures: Measures, prepare: Callable[[Lab], Subjects]) -> Findings:
    """Asks whether arrangement or detail carries the confidence."""
    network, elites, reals, name, damages = prepare(lab)
    quarter = reals.shape[1] // 4
    is_certain = measures.reals.confidence >= HIGH
    groups = {
        "elites": measures.elites,
        f"{name} >= {HIGH:.0%}": measures.reals.select(is_certain),
        f"all {name}": measures.reals,
    }
    medians = {
        damage: [float(np.median(remaining.ratio[at])) for remaining in groups.values()]
        for at, damage in enumerate(damages)
        if damage.size == quarter
    }
    shares = {kind.split()[1]: cells.each(kept[:2]) for (kind, _), kept in medians.items()}
    sheets = {
        "elites": (elites, "Elites whole and damaged, with the likeliest class and its confidence"),
        name: (reals[is_certain], f"The same for {name}"),
    }
    return Findings(
        rows=[
            Row(
                what=f"confidence kept: {damage}, {group}",
                ours=[kept],
                unit="%",
                n=str(len(remaining.confidence)),
            )
            for damage, shares in medians.items()
            for (group, remaining), kept in zip(groups.items(), shares, strict=True)
        ],
        result=note("local-or-global", "result", side=quarter, **shares),
        tables=_tabulate(damages, groups),
        images=[
            _draw_curves(lab, damages, groups),
            *(
                captioned_sheet(
                    lab,
                    f"{group}.jpg",
                    caption,
                    _show_damages(network, images, damages),
                    shows_photographs=group == "photographs",
                )
                for group, (images, caption) in sheets.items()
            ),
        ],
        notes=notes("local-or-global", "both", high=cells.share(HIGH), elites=ELITES, reals=name),
    )


def _tabulate(damages: Sequence[Damage], groups: Mapping[str, Remaining]) -> list[Table]:
    elites, reals, _ = groups.values()
    shares, labels = [], []
    for at, damage in enumerate(damages):
        test = mann_whitney(elites.ratio[at], reals.ratio[at])
        medians = [cells.median(remaining.ratio[at]) for remaining in groups.values()]
        shares.append([str(damage), *medians, test.superiority, cells.test(test.p)])
        stays = [cells.share(np.mean(remaining.label[at])) for remaining in groups.values()]
        labels.append([str(damage), *stays])
    sizes = [f"{group} (n = {len(remaining.confidence)})" for group, remaining in groups.items()]
    return [
        Table(
            title="Share of confidence kept: median [95 % interval], and P(elite keeps more)",
            header=["damage", *sizes, "P", "p"],
            rows=shares,
        ),
        Table(
            title="Share of images whose likeliest class stays",
            header=["damage", *groups],
            rows=labels,
        ),
    ]


def _draw_curves(lab: Lab, damages: Sequence[Damage], groups: Mapping[str, Remaining]) -> Figure:
    """Draws the share kept over size, a panel per kind, for elites and equally certain images."""
    with chart(lab.folder / "kept.png", size=(12, 3.4), panels=len(KINDS)) as panels:
        for axes, kind in zip(panels, KINDS, strict=True):
            places = [at for at, damage in enumerate(damages) if damage.kind == kind]
            sizes = [damages[at].size for at in places]
            for group, remaining in list(groups.items())[:2]:
                medians = [median_interval(remaining.ratio[at]) for at in places]
                axes.plot(sizes, [middle.median for middle in medians], marker="o", label=group)
                low, high = zip(*((middle.low, middle.high) for middle in medians), strict=True)
                axes.fill_between(sizes, low, high, alpha=0.2)
            axes.set_xscale("log", base=2)
            axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
            axes.set_ylim(0, 1.02)
            axes.set_title(kind)
            axes.set_xlabel("sigma, pixels" if kind == "blur" else "side, pixels")
            axes.grid(alpha=0.3)
        panels[0].set_ylabel("share of confidence kept")
        panels[-1].legend()
    caption = "Share of confidence kept: median and its 95 % interval"
    return Figure(file="kept.png", caption=caption)


def _show_damages(
    network: Classifier, images: Levels, damages: Sequence[Damage]
) -> Iterator[Section]:
    """Shows some images whole and, in a row each, damaged; with what the network sees."""
    some = images[np.linspace(0, len(images) - 1, SHOWN).astype(int)]
    yield recognized_section(f"whole, as {network.card.name} sees them", network, some)
    for damage in damages:
        if damage.size == (2 if damage.kind == "blur" else images.shape[1] // 4):
            yield recognized_section(str(damage), network, damage.apply(some))


EXPERIMENT = Experiment(
    name="local-or-global",
    title="Local or global features: how much confidence is left when either is destroyed?",
    so_what=(
        "If confidence survives when tiles change places, the network looks at textures and not "
        "at the whole; if it does not, the layout counts."
    ),
    paper="discussion of Fig. 10; no figures given",
    parts={
        "mnist": Part(
            measure=partial(measure, prepare=prepare_digits),
            report=partial(report, prepare=prepare_digits),
            networks=("lenet",),
            images=True,
            seeds=30,
        ),
        "imagenet": Part(
            measure=partial(measure, prepare=prepare_photographs),
            report=partial(report, prepare=prepare_photographs),
            networks=(NETWORK,),
            images=True,
        ),
    },
)
