"""Measures what a gradient step of polishing costs, and what it consists of.

    python scripts/benchmark_polish.py
    python scripts/benchmark_polish.py --classifier mobilenet_v1_0.25_128 --weights DIR

Prints milliseconds for each elite (CPU time; on a GPU the clock's), the least of several calls,
compilation left out: drawing, and the gradient of drawing by the weights, with and without new
nodes; the classifier, and its gradient; and a whole step: "step" is on one device, which on a CPU
uses all cores; "step, all devices", where there are several (on a CPU one for each core), is spread
over them as `evofool polish` does. The elites are those of a short run.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import cppn
from evofool.classifiers import fitness_of, load_classifier
from evofool.config import make_config
from evofool.evolution import compile_loop, compile_polish, make_plan

GENERATIONS = 60  # long enough for networks of 17 nodes and 25 connections, as evolved ones are
ROOM = {"max_nodes": 64, "max_connections": 256}


def milliseconds(function: Callable, *arguments: object, elites: int, repeats: int = 3) -> float:
    """Returns the least milliseconds of a call for each elite: CPU time, on a GPU the clock's."""
    clock = time.process_time if jax.default_backend() == "cpu" else time.perf_counter
    jax.block_until_ready(function(*arguments))
    times = []
    for _ in range(repeats):
        start = clock()
        jax.block_until_ready(function(*arguments))
        times.append(clock() - start)
    return round(1000 * min(times) / elites, 3)


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classifier", default="lenet")
    parser.add_argument("--weights")
    parser.add_argument("--elites", type=int, default=32)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--widen", type=int, default=16)
    options = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", os.cpu_count() or 1)
    classifier = load_classifier(options.classifier, weights=options.weights)
    config = make_config(
        cppn=ROOM,
        generations=GENERATIONS,
        batch_size=100,
        polish={"steps": options.steps, "widen": options.widen, "batch_size": options.elites},
    )
    plan = make_plan(config, classifier)
    assert plan.climb is not None
    elites = plan.polish_batch
    infinite = np.float32(np.inf)

    loop = compile_loop(plan)
    state = loop.init(jnp.zeros(1, jnp.uint32))
    while int(state.next_generation) <= GENERATIONS:
        state = loop.advance(
            classifier.params, plan.rates, state, np.int32(GENERATIONS + 1), infinite
        )[0]
    state = jax.device_get(state)
    genomes = jax.tree.map(lambda leaf: leaf[0, :elites], state.archive.items.genome)

    def score(images: jax.Array) -> jax.Array:
        outputs = classifier.apply(classifier.params, images)
        return jnp.sum(fitness_of(outputs, classifier.kind)[:, 0])

    def draw(weight: jax.Array) -> jax.Array:
        return plan.encoding.render(genomes._replace(weight=weight))

    tunable = plan.encoding.tune(
        genomes, jax.random.split(jax.random.key(0), elites), options.widen
    )
    measure = partial(milliseconds, elites=elites)

    def measure_step(count: int) -> float:
        polish = compile_polish(
            plan,
            encoding=plan.encoding,
            micro_batch=plan.polish_micro_batch,
            devices=jax.devices()[:count],
        )

        def generation() -> object:
            # the state is donated
            return polish.advance(
                classifier.params, plan.climb, polish.place(state), np.int32(2**30), infinite
            )

        return round(measure(generation) / options.steps, 3)

    images = draw(genomes.weight)
    result = {
        "classifier": options.classifier,
        "shape": classifier.card.input_shape,
        "nodes": round(float(np.mean(cppn.num_nodes(genomes))), 1),
        "connections": round(float(np.mean(cppn.num_connections(genomes))), 1),
        "draw": measure(jax.jit(draw), genomes.weight),
        "draw, and gradient": measure(
            jax.jit(jax.grad(lambda weight: jnp.sum(draw(weight)))), genomes.weight
        ),
        "draw widened": measure(jax.jit(tunable.draw), tunable.variables),
        "draw widened, and gradient": measure(
            jax.jit(jax.grad(lambda variables: jnp.sum(tunable.draw(variables)))),
            tunable.variables,
        ),
        "classify": measure(jax.jit(score), images),
        "classify, and gradient": measure(jax.jit(jax.value_and_grad(score)), images),
        "step": measure_step(1),
    }
    if len(jax.devices()) > 1:
        result["step, all devices"] = measure_step(len(jax.devices()))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
