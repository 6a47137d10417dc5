"""Gradient ascent on a class, without regularisation: another way to fooling images."""

from collections.abc import Sequence

import numpy as np

from evofool.attacks import ASCENTS
from evofool.evolution import NEAR_CERTAIN
from evofool.experiments.bench import NETWORK, Lab
from evofool.experiments.gradient_ascent.ascents import Ascents, ascend, show
from evofool.experiments.registry import Experiment, Whole
from evofool.experiments.report import Findings, Row, Verdict, cells

STARTS = 10  # of each of ten classes
SHOWN = 50


def mnist(lab: Lab) -> Findings:
    """Ten starts of each digit, against the LeNet that ships with evofool."""
    found = _of_ten_classes(lab, "lenet")
    return _findings(lab, "lenet", found, published=False)


def cifar10(lab: Lab) -> Findings:
    """Ten starts of each class, against evofool's CIFAR-10 network."""
    found = _of_ten_classes(lab, "cifar_cnn")
    return _findings(lab, "cifar_cnn", found, published=False)


def imagenet(lab: Lab) -> Findings:
    """Every tenth of a thousand classes, against the smallest MobileNetV1."""
    classes = range(0, 1000, lab.choose(full=10, small=100))
    return _findings(lab, NETWORK, _ascents(lab, NETWORK, classes, starts=1), published=True)


def _of_ten_classes(lab: Lab, network: str) -> list[Ascents]:
    return _ascents(lab, network, range(10), starts=lab.choose(full=STARTS, small=2))


def _ascents(lab: Lab, network: str, classes: Sequence[int], *, starts: int) -> list[Ascents]:
    plain = ASCENTS["plain"]
    settings = lab.choose(full=plain, small=plain.shorter(50))
    return [
        ascend(
            lab,
            f"plain-{seed}",
            lab.network(network),
            classes,
            settings=settings,
            starts=starts,
            seed=seed,
        )
        for seed in range(lab.seeds)
    ]


def _findings(lab: Lab, network: str, found: list[Ascents], *, published: bool) -> Findings:
    first, classifier = found[0], lab.network(network)
    rows = np.linspace(0, len(first.images) - 1, min(SHOWN, len(first.images))).astype(int)
    what = "The first seed's images, evenly chosen"
    image = show(lab, classifier, {"": first}, rows.tolist(), what)
    n = f"{len(first.images)} images of {len(set(first.target.tolist()))} classes"
    medians = [float(np.median(each.confidence)) for each in found]
    certain = [each.ever(3) for each in found]
    measures = {
        "share whose class becomes the likeliest": [each.ever(0) for each in found],
        "share that exceeds 99.99 % at some step": certain,
        "share >= 99.99 % at the end, rounded to 8 bits": [
            float(np.mean(each.confidence >= NEAR_CERTAIN)) for each in found
        ],
    }
    steps = {
        "first step with the class the likeliest, median": 0,
        "first step with p > 99 %, median of those that get there": 1,
        "first step with p > 99.99 %, median of those that get there": 3,
    }
    said = (
        "reproduced" if min(medians) >= NEAR_CERTAIN else "in part" if min(certain) else "differs"
    )
    return Findings(
        rows=[
            Row(
                what="median confidence, rounded to 8 bits",
                paper="99.99 % (Fig. 13)" if published else "",
                ours=medians,
                unit="%",
                n=n,
            ),
            *(Row(what=what, ours=ours, unit="%", n=n) for what, ours in measures.items()),
            *(
                Row(what=what, ours=[each.median_first(milestone) for each in found], n=n)
                for what, milestone in steps.items()
                if any(each.ever(milestone) for each in found)
            ),
        ],
        images=[image],
        notes=[
            f"{lab.choose(full=ASCENTS['plain'], small=ASCENTS['plain'].shorter(50)).steps} steps "
            f"from the network's mean {classifier.card.mean} plus normal noise of one level, by "
            "the authors' rule for the step (a wanted gain in p of .02, or a tenth of what is "
            "left), without decay or blur. The last image counts, not the best.",
        ],
        verdict=Verdict(
            outcome=said if published else "new",
            because=f"median {cells.each(medians)}; {cells.each(certain)} of the images exceed "
            "99.99 % on the way",
        ),
    )


EXPERIMENT = Experiment(
    name="gradient-ascent",
    title="Does following the gradient of a class from noise fool a network?",
    paper="section 3.7, Fig. 13",
    parts={
        "mnist": Whole(run=mnist, networks=("lenet",), seeds=5),
        "cifar10": Whole(run=cifar10, networks=("cifar_cnn",), seeds=3),
        "imagenet": Whole(run=imagenet, networks=(NETWORK,)),
    },
)
