"""A run directory, opened: its configuration, its elites, their images and their ancestors."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float
from PIL import Image

from evofool.classifiers import confidence, label_of, resolve_class
from evofool.drawing import PLAIN, Drawing
from evofool.evolution import (
    Genomes,
    Step,
    compiled_render,
    image_bytes,
    lineage,
    make_rates,
    starters,
)
from evofool.images import Images, Levels, as_png, thumbnail, to_image, to_levels
from evofool.runs.collection import Collection
from evofool.runs.frames import Size, check_frame, draw_frame
from evofool.runs.integrity import genomes_of
from evofool.runs.opened import OpenedRun
from evofool.runs.tables import Metrics
from evofool.support import DamagedFileError, Foreign, UserError, check_room

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

    def __repr__(self) -> str:
        return (
            f"Elite({self.label!r}, {self.run.percent(self.confidence)}, seed {self.seed}, "
            f"generation {self.born[0]})"
        )

    def _repr_png_(self) -> bytes:
        return as_png(thumbnail(self.image()))

    @property
    def seed(self) -> int:
        """Seed of its independent run."""
        return self.run.config.seed + self.run_index

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

    def render(self, size: Size, *, drawing: Drawing = PLAIN) -> Image.Image:
        """Draws a CPPN elite anew: `size` is its longer side in pixels, or (width, height).

        Raises:
            UserError: a directly encoded image, which has no detail beyond its own pixels, or as
                `Run.check_drawable`.
        """
        return to_image(self.run.draw_large(self.genome, size, drawing=drawing))

    def ancestors(self) -> list[Genomes]:
        """Makes the genomes of `steps` again, this elite's first."""
        return self.run.replay(self.run_index, self.steps)


