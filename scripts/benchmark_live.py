"""Measures what watching costs, and how soon a window shows an elite that was found.

    python scripts/benchmark_live.py --runs 5
    python scripts/benchmark_live.py --classifier mobilenet_v1_0.25_128 --weights DIR

Evolves runs that a page in Chromium watches, as after `evofool evolve --live`. Every few seconds of
each run the window is told of elites, in the seconds between it is not; seconds after a change do
not count. The cost is that of a generation with the window over that of one without, from phases
that follow each other: in processor time of the evolving process, its server included, and in time
by the clock, of which the browser takes a share as well. Both vary with what else the machine does;
the share of the processor time that was spent in the server's threads and in looking at elites
varies little, and so does the processor time of the browser, as a share of one core. The lag of an
elite is from the end of its generation, placed within its call, until the page has shown the image
of it or of a later one.

Writes nothing that stays. Needs the extras `[web,browser]`, Chromium and Linux. A minute per run.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import evofool
from evofool.evolution import MetricsLine, Plan, RunState, Watcher, Wish

SETTLING = 1.0  # seconds at the beginning of a phase that do not count

# notes when the image of an elite is shown: cell, generation, child index, seconds
NOTE_IMAGES = """
window.shown = [];
new MutationObserver((changes) => {
  const now = (performance.timeOrigin + performance.now()) / 1000;
  const numbers = ({ target }) => target.dataset.shown.split("-").map(Number);
  shown.push(...changes.map((change) => [...numbers(change), now]));
}).observe(document, { attributeFilter: ["data-shown"], subtree: true });
"""


class Moment(NamedTuple):
    """The end of a call.

    Attributes:
        phase: even with the window, odd without; -1 where it does not count.
        clock: seconds, as browsers count them.
        processor: seconds of this process.
        window: of these, in the server's threads and in looking at the elites.
        browser: processor seconds of the browser.
        generation: the next one.
    """

    phase: int
    clock: float
    processor: float
    window: float
    browser: float
    generation: int


class Alternating:
    """A `Watcher` that lets another look during every second phase.

    Args:
        watcher: the other.
        seconds: of a phase.
        browser: processes of the browser.

    Attributes:
        moments: the ends of all calls.
        found: cell, generation and child index of every elite that was there at the end of a call,
            in the phases that count and have a window.
    """

    def __init__(self, watcher: Watcher, seconds: float, browser: list[int]):
        self._watcher, self._seconds, self._browser = watcher, seconds, browser
        self._start: float | None = None
        self._born = np.empty(0)
        self._looking = 0.0
        self._serving: dict[int, float] = {}
        self.moments: list[Moment] = []
        self.found: list[tuple[int, int, int]] = []

    def look(self, plan: Plan, state: RunState) -> None:
        """See `Watcher`."""
        now = time.time()
        self._start = self._start or now
        phase, inside = divmod(now - self._start, self._seconds)
        counted = int(phase) if inside > SETTLING else -1
        generation = int(state.next_generation)
        spent = (time.process_time(), self._looking + self._served(), spent_by(self._browser))
        self.moments.append(Moment(counted, now, *spent, generation))
        born = np.array(state.archive.items.born[0])
        if counted >= 0 and phase % 2 == 0:
            changed = (born != self._born).any(axis=1).nonzero()[0]
            self.found += [(cell, *born[cell].tolist()) for cell in changed.tolist()]
        self._born = born
        if phase % 2 == 0:
            start = time.process_time()
            self._watcher.look(plan, state)
            self._looking += time.process_time() - start

    def _served(self) -> float:
        """Returns the processor seconds of all threads of Python's but this one."""
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and thread.ident is not None:
                clock = time.pthread_getcpuclockid(thread.ident)
                self._serving[thread.ident] = time.clock_gettime(clock)
        return sum(self._serving.values())

    def wish(self) -> Wish:
        """See `Watcher`."""
        return self._watcher.wish()

    def message(self, text: str) -> None:
        """See `Reporter`."""
        self._watcher.message(text)

    def progress(self, generation: int, last: int, lines: list[MetricsLine]) -> None:
        """See `Reporter`."""
        self._watcher.progress(generation, last, lines)


def with_descendants(process: int) -> Iterator[int]:
    """Yields the number of a process and of all that it has started, directly or not."""
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text(encoding="utf-8").split():
            yield from with_descendants(int(child))


def spent_by(processes: list[int]) -> float:
    """Returns the processor seconds of processes that still run."""
    ticks = 0
    for process in processes:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2]
            ticks += sum(map(int, fields.split()[11:13]))  # in user and in system mode
    return ticks / os.sysconf("SC_CLK_TCK")


