import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from evofool.support.errors import UserError
from evofool.support.lock import OWNER, locked, read_writer

HOLD = """
import sys, time
from pathlib import Path
from evofool.support.lock import locked
with locked(Path(sys.argv[1]), print):
    print("locked", flush=True)
    time.sleep(60)
"""


def silence(text: str) -> None:
    raise AssertionError(f"nothing was to be said, but: {text}")


@pytest.fixture
def other(tmp_path):
    """Another process, which holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    with process:
        yield process
        process.kill()


def test_the_second_writer_is_refused_and_told_who_is_first(tmp_path):
    with (
        locked(tmp_path, silence),
        pytest.raises(UserError) as refusal,
        locked(tmp_path, silence),
    ):
        pass
    assert f"process {os.getpid()} on {socket.gethostname()}" in str(refusal.value)
    assert str(tmp_path) in str(refusal.value)


def test_another_process_is_refused(tmp_path, other):
    with pytest.raises(UserError, match=f"process {other.pid} on"), locked(tmp_path, silence):
        pass


def test_the_lock_of_a_killed_process_is_taken_over_and_that_is_said(tmp_path, other):
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    said: list[str] = []
    with locked(tmp_path, said.append):
        assert read_writer(tmp_path).process == os.getpid()
    assert len(said) == 1
    assert f"process {other.pid}" in said[0]


def test_a_writer_that_ends_leaves_no_owner(tmp_path):
    for _ in range(2):
        with locked(tmp_path, silence):
            assert (tmp_path / OWNER).exists()
        assert not (tmp_path / OWNER).exists()
    with pytest.raises(RuntimeError), locked(tmp_path, silence):
        raise RuntimeError("the body failed")
    with locked(tmp_path, silence):
        pass


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"host": 1}', "\0"])
def test_an_owner_that_cannot_be_read_is_nobody(tmp_path: Path, content: str):
    (tmp_path / OWNER).write_text(content)
    assert read_writer(tmp_path) is None
    with locked(tmp_path, silence):
        pass


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match="cannot write"), locked(tmp_path / "file", silence):
        pass
