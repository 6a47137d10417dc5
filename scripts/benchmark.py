"""Times the evolution loop against the bare classifier, in one process.

What it shows, per encoding: evaluations per second of the whole loop (parents, variation, drawing,
classification, archive) over images per second of the classifier's jitted forward pass alone, its
weights as arguments, at its best batch: on one device, which uses all cores, or spread over as many
devices as the loop has. The two are timed in turn, so that a machine whose speed drifts does not
favour one. Compile time is reported apart.

    python scripts/benchmark.py                                  # LeNet, both encodings
    python scripts/benchmark.py --encoding cppn --rounds 15 --json
    python scripts/benchmark.py --classifier mobilenet_v1_0.25_128 --weights DIR --encoding cppn \
        --batch-size 400 --generations 2 --warm-up 20

Takes about a minute per encoding on 2 cores, longer for large networks. Writes nothing.
"""

import argparse
import json
import math
import os
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from evofool.classifiers import Classifier, load_classifier
from evofool.config import make_config
from evofool.evolution import RunState, compile_loop, make_plan
from evofool.images import from_levels
from evofool.support import jit

BATCHES = (100, 200, 256, 512, 1024)  # of a forward pass of digits
LARGE_BATCHES = (2, 4, 8, 16, 32)  # of images of 64x64x3 and more


def main() -> None:
    """Parses the arguments, times, prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--classifier", default="lenet")
    parser.add_argument("--weights")
    parser.add_argument("--encoding", choices=("direct", "cppn"), nargs="*")
    parser.add_argument("--batch-size", type=int, default=200)
    parser.add_argument("--micro-batch", type=int, help="as `evofool evolve` by default")
    parser.add_argument("--generations", type=int, default=32, help="per timed call of the loop")
    parser.add_argument("--warm-up", type=int, default=100, help="generations before timing")
    parser.add_argument("--forward-batches", type=int, nargs="*", help="of the bare forward pass")
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
    is_large = math.prod(classifier.card.input_shape) >= 64 * 64 * 3
    forwards = {
        (batch, devices): make_forward(classifier, batch, devices)
        for batch in arguments.forward_batches or (LARGE_BATCHES if is_large else BATCHES)
        for devices in {1, len(jax.devices())}
    }
    loop, compile_seconds = make_loop(encoding_name, classifier, arguments)
    children = arguments.generations * arguments.batch_size
    rates: dict[Any, list[float]] = {name: [] for name in (*forwards, "loop")}
    for _ in range(arguments.rounds):
        for (batch, devices), forward in forwards.items():
            rates[batch, devices].append(rate(forward, batch, seconds=0.2))
        rates["loop"].append(rate(loop, children, seconds=0.5))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    best = max(forwards, key=lambda name: medians[name])
    return {
        "encoding": encoding_name,
        "classifier": arguments.classifier,
        "batch_size": arguments.batch_size,
        "devices": len(jax.devices()),
        "loop_evaluations_per_second": round(medians["loop"]),
        "forward_images_per_second": round(medians[best]),
        "forward_batch": best[0],
        "forward_devices": best[1],
        "ratio": round(medians["loop"] / medians[best], 3),
        "compile_seconds": round(compile_seconds, 2),
        "rounds": arguments.rounds,
        "device_memory": jax.devices()[0].memory_stats(),  # None on a CPU
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def make_forward(classifier: Classifier, batch: int, devices: int) -> Callable[[], Any]:
    """Returns a call of the compiled forward pass on random images, shared by the devices."""
    shape = (batch, *classifier.card.input_shape)
    levels = np.random.default_rng(0).integers(0, 256, shape)
    mesh = Mesh(np.array(jax.devices()[:devices]), ("images",), axis_types=(AxisType.Auto,))
    values = from_levels(levels)
    images = jax.device_put(values, NamedSharding(mesh, P("images")))
    forward = jit(
        jax.shard_map(
            classifier.apply,
            mesh=mesh,
            in_specs=(P(), P("images")),
            out_specs=P("images"),
            check_vma=False,
        )
    )
    params = jax.device_put(classifier.params, NamedSharding(mesh, P()))
    return lambda: forward(params, images).block_until_ready()


def make_loop(
    encoding_name: str, classifier: Classifier, arguments: argparse.Namespace
) -> tuple[Callable[[], Any], float]:
    """Returns a call that evolves `--generations` generations, and the compile time."""
    config = make_config(
        encoding=encoding_name,
        batch_size=arguments.batch_size,
        micro_batch=arguments.micro_batch,
    )
    plan = make_plan(config, classifier)
    loop = compile_loop(plan, chunk=arguments.generations)
    state = loop.init(jnp.zeros(1, jnp.uint32))
    rates, target = plan.rates, np.float32(np.inf)
    start = time.perf_counter()
    arguments_of_advance = (classifier.params, rates, state, np.int32(0), target)
    advance = loop.advance.lower(*arguments_of_advance).compile()
    compile_seconds = time.perf_counter() - start

    def evolve_from(state: RunState) -> RunState:
        stop = np.int32(int(state.next_generation) + arguments.generations)
        state, _, _, had_room = advance(classifier.params, rates, state, stop, target)
        if not had_room:
            raise SystemExit("genomes outgrew their room; give a smaller --warm-up")
        return state

    for _ in range(-(-arguments.warm_up // arguments.generations)):
        state = evolve_from(state)
    # Every timed call does the same generations, from a copy that never leaves the device: a run
    # does not send its state from the host either.
    copy = jit(partial(jax.tree.map, jnp.copy))
    return lambda: jax.block_until_ready(evolve_from(copy(state))), compile_seconds


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
    best = f"batch {result['forward_batch']} on {result['forward_devices']} device(s)"
    return (
        f"{result['encoding']:>6}: {result['loop_evaluations_per_second']:,} evaluations/s; bare "
        f"forward {result['forward_images_per_second']:,} images/s ({best}); "
        f"ratio {result['ratio']:.2f}; compile {result['compile_seconds']} s; "
        f"peak memory {result['peak_rss_mb']} MB"
    )


if __name__ == "__main__":
    main()
