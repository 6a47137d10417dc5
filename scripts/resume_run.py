"""Goes on with a run that was stopped, or extends one that is finished.

    python scripts/resume_run.py runs/cppn-0
    python scripts/resume_run.py runs/cppn-0 --generations 1000

Works on the run directory itself, from its newest checkpoint, and takes as long as the
generations that are missing (a few milliseconds each for digits). The result is the one that
the run would have had without a stop, bit for bit.
"""

import argparse

import jax

import evofool


def main() -> None:
    """Parses the arguments, goes on, prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", help="run directory")
    parser.add_argument("--generations", type=int, help="new total")
    arguments = parser.parse_args()

    jax.config.update("jax_num_cpu_devices", 2)  # as in launch_run.py; results do not depend on it
    before = evofool.Run.open(arguments.run)
    print(f"{before.folder} is at generation {before.generation} of {before.config.generations}")
    run = evofool.resume(before, generations=arguments.generations)
    print(f"now at generation {run.generation}, stopped by {run.finished['stopped_by']}")
    print(f"median confidence {run.finished['median_confidence']:.6f}")


if __name__ == "__main__":
    main()
