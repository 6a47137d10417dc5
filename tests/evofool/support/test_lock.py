import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import filelock
import pytest

from evofool.support.errors import UserError
from evofool.support.lock import LOCK, OWNER, locked, locked_folder, read_writer, writer_of

HOLD = """
import sys, time
from pathlib import Path
from evofool.support.lock import locked
with locked(Path(sys.argv[1]), report=print):
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
        locked(tmp_path, report=silence),
        pytest.raises(UserError) as refusal,
        locked(tmp_path, report=silence),
    ):
        pass
    assert f"process {os.getpid()} on {socket.gethostname()}" in str(refusal.value)
    assert str(tmp_path) in str(refusal.value)


def test_another_process_is_refused(tmp_path, other):
    with (
        pytest.raises(UserError, match=f"process {other.pid} on"),
        locked(tmp_path, report=silence),
    ):
        pass


def test_the_lock_of_a_killed_process_is_taken_over_and_that_is_said(tmp_path, other):
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    said: list[str] = []
    with locked(tmp_path, report=said.append):
        assert read_writer(tmp_path).process == os.getpid()
    assert len(said) == 1
    assert f"process {other.pid}" in said[0]


def test_a_writer_that_ends_leaves_no_owner(tmp_path):
    for _ in range(2):
        with locked(tmp_path, report=silence):
            assert (tmp_path / OWNER).exists()
        assert not (tmp_path / OWNER).exists()
    with pytest.raises(RuntimeError), locked(tmp_path, report=silence):
        raise RuntimeError("the body failed")
    with locked(tmp_path, report=silence):
        pass


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"host": 1}', "\0"])
def test_an_owner_that_cannot_be_read_is_nobody(tmp_path: Path, content: str):
    (tmp_path / OWNER).write_text(content)
    assert read_writer(tmp_path) is None
    with locked(tmp_path, report=silence):
        pass


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(UserError, match="cannot write"),
        locked(tmp_path / "file/a", report=silence),
    ):
        pass


def test_nothing_stays_but_what_was_written(tmp_path):
    for target in (tmp_path, tmp_path / "weights.safetensors"):
        with locked(target, report=silence):
            assert writer_of(target).process == os.getpid()
        assert writer_of(target) is None
        assert list(tmp_path.iterdir()) == []


def test_folders_in_which_nothing_was_written_do_not_stay(tmp_path: Path):
    with pytest.raises(RuntimeError), locked_folder(tmp_path / "a" / "b"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    with locked_folder(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "kept").write_text("")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["kept"]


def test_a_folder_whose_name_is_too_long_is_said(tmp_path: Path):
    with pytest.raises(UserError, match="cannot write"), locked_folder(tmp_path / ("x" * 300)):
        pass


def test_files_of_one_folder_are_locked_one_by_one(tmp_path):
    with (
        locked(tmp_path / "a"),
        locked(tmp_path / "b"),
        pytest.raises(UserError, match="a is being written"),
        locked(tmp_path / "a"),
    ):
        pass


def test_a_reader_sees_who_writes_and_who_was_killed(tmp_path, other):
    assert writer_of(tmp_path).process == other.pid
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert writer_of(tmp_path) is None
    assert read_writer(tmp_path).process == other.pid


def test_a_writer_waits_for_readers_that_ask_who_writes(tmp_path):
    (tmp_path / LOCK).touch()
    (tmp_path / OWNER).write_text('{"host": "h", "process": 1, "started": "t"}')
    asking, done = threading.Event(), threading.Event()

    def ask():
        while not done.is_set():
            writer_of(tmp_path)
            asking.set()

    reader = threading.Thread(target=ask)
    reader.start()
    asking.wait()
    try:
        for _ in range(20):
            with locked(tmp_path, patience=5):
                pass
    finally:
        done.set()
        reader.join()


@pytest.mark.parametrize("error", [OSError(errno.ENOLCK, "No locks"), NotImplementedError()])
def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, error):
    def fail(self, *arguments, **options):
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", fail)
    said: list[str] = []
    with locked(tmp_path, report=said.append):
        pass
    assert said == [f"{tmp_path} is on a file system without locks: let no other process write it"]
