"""Small perturbations of CIFAR-10 images: finite differences, beside the gradient."""

import numpy as np

from evofool.classifiers import Classifier
from evofool.evaluation import recognize
from evofool.experiments.bench import Lab
from evofool.experiments.report import Figure, Findings
from evofool.experiments.small_perturbations.objects_report import (
    AIRPLANE,
    AS_WRITTEN,
    CAT,
    CHANCE,
    EPSILONS,
    USUAL,
    Study,
    report,
)
from evofool.experiments.small_perturbations.perturbing import (
    LEVELS,
    Classes,
    Levels,
    classes_by_chance,
    classes_by_fgsm,
    draw_curves,
    examine,
    parts,
    runners_up,
    strip,
)
from evofool.images import draw_sheet, save_image

NETWORK = "cifar_cnn"
USUAL_STEP = 0.01
STEPS = {"r = 0.01": USUAL_STEP, "r = 1/255": 1 / 255, "r = 0.05": 0.05, "r = 0.1": 0.1}


def cifar10(lab: Lab) -> Findings:
    """Recognised test images, away from their class and towards each of the nine others."""
    network, dataset = lab.network(NETWORK), lab.dataset()
    tried = dataset.test_images[: lab.choose(full=None, small=100)]
    seen = recognize(network, tried)
    is_right = seen.classes == dataset.test_labels[: len(tried)]
    rows = np.flatnonzero(is_right)[: lab.choose(full=1000, small=3)]
    images, labels = tried[rows], seen.classes[rows]
    found = recognize(network, images)
    # the runner-up first, then the class that is 1, 2, ... 9 places on
    rivals = np.stack([runners_up(found, labels), *((labels + k) % 10 for k in range(1, 10))])
    differences = {}
    for name, step in [*STEPS.items()][: lab.choose(full=4, small=2)]:
        differences[f"finite differences, {name}"] = _differences(
            lab, network, images, labels, rivals, step
        )
    others = _others(lab, network, images, labels, rivals)
    study = Study(
        labels=labels,
        away={
            **{name: one["classes"][:, 0] for name, one in differences.items()},
            "FGSM": others["untargeted"],
            AS_WRITTEN: differences[USUAL]["written"],
            CHANCE: others["chance"],
        },
        towards={
            **{name: one["classes"][:, 1:] for name, one in differences.items()},
            "FGSM": others["targeted"],
        },
        targets=rivals[1:],
        differences=differences,
    )
    levels = _draw(lab, network, images, study)
    return report(study, levels, float(is_right.mean()), dataset.is_lossy)


def _differences(
    lab: Lab, network: Classifier, images: Levels, labels: Classes, rivals: np.ndarray, step: float
) -> dict[str, np.ndarray]:
    """Attacks by finite differences; images are the last axis of what comes out."""

    def compute(rows: slice) -> dict[str, np.ndarray]:
        found = [
            examine(network, image, int(label), own.tolist(), step=step)._asdict()
            for image, label, own in zip(images[rows], labels[rows], rivals.T[rows], strict=True)
        ]
        return {
            field: np.stack([one[field] for one in found], axis=-1)
            for field in ("classes", "written", "agreement", "agreement_fgsm", "flat")
        }

    found = [  # kept part by part: all of them are millions of forward passes
        lab.arrays(
            f"differences-{step:.3g}-{rows.start}",
            lambda rows=rows: compute(rows),
            key=[network.card.sha256, rows.stop, LEVELS],
        )
        for rows in parts(len(images))
    ]
    return {field: np.concatenate([one[field] for one in found], axis=-1) for field in found[0]}


def _others(
    lab: Lab, network: Classifier, images: Levels, labels: Classes, rivals: np.ndarray
) -> dict[str, np.ndarray]:
    """Attacks by FGSM, and by signs drawn at random."""

    def compute() -> dict[str, np.ndarray]:
        targeted = [classes_by_fgsm(network, images, labels, target=one) for one in rivals[1:]]
        return {
            "untargeted": classes_by_fgsm(network, images, labels),
            "targeted": np.stack(targeted, axis=1),
            "chance": classes_by_chance(network, images),
        }

    return lab.arrays("fgsm", compute, key=[network.card.sha256, len(images), LEVELS])


def _draw(lab: Lab, network: Classifier, images: Levels, study: Study) -> list[Figure]:
    """Draws success over epsilon, and a cat on its way to an airplane, as the article does."""
    draw_curves(
        lab.folder / "curves.png",
        {
            "away from the class": {name: study.lost(name).mean(axis=1) for name in study.away},
            "towards each of nine others": {
                name: study.reached(name).mean(axis=1) for name in study.towards
            },
        },
    )
    caption = "Success over epsilon; the table says of how many recognised test images"
    levels = [Figure(file="curves.png", caption=caption)]
    rows, became = study.cats()
    if len(rows):
        is_alike = (became[LEVELS.index(2)] != CAT) & (became[LEVELS.index(12)] == AIRPLANE)
        chosen = [*rows[is_alike], *rows][0]
        (signs,) = examine(network, images[chosen], CAT, [AIRPLANE], step=USUAL_STEP).signs
        sections = [
            strip(network, images[chosen], way * signs, EPSILONS, heading)
            for way, heading in (
                (1, "cat to airplane, against the signs of finite differences"),
                (-1, "the same with the sign as the article writes it"),
            )
        ]
        save_image(draw_sheet(sections), lab.folder / "cat.png")
        what = "A test cat on its way to an airplane: the image, the change, what is seen in it"
        levels.append(Figure(file="cat.png", caption=what))
    return levels
