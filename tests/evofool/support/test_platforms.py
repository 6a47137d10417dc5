"""Other systems, by what tells them from this one."""

import ctypes
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from evofool.support import UserError, peak_memory, platforms, user_cache


def test_the_peak_of_memory_is_in_bytes(monkeypatch: pytest.MonkeyPatch):
    here = peak_memory()
    assert 1e7 < here < 1e12
    monkeypatch.setattr(sys, "platform", "darwin")  # where the system counts bytes, not kilobytes
    assert peak_memory() * 1000 < here * 1.5


def test_without_the_module_resource_the_peak_is_unknown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_memory() == 0


@pytest.mark.parametrize("is_known", [True, False])
def test_windows_is_asked_for_the_peak_of_memory(is_known: bool, monkeypatch: pytest.MonkeyPatch):
    def answer(process: ctypes.c_void_p, counters: object, size: int) -> int:
        del process
        found = counters._obj
        assert size == ctypes.sizeof(found) == 8 + 8 * ctypes.sizeof(ctypes.c_size_t)
        found.peak_working_set_size = 123_456_789
        return int(is_known)

    kernel = SimpleNamespace(GetCurrentProcess=lambda: -1, K32GetProcessMemoryInfo=answer)
    kernel.GetCurrentProcess = type("Call", (), {"__call__": lambda self: 2**64 - 1})()
    monkeypatch.setattr(ctypes, "WinDLL", lambda name: kernel, raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    assert peak_memory() == (123_456_789 if is_known else 0)


def test_the_c_library_has_a_name_on_windows_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: name)
    assert platforms.c_library() is None
    monkeypatch.setattr(sys, "platform", "win32")
    assert platforms.c_library() == "ucrtbase"


@pytest.mark.parametrize(
    ("system", "variables", "expected"),
    [
        ("linux", {}, "home/.cache"),
        ("linux", {"XDG_CACHE_HOME": "mine"}, "mine"),
        ("linux", {"XDG_CACHE_HOME": "", "LOCALAPPDATA": "local"}, "home/.cache"),
        ("darwin", {}, "home/Library/Caches"),
        ("win32", {"LOCALAPPDATA": "local"}, "local"),
        ("win32", {"LOCALAPPDATA": "local", "XDG_CACHE_HOME": "mine"}, "mine"),
        ("win32", {}, "home/.cache"),
    ],
)
def test_the_cache_is_where_the_system_keeps_caches(
    system: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    monkeypatch.setattr(sys, "platform", system)
    assert user_cache() == Path(expected) / "evofool"


def test_without_a_home_the_cache_must_be_named(monkeypatch: pytest.MonkeyPatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(UserError, match="set HOME or XDG_CACHE_HOME"):
        user_cache()
    monkeypatch.setenv("XDG_CACHE_HOME", "mine")
    assert user_cache() == Path("mine/evofool")
