"""What a run will cost: its first generations are tried, the rest is extrapolated."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from evofool.classifiers import Classifier
from evofool.config import EvolveConfig
from evofool.evolution.loop import MAX_CHUNK, compile_loop
from evofool.evolution.plan import make_plan
from evofool.support import peak_memory

TRIAL_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a run would cost on this machine.

    Attributes:
        seconds: wall time of evolution, compilation included; checkpoints, images and polishing are
            left out.
        compile_seconds: of that, tracing and compiling (or reading the compiled program).
        evaluations_per_second: in the trial; CPPNs grow, and then take longer to draw.
        memory_bytes: most memory that the process has held.
        device_memory_bytes: most memory held on the accelerator, or None without one.
    """

    seconds: float
    compile_seconds: float
    evaluations_per_second: float
    memory_bytes: int
    device_memory_bytes: int | None


def forecast_run(config: EvolveConfig, classifier: Classifier) -> Forecast:
    """Runs the first generations of a run for about two seconds, without its files.

    Args:
        config: the run.
        classifier: the one it names; in JAX.

    Raises:
        UserError: the configuration does not fit the classifier.
    """
    plan = make_plan(config, classifier)
    loop = compile_loop(plan)  # as a run does, so that this compiles its program for it
    state = loop.init(jnp.uint32(config.seed) + jnp.arange(config.runs, dtype=jnp.uint32))
    params, rates, forever = classifier.params, plan.rates, np.float32(np.inf)
    start = time.perf_counter()
    advance = loop.advance.lower(params, rates, state, np.int32(1), forever).compile()
    compile_seconds = time.perf_counter() - start

    start, elapsed, generations = time.perf_counter(), 0.0, 0
    for stop in _stops(config.last_generation):
        state, _, count, had_room = advance(params, rates, state, stop, forever)
        generations += int(count)  # waits for the call
        elapsed = time.perf_counter() - start
        if elapsed > TRIAL_SECONDS or not had_room:
            break
    speed = generations * config.batch_size * config.runs * config.looks / elapsed
    evaluations = (config.last_generation + 1) * config.batch_size * config.runs * config.looks
    return Forecast(
        seconds=compile_seconds + evaluations / speed,
        compile_seconds=compile_seconds,
        evaluations_per_second=speed,
        memory_bytes=peak_memory(),
        device_memory_bytes=_device_memory(),
    )


def _stops(last: int) -> Iterator[np.int32]:
    """Yields the generations before which calls end: after 1, 2, 4, ... generations."""
    done, length = 0, 1
    while done <= last:
        done = min(done + length, last + 1)
        length = min(2 * length, MAX_CHUNK)
        yield np.int32(done)


def _device_memory() -> int | None:
    statistics = jax.devices()[0].memory_stats()
    return statistics.get("peak_bytes_in_use") if statistics else None
