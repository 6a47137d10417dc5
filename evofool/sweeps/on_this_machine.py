"""The engine for one machine: worker processes, each of which carries out one point after another.

A worker compiles what points share once. One that dies takes no other with it: its point counts as
failed, and a new worker goes on.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from evofool.sweeps.engines import Means
from evofool.sweeps.work import Outcome, Task, devices_of

MOST_QUOTED = 300  # letters of the last line that a worker printed


def carry_out_here(tasks: Sequence[Task], means: Means) -> Generator[Outcome, None, None]:
    """Yields what became of every task; `engines.Engine`."""
    cores = os.cpu_count() or 1
    number = min(means.workers or cores, len(tasks))
    devices = devices_of(cores / number)
    free: queue.SimpleQueue[_Worker] = queue.SimpleQueue()

    def carry_out(task: Task) -> Outcome:
        worker = free.get()
        try:
            return worker.carry_out(task._replace(devices=devices))
        finally:
            free.put(worker)

    with ExitStack() as stack:
        workers = [
            stack.enter_context(_Worker(means.logs / f"worker-{i}.txt")) for i in range(number)
        ]
        for worker in workers:
            free.put(worker)
        threads = stack.enter_context(ThreadPoolExecutor(number))
        futures = [threads.submit(carry_out, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:  # after Ctrl-C, those that work write a checkpoint; the others do not begin
            for future in futures:
                future.cancel()
            for worker in workers:
                worker.stop()


class _Worker:
    """A process that carries out tasks, started when it is first needed.

    Args:
        log: file for what it prints.
    """

    def __init__(self, log: Path):
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._is_stopped = False

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._process is not None:
            if isinstance(error, KeyboardInterrupt) and self._process.poll() is None:
                self._process.kill()  # only where it was not waited for: a second Ctrl-C
            _reaped(self._process)

    def carry_out(self, task: Task) -> Outcome:
        """Gives the task to the process and waits; what it cannot tell is that it died."""
        if self._is_stopped:
            return Outcome(task.name, "stopped early")
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(task._asdict()) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except (OSError, ValueError):  # it is gone, or has been told to stop
            answer = ""
        if answer:
            return Outcome(**json.loads(answer))
        self._process = None
        ended = _ending(_reaped(process))
        if self._is_stopped:
            return Outcome(task.name, "stopped early")
        return Outcome(task.name, "failed", f"its process {ended}{_last_line(self._log)}")

    def stop(self) -> None:
        """Tells the process to end: at once, or with a checkpoint if it is at work."""
        self._is_stopped = True
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def _start(self) -> "subprocess.Popen[str]":
        self._log.parent.mkdir(parents=True, exist_ok=True)
        # what this process can import, the worker can
        paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
        with self._log.open("a", encoding="utf-8") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "evofool.sweeps.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"PYTHONPATH": paths},
                start_new_session=True,  # Ctrl-C in a terminal reaches this process alone
            )


def _reaped(process: "subprocess.Popen[str]") -> int:
    """Waits for the end of a process and closes its pipes; returns the exit code."""
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what it did not read
            if pipe is not None:
                pipe.close()
    return process.wait()


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by signal {signal.Signals(-code).name}"


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    said = next((line for line in reversed(lines) if line.strip()), "")
    return f"; it said last: {said[:MOST_QUOTED]}" if said else ""
