"""Local or global features: what is left of confidence when either is destroyed.

The paper concludes from repeated elements that networks learn low- and middle-level features
rather than the global structure of objects. If a network went by global structure, images whose
tiles have changed places would lose their confidence; if by local features, it would go when the
pixels within a tile are shuffled, or blurred.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image

from evofool.analysis import Median, mann_whitney, median_interval, p_text
from evofool.classifiers import Classifier, first_name
from evofool.evaluation import recognize
from evofool.experiments.bench import NETWORK, Lab, evolve_digits, evolve_imagenet, images_of
from evofool.experiments.registry import Experiment, Whole
from evofool.experiments.report import Figure, Findings, Row, Table, Verdict
from evofool.images import (
    Levels,
    Section,
    blur,
    chart,
    draw_sheet,
    exchange_tiles,
    mirror_tiles,
    save_image,
    shuffle_pixels,
    thumbnail,
)
from evofool.runs import Elite, Run
from evofool.support import UserError

HIGH = 0.9  # least confidence of the images that are compared
ELITES = 200
SHOWN = 6  # images of each kind on a sheet
KINDS: dict[str, Callable[[Levels, float], Levels]] = {
    "tiles exchanged": lambda images, side: exchange_tiles(images, tile=int(side)),
    "tiles mirrored": lambda images, side: mirror_tiles(images, tile=int(side)),
    "windows shuffled": lambda images, side: shuffle_pixels(images, window=int(side)),
    "blur": lambda images, sigma: blur(images, sigma=sigma),
}


class Damage(NamedTuple):
    """A corruption at one strength.

    Attributes:
        kind: a key of `KINDS`.
        size: side of tiles or windows, or sigma, in pixels.
    """

    kind: str
    size: float

    def __str__(self) -> str:
        if self.kind == "blur":
            return f"blur, sigma {self.size:g}"
        return f"{self.size:g}x{self.size:g} {self.kind}"

    def apply(self, images: Levels) -> Levels:
        """Damages images."""
        return KINDS[self.kind](images, self.size)


class Kept(NamedTuple):
    """What images keep of a network's confidence in the class it took them for.

    Attributes:
        confidence: in that class, of the whole image, in [0, 1].
        ratio: share of it that a damage leaves, a row per damage.
        label: whether it is still the likeliest class.
    """

    confidence: Float[np.ndarray, " images"]
    ratio: Float[np.ndarray, "damages images"]
    label: Bool[np.ndarray, "damages images"]

    def of(self, chosen: Bool[np.ndarray, " images"]) -> "Kept":
        """Returns the same of some images."""
        return Kept(self.confidence[chosen], self.ratio[:, chosen], self.label[:, chosen])


def imagenet(lab: Lab) -> Findings:
    """CPPN elites and photographs, shown to the smallest MobileNetV1."""
    network, run = lab.network(NETWORK), evolve_imagenet(lab)
    levels, _ = lab.photographs(network)
    sides = lab.choose(full=[64, 32, 16, 8, 4], small=[32, 8])
    planned = damages(sides, lab.choose(full=[0.5, 1.0, 2.0, 4.0, 8.0], small=[2.0]))
    return _compare(lab, network, run, levels, "photographs", planned)


def mnist(lab: Lab) -> Findings:
    """CPPN elites and test digits, shown to the LeNet that ships with evofool."""
    run = evolve_digits(lab, "lenet")
    levels = lab.dataset().test_images[: lab.choose(full=10_000, small=1000)]
    sides = lab.choose(full=[14, 7, 4, 2], small=[7, 2])
    planned = damages(sides, lab.choose(full=[0.5, 1.0, 2.0, 4.0], small=[2.0]))
    return _compare(lab, lab.network("lenet"), run, levels, "digits", planned)


def choose_elites(run: Run, count: int) -> list[Elite]:
    """Returns elites of high confidence, evenly spread over the classes.

    Of those with a confidence of at least `HIGH`, in the order of their classes, every k-th is
    taken. Where they are fewer than `count`, it is the most confident ones instead.
    """
    elites = [elite for index in range(run.config.runs) for elite in run.elites(index)]
    elites.sort(key=lambda elite: (elite.class_index, elite.run_index))
    high = [elite for elite in elites if elite.confidence >= HIGH]
    if len(high) < count:
        elites.sort(key=lambda elite: -elite.fitness)
        return elites[:count]
    return [high[place] for place in np.linspace(0, len(high) - 1, count).round().astype(int)]


def damages(sides: Sequence[float | int], sigmas: Sequence[float]) -> list[Damage]:
    """Returns tiles and windows of every side, and blur of every sigma."""
    *squares, smooth = KINDS
    return [
        *(Damage(kind, side) for kind in squares for side in sides),
        *(Damage(smooth, sigma) for sigma in sigmas),
    ]


def measure(network: Classifier, images: Levels, planned: list[Damage]) -> Kept:
    """Measures what every damage leaves of the confidence in each image's likeliest class."""
    whole = recognize(network, images)
    seen = [recognize(network, damage.apply(images)) for damage in planned]
    return Kept(
        confidence=whole.confidence,
        ratio=np.stack([one.confidence_in(whole.classes) / whole.confidence for one in seen]),
        label=np.stack([one.classes == whole.classes for one in seen]),
    )


