"""A run directory, opened: its configuration, its elites, their images and their ancestors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Unpack

import jax
import numpy as np
from jaxtyping import Float
from PIL import Image

import cppn
from evofool.classifiers import (
    Card,
    Classifier,
    Fingerprint,
    confidence,
    label_of,
    resolve_class,
    resolve_classes,
)
from evofool.config import EvolveConfig, from_dict
from evofool.evolution import (
    Checkpoint,
    Encoding,
    Genomes,
    Lineage,
    MetricsLine,
    Step,
    compiled_render,
    configure,
    cppn_spec,
    cppn_style,
    elites_of,
    lineage,
    load_newest,
    make_encoding,
    make_rates,
    metrics,
    micro_batches,
)
from evofool.images import Images, Levels, to_image, to_levels
from evofool.runs.folders import nothing_yet
from evofool.runs.identity import Given, check_identity, load_recorded
from evofool.runs.summary import Manifest, Summary
from evofool.support import UserError, names_code, read_json

MOST_NAMES = 20  # of classes in a message


@dataclass(frozen=True, kw_only=True, eq=False)
class Elite:
    """The best image found for one class.

    Attributes:
        run: the run it belongs to.
        run_index: which of the run's independent runs.
        cell: the place of its class among those the run evolved for.
        output: index of the classifier's output.
        label: of the class.
        fitness: log-odds of the class.
        runner_up: label of the strongest other class.
        born: (generation, child index).
        genome: host arrays of one genome.
    """

    run: "Run"
    run_index: int
    cell: int
    output: int
    label: str
    fitness: float
    runner_up: str
    born: tuple[int, int]
    genome: Genomes

    @property
    def confidence(self) -> float:
        """Softmax probability of the class, in [0, 1]."""
        return float(confidence(self.fitness))

    @property
    def class_index(self) -> int:
        """Index of the class (the output without the card's offset)."""
        return self.output - self.run.card.class_offset

    @property
    def steps(self) -> list[Step]:
        """The line of descent, from this elite back to generation 0."""
        return self.run.lineage.descent(self.run_index, self.born, self.cell)

    def image(self) -> Levels:
        """Draws the 8-bit image that was scored."""
        return next(self.run.images([self]))

    picture = image  # its name until 0.1

    def render(self, size: int) -> Image.Image:
        """Draws a CPPN elite anew with `size` pixels along its longer side.

        Raises:
            UserError: a directly encoded image, which has no detail beyond its own pixels.
        """
        return to_image(self.run.draw_large(self.genome, size))

    def ancestors(self) -> list[Genomes]:
        """Makes the genomes of `steps` again, this elite's first."""
        return self.run.replay(self.run_index, self.steps)


class Run:
    """A run directory.

    Indexing gives the elite of a class by index or label: `run["7"]`.

    Args:
        folder: as made by `evofool.evolve`.
        **given: what is known of the classifier besides what the folder says, see `Given`.

    Raises:
        UserError: the folder is not a run directory.
    """

    def __init__(self, folder: str | Path, **given: Unpack[Given]):
        self.folder = Path(folder)
        if not (self.folder / "config.json").is_file():
            raise nothing_yet(
                self.folder,
                "is not a run directory (it has no config.json)",
                remedy="make one with 'evofool evolve --out DIR'",
            )
        self.manifest: Manifest = read_json(self.folder / "config.json")
        self.config: EvolveConfig = from_dict(self.manifest["config"])
        self.card = Card.from_dict(self.manifest["classifier"])
        self.outputs = resolve_classes(self.card, self.config.classes)
        self._given = given

    @classmethod
    def open(cls, run: "str | Path | Run", **given: Unpack[Given]) -> "Run":
        """Opens a run directory; one that is open already is returned as it is.

        It is opened anew where something is given about its classifier, as to `Run`.
        """
        if isinstance(run, Run) and not any(given.values()):
            return run
        return cls(run.folder if isinstance(run, Run) else run, **given)

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier the run fools; loaded on first use."""
        classifier = self._given.get("classifier")
        if not isinstance(classifier, Classifier):
            return load_recorded(self.config, self._given, source=self.folder / "config.json")
        if classifier.members and classifier.card.input_shape == self.card.input_shape:
            return classifier  # sees this run's images already
        return configure(classifier, self.config)

    @property
    def would_run_code(self) -> bool:
        """Whether to load the classifier is to run code that only the run directory names."""
        is_trusted = self._given.get("classifier") or self._given.get("trust_code")
        return not is_trusted and names_code(self.config.classifier)

    def check_identity(self, classifier: Classifier) -> float:
        """Makes sure that `classifier` is the one the run was evolved for.

        Returns:
            How far two answers of it to the same image are apart; 0 if it is deterministic.

        Raises:
            UserError: its weights, classes or answers are others.
        """
        known = self.manifest.get("fingerprint")
        answers = None if known is None else Fingerprint.from_dict(known)
        return check_identity(self.folder, classifier, recorded=self.card, answers=answers)

    check_weights = check_identity  # its name until 0.1

    @cached_property
    def summary(self) -> Summary | None:
        """What `summary.json` says, or None while the run is not finished."""
        path = self.folder / "summary.json"
        return read_json(path) if path.exists() else None

    @property
    def finished(self) -> Summary:
        """The summary of a run that has one.

        Raises:
            UserError: the run is not finished.
        """
        if self.summary is None:
            raise nothing_yet(self.folder, "is not finished")
        return self.summary

    @property
    def metrics(self) -> list[MetricsLine]:
        """The lines of `metrics.jsonl`."""
        return list(metrics.read(self.folder / "metrics.jsonl"))

    @cached_property
    def lineage(self) -> Lineage:
        """Who descends from whom."""
        return Lineage.load(self.folder / "lineage")

    @cached_property
    def _newest(self) -> Checkpoint:
        newest = load_newest(self.folder / "checkpoints", lambda text: None)
        if newest is None:
            raise nothing_yet(self.folder, "has no checkpoint yet")
        return newest

    @cached_property
    def table(self) -> dict[str, np.ndarray]:
        """The arrays of the newest whole checkpoint; of a population, its best member."""
        return elites_of(self._newest.table, classes=len(self.outputs))

    @property
    def generation(self) -> int:
        """The last generation that the newest checkpoint holds."""
        return self._newest.generation

    @property
    def micro_batch(self) -> int:
        """The micro-batch used last; smaller than the configured one if memory was short."""
        used = micro_batches(self._newest, self.manifest)
        return min(size for size in (self.config.micro_batch, used[-1][1]) if size)

    @cached_property
    def encoding(self) -> Encoding:
        """How genomes of this run are drawn."""
        return make_encoding(self.config, self.card.input_shape)

    def genomes(self, run_index: int) -> Genomes:
        """Returns the elites' genomes, leaves `[cells, ...]`."""
        leaves = self.table
        prefix = "archive.items.genome"
        if prefix in leaves:
            return leaves[prefix][run_index]
        fields = {f: leaves[f"{prefix}.{f}"][run_index] for f in cppn.Genome._fields}
        return cppn.Genome(**fields)

    def elites(self, run_index: int = 0) -> list[Elite]:
        """Returns the elites of one of the independent runs, in the order of the classes.

        Raises:
            UserError: there is no such run.
        """
        self._check_index(run_index)
        fitness = self.table["archive.fitness"][run_index]
        genomes = self.genomes(run_index)
        return [
            self._elite(run_index, int(cell), genomes)
            for cell in np.flatnonzero(np.isfinite(fitness))
        ]

    def all_elites(self) -> list[Elite]:
        """Returns the elites of all independent runs, run by run, in the order of the classes."""
        return [elite for index in range(self.config.runs) for elite in self.elites(index)]

    @property
    def confidences(self) -> Float[np.ndarray, "runs cells"]:
        """The confidence of every elite in its class, in [0, 1]; 0 where a class has none."""
        return confidence(self.table["archive.fitness"])

    def _elite(self, run_index: int, cell: int, genomes: Genomes) -> Elite:
        output = self.outputs[cell]
        first, second = self.table["archive.items.best"][run_index, cell].tolist()
        generation, child = self.table["archive.items.born"][run_index, cell].tolist()
        return Elite(
            run=self,
            run_index=run_index,
            cell=cell,
            output=output,
            label=label_of(self.card, output),
            fitness=float(self.table["archive.fitness"][run_index, cell]),
            runner_up=label_of(self.card, second if first == output else first),
            born=(generation, child),
            genome=jax.tree.map(lambda leaf: leaf[cell], genomes),
        )

    def elite(self, name: str | int, run_index: int = 0) -> Elite:
        """Returns the elite of a class by index or label.

        Raises:
            UserError: no such class, or the run did not evolve for it.
        """
        self._check_index(run_index)
        output = resolve_class(self.card, str(name))
        cell = self.outputs.index(output) if output in self.outputs else None
        if cell is None or not np.isfinite(self.table["archive.fitness"][run_index, cell]):
            shown = ", ".join(label_of(self.card, o) for o in self.outputs[:MOST_NAMES])
            rest = len(self.outputs) - MOST_NAMES
            raise UserError(
                f"{self.folder} has no elite for class {name}; it evolved for {shown}"
                + (f" and {rest} more" if rest > 0 else "")
            )
        return self._elite(run_index, cell, self.genomes(run_index))

    def _check_index(self, run_index: int) -> None:
        if not 0 <= run_index < self.config.runs:
            raise UserError(f"run index is {run_index}; expected 0..{self.config.runs - 1}")

    def __getitem__(self, name: str | int) -> Elite:
        return self.elite(name)

    def images(self, elites: Sequence[Elite]) -> Iterator[Levels]:
        """Draws elites, as 8-bit levels; no more than a micro-batch is in memory at a time."""
        for images in self.draw([elite.genome for elite in elites]):
            yield from to_levels(images)

    pictures = images  # its name until 0.1

    def draw(self, genomes: Sequence[Genomes]) -> Iterator[Images]:
        """Draws genomes as the loop drew them, one micro-batch after the other.

        One program draws any number of them: the last micro-batch is filled up with the last one.
        """
        render, size = compiled_render(self.encoding), self.micro_batch
        for start in range(0, len(genomes), size):
            part = genomes[start : start + size]
            filled = [*part, *[part[-1]] * (size - len(part))]
            images = render(jax.tree.map(lambda *leaves: np.stack(leaves), *filled))
            yield np.asarray(images)[: len(part)]

    def check_drawable(self, size: int) -> None:
        """Makes sure that elites can be drawn with `size` pixels along their longer side.

        Raises:
            UserError: the run is directly encoded, or `size` is below 1.
        """
        if self.config.encoding != "cppn":
            raise UserError(
                f"{self.folder} is directly encoded: its images have no detail beyond their "
                "own pixels; use 'evofool export' for those"
            )
        if size < 1:
            raise UserError(f"size is {size}; expected at least 1 pixel")

    def draw_large(self, genome: Genomes, size: int) -> Levels:
        """Draws one CPPN genome with `size` pixels along its longer side.

        Raises:
            UserError: as `check_drawable`.
        """
        self.check_drawable(size)
        *sides, channels = self.card.input_shape
        height, width = (max(1, round(side * size / max(sides))) for side in sides)
        image = cppn.render(
            genome,
            spec=cppn_spec(self.config.cppn, channels),
            height=height,
            width=width,
            style=cppn_style(self.config.cppn, channels),
            drawn_at=(sides[0], sides[1]),
        )
        return to_levels(np.asarray(image))

    def replay(self, run_index: int, steps: list[Step]) -> list[Genomes]:
        """Makes the genomes of a line of descent again from the random keys, newest first."""
        newest = (steps[0].generation, steps[0].child)
        records = self.lineage.ancestry(run_index, newest)
        genomes = lineage.replay(
            self.encoding, make_rates(self.config), self.config.seed + run_index, records
        )
        return [genomes[step.generation, step.child] for step in steps]
