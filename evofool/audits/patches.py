"""Patches: squares made to give any image a class, judged on real images that did not make them.

Beside each stands its control, the same pixels shuffled, at the same places.
"""

from typing import TypedDict

import numpy as np
from jaxtyping import Int, UInt8

from evofool.attacks import add_patch, patch
from evofool.audits.figures import Metrics, share
from evofool.audits.subject import Subject, evenly_spread
from evofool.audits.workshop import Workshop

SIZES = (0.2, 0.3, 0.4, 0.5)  # sides, as shares of the shorter side of the images
LEAST = 20  # images of other classes than the patch's, half of them to judge it on
MOST = 400  # likewise
GRADIENTS = 16  # of a step


class ClassPatch(TypedDict):
    """What the patch for one class does.

    Attributes:
        index: of the class.
        label: its name.
        images: that it was judged on, all of other classes and recognised without it.
        success: share of them that are taken for the class, for each size.
        shuffled: the same with the patch's pixels shuffled.
    """

    index: int
    label: str
    images: int
    success: list[float]
    shuffled: list[float]


class PatchesPart(TypedDict):
    """What patches do.

    Attributes:
        sizes: their sides, as shares of the shorter side of the images.
        steps: with which each was made, of 16 gradients.
        classes: the patches, one for each class tried.
        metrics: figures by name, over the patches of all classes.
    """

    sizes: list[float]
    steps: int
    classes: list[ClassPatch]
    metrics: Metrics


def why_none(subject: Subject) -> str | None:
    """Returns why no patch is made; None if some are."""
    if not subject.budget.patches:
        return f"the budget {subject.budget.name} makes none"
    if not subject.classifier.is_jax:
        return "the classifier has no gradients"
    height, width, _ = subject.classifier.card.input_shape
    if SIZES[0] * min(height, width) < 1:
        return f"images of {height}x{width} pixels are too small"
    if not len(_targets(subject)):
        return (
            f"too few real images are recognised, {len(subject.recognised)}; expected {LEAST} "
            "or more of other classes than the patch's"
        )
    return None


def patch_all(subject: Subject, workshop: Workshop) -> PatchesPart:
    """Puts patches into real images that are recognised without."""
    part: PatchesPart = {
        "sizes": [*SIZES],
        "steps": subject.budget.patch_steps,
        "classes": [],
        "metrics": {},
    }
    hits: dict[str, list[np.ndarray]] = {"patch": [], "patch.shuffled": []}
    targets = _targets(subject)
    for target, square in zip(targets, made_patches(subject, workshop), strict=True):
        pixels = square.reshape(-1, square.shape[-1])
        shuffled = np.random.default_rng(subject.seed).permutation(pixels).reshape(square.shape)
        for name, shown in (("patch", square), ("patch.shuffled", shuffled)):
            hits[name].append(_judge(subject, target, shown))
        success, chance = (found[-1] for found in hits.values())
        part["classes"].append(
            {
                "index": target,
                "label": subject.classifier.card.labels[target],
                "images": success.shape[1],
                "success": success.mean(axis=1).tolist(),
                "shuffled": chance.mean(axis=1).tolist(),
            }
        )
    for name, found in hits.items():
        for size, row in zip(SIZES, np.concatenate(found, axis=1), strict=True):
            part["metrics"][f"{name}@{size}"] = share(row)
    return part


def made_patches(
    subject: Subject, workshop: Workshop
) -> UInt8[np.ndarray, "patches side side channels"]:
    """Makes the patches, one for a class, or reads those that were made."""
    targets, steps = _targets(subject), subject.budget.patch_steps

    def make(number: int) -> np.ndarray:
        made_of = _images(subject, targets[number])[::2]
        return patch(
            subject.classifier,
            subject.known.images[made_of],
            subject.known.labels[made_of],
            target=targets[number],
            size=SIZES,
            steps=steps,
            hold_out=False,
            seed=subject.seed,
            save=workshop.folder / f"patch-{targets[number]}.npz",
            report=lambda done, _: workshop.tick(number * steps + done, len(targets) * steps),
        ).image

    return workshop.images("patches", lambda: np.stack([*map(make, range(len(targets)))]))


def work_of(subject: Subject) -> int:
    """Returns how much work that is, in forward passes; a gradient counts as three."""
    if not subject.classifier.is_jax:
        return 0
    judged = 3 * len(SIZES) * min(MOST, len(subject.known.images)) // 2
    return subject.budget.patches * (3 * GRADIENTS * subject.budget.patch_steps + judged)


def _judge(
    subject: Subject, target: int, square: UInt8[np.ndarray, "side side channels"]
) -> np.ndarray:
    """Returns which held-out images are taken for the target, `[sizes, images]`."""
    held_out = _images(subject, target)[1::2]
    images, labels = subject.known.images[held_out], subject.known.labels[held_out]
    found = add_patch(
        subject.shipped, images, labels, square, target=target, size=SIZES, seed=subject.seed
    )
    return found.success


def _targets(subject: Subject) -> list[int]:
    """Draws classes for which there are enough images of others."""
    labels = subject.known.labels[subject.recognised]
    others = len(labels) - np.bincount(labels, minlength=subject.classes)
    drawn = np.random.default_rng(subject.seed).permutation(np.flatnonzero(others >= LEAST))
    return drawn[: subject.budget.patches].tolist()


def _images(subject: Subject, target: int) -> Int[np.ndarray, " images"]:
    """Returns which real images a patch is made of and, every second one, judged on.

    They are as many for each patch, so that its programs are compiled once.
    """
    labels = subject.known.labels[subject.recognised]
    count = min(MOST, *(int(np.sum(labels != each)) for each in _targets(subject)))
    others = subject.recognised[labels != target]
    return others[evenly_spread(len(others), count // 2 * 2)]
