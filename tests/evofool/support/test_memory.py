import resource
from pathlib import Path

import jax
import pytest

from evofool import UserError
from evofool.support import memory
from evofool.support.memory import available_memory, check_room, forget_programs


def test_what_the_machine_has_left_is_known():
    available = available_memory()
    assert available is not None
    assert 2**20 < available < 2**50


def test_a_container_may_have_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    (tmp_path / "memory.current").write_text("7000\n")
    (tmp_path / "memory.stat").write_text("anon 4000\ninactive_file 3000\n")
    (tmp_path / "memory.max").write_text("10000\n")
    assert available_memory() == 6000
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory() != 6000


def test_ulimit_counts(monkeypatch: pytest.MonkeyPatch):
    used = memory._numbers(Path("/proc/self/status"))["VmSize:"] * 1024
    monkeypatch.setattr(resource, "getrlimit", lambda which: (used + 2**20, used + 2**20))
    available = available_memory()
    assert available is not None
    assert available <= 2**21


def test_what_does_not_fit_is_refused_with_the_forecast(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 3 * 10**9)
    check_room(3 * 10**9, "an image", remedy="take less")
    with pytest.raises(UserError) as caught:
        check_room(4 * 10**9, "an image", remedy="take less")
    assert str(caught.value) == (
        "an image would take about 4.00 GB of memory; 3.00 GB are available: take less"
    )
    monkeypatch.setattr(memory, "available_memory", lambda: None)  # not known
    check_room(10**18, "an image", remedy="take less")


def test_programs_that_were_forgotten_are_made_again():
    traced = []

    @jax.jit
    def double(x):
        traced.append(x)
        return 2 * x

    assert (double(1.0), double(3.0), len(traced)) == (2, 6, 1)
    forget_programs()
    assert (double(1.0), len(traced)) == (2, 2)
