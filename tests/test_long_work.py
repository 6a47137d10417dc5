"""Long work in one process: open files, threads and memory do not grow with it."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc"),
]

COUNTING = """
import os, resource, sys
import evofool
from evofool.evolution import Quiet

resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))

def note():
    pages = int(open("/proc/self/statm", encoding="ascii").read().split()[1])
    print(*(len(os.listdir(f"/proc/self/{kind}")) for kind in ("fd", "task")), pages * 4096 / 1e6)
"""
ONE_RUN = """
class Noting(Quiet):
    def progress(self, generation, last, lines):
        if generation in (40, last):
            note()

settings = {"batch_size": 10, "generations": 130, "checkpoint_every": 1, "encoding": "direct"}
evofool.evolve("mock:10", out=sys.argv[1], reporter=Noting(), **settings)
"""
MANY_RUNS = """
settings = {"batch_size": 10, "generations": 1, "encoding": "direct"}
for number in range(25):
    evofool.evolve("mock:10", out=f"{sys.argv[1]}/{number}", **settings)
    if number in (4, 24):
        note()
"""


@pytest.mark.parametrize("script", [ONE_RUN, MANY_RUNS], ids=["checkpoints", "runs"])
def test_nothing_is_left_open_by_long_work(tmp_path: Path, script: str):
    command = [sys.executable, "-c", COUNTING + script, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    early, late = (list(map(float, line.split())) for line in done.stdout.splitlines())
    assert late[0] <= early[0] + 15  # a checkpoint that is being written has a dozen files open
    assert late[1] <= early[1] + 10  # the pools of threads that libraries keep
    assert late[2] <= early[2] + 40  # MB; a run leaves about one, of JAX's caches of programs
