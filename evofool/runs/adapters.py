"""Elites as objects and files of other programs: a pyribs archive, NumPy arrays."""

from pathlib import Path

import jax
import numpy as np

from evofool.evolution import genome_arrays
from evofool.runs.choosing import select
from evofool.runs.run import Run
from evofool.support import Foreign, needing, write_arrays


def to_ribs(run: str | Path | Run) -> Foreign:  # pyribs is optional
    """Returns the elites as an archive of pyribs, with a category for each class and each seed.

    The solutions are the images as values in [0, 1], `[height, width, channels]`, the objective is
    the fitness; `confidence` is a further field.

    Args:
        run: a run directory; all its independent runs.

    Returns:
        A `ribs.archives.CategoricalArchive`.

    Raises:
        UserError: pyribs is not installed, or the run has no elites yet.
    """
    with needing("archives of pyribs", "ribs"):
        from ribs.archives import CategoricalArchive  # pyright: ignore[reportMissingImports]
    run = Run.open(run)
    arrays = _arrays_of(run)
    held = CategoricalArchive(
        solution_dim=run.card.input_shape,
        categories=[sorted(set(arrays["label"].tolist())), [one.seed for one in run.runs]],
        extra_fields={"confidence": ((), np.float64)},
        dtype=np.float64,
    )
    held.add(
        solution=arrays["image"] / 255.0,
        objective=arrays["fitness"],
        measures=[*zip(arrays["label"].tolist(), arrays["seed"].tolist(), strict=True)],
        confidence=arrays["confidence"],
    )
    return held


def save_npz(run: str | Path | Run, path: str | Path) -> Path:
    """Writes the elites as NumPy arrays whose rows are elites: images, numbers and genomes.

    Args:
        run: a run directory; all its independent runs.
        path: of the `.npz` file; replaced if it is there.

    Returns:
        The path. `numpy.load` reads the file without pickle: `image` uint8 `[elites, height, width,
        channels]`, `label`, `class_index`, `runner_up`, `fitness` (log-odds), `confidence`, `seed`,
        `born` `[elites, 2]` (generation, child), and the arrays of the genomes, named `genome...`.

    Raises:
        UserError: the run has no elites yet, or the file cannot be written.
    """
    run = Run.open(run)
    arrays = _arrays_of(run)
    write_arrays(Path(path), arrays)
    return Path(path)


def _arrays_of(run: Run) -> dict[str, np.ndarray]:
    """Returns the elites of all independent runs as arrays; see `save_npz`."""
    elites = select(run, sort="class")
    genomes = jax.tree.map(lambda *leaves: np.stack(leaves), *(elite.genome for elite in elites))
    names = genome_arrays(run.encoding, prefix="genome")
    return {
        "image": np.stack(list(run.images(elites))),
        "label": np.array([elite.label for elite in elites]),
        "class_index": np.array([elite.class_index for elite in elites]),
        "runner_up": np.array([elite.runner_up for elite in elites]),
        "fitness": np.array([elite.fitness for elite in elites]),
        "confidence": np.array([elite.confidence for elite in elites]),
        "seed": np.array([elite.seed for elite in elites]),
        "born": np.array([elite.born for elite in elites]),
        **dict(zip(names, jax.tree.leaves(genomes), strict=True)),
    }
