"""Calls of the compiled loop, which is built anew when genomes or micro-batches change size."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Key

from evofool.evaluation import evaluate, in_parts
from evofool.evolution.ask_tell import Images
from evofool.evolution.checkpoint import holds_smaller_arrays, unflatten
from evofool.evolution.encodings import Encoding, Genomes, compiled_render
from evofool.evolution.expectation import expected_log_odds
from evofool.evolution.generation import Log, Offspring, RunState, child_keys
from evofool.evolution.loop import Loop, compile_loop, compile_polish
from evofool.evolution.plan import Plan
from evofool.evolution.polishing import next_cells
from evofool.evolution.starters import Starters
from evofool.support import AnyArray, Compiled, Tree, kept, multihost


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


class Caller:
    """The compiled loop of a run, with the room that its genomes need by now.

    Args:
        plan: of the run.
        say: takes something worth a line.
        starters: genomes that the first children of generation 0 have; the others are random.

    Attributes:
        micro_batch: children that are made together at present.
        encoding: with the room that genomes have at present.
        compile_seconds: spent with tracing and compiling so far.
    """

    def __init__(self, plan: Plan, say: Callable[[str], None], *, starters: Starters | None = None):
        self._plan, self._say, self._starters = plan, say, starters
        self.compile_seconds = 0.0
        self.micro_batch = plan.micro_batch
        self._build(plan.encoding if starters is None else starters.encoding)

    def _build(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self._loop = compile_loop(self._plan, encoding=encoding, micro_batch=self.micro_batch)
        if self._plan.classifier.is_jax:
            self._params = self._loop.place(self._plan.classifier.params)
        self._advance: Compiled = None  # compiled by the first call
        self._polish: Compiled = None

    def use_micro_batch(self, size: int) -> None:
        """Goes on with micro-batches of another size."""
        if size != self.micro_batch:
            self.micro_batch = size
            self._build(self.encoding)

    def start(self, table: Mapping[str, np.ndarray] | None) -> RunState:
        """Returns the state of a checkpoint, or without one that before generation 0."""
        config = self._plan.config
        seeds: AnyArray = np.arange(config.runs, dtype=np.uint32) + np.uint32(config.seed)
        state = self._loop.init(seeds)
        if table is None:
            return state
        while holds_smaller_arrays(state, table):
            self._build(self.encoding.grown())
            state = self._loop.init(seeds)
        return self._loop.place(unflatten(table, state))

    def call(self, state: RunState, stop: int, target: np.float32) -> Call:
        """Runs generations, at most `MAX_CHUNK`; one, where the classifier lives outside JAX.

        Args:
            state: is donated: do not use it again.
            stop: the generation to stop before.
            target: fitness of the least class at which to stop, infinite for none.
        """
        begins = self._starters is not None and int(state.next_generation) == 0
        if begins or not self._plan.classifier.is_jax:
            return self._call_by_halves(state)
        if not self._has_room_to_polish(state):
            return Call(state, [], had_room=False, seconds=0.0)  # known without climbing
        advance, arguments = self._program(state, np.int32(stop), target)
        start = time.perf_counter()
        state, logs, count, had_room = advance(*arguments)
        logs = jax.device_get(logs)  # waits for the call
        seconds = time.perf_counter() - start
        done = [Log(*(leaf[i] for leaf in logs)) for i in range(int(count))]
        return Call(state, done, bool(had_room), seconds)

    def _is_polishing(self, state: RunState) -> bool:
        climb = self._plan.climb
        return climb is not None and int(state.next_generation) >= int(climb.starts[0])

    def _has_room_to_polish(self, state: RunState) -> bool:
        """Says whether the elites that climb next have room for what is added to them."""
        climb = self._plan.climb
        if climb is None or not self._is_polishing(state):
            return True
        choose = partial(next_cells, climb, state.next_generation, batch=self._plan.polish_batch)
        cells = jax.vmap(choose)(state.archive.fitness)
        runs = jnp.arange(len(cells))[:, None]
        genomes = jax.tree.map(
            lambda leaf: leaf[runs, cells].reshape(-1, *leaf.shape[2:]), state.archive.items.genome
        )
        keys = jax.random.split(jax.random.key(0), jax.tree.leaves(genomes)[0].shape[0])
        return bool(_all_have_room(self.encoding, genomes, keys, self._plan.config.polish.widen))

    def _program(
        self, state: RunState, stop: np.int32, target: np.float32
    ) -> tuple[Compiled, Tree]:
        """Returns the compiled program of the run's phase, and what to call it with."""
        if not self._is_polishing(state):
            arguments = (self._params, self._plan.rates, state, stop, target)
            if self._advance is None:
                self._advance = self._compile(self._loop, arguments)
            return self._advance, arguments
        loop = compile_polish(
            self._plan,
            encoding=self.encoding,
            micro_batch=min(self.micro_batch, self._plan.polish_micro_batch),
        )
        # there may be work for more devices than in evolution, or for fewer
        params, state = loop.place(self._params), loop.place(state)
        arguments = (params, self._plan.climb, state, stop, target)
        if self._polish is None:
            self._polish = self._compile(loop, arguments)
        return self._polish, arguments

    def _compile(self, loop: Loop, arguments: Tree) -> Compiled:
        start = time.perf_counter()
        self._say("compiling")
        parts = self._plan.own_parts
        known_by = None if parts is None else f"{parts} {loop.made_from}"
        program = kept(loop.advance, arguments, known_by=known_by)
        multihost.gather([0])  # to wait for slower compilers is no evolving
        self.compile_seconds += time.perf_counter() - start
        return program

    def _call_by_halves(self, state: RunState) -> Call:
        start = time.perf_counter()
        offspring, images = self._loop.by_halves.ask(self._plan.rates, state)
        if self._starters is not None and int(state.next_generation) == 0:
            offspring, images = self._with_starters(self._starters, offspring, images)
        runs, batch, *shape = images.shape
        levels = np.asarray(images).reshape(-1, *shape)
        outputs = self._outputs_of(levels, state)
        outputs = jnp.asarray(outputs.reshape(runs, batch, -1))
        state, log = self._loop.by_halves.tell(state, offspring, outputs)
        had_room = bool(jnp.all(offspring.had_room))
        seconds = time.perf_counter() - start
        return Call(state, [jax.device_get(log)] if had_room else [], had_room, seconds)

    def _outputs_of(self, images: np.ndarray, state: RunState) -> np.ndarray:
        """Shows the children of all runs to a classifier outside JAX, as they are or worn."""
        classifier, expectation = self._plan.classifier, self._plan.expectation
        if expectation is None:
            return evaluate(classifier, images, self.micro_batch)
        child = jnp.arange(self._plan.config.batch_size)
        keys = jnp.concatenate(
            [child_keys(seed, state.next_generation, child) for seed in state.seeds]
        )
        return expected_log_odds(classifier, expectation, images, keys, self.micro_batch)

    def _with_starters(
        self, starters: Starters, offspring: Offspring, images: Images
    ) -> tuple[Offspring, Images]:
        """Puts given genomes, and their images, in the places of the first children of each run."""
        number, (leaves, structure) = starters.number, jax.tree.flatten(starters.genomes)
        genomes = jax.tree.map(
            lambda made, given: made.at[:, :number].set(given), offspring.genomes, starters.genomes
        )
        drawn = in_parts(
            lambda *leaves: np.asarray(
                compiled_render(self.encoding)(jax.tree.unflatten(structure, leaves))
            ),
            leaves,
            self.micro_batch,
        )
        return offspring._replace(genomes=genomes), images.at[:, :number].set(drawn)

    def with_more_room(self, state: RunState) -> RunState:
        """Doubles the room of every genome; the generation that lacked it was not counted."""
        elites = jax.device_get(state.archive)
        genomes = self.encoding.grow(elites.items.genome)
        self._build(self.encoding.grown())
        self._say(
            f"genomes outgrew their room at generation {int(state.next_generation)}: doubled it"
        )
        elites = elites._replace(items=elites.items._replace(genome=genomes))
        return self._loop.place(state._replace(archive=elites))


@partial(jax.jit, static_argnames=("encoding", "widen"))
def _all_have_room(
    encoding: Encoding, genomes: Genomes, keys: Key[Array, " batch"], widen: int
) -> Bool[Array, ""]:
    return jnp.all(encoding.tune(genomes, keys, widen).had_room)
