import os
import subprocess
import sys
import warnings
from pathlib import Path

import jax
import pytest

from evofool.data import usual_places
from evofool.support import UserError, user_cache
from evofool.support.starting import _mend_cache, cache_folder, configure


def test_the_cache_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("EVOFOOL_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.setenv("EVOFOOL_CACHE", "")
    assert cache_folder() is None
    monkeypatch.delenv("EVOFOOL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "evofool/jax"


def test_a_cache_that_cannot_be_written_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EVOFOOL_CACHE", str(tmp_path / "file/cache"))
    before = jax.config.values["jax_compilation_cache_dir"]
    configure()
    assert jax.config.values["jax_compilation_cache_dir"] == before


def test_a_user_without_a_home_directory_has_no_cache(monkeypatch: pytest.MonkeyPatch):
    for variable in ("EVOFOOL_CACHE", "XDG_CACHE_HOME", "EVOFOOL_DATA"):
        monkeypatch.delenv(variable, raising=False)

    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", fail)
    assert cache_folder() is None
    assert usual_places() == []
    with pytest.raises(UserError, match="no home directory; set HOME or XDG_CACHE_HOME"):
        user_cache()


def test_a_cached_program_that_cannot_be_read_is_made_again_in_silence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    shown: list[str] = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *where: shown.append(str(message)))
    _mend_cache.__wrapped__(tmp_path)
    for name in ("jit_init-1-cache", "jit_init_all-2-cache", "jit_render-3-cache"):
        (tmp_path / name).touch()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(
            "Error reading persistent compilation cache entry for 'jit_init': error: -5",
            stacklevel=1,
        )
        warnings.warn("something else", stacklevel=1)
    assert sorted(path.name[-7:] for path in tmp_path.iterdir()) == ["2-cache", "3-cache"]
    assert shown == ["something else"]


@pytest.mark.slow
def test_jax_says_what_it_cannot_read_as_expected(tmp_path: Path):
    """The warning that is looked for is that of the JAX that is installed."""
    evolve = ["evolve", "--classifier", "mock:4", "--encoding", "direct", "--generations", "1"]
    command = [sys.executable, "-m", "evofool", *evolve, "--out", "run", "--overwrite", "--quiet"]

    def run() -> dict[str, bytes]:
        environment = os.environ | {"EVOFOOL_CACHE": str(tmp_path / "cache")}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")
        return {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()}

    whole = run()
    for name, content in whole.items():
        (tmp_path / "cache" / name).write_bytes(content[:50])
    mended = run()
    assert mended.keys() == whole.keys()
    assert min(map(len, mended.values())) > 50


@pytest.mark.parametrize(("asked", "found"), [(None, "float32"), ("tensorfloat32",) * 2])
def test_products_are_float32_unless_another_precision_is_asked_for(asked, found):
    before = jax.config.values["jax_default_matmul_precision"]
    jax.config.update("jax_default_matmul_precision", asked)
    try:
        configure(cache=False)
        assert jax.config.values["jax_default_matmul_precision"] == found
    finally:
        jax.config.update("jax_default_matmul_precision", before)


def test_64_bits_are_switched_off():
    jax.config.update("jax_enable_x64", True)
    try:
        configure(cache=False)
        assert not jax.config.values["jax_enable_x64"]
    finally:
        jax.config.update("jax_enable_x64", False)
