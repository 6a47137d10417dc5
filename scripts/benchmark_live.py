"""Measures what watching costs: the share of processor time that goes to a window that listens.

    python scripts/benchmark_live.py --runs 5

Evolves a run that is served, with a client in a process of its own that takes every event and asks
for the thumbnails that changed, up to 40 a second, as the page does. Prints the processor seconds
of the evolving process, and those of them that were spent on the window: in the threads of the
server and in looking at the elites. Linux only. About ten seconds per run on two cores, after one
that compiles. Writes nothing that stays. Needs the extra `[dev]`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import httpx2 as httpx

import evofool
from evofool.evolution import Plan, RunState, Watcher

PER_SECOND = 40  # thumbnails


class Cost(NamedTuple):
    """Of one run, in processor seconds.

    Attributes:
        process: of all threads of the evolving process.
        window: of these, what was spent on the window.
    """

    process: float
    window: float


def listen(base: str) -> None:
    """Is a window, until the run is finished; prints how many events and images came."""
    events = images = second = spent = 0
    with (
        httpx.Client(base_url=base, timeout=60) as client,
        client.stream("GET", "/api/live/events") as stream,
    ):
        for line in stream.iter_lines():
            if not line.startswith("data: "):
                continue
            events += 1
            event = json.loads(line[6:])
            if event.get("phase") == "finished":
                break
            for cell, generation, child, _ in event.get("elites", []):
                if int(time.monotonic()) != second:
                    second, spent = int(time.monotonic()), 0
                if (spent := spent + 1) > PER_SECOND:
                    break
                client.get(f"/api/live/elites/{cell}.png?born={generation}-{child}")
                images += 1
    print(f"{events} events, {images} images")


def watched(settings: dict, folder: Path) -> tuple[Cost, str]:
    """Evolves a run with a window; returns also what the window says."""
    windows: list[subprocess.Popen[str]] = []
    costs: list[Cost] = []

    def open_window(base: str) -> None:
        command = [sys.executable, __file__, "--listen", base]
        windows.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        time.sleep(5)  # until it listens

    def measured(reporter: Watcher) -> evofool.Run:
        looked, look = 0.0, reporter.look

        def timed(plan: Plan, state: RunState) -> None:
            nonlocal looked
            start = time.thread_time()
            look(plan, state)
            looked += time.thread_time() - start

        setattr(reporter, "look", timed)  # noqa: B010  (a method)
        before, start = of_other_threads(), time.process_time()
        run = evofool.evolve(**settings, out=folder, overwrite=True, reporter=reporter)
        served = sum(seconds - before.get(id_, 0.0) for id_, seconds in of_other_threads().items())
        costs.append(Cost(time.process_time() - start, served + looked))
        return run

    address = evofool.Address(port=0)
    evofool.evolve_live(measured, quiet=True, address=address, on_ready=open_window)
    said, _ = windows[0].communicate(timeout=60)
    return costs[0], said.strip()


def of_other_threads() -> dict[int, float]:
    """Returns the processor seconds of all threads of Python's but this one, by their ids."""
    ticks, seconds = os.sysconf("SC_CLK_TCK"), {}
    for thread in threading.enumerate():
        id_ = thread.native_id
        if id_ is not None and thread is not threading.current_thread():
            stat = Path(f"/proc/self/task/{id_}/stat").read_text(encoding="ascii")
            user, system = stat.rpartition(")")[2].split()[11:13]
            seconds[id_] = (int(user) + int(system)) / ticks
    return seconds


def main() -> None:
    """Parses the flags and prints the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--generations", type=int, default=600)
    parser.add_argument("--classifier", default="lenet")
    parser.add_argument("--listen", metavar="ADDRESS", help="be the window")
    flags = parser.parse_args()
    if flags.listen:
        listen(flags.listen)
        return
    evofool.configure()
    settings = {"classifier": flags.classifier, "generations": flags.generations}
    shares = []
    with tempfile.TemporaryDirectory() as folder:
        watched(settings, Path(folder) / "run")  # compiles everything
        for _ in range(flags.runs):
            cost, said = watched(settings, Path(folder) / "run")
            shares.append(100 * cost.window / cost.process)
            print(
                f"{cost.process:.2f} processor seconds, {cost.window:.2f} of them for the window "
                f"({said}): {shares[-1]:.1f} %",
                flush=True,
            )
    print(f"median {statistics.median(shares):.1f} %")


if __name__ == "__main__":
    main()
