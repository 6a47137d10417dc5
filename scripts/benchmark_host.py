"""How much of its model's speed evolution keeps, where the model computes outside JAX.

    python scripts/benchmark_host.py 'onnx:opt-mnist.onnx?prep=unit&backend=native' --batches 1000

Loop and bare model take turns: a generation of a run without files, then the model alone on as
many images. Of both the fastest and the median time count, as other work on the machine disturbs.
"""

import argparse
import os
import statistics
import time

import numpy as np

from evofool.cli.startup import start_jax

start_jax(evolves=True)  # as the command does, before JAX is asked anything

from evofool.config import make_config  # noqa: E402
from evofool.evaluation import evaluate  # noqa: E402
from evofool.evolution import load_configured, make_plan  # noqa: E402
from evofool.evolution.calls import Caller  # noqa: E402

WARM = 4  # generations before the clock starts


def measure(name: str, batch: int, turns: int) -> str:
    """Returns a row of the table."""
    config = make_config(classifier=name, batch_size=batch, generations=10**6)
    plan = make_plan(config, load_configured(config))
    caller = Caller(plan, lambda _: None)
    state, done = caller.start(None), 0
    shape = (batch, *plan.classifier.card.input_shape)
    images = np.random.default_rng(0).random(shape, np.float32)
    loop, bare = [], []
    while len(loop) < turns:
        call = caller.call(state, int(state.next_generation) + 1, np.float32(np.inf))
        state = call.state if call.had_room else caller.with_more_room(call.state)
        done += call.had_room
        began = time.perf_counter()
        evaluate(plan.classifier, images, caller.micro_batch)
        if call.had_room and done > WARM:
            loop.append(call.seconds)
            bare.append(time.perf_counter() - began)
    cells = [f"`{plan.classifier.card.name}`", str(batch), str(caller.micro_batch)]
    for typical in (min, statistics.median):
        speed, alone = batch / typical(loop), batch / typical(bare)
        cells.append(f"{speed:,.0f} / {alone:,.0f} = {speed / alone:.2f}")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measures all models at all batches, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", help="addresses")
    parser.add_argument("--batches", nargs="+", type=int, default=[200])
    parser.add_argument("--turns", type=int, default=100)
    given = parser.parse_args()
    print(
        "| model | batch | micro-batch | images/s, fastest: loop / model | median |\n"
        + "|---" * 5
        + "|"
    )
    for name in given.models:
        for batch in given.batches:
            print(measure(name, batch, given.turns), flush=True)
    print(f"\nload at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
