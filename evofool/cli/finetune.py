"""The command that gives a trained classifier a class of fooling images: fine-tune."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from evofool.cli.startup import start_jax


def fine_tune(
    classifier: Annotated[str, tyro.conf.Positional],
    *,
    out: Path,
    images: Path,
    runs: tuple[Path, ...],
    labels: Path | None = None,
    weights: Path | None = None,
    overweight: float = 7.0,
    hold_out: float = 0.5,
    epochs: int | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> None:
    """Gives a trained classifier one more class, of fooling images, and all its layers a lesson.

    Learns from photographs, for which the classifier is to go on saying what it says now, and from
    the elites of runs, which are to get the new class. Reports what changed for the photographs
    that were held out. The same seed gives the same weights.

      evofool fine-tune NAME --weights DIR --images DIR --runs runs/a runs/b --out new.safetensors
      evofool fine-tune NAME --images DIR --labels F.csv --runs RUN --out b.safetensors
      evofool evolve --classifier new --weights new.safetensors

    Args:
        classifier: a name, as in evolve.
        out: file for the weights, ending in .safetensors.
        images: folder of photographs, with a subfolder for every class, named by label, index or
            WordNet id; or any folder, with --labels.
        runs: run directories whose elites are the fooling images; a run of 0 generations gives
            images of random genomes.
        labels: CSV file with the columns file and index.
        weights: folder of the classifier's weights, or their file.
        overweight: how much all fooling images together count, in photographs of one class.
        hold_out: share of the photographs that is not learned from but measured on.
        epochs: passes of all layers over the examples, after those of the new output alone.
        seed: of the photographs that are held out, of the order and augmentation of the examples.
        quiet: no progress.
    """
    start_jax()
    import evofool
    from evofool.training import ALL

    tuned = evofool.fine_tune(
        classifier,
        out,
        images=images,
        fooling=runs,
        labels=labels,
        weights=weights,
        hold_out=hold_out,
        overweight=overweight,
        config=ALL if epochs is None else dataclasses.replace(ALL, epochs=epochs),
        seed=seed,
        on_epoch=None if quiet else lambda epoch: print(epoch, flush=True),
    )
    change = tuned.change
    print(
        f"{out}: learned {tuned.photographs:,} photographs and {tuned.fooling:,} fooling images\n"
        f"of {change.n:,} photographs held out: accuracy {change.accuracy_before:.1%} before, "
        f"{change.accuracy:.1%} after; likeliest class unchanged for {change.unchanged:.1%}; "
        f"{change.rejected:.1%} called fooling"
    )