def _compare(
    lab: Lab,
    network: Classifier,
    run: Run,
    reals: Levels,
    name: str,
    planned: list[Damage],
) -> Findings:
    chosen = choose_elites(run, ELITES)
    evolved = images_of(run, chosen)

    def compute() -> dict[str, np.ndarray]:
        found = {
            "evolved": measure(network, evolved, planned),
            "real": measure(network, reals, planned),
        }
        return {
            f"{group} {field}": values
            for group, kept in found.items()
            for field, values in kept._asdict().items()
        }

    assert run.summary is not None
    key = [list(map(str, planned)), run.summary["archive_sha256"], network.card.sha256, len(reals)]
    stored = lab.arrays("kept", compute, key=key)
    elites, all_reals = (
        Kept(*(stored[f"{group} {field}"] for field in Kept._fields))
        for group in ("evolved", "real")
    )
    is_sure = all_reals.confidence >= HIGH
    if not is_sure.any():
        raise UserError(
            f"{network.card.name} has a confidence of {HIGH:.0%} in none of {len(reals)} {name}, "
            "so that there is nothing to compare elites with; give more of them"
        )
    groups = {
        "elites": elites,
        f"{name} >= {HIGH:.0%}": all_reals.of(is_sure),
        f"all {name}": all_reals,
    }
    _draw_chart(lab, planned, groups)
    for what, images in (("elites", evolved), (name, reals[is_sure])):
        save_image(_sheet(network, planned, images), lab.folder / f"{what}.jpg")
    return _findings(planned, groups, name, reals.shape[1])


def _findings(planned: list[Damage], groups: dict[str, Kept], name: str, side: int) -> Findings:
    elites, reals, _ = groups.values()
    sizes = {group: len(kept.confidence) for group, kept in groups.items()}
    tests = [mann_whitney(a, b) for a, b in zip(elites.ratio, reals.ratio, strict=True)]
    medians = [
        {group: median_interval(kept.ratio[at]) for group, kept in groups.items()}
        for at in range(len(planned))
    ]
    quarter = [at for at, damage in enumerate(planned) if damage.size == side / 4]
    return Findings(
        rows=[
            Row(
                what=f"confidence kept: {planned[at]}, {group}",
                ours=[medians[at][group].median],
                unit="%",
                n=f"{sizes[group]}",
            )
            for at in quarter
            for group in groups
        ],
        tables=[
            Table(
                title="Share of confidence kept: median [95 % interval], and P(elite keeps more)",
                header=["damage", *(f"{group} (n = {sizes[group]})" for group in groups), "P", "p"],
                rows=[
                    [str(damage), *map(_interval, at.values()), test.superiority, p_text(test.p)]
                    for damage, at, test in zip(planned, medians, tests, strict=True)
                ],
            ),
            Table(
                title="Share of images whose likeliest class stays",
                header=["damage", *groups],
                rows=[
                    [str(damage), *(f"{np.mean(kept.label[at]):.1%}" for kept in groups.values())]
                    for at, damage in enumerate(planned)
                ],
            ),
        ],
        images=[
            Figure(
                file="kept.png",
                caption="Share of confidence kept: median and its 95 % interval",
            ),
            Figure(
                file="elites.jpg",
                caption="Elites whole and damaged, with the likeliest class and its confidence",
            ),
            Figure(
                file=f"{name}.jpg",
                caption=f"The same for {name}",
                shows_photographs=name == "photographs",
            ),
        ],
        notes=[
            f"Elites: of those with a confidence of at least {HIGH:.0%}, in the order of their "
            f"classes, {ELITES} evenly spread (where there are fewer, the most confident ones). A "
            "image's class is the one that the network finds likeliest in the whole image; "
            "what a damage leaves is its confidence in that class, divided by that before. Elites "
            f"are compared with the {name} that the network is as sure of (Mann-Whitney; P is the "
            "probability that an elite keeps more than one of these).",
            "Exchanged tiles keep what is within a tile and destroy the arrangement, but also cut "
            "whatever crosses their edges; tiles of which every second one is mirrored in its "
            "place are cut as much and keep the arrangement: the control. Pixels shuffled within "
            "windows keep the arrangement, colours and histogram of windows and destroy what is "
            "within; blur removes detail below sigma.",
        ],
        verdict=_verdict(planned, medians, side),
    )


