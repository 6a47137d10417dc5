"""Calls of the compiled loop, which is built anew when genomes or micro-batches change size."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from evofool.classifiers import Classifier
from evofool.config import EvolveConfig
from evofool.evaluation import evaluate
from evofool.evolution.checkpoint import holds_smaller_arrays, unflatten
from evofool.evolution.encodings import Encoding, make_encoding, make_rates
from evofool.evolution.engine import make_engine
from evofool.evolution.generation import Log, RunState
from evofool.evolution.selection import make_selection
from evofool.support import multihost

MAX_CHUNK = 32  # generations in one device call at most


class Call(NamedTuple):
    """What came of a call.

    Attributes:
        state: after it, on the devices; the state that it was given is gone.
        logs: one for every generation that was done.
        had_room: whether every genome fitted; if not, the generation after the last log was undone.
        seconds: that it took, compilation left out.
    """

    state: RunState
    logs: list[Log]
    had_room: bool
    seconds: float


class Driver:
    """The compiled loop of a run, with the room that its genomes need by now.

    Args:
        config: resolved (with a micro-batch).
        classifier: the one the configuration names, inside JAX or outside.
        say: takes something worth a line.

    Attributes:
        encoding: with the present room for genomes.
        selection: which cells there are.
        compile_seconds: spent with tracing and compiling so far.
    """

    def __init__(self, config: EvolveConfig, classifier: Classifier, say: Callable[[str], None]):
        assert config.micro_batch is not None
        self.selection = make_selection(config, classifier.card)
        self.compile_seconds = 0.0
        self._config, self._classifier, self._say = config, classifier, say
        self._rates = make_rates(config)
        self.build(make_encoding(config, classifier.card.input_shape), config.micro_batch)

    def build(self, encoding: Encoding, micro_batch: int) -> None:
        """Builds the loop anew, for genomes or micro-batches of another size."""
        self.encoding, self._micro_batch = encoding, micro_batch
        self._engine = make_engine(
            encoding,
            self._classifier,
            selection=self.selection,
            runs=self._config.runs,
            batch=self._config.batch_size,
            micro_batch=micro_batch,
            chunk=MAX_CHUNK,
        )
        if self._classifier.is_jax:
            self._params = self._engine.place(self._classifier.params)
        self._advance: Any = None

    def start(self, table: dict[str, np.ndarray] | None) -> RunState:
        """Returns the state of a checkpoint, or without one that before generation 0."""
        config = self._config
        seeds: Any = np.arange(config.runs, dtype=np.uint32) + np.uint32(config.seed)
        state = self._engine.init(seeds)
        if table is None:
            return state
        while holds_smaller_arrays(state, table):
            self.build(self.encoding.grown(), self._micro_batch)
            state = self._engine.init(seeds)
        return self._engine.place(unflatten(table, state))

    def with_more_room(self, state: RunState) -> RunState:
        """Doubles the room of every genome; the generation that lacked it was not counted."""
        elites = jax.device_get(state.archive)
        genomes = self.encoding.grow(elites.items.genome)
        self.build(self.encoding.grown(), self._micro_batch)
        self._say(
            f"genomes outgrew their room at generation {int(state.next_generation)}: doubled it"
        )
        elites = elites._replace(items=elites.items._replace(genome=genomes))
        return self._engine.place(state._replace(archive=elites))

    def call(self, state: RunState, stop: int, target: np.float32) -> Call:
        """Runs generations, at most `MAX_CHUNK`; one, where the classifier lives outside JAX.

        Args:
            state: is donated: do not use it again.
            stop: the generation to stop before.
            target: fitness of the least class at which to stop, infinite for none.
        """
        if not self._classifier.is_jax:
            return self._call_host(state)
        arguments = (self._params, self._rates, state, np.int32(stop), target)
        if self._advance is None:
            start = time.perf_counter()
            self._say("compiling")
            self._advance = self._engine.advance.lower(*arguments).compile()
            multihost.gather([0])  # to wait for slower compilers is no evolving
            self.compile_seconds += time.perf_counter() - start
        start = time.perf_counter()
        state, logs, count, had_room = self._advance(*arguments)
        logs = jax.device_get(logs)  # waits for the call
        seconds = time.perf_counter() - start
        each = [Log(*(leaf[i] for leaf in logs)) for i in range(int(count))]
        return Call(state, each, bool(had_room), seconds)

    def _call_host(self, state: RunState) -> Call:
        start = time.perf_counter()
        offspring, images = self._engine.ask(self._rates, state)
        runs, batch, *shape = images.shape
        outputs = evaluate(
            self._classifier, np.asarray(images).reshape(-1, *shape), self._micro_batch
        )
        outputs = jnp.asarray(outputs.reshape(runs, batch, -1))
        state, log = self._engine.tell(state, offspring, outputs)
        had_room = bool(jnp.all(offspring.had_room))
        seconds = time.perf_counter() - start
        return Call(state, [jax.device_get(log)] if had_room else [], had_room, seconds)
