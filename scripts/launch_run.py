"""Launches a run from Python and prints what came out: the place to start an experiment from.

    python scripts/launch_run.py                     # about 15 s on two cores
    python scripts/launch_run.py runs/mine --generations 1000 --seed 3

Leaves a run directory (runs/cppn-SEED unless named) with gallery.png, convergence.png,
metrics.jsonl, summary.json and checkpoints. Ctrl-C stops it; scripts/resume_run.py goes on.
"""

import argparse

import jax

import evofool
from evofool.evolution import MetricsLine


class Lines:
    """Prints how the run goes; the library itself is silent."""

    def message(self, text: str) -> None:
        """Takes something worth a line."""
        print(text)

    def progress(self, generation: int, last: int, lines: list[MetricsLine]) -> None:
        """Is called every half second or so; `lines` are the newest metrics, one per run."""
        print(f"{generation}/{last}: median confidence {lines[0]['median_confidence']:.6f}")


def main() -> None:
    """Parses the arguments, evolves, prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", nargs="?", help="run directory; runs/cppn-SEED unless given")
    parser.add_argument("--generations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    # Drawing CPPNs is many small kernels; two devices keep two cores busy. Results do not depend
    # on it. It has to be said before JAX computes anything.
    jax.config.update("jax_num_cpu_devices", 2)

    run = evofool.evolve(
        "lenet",
        encoding="cppn",
        cppn={"add_node_rate": 0.5, "weight_rate": 0.1},  # every rate can be set
        generations=arguments.generations,
        seed=arguments.seed,
        out=arguments.out,
        reporter=Lines(),
    )
    for elite in run.elites():
        print(f"{elite.label}: {elite.confidence:.6f}, born in generation {elite.born[0]}")
    print(f"images in {run.folder / 'gallery.png'}")


if __name__ == "__main__":
    main()
