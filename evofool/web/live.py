"""A run that is being evolved, as windows see it: its elites, its curve, and three buttons.

Evolution runs in its own thread and calls this after every device call; nothing here is waited for.
Only cells that changed hands are copied. Thumbnails are drawn when a window asks for one.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Any, NamedTuple

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
from evofool.images import as_png, resized, to_levels
from evofool.web.events import Events

SIDE = 112  # pixels: of a thumbnail, at most
MOST_POINTS = 2000  # of the curve


class Seen(NamedTuple):
    """An elite, as windows know it.

    Attributes:
        born: (generation, child index).
        log_odds: of its class.
        genome: on the host.
    """

    born: tuple[int, int]
    log_odds: float
    genome: Genomes


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
        self._plan: Plan | None = None
        self._draw: Thumbnails | None = None
        self.events = Events(self.state)

    def _begin(self, plan: Plan) -> None:
        """Takes up a run."""
        card, outputs = plan.classifier.card, plan.selection.outputs
        with self._lock:
            self._plan, self._draw = plan, Thumbnails(plan.config, card)
            self._classes = [
                {"index": output - card.class_offset, "name": first_name(label_of(card, output))}
                for output in outputs
            ]
        self.events.send({**self._status(), "classes": self._classes})

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
                "classes": self._classes,
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

    def _facts(self, cells: Sequence[int]) -> list[list[float]]:
        """Returns cell, birth and log-odds of elites."""
        return [[cell, *self._seen[cell].born, self._seen[cell].log_odds] for cell in cells]

    def thumbnail(self, cell: int) -> bytes | None:
        """Draws an elite as a PNG file; None if there is none in the cell."""
        with self._lock:
            seen, draw = self._seen.get(cell), self._draw
        return None if seen is None or draw is None else draw(seen.genome)


class Thumbnails:
    """Draws genomes of a run as small PNG files; one at a time, to leave the cores to evolution.

    Args:
        config: of the run.
        card: of its classifier.
    """

    def __init__(self, config: EvolveConfig, card: Card):
        height, width, channels = card.input_shape
        if config.encoding == "cppn":  # networks draw at any size
            scale = min(1.0, SIDE / max(height, width))
            height, width = max(1, round(height * scale)), max(1, round(width * scale))
        self._encoding = make_encoding(config, (height, width, channels))
        self._lock = Lock()

    def __call__(self, genome: Genomes) -> bytes:
        """Returns the PNG file of one genome."""
        with self._lock:
            image = compiled_render(self._encoding)(jax.tree.map(lambda leaf: leaf[None], genome))
            levels = to_levels(np.asarray(image)[0])
        return png_of(levels)


def png_of(levels: np.ndarray) -> bytes:
    """Returns levels `[height, width, channels]` as a PNG file, small ones in squares."""
    side = max(levels.shape[:2])
    return as_png(resized(levels, side * max(1, SIDE // side)), compress_level=1)


def _on_host(leaf: Any) -> np.ndarray:
    """Returns an array that all devices hold; on processors without a copy."""
    return np.asarray(leaf.addressable_data(0) if isinstance(leaf, jax.Array) else leaf)
