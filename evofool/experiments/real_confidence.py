"""How certain networks are of real images, beside images evolved to fool them."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from evofool.classifiers import confidence
from evofool.evaluation import recognize
from evofool.experiments.bench import NETWORK, Lab, evolve_digits, evolve_imagenet
from evofool.experiments.registry import Experiment, Part
from evofool.experiments.report import (
    Claim,
    Figure,
    Findings,
    Row,
    Table,
    at_least,
    cells,
    measured,
    near,
    note,
    notes,
    within,
)
from evofool.images import Levels, chart, confidence_axis
from evofool.measures import mann_whitney, proportion_interval

NETWORKS = (
    NETWORK,
    *("mobilenet_v1_0.75_192", "mobilenet_v2_1.0_224_qat", "squeezenet_v1.0_deepcompression"),
)
PUBLISHED = {"all": 0.603, "recognised": 0.867, "mistaken": 0.337}  # AlexNet, 50,000 photographs
MOST_NATS = 25.0  # log-odds at which the histogram ends; what is beyond is in its last bar

MEDIANS = {
    group: Claim(
        what=f"median confidence, {group}", paper=cells.share(median), tolerance=within(median, 0.1)
    )
    for group, median in PUBLISHED.items()
}
FOOLING = Claim(
    what="median confidence, fooling images (CPPN)", paper="88.1 %", tolerance=near(0.881)
)
ORDER = Claim(
    what="steps up in the order mistaken, all, recognised, fooling images",
    paper="33.7 %, 60.3 %, 86.7 %, 88.1 %",
    tolerance=at_least(3),
    unit="",
)
CLAIMS = (*MEDIANS.values(), FOOLING, ORDER)


class Certainty(NamedTuple):
    """How certain a network is of the likeliest class of real images."""

    log_odds: Float[np.ndarray, " images"]
    is_right: Bool[np.ndarray, " images"]  # whether it is the image's class

    @property
    def groups(self) -> dict[str, Float[np.ndarray, " group"]]:
        """Log-odds of all images, of those recognised, and of those mistaken; none is empty."""
        right, wrong = self.log_odds[self.is_right], self.log_odds[~self.is_right]
        named = {"all": self.log_odds, "recognised": right, "mistaken": wrong}
        return {group: values for group, values in named.items() if len(values)}

    @property
    def medians(self) -> dict[str, float]:
        """The median confidence of every group."""
        return {group: float(np.median(confidence(odds))) for group, odds in self.groups.items()}

    @property
    def distance(self) -> float:
        """How far the farthest median is from the published one."""
        return max(abs(PUBLISHED[group] - value) for group, value in self.medians.items())


class Measures(NamedTuple):
    """Real and fooling images."""

    real: dict[str, Certainty]  # by network, that first which the fooling images were evolved for
    fooling: Float[np.ndarray, "runs classes"]  # log-odds of the elites


def measure_test_images(lab: Lab, network: str) -> Measures:
    """Shows the 10,000 test images of MNIST or CIFAR-10 to a network, and evolves for it."""
    data = lab.dataset()
    count = lab.choose(full=len(data.test_labels), small=1000)
    real = look(lab, network, data.test_images[:count], data.test_labels[:count].astype(int))
    return Measures({network: real}, evolve_digits(lab, network).table["archive.fitness"])


def measure_photographs(lab: Lab) -> Measures:
    """Shows labelled photographs to four networks, and evolves for the first."""
    names = lab.choose(full=NETWORKS, small=NETWORKS[:1])
    real = {name: look(lab, name, *lab.photographs(lab.network(name))) for name in names}
    return Measures(real, evolve_imagenet(lab).table["archive.fitness"])


def look(lab: Lab, name: str, images: Levels, labels: Int[np.ndarray, " images"]) -> Certainty:
    """Shows labelled images to a network."""
    recognized = recognize(lab.network(name), images)
    log_odds = recognized.log_odds_in(recognized.classes)
    return Certainty(log_odds, recognized.classes == labels)


def report_test_images(lab: Lab, measures: Measures) -> Findings:
    """Reports on images of which the paper says nothing."""
    lossy = f" {note('real-confidence', 'lossy')}" if lab.dataset().is_lossy else ""
    median = Claim(what=FOOLING.what, paper="99.99 %")
    return report(lab, measures, note("real-confidence", lab.domain) + lossy, (median,))


def report_photographs(lab: Lab, measures: Measures) -> Findings:
    """Compares photographs with those of the paper."""
    return report(lab, measures, note("real-confidence", "imagenet"), CLAIMS)


def report(lab: Lab, measures: Measures, images: str, claims: Sequence[Claim] = ()) -> Findings:
    """Asks which images the network is more certain of; `images` describes the real ones."""
    (name, real), *_ = measures.real.items()
    fooling, median = confidence(measures.fooling), float(np.median(confidence(measures.fooling)))
    right = confidence(real.log_odds[real.is_right])
    medians = spell(real.medians | {"fooling images": median})
    return Findings(
        rows=rows_of(measures, claims),
        result="; ".join([f"medians: {medians}", *name_nearest(measures.real)]),
        tables=[tabulate(measures.real)],
        images=[draw(lab, name, real, measures.fooling)],
        notes=notes(
            "real-confidence",
            "all",
            images=images,
            test=cells.test(mann_whitney(fooling, confidence(real.log_odds))),
            beaten=cells.share(proportion_interval(int(np.sum(right < median)), len(right))),
        ),
    )


def rows_of(measures: Measures, claims: Sequence[Claim] = ()) -> list[Row]:
    """Returns the medians of real and of fooling images, and whether they are in order."""
    real, fooling = next(iter(measures.real.values())), confidence(measures.fooling)
    groups, medians = real.groups, real.medians
    ordered = [medians.get(group, 0.0) for group in ("mistaken", "all", "recognised")]
    steps = int(np.sum(np.diff([*ordered, np.median(fooling)]) >= 0))
    figures = [
        (claim.what, [medians[g]] if g in medians else [], f"{len(groups.get(g, ()))} images")
        for g, claim in MEDIANS.items()
    ]
    runs = np.median(fooling, axis=1).tolist()
    return [
        *measured([*figures, (FOOLING.what, runs, f"{fooling.size} images")], claims),
        *measured([(ORDER.what, [steps], "3 steps")], claims, unit=ORDER.unit),
    ]


def spell(medians: Mapping[str, float]) -> str:
    """Writes medians by name: "all 33.8 %, recognised 62.3 %"."""
    return ", ".join(f"{group} {cells.confidence(median)}" for group, median in medians.items())


def name_nearest(real: Mapping[str, Certainty]) -> list[str]:
    """Names the network whose medians are nearest to the published ones, unless it is the first."""
    nearest = min(real, key=lambda name: real[name].distance)
    if nearest == next(iter(real)):
        return []
    return [f"{nearest} is nearest to the paper: {spell(real[nearest].medians)}"]


def tabulate(real: Mapping[str, Certainty]) -> Table:
    """Returns the median confidence of every group of images, for every network."""
    rows = []
    for name, certainty in real.items():
        texts = {
            group: f"{cells.median(confidence(odds))}, n = {len(odds)}"
            for group, odds in certainty.groups.items()
        }
        share = cells.share(float(np.mean(certainty.is_right)))
        rows.append([name, share, *(texts.get(group, "none") for group in PUBLISHED)])
    return Table(
        title="Median confidence in the likeliest class [95 % interval]",
        header=["network", "share recognised", *PUBLISHED],
        rows=rows,
    )


def draw(lab: Lab, name: str, real: Certainty, fooling: np.ndarray) -> Figure:
    """Draws histograms over log-odds, where confidences next to 1 are still told apart."""
    groups = {group: odds for group, odds in real.groups.items() if group != "all"}
    groups["fooling (CPPN)"] = fooling.ravel()
    least = min(-7.0, *(float(odds.min()) for odds in groups.values()))
    most = min(MOST_NATS, max(float(odds.max()) for odds in groups.values()))
    bars = np.arange(np.floor(least), np.ceil(most) + 1)
    with chart(lab.folder / "confidence.png") as axes:
        for group, odds in groups.items():
            axes.hist(
                np.minimum(odds, MOST_NATS),
                bars,
                weights=np.full(len(odds), 1 / len(odds)),
                histtype="step",
                linewidth=1.6,
                label=f"{group}, n = {len(odds)}",
            )
        axes.set_xlim(bars[0], bars[-1])
        confidence_axis(axes, "confidence in the likeliest class", which="x")
        axes.set_ylabel("share of the images, per nat")
        axes.set_title(name)
        axes.legend()
    caption = note("real-confidence", "chart", name=name)
    return Figure(file="confidence.png", caption=caption)


EXPERIMENT = Experiment(
    name="real-confidence",
    title="How certain is a network of real images, and of images evolved to fool it?",
    so_what=(
        "If fooling images get more confidence than real ones, no threshold passes the real and "
        "stops the others."
    ),
    paper="supplementary material, confidence of real images",
    parts={
        "mnist": Part(
            measure=partial(measure_test_images, network="lenet"),
            report=report_test_images,
            networks=("lenet",),
            images=True,
            seeds=30,
        ),
        "cifar10": Part(
            measure=partial(measure_test_images, network="cifar_cnn"),
            report=report_test_images,
            networks=("cifar_cnn",),
            images=True,
            seeds=10,
        ),
        "imagenet": Part(
            measure=measure_photographs,
            report=report_photographs,
            claims=CLAIMS,
            networks=NETWORKS,
            images=True,
        ),
    },
)
