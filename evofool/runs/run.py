"""A run directory, opened: its configuration, its elites, their images and their ancestors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float
from PIL import Image

from evofool.classifiers import confidence, label_of, resolve_class
from evofool.evolution import (
    Genomes,
    Step,
    compiled_render,
    image_bytes,
    lineage,
    make_rates,
    polished,
)
from evofool.images import Images, Levels, to_image, to_levels
from evofool.runs.frames import Size, draw_frame, frame_of
from evofool.runs.integrity import genomes_of
from evofool.runs.opened import OpenedRun
from evofool.support import UserError, check_room

COORDINATE_BYTES = 16  # of a pixel, for a CPPN: x, y, distance and bias
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

    def render(self, size: Size) -> Image.Image:
        """Draws a CPPN elite anew: `size` is its longer side in pixels, or (width, height).

        Raises:
            UserError: a directly encoded image, which has no detail beyond its own pixels.
        """
        return to_image(self.run.draw_large(self.genome, size))

    def ancestors(self) -> list[Genomes]:
        """Makes the genomes of `steps` again, this elite's first."""
        return self.run.replay(self.run_index, self.steps)


class Run(OpenedRun):
    """A run directory.

    Indexing gives the elite of a class by index or label: `run["7"]`. Arguments are those of
    `OpenedRun`.
    """

    def genomes(self, run_index: int) -> Genomes:
        """Returns the elites' genomes, leaves `[cells, ...]`."""
        return jax.tree.map(lambda leaf: leaf[run_index], genomes_of(self.table))

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
        output = resolve_class(self.card, name)
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
        check_room(
            size * image_bytes(self.card.input_shape),
            f"drawing micro-batches of {size} images, as {self.folder} says",
            remedy="use a machine with more memory",
        )
        for start in range(0, len(genomes), size):
            part = genomes[start : start + size]
            filled = [*part, *[part[-1]] * (size - len(part))]
            images = render(jax.tree.map(lambda *leaves: np.stack(leaves), *filled))
            yield np.asarray(images)[: len(part)]

    def check_drawable(self, size: Size) -> None:
        """Makes sure that elites can be drawn anew at a size, as `draw_large` takes it.

        Raises:
            UserError: the run is directly encoded, a side is below 1, or such an image does not fit
                into memory.
        """
        if self.config.encoding != "cppn":
            raise UserError(
                f"{self.folder} is directly encoded: its images have no detail beyond their "
                "own pixels; use 'evofool export' for those"
            )
        frame = frame_of(size, self.card.input_shape)
        channels = self.card.input_shape[2]
        check_room(
            frame.height * frame.width * (COORDINATE_BYTES + image_bytes((channels,))),
            f"an image of {frame.width}x{frame.height} pixels",
            remedy="choose a smaller --size",
        )

    def draw_large(self, genome: Genomes, size: Size) -> Levels:
        """Draws one CPPN genome at any size.

        Args:
            genome: of this run.
            size: pixels along the longer side, or (width, height). Where these have other
                proportions than the image that was evolved, shapes keep theirs: that image is in
                the middle, and the network draws what it has beyond its edges.

        Raises:
            UserError: as `check_drawable`.
        """
        self.check_drawable(size)
        return draw_frame(genome, size, self.config.cppn, self.card.input_shape)

    def replay(self, run_index: int, steps: list[Step]) -> list[Genomes]:
        """Makes the genomes of a line of descent again from the random keys, newest first."""
        newest = (steps[0].generation, steps[0].child)
        records = self.lineage.ancestry(run_index, newest)
        encoding, known = polished.load(self.folder / "lineage", self.encoding, run_index, records)
        genomes = lineage.replay(
            encoding, make_rates(self.config), self.config.seed + run_index, records, known
        )
        return [genomes[step.generation, step.child] for step in steps]
