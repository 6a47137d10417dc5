"""Attacks on image files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from evofool.attacks.by_name import ATTACKS, FROM_NOISE, check_options, takes
from evofool.attacks.gradient_ascent import noise_images
from evofool.attacks.gradients import Report
from evofool.attacks.inputs import check_epsilon
from evofool.attacks.strips import StripRow, draw_strip, write_curve
from evofool.classifiers import (
    Classifier,
    check_classifier,
    first_name,
    load_classifier,
    resolve_class,
)
from evofool.data import Prepared, read_photographs
from evofool.evaluation import recognize
from evofool.images import percent, save_image, to_image
from evofool.support import UserError

EPSILONS = (0.01, 0.02, 0.05)  # those that are tried unless said otherwise


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """What became of an image.

    Attributes:
        image: its path.
        actions: what was done to it first, for instance "turned upright (EXIF)".
        epsilon: largest change allowed, as a share of the range; None where the attack has none.
        label: the class that it is of.
        target: the class that it was to be taken for; None for any other.
        seen: the likeliest class in the original.
        seen_confidence: its probability, in [0, 1].
        before: probability of the label in the original.
        target_before: probability of the target in the original; None without a target.
        found: the likeliest class in the result.
        confidence: its probability.
        of_label: probability of the label in the result.
        of_target: probability of the target in the result; None without a target.
        success: whether `found` is the target or, without one, is not the label.
        already: whether `seen` was that too: a success that needed no attack.
        linf: largest change of a value, as a share of the range.
        l2: Euclidean norm of the change, in the same unit.
        l0: pixels that changed.
        queries: images shown to the classifier.
        gradients: gradients asked of it.
    """

    image: str
    actions: tuple[str, ...]
    epsilon: float | None
    label: str
    target: str | None
    seen: str
    seen_confidence: float
    before: float
    target_before: float | None
    found: str
    confidence: float
    of_label: float
    of_target: float | None
    success: bool
    already: bool
    linf: float
    l2: float
    l0: int
    queries: int
    gradients: int


def attack(
    name: str,
    images: str | Path | Sequence[str | Path],
    classifier: str | Classifier,
    *,
    weights: str | Path | None = None,
    label: str | None = None,
    target: str | None = None,
    epsilon: float | Sequence[float] | None = None,
    out: str | Path | None = None,
    report: Report | None = None,
    **options: Any,
) -> list[Attacked]:
    """Attacks images in files, after the preprocessing that the classifier's card says.

    Args:
        name: of the attack, a key of `ATTACKS`; "_" does for "-".
        images: a file, or several; see `read_photographs` for what is read. None for
            "gradient-ascent", which starts from noise.
        classifier: a name, or a `Classifier` of your own.
        weights: as in `load_classifier`.
        label: class that the images are of; what the classifier takes each for unless given.
        target: class that they are to be taken for; any other unless given.
        epsilon: largest change allowed, or several to try; `EPSILONS` unless given. A radius in
            the L2 norm has no such default.
        out: folder for the adversarial images and, for each original, a strip and a curve.
        report: is told how much of how much is done.
        **options: further arguments of the attack.

    Returns:
        A line for each image and epsilon.

    Raises:
        UserError: an unknown attack or class, a file or classifier that cannot be used, or options
            that the attack does not have.
    """
    name = name.replace("_", "-")
    given = {"target": target, "epsilon": epsilon, **options}
    check_options(name, [option for option, value in given.items() if value is not None])
    paths = [images] if isinstance(images, str | Path) else list(images)
    if name == FROM_NOISE and paths:
        raise UserError(f"{name} starts from noise; give no images")
    if name != FROM_NOISE and not paths:
        raise UserError("no images to attack; give their files")
    if isinstance(classifier, str):
        classifier = load_classifier(classifier, weights=weights)
    check_classifier(classifier)
    card = classifier.card
    if name == FROM_NOISE:
        (noise,) = noise_images(classifier, 1, seed=options.get("seed", 0))
        paths, prepared = ["noise"], [Prepared(noise, ())]
    else:
        prepared = read_photographs(paths, card)
    levels = np.stack([image.levels for image in prepared])
    before = recognize(classifier, levels)
    labels = before.classes if label is None else _class(classifier, label)
    labels = np.broadcast_to(labels, len(levels))
    wanted = None if target is None else _class(classifier, target)
    if wanted is not None:
        options["target"] = wanted
    epsilons: list[float] | list[None] = [None]
    if takes(name, "epsilon"):
        norm = options.get("norm", "linf")
        epsilons = options["epsilon"] = _epsilons(name, epsilon, norm=norm)
    result = ATTACKS[name](classifier, levels, labels, report=report, **options)
    if not takes(name, "epsilon"):  # the others have an axis of epsilons
        result = jax.tree.map(lambda leaf: leaf[None], result)
    seen = recognize(classifier, result.images.reshape(-1, *card.input_shape))
    shape = result.label.shape
    of_label = seen.confidence_in(np.tile(labels, len(epsilons))).reshape(shape)
    if wanted is None:
        target_before = of_target = None
        already = before.classes != labels
    else:
        target_before = before.confidence_in(np.full_like(labels, wanted))
        of_target = seen.confidence_in(np.full(result.label.size, wanted)).reshape(shape)
        already = before.classes == wanted
    lines = [
        Attacked(
            image=str(path),
            actions=prepared[row].actions,
            epsilon=value,
            label=card.labels[labels[row]],
            target=None if wanted is None else card.labels[wanted],
            seen=card.labels[before.classes[row]],
            seen_confidence=float(before.confidence[row]),
            before=float(before.confidence_in(labels)[row]),
            target_before=None if target_before is None else float(target_before[row]),
            found=card.labels[result.label[number, row]],
            confidence=float(result.confidence[number, row]),
            of_label=float(of_label[number, row]),
            of_target=None if of_target is None else float(of_target[number, row]),
            success=bool(result.success[number, row]),
            already=bool(already[row]),
            linf=float(result.linf[number, row]),
            l2=float(result.l2[number, row]),
            l0=int(result.l0[number, row]),
            queries=int(result.queries[number, row]),
            gradients=int(result.gradients[number, row]),
        )
        for row, path in enumerate(paths)
        for number, value in enumerate(epsilons)
    ]
    if out is not None:
        for row, path in enumerate(paths):
            stem = Path(out) / f"{row + 1:02d}-{Path(path).stem}"
            of_image = lines[row * len(epsilons) : (row + 1) * len(epsilons)]
            _write(stem, levels[row], of_image, result.images[:, row])
    return lines


def _epsilons(name: str, epsilon: float | Sequence[float] | None, *, norm: str) -> list[float]:
    """Returns the epsilons to try; only a largest change has such as suit every image."""
    if epsilon is None and norm == "l2":
        raise UserError(f"{name} with norm l2 needs an epsilon, the radius of the ball")
    return check_epsilon(EPSILONS if epsilon is None else epsilon, norm=norm)


def _class(classifier: Classifier, name: str) -> int:
    return resolve_class(classifier.card, name) - classifier.card.class_offset


def _write(stem: Path, original: np.ndarray, lines: Sequence[Attacked], made: np.ndarray) -> None:
    """Writes the results of one image, the strip that compares them, and the curve."""
    names = ["" if line.epsilon is None else f"-{line.epsilon:g}" for line in lines]
    for name, image in zip(names, made, strict=True):
        save_image(to_image(image), stem.with_name(f"{stem.name}{name}.png"))
    first = lines[0]
    rows = [
        StripRow(
            heading="" if line.epsilon is None else f"epsilon {line.epsilon:g}",
            image=image,
            caption=_caption(line.found, line.confidence, {line.target: line.of_target}),
        )
        for line, image in zip(lines, made, strict=True)
    ]
    others = {first.label: first.before, first.target: first.target_before}
    strip = draw_strip(original, _caption(first.seen, first.seen_confidence, others), rows)
    save_image(strip, stem.with_name(f"{stem.name}-strip.png"))
    if len(lines) > 1:
        of: dict[str, list[Any]] = {
            first_name(first.label): [first.before, *(line.of_label for line in lines)]
        }
        if first.target is not None:
            in_target = [first.target_before, *(line.of_target for line in lines)]
            of[first_name(first.target)] = in_target
        write_curve(
            stem.with_name(f"{stem.name}-curve.png"),
            [0.0, *(line.epsilon or 0.0 for line in lines)],
            best=[first.seen_confidence, *(line.confidence for line in lines)],
            names=[first_name(first.seen), *(first_name(line.found) for line in lines)],
            of=of,
        )


def _caption(
    likeliest: str, confidence: float, others: Mapping[str | None, float | None]
) -> tuple[str, ...]:
    """Says what an image is taken for, and how likely other classes are that matter."""
    rest = (
        f"{percent(value)} {first_name(label)}"  # a long name is cut off
        for label, value in others.items()
        if label not in (None, likeliest) and value is not None
    )
    return (first_name(likeliest), percent(confidence), *rest)
