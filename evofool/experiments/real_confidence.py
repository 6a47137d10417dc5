"""How certain networks are of real images, beside images evolved to fool them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from evofool.analysis import mann_whitney, median_interval, proportion_interval
from evofool.classifiers import confidence
from evofool.evaluation import recognize
from evofool.evolution import HIGH
from evofool.experiments.bench import NETWORK, Lab, evolve_digits, evolve_imagenet
from evofool.experiments.registry import Experiment, Whole
from evofool.experiments.report import Figure, Findings, Row, Table, Verdict, confidences
from evofool.images import chart
from evofool.runs import Run
from evofool.support import percent

OTHERS = ("mobilenet_v1_0.75_192", "mobilenet_v2_1.0_224_qat", "squeezenet_v1.0_deepcompression")
NEAR = 0.1  # of the published medians
PUBLISHED = {"all": 0.603, "recognised": 0.867, "mistaken": 0.337}  # AlexNet, 50,000 photographs
FOOLING = "88.1%"
TICKS = {0.01: "1 %", 0.1: "10 %", 0.5: "50 %", 0.9: "90 %", 0.99: "99 %", 0.9999: "99.99 %"}
TICKS |= {1 - 1e-6: "1 - 1e-6", 1 - 1e-8: "1 - 1e-8"}
MOST_NATS = 25.0  # log-odds at which the histogram ends; what is beyond is in its last bar


class Certainty(NamedTuple):
    """How certain a network is of the likeliest class of real images.

    Attributes:
        network: its name.
        log_odds: of that class.
        is_right: whether it is the image's own.
    """

    network: str
    log_odds: Float[np.ndarray, " images"]
    is_right: Bool[np.ndarray, " images"]

    def groups(self) -> dict[str, Float[np.ndarray, " group"]]:
        """Returns log-odds of all images, of those it recognises, and of those it mistakes.

        A group without an image is left out.
        """
        right, wrong = self.log_odds[self.is_right], self.log_odds[~self.is_right]
        named = {"all": self.log_odds, "recognised": right, "mistaken": wrong}
        return {group: values for group, values in named.items() if len(values)}


def mnist(lab: Lab) -> Findings:
    """The 10,000 test digits, and CPPN images, for the LeNet that ships with evofool."""
    return _dataset(lab, "lenet", "MNIST test digits")


def cifar10(lab: Lab) -> Findings:
    """The 10,000 test images of CIFAR-10, and CPPN images, for evofool's CIFAR-10 network."""
    lossy = " (a copy in JPEG files, which is lossy)" if lab.dataset().is_lossy else ""
    return _dataset(lab, "cifar_cnn", f"CIFAR-10 test images{lossy}")


def imagenet(lab: Lab) -> Findings:
    """Labelled photographs for four networks, and CPPN images for the one they were evolved for."""

    def look(name: str) -> Certainty:
        network = lab.network(name)
        return _look(lab, name, *lab.photographs(network))

    names = (NETWORK, *lab.choose(full=OTHERS, small=()))
    return _findings(
        [look(name) for name in names],
        lab,
        evolve_imagenet(lab),
        "photographs, one per class; probably ImageNet training images, so that shares of "
        "recognised ones, and confidence, are higher than on new photographs",
    )


def _dataset(lab: Lab, name: str, what: str) -> Findings:
    images = lab.dataset()
    count = lab.choose(full=len(images.test_labels), small=1000)
    labels = images.test_labels[:count].astype(int)
    certainty = _look(lab, name, images.test_images[:count], labels)
    return _findings([certainty], lab, evolve_digits(lab, name), what)


def _look(
    lab: Lab,
    name: str,
    images: UInt8[np.ndarray, "images height width channels"],
    labels: Int[np.ndarray, " images"],
) -> Certainty:
    network = lab.network(name)

    def compute() -> dict[str, np.ndarray]:
        found = recognize(network, images)
        log_odds = found.log_odds[np.arange(len(images)), found.classes]
        return {"log-odds": log_odds, "is right": found.classes == labels}

    kept = lab.arrays(f"seen-by-{name}", compute, key=[network.card.sha256, len(images)])
    return Certainty(name, kept["log-odds"], kept["is right"])


