"""Ablation: copies of repeated elements are removed, and parts of the networks that draw.

The paper removed repeated elements from some images and saw confidence fall, usually by a little
(its Fig. 10); it has no figures. Here copies are found, not chosen by eye, and patches that are no
copies are removed as well, for a hole alone may cost confidence.
"""

from evofool.experiments.ablation import copies, lesions
from evofool.experiments.bench import NETWORK, Lab, every, evolve_long
from evofool.experiments.registry import Experiment, Whole
from evofool.experiments.report import Findings


def imagenet(lab: Lab) -> Findings:
    """A thousand classes, against the smallest MobileNetV1."""
    small = {"generations": 12, "batch_size": 80, "classes": every(50)}
    runs = [evolve_long(lab, seed, small=small) for seed in range(lab.seeds)]
    least = lab.choose(full=0.5, small=0.0)  # confidence of the elites
    without_copies = copies.findings(lab, runs, least_confidence=least)
    without_parts = lesions.findings(lab, runs, least_confidence=least)
    return Findings(
        rows=[*without_copies.rows, *without_parts.rows],
        tables=[*without_copies.tables, *without_parts.tables],
        images=[*without_copies.images, *without_parts.images],
        notes=[*without_copies.notes, *without_parts.notes],
        verdict=without_copies.verdict,
    )


def mnist(lab: Lab) -> Findings:
    """Digits: parts of networks only, as elements of a few pixels are alike by chance."""
    run = lab.evolve("lenet", generations=lab.choose(full=200, small=12), runs=lab.seeds)
    return lesions.findings(lab, [run], least_confidence=0.0)


EXPERIMENT = Experiment(
    name="ablation",
    title="What do repeated elements, and parts of CPPNs, add to confidence?",
    paper="Fig. 10",
    parts={
        "mnist": Whole(run=mnist, networks=("lenet",), seeds=5),
        "imagenet": Whole(run=imagenet, networks=(NETWORK,), seeds=2),
    },
)
