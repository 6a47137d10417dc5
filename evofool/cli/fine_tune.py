"""The command that adds a class of fooling images to a classifier: fine-tune."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from evofool.cli.lines import say
from evofool.cli.numbers import MaybeCount, Seed, Share, decimal
from evofool.cli.startup import start_jax
from evofool.support import rounded_percent


def fine_tune(
    classifier: Annotated[str, tyro.conf.Positional],
    *,
    out: Path,
    images: Path,
    runs: tuple[Path, ...],
    labels: Path | None = None,
    weights: Path | None = None,
    overweight: Annotated[float, decimal(0.0, 1e6)] = 7.0,
    hold_out: Share = 0.5,
    epochs: MaybeCount = None,
    seed: Seed = 0,
    quiet: bool = False,
) -> None:
    """Adds a "fooling" class to a classifier; fine-tunes all layers.

    The training images are photographs, whose targets are the classifier's present outputs, and
    the elites of runs, whose target is the new class. Prints how the outputs for held-out
    photographs changed. The same seed gives the same weights.

      evofool fine-tune NAME --weights DIR --images DIR --runs runs/a runs/b --out new.safetensors
      evofool fine-tune NAME --images DIR --labels F.csv --runs RUN --out b.safetensors
      evofool evolve --classifier new --weights new.safetensors

    Args:
        classifier: name of the classifier, as in evolve.
        out: file to write the weights to, ending in .safetensors.
        images: folder of photographs, with a subfolder for each class, named by label, index or
            WordNet id; with --labels, any folder.
        runs: run directories whose elites are the fooling images; a run of 0 generations
            contributes images of random genomes.
        labels: CSV file with the columns file and index.
        weights: .safetensors file of the classifier, or the folder that holds it.
        overweight: weight of all fooling images together, in units of the photographs of one class.
        hold_out: share of the photographs to hold out, for measuring only.
        epochs: number of epochs for all layers, which follow those for the new output alone.
        seed: seed of the held-out photographs, and of the order and augmentation of training
            images.
        quiet: print no progress.
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
        on_epoch=None if quiet else lambda epoch: say(epoch),
    )
    change = tuned.change
    say(
        f"{out}: trained on {tuned.photographs:,} photographs and {tuned.fooling:,} fooling "
        f"images\n"
        f"{change.n:,} held-out photographs: accuracy {rounded_percent(change.accuracy_before)} "
        f"before, {rounded_percent(change.accuracy)} after; same class as before for "
        f"{rounded_percent(change.unchanged)}; class fooling for {rounded_percent(change.rejected)}"
    )
