"""The command that changes images so that a classifier takes them for something else: attack."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from evofool.cli.flags import Json
from evofool.cli.startup import start_jax

if TYPE_CHECKING:
    from evofool.attacks import Attacked


def attack(
    name: Annotated[str, tyro.conf.Positional],
    images: Annotated[tuple[Path, ...], tyro.conf.Positional] = (),
    *,
    classifier: str,
    weights: Path | None = None,
    combine: Literal["mean", "min"] = "mean",
    label: str | None = None,
    target: str | None = None,
    epsilon: tuple[float, ...] | None = None,
    steps: int | None = None,
    step: float | None = None,
    norm: Literal["linf", "l2"] | None = None,
    pixels: int | None = None,
    settings: Literal["plain", "decay", "sparse", "blur"] | None = None,
    seed: int | None = None,
    save: Path | None = None,
    out: Path | None = None,
    as_json: Json = False,
) -> None:
    """Changes images a little, so that their class changes.

    Attacks: fgsm and pgd follow the sign of the gradient, in one step or many; finite-differences
    finds signs from outputs alone; deepfool and lbfgs look for the smallest change; one-pixel
    changes one pixel, or a few, by evolution; universal finds one change for all images;
    gradient-ascent makes an image from noise. Results have 8 bits. With --out each image gets a
    strip (original, change, result) and a curve.

      evofool attack fgsm cat.png --classifier NAME --weights nets --target airliner --out fooled
      evofool attack one-pixel ship.png --classifier cifar_cnn --weights nets --pixels 3
      evofool attack universal a.jpg b.jpg --classifier NAME --weights nets --epsilon 0.04
      evofool attack gradient-ascent --classifier lenet --target 7 --settings decay --out seven

    Args:
        name: of the attack, see above.
        images: image files.
        classifier: name, "a+b" for several at once, or module:factory.
        weights: safetensors file, or the folder it is in.
        combine: of several classifiers, the mean or the least confidence.
        label: class that the images are of; else what the classifier takes each for.
        target: of all but deepfool and universal: class that they are to be taken for; else any
            other. lbfgs and gradient-ascent need one.
        epsilon: of fgsm, pgd, finite-differences and universal: largest changes of a value, as
            shares of the range 0..255, from 1/255 to 1; else 0.01, 0.02 and 0.05. With --norm l2,
            radii: the root of the sum of all squared changes, each a share of the range.
        steps: of pgd, deepfool and lbfgs.
        step: of finite-differences, by how much a value is raised, as a share of the range.
        norm: of deepfool (else l2) and universal (else linf): what is small, the largest change
            of a value or the root of the sum of squares.
        pixels: of one-pixel: how many may change; else 1.
        settings: of gradient-ascent.
        seed: of one-pixel, universal and gradient-ascent.
        save: .npz file that keeps what is done of a long attack, and from which it goes on; of
            finite-differences, lbfgs, one-pixel, universal and gradient-ascent.
        out: folder for images.
        as_json: print JSON.
    """
    start_jax()
    from evofool.attacks import attack
    from evofool.classifiers import load_classifier
    from evofool.cli.console import make_table, output, print_json, progress_output
    from evofool.cli.progress import counting
    from evofool.evaluation import summarize_actions

    flags = {"steps": steps, "step": step, "norm": norm, "pixels": pixels}
    flags |= {"settings": settings, "seed": seed, "save": save}
    with counting(name, progress_output()) as report:
        found = attack(
            name,
            images,
            load_classifier(classifier, weights=weights, combine=combine),
            label=label,
            target=target,
            epsilon=epsilon,
            out=out,
            report=report,
            **{flag: value for flag, value in flags.items() if value is not None},
        )
    if as_json:
        print_json(found)
        return
    rows = [_row(line, is_labelled=label is not None) for line in found]
    output().print(make_table(list(rows[0]), [list(row.values()) for row in rows]))
    if any(line.success and line.already for line in found):
        print("already: the classifier took the original for such a class, too")
    actions = {line.image: line.actions for line in found}
    for line in summarize_actions(actions.values()):
        print(line)
    if out is not None:
        print(f"images: {out}")


def _row(line: "Attacked", *, is_labelled: bool) -> dict[str, str | int | None]:
    """Returns a line of the table, by column."""
    from evofool.classifiers import first_name
    from evofool.images import percent

    row: dict[str, str | int | None] = {
        "image": line.image,
        "epsilon": None if line.epsilon is None else f"{line.epsilon:g}",
        "class": first_name(line.label),
        "before": percent(line.before),
    }
    if is_labelled:  # else the class is what it was taken for
        row["was taken for"] = f"{first_name(line.seen)} {percent(line.seen_confidence)}"
    row |= {"taken for": first_name(line.found), "confidence": percent(line.confidence)}
    if line.target_before is not None and line.of_target is not None:
        row["target before"] = percent(line.target_before)
        row["target after"] = percent(line.of_target)
    return row | {
        "success": "no" if not line.success else "already" if line.already else "yes",
        "linf": f"{line.linf:.4f}",
        "l2": f"{line.l2:.3f}",
        "pixels": line.l0,
    }
