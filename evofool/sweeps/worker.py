"""The process of a worker: reads tasks as lines of JSON, writes outcomes as lines of JSON.

When its input ends, because the sweep was stopped or its process is gone, what it works at is
stopped as by Ctrl-C: with a checkpoint.
"""

import _thread
import json
import os
import queue
import sys
import threading

from evofool.sweeps.work import Task, carry_out


def main() -> None:
    """Carries out tasks until the input ends."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # what models print goes to the log
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        is_at_work = threading.Event()
        threading.Thread(target=_read, args=(lines, is_at_work), daemon=True).start()
        while line := lines.get():
            is_at_work.set()
            outcome = carry_out(Task(**json.loads(line)))
            is_at_work.clear()
            answers.write(json.dumps(outcome._asdict()) + "\n")
            answers.flush()


def _read(lines: "queue.SimpleQueue[str]", is_at_work: threading.Event) -> None:
    for line in sys.stdin:
        lines.put(line)
    lines.put("")
    if is_at_work.is_set():
        _thread.interrupt_main()


if __name__ == "__main__":
    main()
