"""Attacks on image files, by the name of the attack."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool

from evofool.attacks.by_name import FileAttack, find_attack
from evofool.attacks.gradient_ascent import noise_images
from evofool.attacks.inputs import Report, Task, check_epsilon, prepare
from evofool.attacks.patch import SIZES, Patch, check_size
from evofool.attacks.results import AttackResult
from evofool.attacks.strips import StripRow, draw_strip, write_curve
from evofool.classifiers import (
    Classifier,
    check_classifier,
    first_name,
    load_classifier,
    resolution,
    resolve_class,
)
from evofool.config import EvolveConfig
from evofool.data import read_photographs
from evofool.evaluation import Recognized, recognize
from evofool.images import Levels, save_image, to_image
from evofool.support import Setting, UserError, locked_folder, percent

EPSILONS = (0.01, 0.02, 0.05)  # those that are tried unless others are given


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """The figures of an attack on an image.

    Attributes:
        image: path of the file, or "noise".
        actions: preprocessing of the image, for instance "turned upright (EXIF)", and what seems
            wrong with it.
        epsilon: largest change allowed, as a share of the range; None where the attack has none.
        size: side of a patch, as a share of the shorter side of the image; None without a patch.
        held_out: whether a patch was made without the image.
        label: class of the image.
        target: class that it was to be taken for; None for any class but the label.
        seen: the likeliest class in the original.
        seen_confidence: its probability, in [0, 1].
        before: probability of the label in the original.
        target_before: probability of the target in the original; None without a target.
        found: the likeliest class in the result.
        confidence: its probability.
        of_label: probability of the label in the result.
        of_target: probability of the target in the result; None without a target.
        success: whether `found` is the target or, without one, is not the label.
        already: whether the original was a success, too: it was misclassified before the attack.
        rounded_away: whether a change between levels succeeded, and none of 8 bits was found.
        linf: largest change of a value, as a share of the range.
        l2: Euclidean norm of the change, in the same unit.
        l0: pixels that changed.
        queries: number of images shown to the classifier.
        gradients: number of gradients computed.
        resolution: step of which all confidences are multiples; 0 if there is none.
    """

    image: str
    actions: tuple[str, ...]
    epsilon: float | None
    size: float | None
    held_out: bool
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
    rounded_away: bool
    linf: float
    l2: float
    l0: int
    queries: int
    gradients: int
    resolution: float


def attack(
    name: str,
    images: str | Path | Sequence[str | Path],
    classifier: str | Classifier = EvolveConfig.classifier,
    *,
    weights: str | Path | None = None,
    invert: bool = False,
    label: str | None = None,
    target: str | None = None,
    epsilon: float | Sequence[float] | None = None,
    out: str | Path | None = None,
    report: Report | None = None,
    **options: Setting,  # whatever the attack's signature says
) -> list[Attacked]:
    """Attacks images in files, after the preprocessing that the classifier's card describes.

    Args:
        name: of the attack, a key of `ATTACKS`; "_" does for "-".
        images: a file, or several; `read_photographs` says which formats are read. None for
            "gradient-ascent", which starts from noise.
        classifier: a name, or a `Classifier`; that of `evolve` unless given.
        weights: as in `load_classifier`.
        invert: exchange dark and bright, for instance for black digits on white paper.
        label: class of the images; the likeliest class of each unless given.
        target: class that they are to be taken for; any other unless given.
        epsilon: largest change allowed, or several to try; `EPSILONS` unless given. A radius in
            the L2 norm has no such default.
        out: folder for the adversarial images, a patch and, for each original, a strip and a
            curve.
        report: is called with the amount of work done and of all work.
        **options: further arguments of the attack.

    Returns:
        A line for each image and epsilon, or size of a patch.

    Raises:
        UserError: an unknown attack or class, a file or classifier that cannot be used, options
            that the attack does not have, or `out` cannot be written, which is found out first.
    """
    chosen = find_attack(name)
    optional = {"target": target, "epsilon": epsilon}
    chosen.check(options | {option: v for option, v in optional.items() if v is not None})
    paths = [images] if isinstance(images, str | Path) else list(images)
    if chosen.starts_from_noise and paths:
        raise UserError(f"{chosen.name} starts from noise; give no images")
    if chosen.starts_from_noise and invert:
        raise UserError(f"{chosen.name} starts from noise; there is nothing to invert")
    if not chosen.starts_from_noise and not paths:
        raise UserError("no images to attack; give their files")
    if isinstance(classifier, str):
        classifier = load_classifier(classifier, weights=weights)
    confidence_step = resolution(classifier, outputs=check_classifier(classifier))
    if chosen.starts_from_noise:
        originals = _noise(classifier, options.get("seed", 0))
    else:
        originals = _read(classifier, paths, invert)
    labels = originals.recognized.classes if label is None else _class(classifier, label)
    wanted = None if target is None else _class(classifier, target)
    task = prepare(classifier, originals.levels, labels)
    if wanted is not None:
        if not chosen.starts_from_noise:
            _refuse_own_class(classifier, originals.names, task.labels, wanted)
        options["target"] = wanted
        task = task._replace(target=np.full_like(task.labels, wanted))
    amounts: Sequence[float | None] = [None]
    if chosen.axis is not None:
        given = epsilon if chosen.axis == "epsilon" else options.get("size")
        norm = options.get("norm", "linf")
        amounts = options[chosen.axis] = _amounts(chosen, classifier, given, norm=norm)
    folder = None if out is None else Path(out)
    with nullcontext() if folder is None else locked_folder(folder):
        result = chosen.run(classifier, task.images, task.labels, report=report, **options)
        patch, is_held_out = None, np.zeros(len(task.images), bool)
        if isinstance(result, Patch):
            patch, is_held_out, result = result.image, result.is_held_out, result.attack
        if chosen.axis is None:  # the others have an axis already
            result = jax.tree.map(lambda leaf: leaf[None], result)
        axis = {chosen.axis or "epsilon": amounts}
        lines = _lines(task, originals, axis, result, is_held_out, confidence_step)
        if folder is not None:
            if patch is not None:
                save_image(to_image(patch), folder / "patch.png")
            _write_all(folder, task.images, lines, result.images)
    return lines


class _Originals(NamedTuple):
    """The images before the attack.

    Attributes:
        names: paths, or "noise".
        levels: 0..255, of the classifier's input size.
        actions: preprocessing of each.
        recognized: the classifier's verdict on them.
    """

    names: Sequence[str | Path]
    levels: Levels
    actions: Sequence[tuple[str, ...]]
    recognized: Recognized


def _read(classifier: Classifier, paths: Sequence[str | Path], invert: bool) -> _Originals:
    prepared = read_photographs(paths, classifier.card, invert=invert)
    levels = np.stack([image.levels for image in prepared])
    actions = [image.actions for image in prepared]
    return _Originals(paths, levels, actions, recognize(classifier, levels, names=paths))


def _noise(classifier: Classifier, seed: int) -> _Originals:
    levels = noise_images(classifier, 1, seed=seed)
    return _Originals(["noise"], levels, [()], recognize(classifier, levels))


def _amounts(
    chosen: FileAttack,
    classifier: Classifier,
    given: float | Sequence[float] | None,
    *,
    norm: str,
) -> list[float]:
    """Returns the epsilons or sizes to try; the default epsilons are changes of a value, not L2."""
    if chosen.axis == "size":
        sizes = np.atleast_1d(np.asarray(SIZES if given is None else given, float))
        check_size(sizes.tolist(), classifier.card.input_shape)
        return sizes.tolist()
    if given is None and norm == "l2":
        raise UserError(f"{chosen.name} with norm l2 needs an epsilon, the radius of the ball")
    return check_epsilon(EPSILONS if given is None else given, norm=norm)


def _refuse_own_class(
    classifier: Classifier, names: Sequence[str | Path], labels: np.ndarray, wanted: int
) -> None:
    """Refuses images whose class is the target already, by their names."""
    same = [str(name) for name, label in zip(names, labels, strict=True) if label == wanted]
    if same:
        raise UserError(
            f"the target, {wanted} ({classifier.card.labels[wanted]}), is the class of "
            f"{', '.join(same[:5])}{' and others' if same[5:] else ''} already; leave these out, "
            "or give another class or no target"
        )


def _class(classifier: Classifier, name: str) -> int:
    return resolve_class(classifier.card, name) - classifier.card.class_offset


def _lines(
    task: Task,
    originals: _Originals,
    axis: Mapping[str, Sequence[float | None]],
    result: AttackResult,
    is_held_out: Bool[np.ndarray, " batch"],
    confidence_step: float,
) -> list[Attacked]:
    """Returns the figures for each image and value of the axis, by the axis's name.

    Results have the same axis.
    """
    ((axis_name, amounts),) = axis.items()
    card, before = task.classifier.card, originals.recognized
    already = task.is_success(before.classes)
    label_before = before.confidence_in(task.labels)
    target_before = None if task.target is None else before.confidence_in(task.target)
    after = [Recognized.from_log_odds(log_odds) for log_odds in result.log_odds]
    lines = []
    for row, name in enumerate(originals.names):
        for number, amount in enumerate(amounts):
            of_target = None
            if task.target is not None:
                of_target = float(after[number].confidence_in(task.target)[row])
            lines.append(
                Attacked(
                    image=str(name),
                    actions=originals.actions[row],
                    **{"epsilon": None, "size": None, axis_name: amount},
                    held_out=bool(is_held_out[row]),
                    label=card.labels[task.labels[row]],
                    target=None if task.target is None else card.labels[task.target[row]],
                    seen=card.labels[before.classes[row]],
                    seen_confidence=float(before.confidence[row]),
                    before=float(label_before[row]),
                    target_before=None if target_before is None else float(target_before[row]),
                    found=card.labels[result.label[number, row]],
                    confidence=float(result.confidence[number, row]),
                    of_label=float(after[number].confidence_in(task.labels)[row]),
                    of_target=of_target,
                    success=bool(result.success[number, row]),
                    already=bool(already[row]),
                    rounded_away=bool(result.rounded_away[number, row]),
                    linf=float(result.linf[number, row]),
                    l2=float(result.l2[number, row]),
                    l0=int(result.l0[number, row]),
                    queries=int(result.queries[number, row]),
                    gradients=int(result.gradients[number, row]),
                    resolution=confidence_step,
                )
            )
    return lines


def _write_all(
    folder: Path, originals: np.ndarray, lines: Sequence[Attacked], made: np.ndarray
) -> None:
    """Writes the results of all images, numbered; `made` leads with the axis of amounts."""
    for row, original in enumerate(originals):
        of_image = lines[row * len(made) : (row + 1) * len(made)]
        stem = folder / f"{row + 1:02d}-{Path(of_image[0].image).stem}"
        _write(stem, original, of_image, made[:, row])


def _write(stem: Path, original: np.ndarray, lines: Sequence[Attacked], made: np.ndarray) -> None:
    """Writes the results of one image, the strip that compares them, and the curve."""
    axis = "epsilon" if lines[0].size is None else "size"
    amounts = [line.epsilon if line.size is None else line.size for line in lines]
    names = ["" if amount is None else f"-{amount:g}" for amount in amounts]
    for name, image in zip(names, made, strict=True):
        save_image(to_image(image), stem.with_name(f"{stem.name}{name}.png"))
    first = lines[0]
    caption = partial(_caption, partial(percent, step=first.resolution))
    rows = [
        StripRow(
            heading="" if amount is None else f"{axis} {amount:g}",
            image=image,
            caption=caption(line.found, line.confidence, {line.target: line.of_target}),
        )
        for line, amount, image in zip(lines, amounts, made, strict=True)
    ]
    others = {first.label: first.before, first.target: first.target_before}
    strip = draw_strip(original, caption(first.seen, first.seen_confidence, others), rows)
    save_image(strip, stem.with_name(f"{stem.name}-strip.png"))
    if len(lines) > 1:
        curves = {first_name(first.label): [first.before, *(line.of_label for line in lines)]}
        if first.target is not None:
            in_target = [first.target_before, *(line.of_target for line in lines)]
            curves[first_name(first.target)] = [value for value in in_target if value is not None]
        write_curve(
            stem.with_name(f"{stem.name}-curve.png"),
            [0.0, *(amount or 0.0 for amount in amounts)],
            axis=axis,
            best=[first.seen_confidence, *(line.confidence for line in lines)],
            names=[first_name(first.seen), *(first_name(line.found) for line in lines)],
            of=curves,
        )


def _caption(
    write: Callable[[float], str],
    likeliest: str,
    confidence: float,
    others: Mapping[str | None, float | None],
) -> tuple[str, ...]:
    """Returns the likeliest class of an image, and the probabilities of label and target."""
    rest = (
        f"{write(value)} {first_name(label)}"  # a long name is cut off
        for label, value in others.items()
        if label not in (None, likeliest) and value is not None
    )
    return (first_name(likeliest), write(confidence), *rest)
