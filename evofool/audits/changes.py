"""Small changes: how little it takes to change the class of real images.

Everything is scored as 8-bit levels. Sizes are in levels: a change of 2 is 2/255 of the range.
"""

from typing import TypedDict

import numpy as np

from evofool.attacks import (
    AttackResult,
    apgd,
    fgsm,
    finite_differences,
    hop_skip_jump,
    one_pixel,
    pgd,
    usable_losses,
)
from evofool.audits.figures import Metrics, share
from evofool.audits.subject import Subject, evenly_spread
from evofool.audits.validity import CheckRecord
from evofool.audits.workshop import Workshop
from evofool.evaluation import recognize
from evofool.images import Levels
from evofool.support import rounded_percent

SIZES = (1, 2, 4, 8, 16, 32, 64)  # levels; the largest fools whatever has honest gradients
LEAST_LARGE = 0.9  # share of successes with it
SLACK = 0.05  # of a share, by which a stronger attack may be behind by chance
CANDIDATES, ROUNDS = 100, 20  # of one pixel's differential evolution
HOPS, HOP_QUERIES = 15, 5_000  # steps of HopSkipJump, and about what an image costs with them


class ChangesPart(TypedDict):
    """What small changes do.

    Attributes:
        sizes: of the changes, in levels.
        success: for each attack, the share of images whose class changed, for each size.
        images: for each attack, how many images it was tried on.
        queries: for each attack, images that the classifier was shown, gradients included.
        checks: whether stronger attacks are stronger, as they are unless gradients are masked.
        metrics: figures by name.
    """

    sizes: list[int]
    success: dict[str, list[float]]
    images: dict[str, int]
    queries: dict[str, int]
    checks: list[CheckRecord]
    metrics: Metrics


def change_a_little(subject: Subject, workshop: Workshop) -> ChangesPart:
    """Attacks real images that the classifier recognises."""
    part: ChangesPart = {
        "sizes": [*SIZES],
        "success": {},
        "images": {},
        "queries": {},
        "checks": [],
        "metrics": {},
    }
    images, labels = _recognised(subject, subject.budget.attacked)
    if not len(images):
        return part
    _book(part, "random", _random_signs(subject, images, labels, SIZES), 1)
    if subject.classifier.is_jax:
        _follow_gradients(subject, part, images, labels, workshop)
    else:
        few = slice(subject.budget.without_gradients)
        _do_without_gradients(subject, part, images[few], labels[few], workshop)
    few = slice(subject.budget.one_pixel)
    result = one_pixel(
        subject.classifier,
        images[few],
        labels[few],
        population=CANDIDATES,
        generations=ROUNDS,
        seed=subject.seed,
        report=workshop.tick,
    )
    part["metrics"]["success.one-pixel"] = share(result.success)
    part["images"]["one-pixel"] = len(result.success)
    part["queries"]["one-pixel"] = int(result.queries.sum())
    return part


def work_of(subject: Subject) -> int:
    """Returns how much work that is, in forward passes; a gradient counts as three."""
    budget, values = subject.budget, int(np.prod(subject.classifier.card.input_shape))
    pixels = budget.one_pixel * CANDIDATES * (ROUNDS + 1)
    if subject.classifier.is_jax:
        gradients = budget.attacked * (1 + budget.pgd_steps * len(SIZES))
        gradients += (
            budget.adaptive
            * budget.adaptive_steps
            * len(SIZES)
            * len(usable_losses(subject.classes))
        )
        return pixels + 3 * gradients
    return pixels + budget.without_gradients * (values + HOP_QUERIES)


def _follow_gradients(
    subject: Subject,
    part: ChangesPart,
    images: Levels,
    labels: np.ndarray,
    workshop: Workshop,
) -> None:
    """Adds FGSM, PGD and APGD, and checks that each is as strong as it has to be."""
    classifier, steps = subject.classifier, subject.budget.pgd_steps
    epsilon = [size / 255 for size in SIZES]
    one_step = fgsm(classifier, images, labels, epsilon=epsilon)
    many = pgd(
        classifier,
        images,
        labels,
        epsilon=epsilon,
        steps=steps,
        relative_step=max(0.25, 4 / 3 / steps),  # shorter steps of one level would change nothing
        report=workshop.tick,
    )
    _book(part, "fgsm", one_step.success, _cost(one_step))
    _book(part, "pgd", many.success, _cost(many))
    few = evenly_spread(len(images), subject.budget.adaptive)
    adaptive = _adapt_steps(subject, part, images[few], labels[few], workshop)
    random = np.array(part["success"]["random"])
    _compare(part, "pgd", "fgsm", many.success.mean(axis=1), one_step.success.mean(axis=1), SLACK)
    _compare(part, "fgsm", "random", one_step.success.mean(axis=1), random, SLACK)
    slack = max(SLACK, 1 / len(few))  # one image of few
    _compare(part, "apgd", "pgd", adaptive.mean(axis=1), many.success[:, few].mean(axis=1), slack)
    for name, large in (("pgd", many.success[-1].mean()), ("apgd", adaptive[-1].mean())):
        _check(
            part,
            f"{name} with {SIZES[-1]} levels",
            bool(large >= LEAST_LARGE),
            f"changes the class of {rounded_percent(float(large))} (expected "
            f"{rounded_percent(LEAST_LARGE, digits=0)} or more)",
        )


