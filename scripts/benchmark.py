"""Times the evolution loop against the bare classifier, in one process.

What it shows, per encoding: evaluations per second of the whole loop (parents, variation, drawing,
classification, archive) over images per second of the classifier's jitted forward pass alone, its
weights as arguments, at its best batch up to 1024. The two are timed in turn, so that a machine
whose speed drifts does not favour one. Compile time is reported apart.

    python scripts/benchmark.py                                  # LeNet, both encodings
    python scripts/benchmark.py --encoding cppn --rounds 15 --json

Takes about a minute per encoding on 2 cores. Writes nothing.
"""

import argparse
import json
import os
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evofool.classifiers import Classifier, load_classifier
from evofool.config import make_config
from evofool.encodings import make_encoding, traced_rates
from evofool.evaluator import choose_micro_batch
from evofool.evolution import RunState, make_engine
from evofool.labels import resolve_classes

BATCHES = (100, 200, 256, 512, 1024)
GENERATIONS = 32  # per timed call of the loop


def main() -> None:
    """Parses the arguments, times, prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--classifier", default="lenet")
    parser.add_argument("--weights")
    parser.add_argument("--encoding", choices=("direct", "cppn"), nargs="*")
    parser.add_argument("--batch-size", type=int, default=200)
    parser.add_argument("--micro-batch", type=int, help="as `evofool evolve` by default")
    parser.add_argument("--warm-up", type=int, default=100, help="generations before timing")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    classifier = load_classifier(arguments.classifier, weights=arguments.weights)
    results = []
    for encoding in arguments.encoding or ("direct", "cppn"):
        results.append(measure(encoding, classifier, arguments))
        if not arguments.json:
            print(describe(results[-1]))
    if arguments.json:
        print(json.dumps(results, indent=2))


def measure(
    encoding_name: str, classifier: Classifier, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Times the loop and the bare forward pass in turn; returns medians over the rounds."""
    forwards = {batch: make_forward(classifier, batch) for batch in BATCHES}
    loop, compile_seconds = make_loop(encoding_name, classifier, arguments)
    rates: dict[Any, list[float]] = {name: [] for name in (*BATCHES, "loop")}
    for _ in range(arguments.rounds):
        for batch, forward in forwards.items():
            rates[batch].append(rate(forward, batch, seconds=0.2))
        rates["loop"].append(rate(loop, GENERATIONS * arguments.batch_size, seconds=0.5))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    best = max(BATCHES, key=lambda batch: medians[batch])
    return {
        "encoding": encoding_name,
        "classifier": arguments.classifier,
        "batch_size": arguments.batch_size,
        "devices": len(jax.devices()),
        "loop_evaluations_per_second": round(medians["loop"]),
        "forward_images_per_second": {str(b): round(medians[b]) for b in BATCHES},
        "best_forward_batch": best,
        "ratio": round(medians["loop"] / medians[best], 3),
        "compile_seconds": round(compile_seconds, 2),
        "rounds": arguments.rounds,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def make_forward(classifier: Classifier, batch: int) -> Callable[[], Any]:
    """Returns a call of the compiled forward pass on random pictures."""
    shape = (batch, *classifier.card.input_shape)
    levels = np.random.default_rng(0).integers(0, 256, shape)
    images = jnp.asarray(levels / np.float32(255), jnp.float32)
    forward = jax.jit(classifier.apply)
    return lambda: forward(classifier.params, images).block_until_ready()


def make_loop(
    encoding_name: str, classifier: Classifier, arguments: argparse.Namespace
) -> tuple[Callable[[], Any], float]:
    """Returns a call that evolves `GENERATIONS` generations, and the compile time."""
    config = make_config(encoding=encoding_name, batch_size=arguments.batch_size)
    encoding = make_encoding(config, classifier.card.input_shape)
    engine = make_engine(
        encoding,
        classifier,
        cells=resolve_classes(classifier.card, ()),
        runs=1,
        batch=arguments.batch_size,
        micro_batch=arguments.micro_batch
        or choose_micro_batch(arguments.batch_size, classifier, encoding.name),
        chunk=GENERATIONS,
    )
    state = engine.init(jnp.zeros(1, jnp.uint32))
    rates, target = traced_rates(encoding), np.float32(np.inf)
    start = time.perf_counter()
    arguments_of_advance = (classifier.params, rates, state, np.int32(0), target)
    advance = engine.advance.lower(*arguments_of_advance).compile()
    compile_seconds = time.perf_counter() - start

    def evolve_from(state: RunState) -> RunState:
        stop = np.int32(int(state.next_generation) + GENERATIONS)
        state, _, _, had_room = advance(classifier.params, rates, state, stop, target)
        if not had_room:
            raise SystemExit("genomes outgrew their room; give a smaller --warm-up")
        return state

    for _ in range(-(-arguments.warm_up // GENERATIONS)):
        state = evolve_from(state)
    start_state = jax.tree.map(np.array, state)  # every timed call does the same generations
    return lambda: jax.block_until_ready(evolve_from(engine.place(start_state))), compile_seconds


def rate(call: Callable[[], Any], work: int, *, seconds: float) -> float:
    """Returns units of work per second, calling for at least `seconds`."""
    call()
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        call()
        done += work
    return done / (time.perf_counter() - start)


def describe(result: dict[str, Any]) -> str:
    """Returns one line for people."""
    best = result["best_forward_batch"]
    return (
        f"{result['encoding']:>6}: {result['loop_evaluations_per_second']:,} evaluations/s; bare "
        f"forward {result['forward_images_per_second'][str(best)]:,} images/s (batch {best}); "
        f"ratio {result['ratio']:.2f}; compile {result['compile_seconds']} s; "
        f"peak memory {result['peak_rss_mb']} MB"
    )


if __name__ == "__main__":
    main()