def _findings(certainties: list[Certainty], lab: Lab, run: Run, what: str) -> Findings:
    first, fooling = certainties[0], confidences(run).ravel()
    groups = {group: confidence(odds) for group, odds in first.groups().items()}
    test = mann_whitney(fooling, groups["all"])
    beaten = proportion_interval(
        int(np.sum(groups["recognised"] < np.median(fooling))), len(groups["recognised"])
    )
    _draw_chart(lab, first, run)
    is_photographs = lab.domain == "imagenet"
    rows = [
        Row(
            what=f"median confidence, {group}",
            paper=f"{PUBLISHED[group]:.1%}" if is_photographs else "",
            ours=[float(np.median(values))],
            unit="%",
            n=f"{len(values)} images",
        )
        for group, values in groups.items()
    ]
    rows.append(
        Row(
            what="median confidence, fooling images (CPPN)",
            paper=FOOLING if is_photographs else "99.99%",
            ours=[float(np.median(each)) for each in confidences(run)],
            unit="%",
            n=f"{fooling.size} images",
        )
    )
    medians = _medians(first)
    return Findings(
        rows=rows,
        tables=[
            Table(
                title="Median confidence in the likeliest class [95 % interval]",
                header=["network", "share recognised", *PUBLISHED],
                rows=[_line(certainty) for certainty in certainties],
            )
        ],
        images=[
            Figure(
                file="confidence.png",
                caption=f"Confidence of {first.network} in real images and in images evolved for "
                "it, a bar per nat of log-odds",
            )
        ],
        notes=[
            f"Real images: {what}. Confidence is the softmax probability of the likeliest class.",
            f"Fooling images against all real ones: {test}. Of the {beaten.n} real images that are "
            f"recognised, {beaten.share:.1%} [{beaten.low:.1%}, {beaten.high:.1%}] have less "
            "confidence than the median fooling image.",
        ],
        verdict=_verdict(medians, float(np.median(fooling)), is_photographs, certainties[1:]),
    )


def _line(certainty: Certainty) -> list[str]:
    def text(odds: Float[np.ndarray, " group"]) -> str:
        found = median_interval(confidence(odds))
        return f"{_spell(found.median)} [{_spell(found.low)}, {_spell(found.high)}], n = {found.n}"

    groups = certainty.groups()
    return [
        certainty.network,
        f"{np.mean(certainty.is_right):.1%}",
        *(text(groups[group]) if group in groups else "none" for group in PUBLISHED),
    ]


def _spell(value: float) -> str:
    return percent(value) if value > HIGH else f"{value:.1%}"


def _verdict(
    medians: dict[str, float],
    fooling: float,
    is_photographs: bool,
    others: Sequence[Certainty] = (),
) -> Verdict:
    """Says whether medians are near the published ones, or at least in their order.

    Args:
        medians: by group, of the network that the fooling images are for.
        fooling: median of those.
        is_photographs: that there are published figures for.
        others: networks of which one may be nearer.
    """
    because = f"medians: {_spell_all(medians)}; fooling images {_spell(fooling)}"
    if not is_photographs:
        return Verdict(outcome="new", because=because)
    because += f"; published: {_spell_all(PUBLISHED)}; fooling images {FOOLING}"
    order = [medians.get("mistaken", 0.0), medians["all"], medians["recognised"], fooling]
    if order != sorted(order):
        return Verdict(outcome="differs", because=because)
    found = {one.network: _medians(one) for one in others}
    nearest = min(found, key=lambda name: _distance(found[name]), default=None)
    if nearest is not None and _distance(found[nearest]) < _distance(medians):
        because += f"; {nearest} is nearest to it: {_spell_all(found[nearest])}"
    if _distance(medians) <= NEAR:
        return Verdict(outcome="reproduced", because=because)
    return Verdict(outcome="in part", because=f"{because}; the order agrees, the figures do not")


def _medians(certainty: Certainty) -> dict[str, float]:
    return {group: float(np.median(confidence(odds))) for group, odds in certainty.groups().items()}


def _distance(medians: dict[str, float]) -> float:
    """Returns how far the farthest median is from the published one."""
    return max(abs(PUBLISHED[group] - value) for group, value in medians.items())


def _spell_all(medians: dict[str, float]) -> str:
    return ", ".join(f"{group} {_spell(value)}" for group, value in medians.items())


def _draw_chart(lab: Lab, certainty: Certainty, run: Run) -> None:
    """Draws histograms over log-odds, where confidences next to 1 are still told apart."""
    groups = certainty.groups()
    del groups["all"]
    groups["fooling (CPPN)"] = run.table["archive.fitness"].ravel()
    least = min(-7.0, *(float(odds.min()) for odds in groups.values()))
    most = min(MOST_NATS, max(float(odds.max()) for odds in groups.values()))
    bars = np.arange(np.floor(least), np.ceil(most) + 1)
    with chart(lab.folder / "confidence.png") as axes:
        for group, odds in groups.items():
            shares = np.full(len(odds), 1 / len(odds))
            axes.hist(
                np.minimum(odds, MOST_NATS),
                bars,
                weights=shares,
                histtype="step",
                linewidth=1.6,
                label=f"{group}, n = {len(odds)}",
            )
        ticks = np.array([*TICKS])
        axes.set_xticks(np.log(ticks / (1 - ticks)), [*TICKS.values()], rotation=30)
        axes.set_xlim(bars[0], bars[-1])
        axes.set_xlabel("confidence in the likeliest class (evenly spaced in log-odds)")
        axes.set_ylabel("share of the images, per nat")
        axes.set_title(certainty.network)
        axes.legend()


EXPERIMENT = Experiment(
    name="real-confidence",
    title="How certain is a network of real images, and of images evolved to fool it?",
    paper="supplementary material, confidence of real images",
    parts={
        "mnist": Whole(run=mnist, networks=("lenet",), images=True, seeds=30),
        "cifar10": Whole(run=cifar10, networks=("cifar_cnn",), images=True, seeds=10),
        "imagenet": Whole(run=imagenet, networks=(NETWORK, *OTHERS), images=True),
    },
)