class Run(OpenedRun, Collection[Elite]):
    """A run directory.

    It is a collection of the elites of its first independent run: `run["7"]` is that of a class by
    index or label, `len(run)` their number, `for elite in run` goes through them. `run.runs` has
    all independent runs. Arguments are those of `OpenedRun`.
    """

    def __repr__(self) -> str:
        config = self.config
        last = f"..{config.seed + config.runs - 1}" if config.runs > 1 else ""
        try:
            summary = self.summary
            how = f"median {self.percent(summary['median_confidence'])}" if summary else "open"
        except DamagedFileError:
            how = "damaged"
        return (
            f"Run({str(self.folder)!r}, {config.encoding} against {self.card.name}, "
            f"seed {config.seed}{last}, {len(self.outputs)} classes, {how})"
        )

    def __len__(self) -> int:
        return len(self.runs[0])

    def _rows(self) -> list[dict[str, object]]:
        return [row for run in self.runs for row in run._rows()]

    def to_ribs(self) -> Foreign:  # pyribs is optional
        """Returns the elites of all independent runs as an archive of pyribs; see `to_ribs`."""
        from evofool.runs.adapters import to_ribs

        return to_ribs(self)

    def save_npz(self, path: str | Path) -> Path:
        """Writes the elites of all independent runs as NumPy arrays; see `save_npz`."""
        from evofool.runs.adapters import save_npz

        return save_npz(self, path)

    def _sheet(self) -> Image.Image:
        from evofool.runs.gallery import gallery

        return gallery(self, page=1)[0]

    @cached_property
    def runs(self) -> "tuple[IndependentRun, ...]":
        """The independent runs; each is a collection of elites, too."""
        return tuple(IndependentRun(run=self, index=i) for i in range(self.config.runs))

    def genomes(self, run_index: int) -> Genomes:
        """Returns the elites' genomes, leaves `[cells, ...]`."""
        return jax.tree.map(lambda leaf: leaf[run_index], genomes_of(self.table, self.encoding))

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
            UserError: no such class, the run did not evolve for it, or it has no elite.
        """
        self._check_index(run_index)
        output = resolve_class(self.card, name)
        if output not in self.outputs:
            shown = ", ".join(label_of(self.card, o) for o in self.outputs[:MOST_NAMES])
            rest = len(self.outputs) - MOST_NAMES
            raise UserError(
                f"{self.folder} has no elite for class {name}; it evolved for {shown}"
                + (f" and {rest} more" if rest > 0 else "")
            )
        cell = self.outputs.index(output)
        if not np.isfinite(self.table["archive.fitness"][run_index, cell]):
            raise UserError(
                f"{self.folder} has no elite for class {name}: no image has got a score in it"
            )
        return self._elite(run_index, cell, self.genomes(run_index))

    def _check_index(self, run_index: int) -> None:
        if not 0 <= run_index < self.config.runs:
            raise UserError(f"run index is {run_index}; expected 0..{self.config.runs - 1}")

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

    def check_drawable(self, size: Size, *, drawing: Drawing = PLAIN) -> None:
        """Makes sure that elites can be drawn anew at a size, as `draw_large` takes it.

        Raises:
            UserError: the run is directly encoded, a side is below 1, such an image does not fit
                into memory, or the drawing asks for what cannot be.
        """
        if self.config.encoding != "cppn":
            is_direct = self.config.encoding == "direct"
            how = "directly encoded" if is_direct else f"encoded as {self.config.encoding!r}"
            raise UserError(
                f"{self.folder} is {how}: its images have no detail beyond their own pixels; use "
                "'evofool export' for those"
            )
        check_frame(size, self.card.input_shape, drawing)

    def draw_large(self, genome: Genomes, size: Size, *, drawing: Drawing = PLAIN) -> Levels:
        """Draws one CPPN genome at any size.

        Args:
            genome: of this run.
            size: pixels along the longer side, or (width, height). Where these have other
                proportions than the image that was evolved, shapes keep theirs: that image is in
                the middle, and the network draws what it has beyond its edges.
            drawing: the part of the plane, and the colours.

        Raises:
            UserError: as `check_drawable`.
        """
        self.check_drawable(size, drawing=drawing)
        return draw_frame(genome, size, self.config.cppn, self.card.input_shape, drawing)

    def replay(self, run_index: int, steps: list[Step]) -> list[Genomes]:
        """Makes the genomes of a line of descent again from the random keys, newest first."""
        born = [(step.generation, step.child) for step in steps]
        genomes = self.remake(run_index, born)
        return [genomes[one] for one in born]

    def remake(
        self, run_index: int, born: Sequence[tuple[int, int]]
    ) -> dict[tuple[int, int], Genomes]:
        """Makes children again from the random keys.

        Args:
            run_index: which of the independent runs.
            born: (generation, child) of each.

        Returns:
            Their genomes, and those of all their ancestors.

        Raises:
            UserError: the lineage has no record of one of them.
        """
        return self.line(run_index, born).plain() if born else {}

    def line(self, run_index: int, born: Sequence[tuple[int, int]]) -> lineage.Remade:
        """Makes children again as `remake` does; of CPPNs, with the marks of their history."""
        records = self.lineage.ancestry(run_index, *born)
        encoding, known = starters.remembered(self.folder, self.encoding, run_index, records)
        line = lineage.Remade(encoding, make_rates(self.config), self.config.seed + run_index)
        line.add_all(records, known)
        return line


@dataclass(frozen=True, kw_only=True, eq=False)
class IndependentRun(Collection[Elite]):
    """One of the independent runs of a run directory, and a collection of its elites.

    Attributes:
        run: the run directory.
        index: which of its independent runs.
    """

    run: Run
    index: int

    def __repr__(self) -> str:
        return f"IndependentRun({self.index} of {self.run!r}, seed {self.seed})"

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.run.config.seed + self.index

    @property
    def metrics(self) -> Metrics:
        """Its lines of `metrics.jsonl`."""
        return Metrics(line for line in self.run.metrics if line["run"] == self.index)

    @property
    def confidences(self) -> Float[np.ndarray, " cells"]:
        """The confidence of every elite in its class, in [0, 1]; 0 where a class has none."""
        return self.run.confidences[self.index]

    def elites(self) -> list[Elite]:
        """Returns the elites, in the order of the classes."""
        return self.run.elites(self.index)

    def elite(self, name: str | int) -> Elite:
        """Returns the elite of a class by index or label.

        Raises:
            UserError: no such class, or the run did not evolve for it.
        """
        return self.run.elite(name, self.index)

    def __len__(self) -> int:
        return int(np.isfinite(self.run.table["archive.fitness"][self.index]).sum())

    def _rows(self) -> list[dict[str, object]]:
        from evofool.runs.inspection import facts

        return [{"seed": elite.seed, **asdict(facts(elite))} for elite in self.elites()]

    def _sheet(self) -> Image.Image:
        from evofool.runs.gallery import gallery

        return gallery(self.run, run_index=self.index, page=1)[0]