def costs(moments: list[Moment]) -> Iterator[list[float]]:
    """Yields what a window costs, in percent, of phases that follow each other.

    Of a generation's processor time, of its time by the clock, of the processor time spent, and of
    one core, which the browser takes.
    """
    phases: dict[int, np.ndarray] = {}
    for phase, members in groupby(moments, key=lambda moment: moment.phase):
        calls = list(members)
        first, last = calls[0], calls[-1]
        if phase >= 0 and last.generation > first.generation:
            spent = np.subtract(last, first)[1:]
            phases[phase] = spent[:4] / spent[4]
    for phase in phases:
        if phase % 2 == 0 and {phase - 1, phase + 1} <= phases.keys():
            without = (phases[phase - 1] + phases[phase + 1]) / 2
            clock, processor, window, browser = phases[phase]
            cost = [processor / without[1] - 1, clock / without[0] - 1, window / processor]
            cost.append(browser / clock - without[3] / without[0])
            yield [100 * float(share) for share in cost]


def lags(
    moments: list[Moment], found: list[tuple[int, int, int]], shown: list[list[float]]
) -> Iterator[float]:
    """Yields the seconds until elites were shown, of the cells that the window has in view.

    From the end of the elite's generation, placed within its call, to the first image of the cell
    that is not older than the elite; infinite where none came.
    """
    images: dict[int, list[tuple[tuple[float, ...], float]]] = {}
    for cell, *born, at in shown:
        images.setdefault(int(cell), []).append((tuple(born), at))
    ends, clocks = [m.generation for m in moments], [m.clock for m in moments]
    for cell, *born in found:
        if cell in images:
            at = min(
                (at for shown_born, at in images[cell] if shown_born >= tuple(born)), default=np.inf
            )
            yield at - float(np.interp(born[0] + 1, ends, clocks))


def watch(base: str) -> None:
    """Is a window, until the run is finished; prints when it is open, then what it has shown."""
    from playwright.sync_api import sync_playwright  # pyright: ignore[reportMissingImports]

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.add_init_script(NOTE_IMAGES)
        page.goto(base)
        page.wait_for_selector("#phase[data-phase]")
        print("open", flush=True)
        page.wait_for_selector("#phase[data-phase=finished]", timeout=0)
        page.wait_for_timeout(2000)
        print(json.dumps(page.evaluate("shown")))
        browser.close()


def measured(
    settings: dict[str, Any], seconds: float, phase: float
) -> tuple[list[list[float]], list[float]]:
    """Evolves one run with a window; returns costs and lags."""
    windows: list[subprocess.Popen[str]] = []
    watchers: list[Alternating] = []

    def open_window(base: str) -> None:
        command = [sys.executable, __file__, "--window", base]
        windows.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))

    def evolve(live: Watcher) -> evofool.Run:
        if (said := windows[0].stdout) is not None:
            said.readline()  # it is open
        watchers.append(Alternating(live, phase, [*with_descendants(windows[0].pid)]))
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            return evofool.evolve(
                **settings, max_seconds=seconds, out=out, quiet=True, reporter=watchers[0]
            )

    address = evofool.Address(port=0)
    evofool.evolve_live(evolve, quiet=True, address=address, on_ready=open_window)
    shown, _ = windows[0].communicate(timeout=60)
    moments, found = watchers[0].moments, watchers[0].found
    return list(costs(moments)), list(lags(moments, found, json.loads(shown)))


def main() -> None:
    """Parses the flags and prints the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60, help="of each run")
    parser.add_argument("--phase", type=float, default=4, help="seconds of a phase")
    parser.add_argument("--classifier", default="lenet")
    parser.add_argument("--weights")
    parser.add_argument("--batch-size", type=int, default=200)
    parser.add_argument("--window", metavar="ADDRESS", help="be the window")
    flags = parser.parse_args()
    if flags.window:
        watch(flags.window)
        return
    evofool.configure()
    settings = {"classifier": flags.classifier, "batch_size": flags.batch_size}
    settings |= {"weights": flags.weights, "generations": 10**6, "checkpoint_every": 10**6}
    all_costs, all_lags = [], []
    for number in range(flags.runs):
        some_costs, some_lags = measured(settings | {"seed": number}, flags.seconds, flags.phase)
        all_costs += some_costs
        all_lags += some_lags
        report(f"run {number}", some_costs, some_lags)
    report("all", all_costs, all_lags)


def report(name: str, costs: list[list[float]], lags: list[float]) -> None:
    """Prints medians with the middle half, and quantiles of the lags."""
    parts = [f"{name}: {len(costs)} phases with the window"]
    kinds = "processor time", "time by the clock", "share for the window", "browser"
    for kind, values in zip(kinds, np.transpose(costs), strict=True):
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        parts.append(f"{kind} {middle:+.1f} % ({low:+.1f} to {high:+.1f})")
    middle, most = np.quantile(lags, [0.5, 0.95])
    late = sum(lag > 1 for lag in lags)
    parts.append(f"{len(lags)} elites: median {middle:.2f} s, 95 % within {most:.2f} s")
    print("; ".join([*parts, f"{late} later than 1 s"]), flush=True)


if __name__ == "__main__":
    main()
