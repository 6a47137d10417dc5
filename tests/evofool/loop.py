"""Small runs for the tests of the loop: the compiled engine alone, or a whole run directory."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from evofool.classifiers.classifier import Classifier
from evofool.classifiers.loading import load_classifier
from evofool.config import EvolveConfig, make_config
from evofool.evolution import metrics
from evofool.evolution.checkpoint import archive_sha256, run_of
from evofool.evolution.encodings import Encoding
from evofool.evolution.generation import RunState
from evofool.evolution.lineage import Lineage
from evofool.evolution.loop import Loop, compile_loop
from evofool.evolution.plan import Plan, make_plan
from evofool.evolution.reporting import Quiet, Reporter
from evofool.evolution.session import Outcome, Session
from evofool.support.files import write_json

CLASSIFIER = "mock:5:8x8x1"  # five classes, images of 8x8 grey pixels
CHUNK = 6
# 13 children in micro-batches of 5: neither the batch nor the runs divide evenly
SETTINGS: dict[str, Any] = {"classifier": CLASSIFIER, "batch_size": 13, "micro_batch": 5}
ENCODINGS: dict[str, dict[str, Any]] = {
    "direct": {"encoding": "direct"},
    "sbx": {"encoding": "direct", "direct": {"crossover": "sbx"}},
    "cppn": {"encoding": "cppn"},
}


class Planned(NamedTuple):
    """A compiled loop and what it is called with."""

    plan: Plan
    loop: Loop

    @property
    def classifier(self) -> Classifier:
        return self.plan.classifier

    @property
    def encoding(self) -> Encoding:
        return self.plan.encoding

    @property
    def rates(self) -> Any:
        return self.plan.rates

    def start(self, *seeds: int) -> RunState:
        return self.loop.init(jnp.array(seeds, jnp.uint32))

    def advance(self, state: RunState, stop: int, *, target: float = np.inf, **other: Any) -> Any:
        params = other.get("params", self.classifier.params)
        rates = other.get("rates", self.rates)
        return self.loop.advance(params, rates, state, np.int32(stop), np.float32(target))

    def run(self, *seeds: int, stops: tuple[int, ...]) -> RunState:
        """Evolves up to each of the generations `stops` in turn, each in one call."""
        state = self.start(*seeds)
        for stop in stops:
            state = self.advance(state, stop)[0]
        return state

    def sha256(self, state: RunState, run: int) -> str:
        elites = jax.device_get(state.archive)
        return archive_sha256(run_of(elites, run), self.plan.encoding.trim)


class KilledError(Exception):
    """Stands for a process that ends without a chance to do anything."""


class Killer(Quiet):
    """Ends the run without warning once a generation is reached."""

    def __init__(self, generation: int):
        self.generation = generation

    def progress(self, generation, last, lines):
        if generation >= self.generation:
            raise KilledError


def config_of(encoding: str = "direct", **settings: Any) -> EvolveConfig:
    return make_config(**SETTINGS | ENCODINGS[encoding] | settings)


def loop_of(encoding: str = "direct", *, runs: int = 1, micro_batch: int = 5) -> Planned:
    """Returns the loop of the small configuration that most tests share."""
    return loop_for(config_of(encoding, runs=runs, micro_batch=micro_batch))


@cache
def loop_for(config: EvolveConfig, *, devices: int | None = None) -> Planned:
    """Compiles a loop on the first `devices`, once for all tests that ask for the same."""
    plan = make_plan(config, load_classifier(config.classifier))
    some = None if devices is None else jax.devices()[:devices]
    return Planned(plan, compile_loop(plan, chunk=CHUNK, devices=some))


def evolved_on(config: EvolveConfig, *devices: int, stops: tuple[int, ...]) -> list[str]:
    """Returns the SHA-256 of each run, evolved up to `stops` on so many devices in turn.

    The state goes from one number of devices to the next through the host, as it would through a
    checkpoint. The last number does the remaining stops.
    """
    loops = [loop_for(config, devices=number) for number in devices]
    state = loops[0].start(*range(7, 7 + config.runs))
    for place, stop in enumerate(stops):
        loop = loops[min(place, len(loops) - 1)]
        state = loop.advance(loop.loop.place(jax.device_get(state)), stop)[0]
    return [loops[-1].sha256(state, run) for run in range(config.runs)]


class Evolved(NamedTuple):
    """What a run directory holds in the end, without timings; equal runs compare equal."""

    archive_sha256: list[str]
    lines: list[dict[str, Any]]
    records: list[tuple[int, ...]]


def evolve(
    folder: Path, config: EvolveConfig, *, reporter: Reporter | None = None, **other: Any
) -> tuple[Evolved, Outcome]:
    """Carries a run out in `folder`, or goes on with it, without summary and images."""
    folder.mkdir(exist_ok=True)
    if not (folder / "config.json").exists():
        write_json(folder / "config.json", {"config": config.to_dict()})
    classifier = other.get("classifier") or load_classifier(config.classifier)
    plan = make_plan(config, classifier)
    outcome = Session(folder, plan, reporter or Quiet()).run()
    elites = jax.device_get(outcome.state.archive)
    shas = [archive_sha256(run_of(elites, run), plan.encoding.trim) for run in range(config.runs)]
    return Evolved(shas, lines_of(folder), records_of(folder)), outcome


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """Returns the lines of metrics.jsonl but for timings."""
    timings = ("seconds", "evaluations_per_second")
    return [
        {name: value for name, value in line.items() if name not in timings}
        for line in metrics.read(folder / "metrics.jsonl")
    ]


def records_of(folder: Path) -> list[tuple[int, ...]]:
    """Returns all lineage records as plain numbers."""
    return [tuple(map(int, record)) for record in Lineage.load(folder / "lineage").records]


class Told(Quiet):
    """Remembers messages and the generations that were reported."""

    def __init__(self):
        self.messages: list[str] = []
        self.generations: list[int] = []

    def message(self, text):
        self.messages.append(text)

    def progress(self, generation, last, lines):
        self.generations.append(generation)