def _adapt_steps(
    subject: Subject, part: ChangesPart, images: Levels, labels: np.ndarray, workshop: Workshop
) -> np.ndarray:
    """Adds APGD with either loss; returns which images one of them changed, `[sizes, images]`.

    An image that so many levels change is changed by that many or more: sizes beyond the one that
    changes all are not tried.
    """
    either = np.zeros((len(SIZES), len(images)), bool)
    for loss in usable_losses(subject.classes):
        success, queries = np.zeros_like(either), 0
        for row, size in enumerate(SIZES):
            result = apgd(
                subject.classifier,
                images,
                labels,
                epsilon=size / 255,
                loss=loss,
                steps=subject.budget.adaptive_steps,
                seed=subject.seed,
                report=workshop.tick,
            )
            success[row:] |= result.success
            queries += _cost(result)
            if success[row].all():
                break
        _book(part, f"apgd-{loss}", success, queries)
        either |= success
    return either


def _do_without_gradients(
    subject: Subject, part: ChangesPart, images: Levels, labels: np.ndarray, workshop: Workshop
) -> None:
    """Adds finite differences, and HopSkipJump, which sees the likeliest class alone."""
    result = finite_differences(
        subject.classifier,
        images,
        labels,
        epsilon=[size / 255 for size in SIZES],
        report=workshop.tick,
    )
    _book(part, "finite-differences", result.success, _cost(result))
    nearest = hop_skip_jump(
        subject.classifier,
        images,
        labels,
        norm="linf",
        steps=HOPS,
        probe=1.0,  # services are shown whole levels
        seed=subject.seed,
        save=workshop.folder / "hops.npz",
        report=workshop.tick,
    )
    levels = np.rint(255 * nearest.linf)
    found = [nearest.success & (levels <= size) for size in SIZES]
    _book(part, "hop-skip-jump", np.stack(found), _cost(nearest))


def _compare(
    part: ChangesPart, strong: str, weak: str, more: np.ndarray, less: np.ndarray, slack: float
) -> None:
    """Checks that the stronger of two attacks changes as many images, for every size."""
    behind = max(float((less - more).max()), 0.0)
    _check(
        part,
        f"{strong} at least as strong as {weak}",
        behind <= slack + 1e-9,
        f"behind by {rounded_percent(behind)} at most (expected "
        f"{rounded_percent(slack, digits=0)})",
    )


def _check(part: ChangesPart, name: str, passed: bool, detail: str) -> None:
    advice = "" if passed else "; gradients are masked, so that other attacks may be far stronger"
    part["checks"].append({"name": name, "passed": passed, "detail": f"{detail}{advice}"})


def _recognised(subject: Subject, count: int) -> tuple[Levels, np.ndarray]:
    """Returns real images that are recognised, evenly spread over all of them."""
    right = subject.recognised[evenly_spread(len(subject.recognised), count)]
    return subject.known.images[right], subject.known.labels[right]


def _random_signs(
    subject: Subject, images: Levels, labels: np.ndarray, sizes: tuple[int, ...]
) -> np.ndarray:
    """Returns which images lose their class when every value changes by so much, up or down."""
    signs = np.random.default_rng(subject.seed).choice(np.array([-1, 1]), images.shape)
    lost = []
    for size in sizes:
        changed = np.clip(images.astype(int) + size * signs, 0, 255).astype(np.uint8)
        lost.append(recognize(subject.shipped, changed).classes != labels)
    return np.stack(lost)


def _book(part: ChangesPart, name: str, success: np.ndarray, queries: int) -> None:
    """Adds an attack's successes, `[sizes, images]`."""
    part["success"][name] = [float(row.mean()) for row in success]
    part["images"][name] = success.shape[1]
    part["queries"][name] = queries * success.size if name == "random" else queries
    for size, row in zip(SIZES, success, strict=True):
        part["metrics"][f"success.{name}@{size}"] = share(row)


def _cost(result: AttackResult) -> int:
    return int(result.queries.sum() + result.gradients.sum())
