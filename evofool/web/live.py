"""A run that is being evolved, as windows see it: its elites, its curve, and three buttons.

Evolution runs in its own thread and calls this after every device call; nothing here is waited for.
Only cells that changed hands are copied. Those that a window has in view are drawn at once, while
the devices are free: what is drawn later has to wait until the next call is over.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from threading import Lock
from typing import NamedTuple

import jax
import numpy as np

from evofool.classifiers import Card, first_name, label_of
from evofool.config import EvolveConfig
from evofool.evolution import (
    Genomes,
    MetricsLine,
    Plan,
    Reporter,
    RunState,
    Wish,
    compiled_render,
    make_encoding,
)
from evofool.images import Levels, as_png, resized, to_levels
from evofool.support import AnyArray
from evofool.web.events import Events

SIDE = 112  # pixels: of a thumbnail, at most
MOST_POINTS = 2000  # of the curve
ATTENTION = 10.0  # seconds that a cell counts as in view after a window has said so
BATCH = 16  # genomes drawn in one call; others are filled up to it, so that one program does


class Seen(NamedTuple):
    """An elite, as windows know it.

    Attributes:
        born: (generation, child index).
        log_odds: of its class.
        genome: on the host.
        levels: its thumbnail; None before it was drawn.
    """

    born: tuple[int, int]
    log_odds: float
    genome: Genomes
    levels: Levels | None = None


class Live:
    """An `evofool.evolution.Watcher` of the first of a run's independent runs.

    Args:
        reporter: is told as well, for instance of the terminal.
    """

    def __init__(self, reporter: Reporter):
        self._reporter = reporter
        self._lock = Lock()
        self._wish = Wish.GO_ON
        self._phase = "starting"
        self._generation = self._last = 0
        self._curve: list[list[float]] = []
        self._classes: list[dict[str, object]] = []
        self._seen: dict[int, Seen] = {}
        self._in_view: dict[int, float] = {}  # cell -> when a window said so last
        self._plan: Plan | None = None
        self._thumbnails: Thumbnails | None = None
        self.events = Events(self.state)

    def _begin(self, plan: Plan) -> None:
        """Takes up a run."""
        card, outputs = plan.classifier.card, plan.selection.outputs
        with self._lock:
            self._plan, self._thumbnails = plan, Thumbnails(plan.config, card)
            self._classes = [
                {"index": output - card.class_offset, "name": first_name(label_of(card, output))}
                for output in outputs
            ]
        self.events.send({**self._status(), **self._constants()})

    def end(self, phase: str) -> None:
        """Says how the run ended: "finished", "stopped" or what went wrong."""
        self._phase = phase
        self.events.send(self._status())

    def message(self, text: str) -> None:
        """See `Reporter`."""
        self._reporter.message(text)
        self.events.send({"message": text})

    def progress(self, generation: int, last: int, lines: list[MetricsLine]) -> None:
        """See `Reporter`."""
        self._reporter.progress(generation, last, lines)
        line = lines[0]
        names = ("min_confidence", "median_confidence", "max_confidence", "evaluations_per_second")
        with self._lock:
            self._generation, self._last, self._phase = generation, last, "evolving"
            self._curve.append([generation, *(line[name] for name in names)])
            if len(self._curve) > MOST_POINTS:
                del self._curve[1:-1:2]

    def look(self, plan: Plan, state: RunState) -> None:
        """See `Watcher`."""
        if plan is not self._plan:
            self._begin(plan)
        elites = jax.tree.map(_on_host, state.archive)
        fitness, born = elites.fitness[0], elites.items.born[0]
        best = fitness.reshape(len(self._classes), -1).argmax(axis=1)  # of a population
        rows = best + np.arange(len(best)) * (len(fitness) // len(best))
        changed = []
        with self._lock:
            for cell, row in enumerate(rows.tolist()):
                seen, id_ = self._seen.get(cell), (int(born[row, 0]), int(born[row, 1]))
                if np.isfinite(fitness[row]) and (seen is None or seen.born != id_):
                    genome = jax.tree.map(lambda x, r=row: np.array(x[0, r]), elites.items.genome)
                    self._seen[cell] = Seen(id_, float(fitness[row]), genome)
                    changed.append(cell)
            facts = self._facts(changed)
            since = time.monotonic() - ATTENTION
            in_view = [cell for cell in changed if self._in_view.get(cell, -np.inf) > since]
            seen = {cell: self._seen[cell] for cell in in_view}
        self._draw(seen)
        self.events.send({**self._status(), "curve": self._curve[-1:], "elites": facts})

    def wish(self) -> Wish:
        """See `Watcher`."""
        return self._wish

    def ask_for(self, wish: Wish) -> None:
        """Pauses the run, stops it, or lets it go on."""
        self._wish = wish
        self.events.send(self._status())

    def state(self) -> dict[str, object]:
        """Returns all that a new window has to know."""
        with self._lock:
            facts = self._facts(sorted(self._seen))
            return {
                **self._status(),
                **self._constants(),
                "curve": list(self._curve),
                "elites": facts,
            }

    def _status(self) -> dict[str, object]:
        is_paused = self._wish == Wish.PAUSE and self._phase in ("evolving", "compiling")
        return {
            "phase": "paused" if is_paused else self._phase,
            "generation": self._generation,
            "last": self._last,
        }

    def _constants(self) -> dict[str, object]:
        """Returns what stays the same as long as a run is evolved."""
        thumbnails = self._thumbnails
        return {"classes": self._classes, "shape": thumbnails and thumbnails.shape}

    def _facts(self, cells: Sequence[int]) -> list[list[float]]:
        """Returns cell, birth and log-odds of elites."""
        return [[cell, *self._seen[cell].born, self._seen[cell].log_odds] for cell in cells]

    def images(self, cells: Sequence[int], in_view: Sequence[int]) -> bytes:
        """Returns the thumbnails of cells, one after the other, as levels.

        Args:
            cells: that a window wants to show.
            in_view: cells that it has in view, and is going to want when their elites change.

        Raises:
            KeyError: there is no elite in one of the cells.
        """
        with self._lock:
            self._in_view |= dict.fromkeys(in_view, time.monotonic())
            seen = {cell: self._seen[cell] for cell in cells}
        drawn = self._draw({cell: one for cell, one in seen.items() if one.levels is None})
        levels = {cell: one.levels for cell, one in seen.items()} | drawn
        return b"".join(each.tobytes() for cell in cells if (each := levels[cell]) is not None)

    def _draw(self, seen: Mapping[int, Seen]) -> dict[int, Levels]:
        """Draws elites, and keeps what is drawn of those that are not replaced meanwhile."""
        if not seen or self._thumbnails is None:
            return {}
        genomes = [one.genome for one in seen.values()]
        drawn = dict(zip(seen, self._thumbnails(genomes), strict=True))
        with self._lock:
            for cell, levels in drawn.items():
                if self._seen[cell].born == seen[cell].born:
                    self._seen[cell] = seen[cell]._replace(levels=levels)
        return drawn


class Thumbnails:
    """Draws genomes of a run small.

    Args:
        config: of the run.
        card: of its classifier.

    Attributes:
        shape: height, width and channels of a thumbnail.
    """

    def __init__(self, config: EvolveConfig, card: Card):
        height, width, channels = card.input_shape
        scale = min(1.0, SIDE / max(height, width))
        self.shape = max(1, round(height * scale)), max(1, round(width * scale)), channels
        is_drawn_small = config.encoding == "cppn"  # networks draw at any size
        self._encoding = make_encoding(config, self.shape if is_drawn_small else card.input_shape)

    def __call__(self, genomes: Sequence[Genomes]) -> Iterator[Levels]:
        """Yields the thumbnail of each genome; some may have larger arrays than others."""
        for _, alike in groupby(genomes, key=lambda genome: jax.tree.map(np.shape, genome)):
            rows = list(alike)
            for start in range(0, len(rows), BATCH):
                yield from self._draw(rows[start : start + BATCH])

    def _draw(self, genomes: Sequence[Genomes]) -> Iterator[Levels]:
        filled = [*genomes, *[genomes[0]] * (BATCH - len(genomes))]
        batch = jax.tree.map(lambda *rows: np.stack(rows), *filled)
        for image in np.asarray(compiled_render(self._encoding)(batch))[: len(genomes)]:
            levels = to_levels(image)
            if levels.shape != self.shape:
                levels = np.asarray(resized(levels, max(self.shape[:2]))).reshape(self.shape)
            yield levels


def png_of(levels: np.ndarray) -> bytes:
    """Returns levels `[height, width, channels]` as a PNG file, small ones in squares."""
    side = max(levels.shape[:2])
    return as_png(resized(levels, side * max(1, SIDE // side)), compress_level=1)


def _on_host(leaf: AnyArray) -> np.ndarray:
    """Returns an array that all devices hold; on processors without a copy."""
    return np.asarray(leaf.addressable_data(0) if isinstance(leaf, jax.Array) else leaf)
