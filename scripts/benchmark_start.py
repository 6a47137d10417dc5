"""How long a run takes to its first generation: nothing cached, programs cached, same process.

    python scripts/benchmark_start.py
    python scripts/benchmark_start.py --encoding direct --classifier NAME --weights DIR

"a new machine" and "a new process" are commands, `evofool evolve --generations 0`, with an empty
and with a filled cache of compiled programs: interpreter, imports, compiling and the initial
population, until generation 0 is printed, and until the end, with images and checkpoint. "the same
process" is `evofool.evolve` with another seed, after a first one.

Best measured on an idle machine.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Prints the median of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classifier", default="lenet")
    parser.add_argument("--weights")
    parser.add_argument("--encoding", default="cppn", choices=["cppn", "direct"])
    parser.add_argument("--batch-size", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    times: dict[str, list[float]] = {}
    for _ in range(arguments.repeats):
        with tempfile.TemporaryDirectory() as folder:
            environment = os.environ | {"EVOFOOL_CACHE": f"{folder}/cache"}
            for name in ("a new machine", "a new process"):
                first, whole = timed_command(arguments, Path(folder) / name, environment)
                times.setdefault(f"{name}, to generation 0", []).append(first)
                times.setdefault(f"{name}, whole command", []).append(whole)
            times.setdefault("the same process", []).append(timed_call(arguments, Path(folder)))
    for name, all_times in times.items():
        span = f"{min(all_times):.2f} to {max(all_times):.2f}"
        print(f"{name}: {statistics.median(all_times):.2f} s ({span}, n = {len(all_times)})")


def timed_command(
    arguments: argparse.Namespace, out: Path, environment: dict[str, str]
) -> tuple[float, float]:
    """Returns the seconds to the line of the initial population, and to the end."""
    command = [sys.executable, "-m", "evofool", "evolve", "--generations", "0"]
    command += ["--classifier", arguments.classifier, "--encoding", arguments.encoding]
    command += ["--batch-size", str(arguments.batch_size), "--out", str(out)]
    if arguments.weights:
        command += ["--weights", arguments.weights]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    lines = []
    first = float("nan")
    for line in process.stdout:
        lines.append(line)
        if line.startswith("generation 0/"):
            first = time.perf_counter() - start
    if process.wait():
        raise SystemExit("".join(lines))
    return first, time.perf_counter() - start


def timed_call(arguments: argparse.Namespace, folder: Path) -> float:
    """Returns the seconds of a run in this process, after one that differs in its seed."""
    import evofool

    seconds = 0.0
    for seed in (0, 1):
        start = time.perf_counter()
        evofool.evolve(
            arguments.classifier,
            weights=arguments.weights,
            encoding=arguments.encoding,
            batch_size=arguments.batch_size,
            generations=0,
            seed=seed,
            out=folder / f"run-{seed}",
        )
        seconds = time.perf_counter() - start
    return seconds


if __name__ == "__main__":
    main()
