import errno
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evofool.support.errors import UserError
from evofool.support.files import make_folder, read_json, replacing, write_error, write_json


def test_json_survives_writing_and_reading(tmp_path):
    path = tmp_path / "new" / "value.json"
    write_json(path, {"a": [1, 2.5, None], "b": "ü"})
    assert read_json(path) == {"a": [1, 2.5, None], "b": "ü"}


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("before")

    def fail_half_way(temporary):
        temporary.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError), replacing(path) as temporary:
        fail_half_way(temporary)
    assert path.read_text() == "before"
    with replacing(path) as temporary:
        temporary.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_are_written_at_one_time_leave_the_umask_alone(tmp_path, monkeypatch):
    set_umask, before = os.umask, os.umask(0o022)

    def slow(mask: int) -> int:
        old = set_umask(mask)
        time.sleep(0.05)  # so that another thread comes between asking and setting back
        return old

    def write(number: int) -> int:
        write_json(tmp_path / f"{number}.json", number)
        return (tmp_path / f"{number}.json").stat().st_mode & 0o777

    monkeypatch.setattr(os, "umask", slow)
    try:
        with ThreadPoolExecutor(2) as pool:
            modes = list(pool.map(write, range(2)))
    finally:
        left = set_umask(before)
    assert (left, modes) == (0o022, [0o644, 0o644])


WRITE = """
import sys, time
from pathlib import Path
from evofool.support.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print(temporary, flush=True)
    time.sleep(60)
"""


def test_the_next_writer_removes_what_a_killed_one_left_and_not_what_a_living_one_writes(tmp_path):
    (tmp_path / ".evofool-tmp-notes.txt").write_text("not ours, in spite of its name")
    command = [sys.executable, "-c", WRITE, str(tmp_path / "a.txt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        temporary = Path(process.stdout.readline().rstrip())
        write_json(tmp_path / "b.json", 1)
        assert temporary.read_text(encoding="utf-8") == "half"
        process.kill()
    assert temporary.exists()
    write_json(tmp_path / "b.json", 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".evofool-tmp-notes.txt", "b.json"]


def test_a_temporary_file_that_is_removed_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    made, make = [], tempfile.mkstemp

    def make_and_lose_the_first(**options):
        handle, name = make(**options)
        made.append(name)
        if len(made) == 1:
            os.unlink(name)
        return handle, name

    monkeypatch.setattr(tempfile, "mkstemp", make_and_lose_the_first)
    write_json(tmp_path / "b.json", 2)
    assert len(made) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["b.json"]


def test_contents_and_name_are_on_the_disk_when_a_file_is_replaced(tmp_path, monkeypatch):
    path, flushed, calls = tmp_path / "file.txt", os.fsync, []

    def watch(handle):
        calls.append((Path(os.readlink(f"/proc/self/fd/{handle}")), path.exists()))
        flushed(handle)

    monkeypatch.setattr(os, "fsync", watch)
    with replacing(path) as temporary:
        temporary.write_text("contents", encoding="utf-8")
    assert calls == [(temporary, False), (tmp_path, True)]


def test_a_disk_that_fails_to_flush_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    path.write_text("before")

    def fail(handle):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with (
        pytest.raises(UserError, match=r"cannot write .*file\.txt: "),
        replacing(path) as temporary,
    ):
        temporary.write_text("after", encoding="utf-8")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_replaced_file_has_the_usual_permissions(tmp_path):
    plain, replaced = tmp_path / "plain", tmp_path / "replaced"
    plain.write_text("")
    with replacing(replaced) as temporary:
        temporary.write_text("")
    assert replaced.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_says_what_to_do(tmp_path, number):
    def fill(path):
        raise OSError(number, os.strerror(number))

    with (
        pytest.raises(UserError, match=r"no room to write .*file: .*; free some space and resume"),
        replacing(tmp_path / "file") as temporary,
    ):
        fill(temporary)
    assert list(tmp_path.iterdir()) == []


def test_other_failures_name_the_file(tmp_path):
    error = write_error(tmp_path / "file", PermissionError(errno.EACCES, "Permission denied"))
    assert str(error) == f"cannot write {tmp_path / 'file'}: Permission denied"


def test_a_missing_or_broken_json_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*none\.json: No such file"):
        read_json(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(UserError, match=r"bad\.json is not valid JSON"):
        read_json(tmp_path / "bad.json")


def test_a_write_that_fails_leaves_no_folders(tmp_path):
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a" / "b" / "c.txt"):
        1 / 0  # noqa: B018
    assert not list(tmp_path.iterdir())


def test_no_file_takes_the_place_of_a_device(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe: it exists, and is no file"):
        write_json(tmp_path / "pipe", {})
    assert (tmp_path / "pipe").is_fifo()


def test_nothing_is_written_to_an_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for write in (make_folder, lambda path: write_json(path, {})):
        with pytest.raises(UserError, match="cannot write s3://bucket/x: write to this machine"):
            write(Path("s3://bucket/x"))
    assert not list(tmp_path.iterdir())