def _interval(found: Median) -> str:
    return f"{found.median:.1%} [{found.low:.1%}, {found.high:.1%}]"


def _verdict(planned: list[Damage], medians: list[dict[str, Median]], side: int) -> Verdict:
    """Says what is left with tiles and windows of a quarter of the image's side."""
    kept = {
        damage.kind: " and ".join(f"{found.median:.1%}" for found in list(at.values())[:2])
        for damage, at in zip(planned, medians, strict=True)
        if damage.size == side / 4
    }
    return Verdict(
        outcome="new",
        because=f"with {side // 4}x{side // 4} tiles exchanged, elites and equally certain real "
        f"images keep {kept['tiles exchanged']} of their confidence, with tiles mirrored in "
        f"place {kept['tiles mirrored']}, with pixels shuffled {kept['windows shuffled']}",
    )


def _draw_chart(lab: Lab, planned: list[Damage], groups: dict[str, Kept]) -> None:
    """Draws the share kept over size, a panel per kind, for elites and equally certain images."""
    with chart(lab.folder / "kept.png", size=(12, 3.4), panels=len(KINDS)) as panels:
        for axes, kind in zip(panels, KINDS, strict=True):
            places = [at for at, damage in enumerate(planned) if damage.kind == kind]
            sizes = [planned[at].size for at in places]
            for group, kept in list(groups.items())[:2]:
                found = [median_interval(kept.ratio[at]) for at in places]
                axes.plot(sizes, [one.median for one in found], marker="o", label=group)
                low, high = [one.low for one in found], [one.high for one in found]
                axes.fill_between(sizes, low, high, alpha=0.2)
            axes.set_xscale("log", base=2)
            axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
            axes.set_ylim(0, 1.02)
            axes.set_title(kind)
            axes.set_xlabel("sigma, pixels" if kind == "blur" else "side, pixels")
            axes.grid(alpha=0.3)
        panels[0].set_ylabel("share of confidence kept")
        panels[-1].legend()


def _sheet(network: Classifier, planned: list[Damage], images: Levels) -> Image.Image:
    """Draws some images whole and, in a row each, damaged; with what the network sees."""
    some = images[np.linspace(0, len(images) - 1, SHOWN).astype(int)]
    side = images.shape[1]
    shown = [d for d in planned if d.size == (2 if d.kind == "blur" else side / 4)]

    def row(heading: str, levels: Levels) -> Section:
        seen = recognize(network, levels)
        names = [first_name(network.card.labels[one]) for one in seen.classes]
        captions = [
            (name, f"{value:.1%}") for name, value in zip(names, seen.confidence, strict=True)
        ]
        return Section(heading, list(map(thumbnail, levels)), captions)

    rows = [row(str(damage), damage.apply(some)) for damage in shown]
    return draw_sheet([row(f"whole, as {network.card.name} sees them", some), *rows])


EXPERIMENT = Experiment(
    name="local-or-global",
    title="Local or global features: how much confidence is left when either is destroyed?",
    paper="discussion of Fig. 10; no figures given",
    parts={
        "mnist": Whole(run=mnist, networks=("lenet",), images=True, seeds=30),
        "imagenet": Whole(run=imagenet, networks=(NETWORK,), images=True),
    },
)
