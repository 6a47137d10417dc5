from pathlib import Path

import jax
import pytest

from evofool.cli.startup import cache_folder, start_jax


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
    start_jax()
    assert jax.config.values["jax_compilation_cache_dir"] == before


@pytest.mark.parametrize(("asked", "found"), [(None, "float32"), ("tensorfloat32",) * 2])
def test_products_are_float32_unless_another_precision_is_asked_for(asked, found):
    before = jax.config.values["jax_default_matmul_precision"]
    jax.config.update("jax_default_matmul_precision", asked)
    try:
        start_jax(cache=False)
        assert jax.config.values["jax_default_matmul_precision"] == found
    finally:
        jax.config.update("jax_default_matmul_precision", before)
