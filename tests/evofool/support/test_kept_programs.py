import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from evofool.support import jit, kept, kept_programs


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kept_programs, "_folder", tmp_path / "programs")
    return tmp_path / "programs"


NUMBERS = (np.arange(3.0, dtype=np.float32), {"scale": np.float32(2.0)})


def scaled(values: jax.Array, options: dict[str, jax.Array]) -> dict[str, jax.Array]:
    return {"values": jnp.cumsum(values) * options["scale"]}


def never(values: jax.Array, options: dict[str, jax.Array]) -> dict[str, jax.Array]:
    raise AssertionError("traced")


def in_another_process() -> None:
    """Leaves what another process would find: files alone."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    kept_programs.held.clear()


def test_a_kept_program_is_not_traced_again_and_gives_the_same_bits():
    first = kept(jit(scaled), NUMBERS, known_by="scaled")(*NUMBERS)
    again = kept(jit(never), NUMBERS, known_by="scaled")(*NUMBERS)
    in_another_process()
    found = kept(jit(never), NUMBERS, known_by="scaled")(*NUMBERS)
    for other in (again, found):
        assert other["values"].tobytes() == first["values"].tobytes()


def test_a_program_runs_on_the_devices_that_it_was_compiled_for():
    device = jax.devices()[-1]
    numbers = jax.device_put(NUMBERS, device)
    kept(jit(scaled), numbers, known_by="scaled")
    in_another_process()
    result = kept(jit(never), numbers, known_by="scaled")(*numbers)["values"]
    assert result.devices() == {device}
    np.testing.assert_array_equal(result, [0, 2, 6])


@pytest.mark.parametrize(
    "other",
    [
        {"known_by": "something else"},
        {"arguments": (np.arange(4.0, dtype=np.float32), NUMBERS[1])},
        {"arguments": (np.arange(3), NUMBERS[1])},
        {"arguments": (NUMBERS[0], {"factor": NUMBERS[1]["scale"]})},
        {"known_by": None},
    ],
)
def test_another_program_is_traced(other: dict):
    kept(jit(scaled), NUMBERS, known_by="scaled")
    in_another_process()
    asked = {"arguments": NUMBERS, "known_by": "scaled", **other}
    with pytest.raises(AssertionError, match="traced"):
        kept(jit(never), asked["arguments"], known_by=asked["known_by"])


def test_other_settings_of_jax_make_other_programs():
    kept(jit(scaled), NUMBERS, known_by="scaled")
    in_another_process()
    before = jax.config.values["jax_default_matmul_precision"]
    try:
        jax.config.update("jax_default_matmul_precision", "bfloat16")
        with pytest.raises(AssertionError, match="traced"):
            kept(jit(never), NUMBERS, known_by="scaled")
    finally:
        jax.config.update("jax_default_matmul_precision", before)


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-1], lambda content: b"", lambda content: content[::-1]]
)
def test_a_damaged_program_is_compiled_and_kept_again(damage, folder: Path):
    kept(jit(scaled), NUMBERS, known_by="scaled")
    in_another_process()
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    result = kept(jit(scaled), NUMBERS, known_by="scaled")(*NUMBERS)
    np.testing.assert_array_equal(result["values"], [0, 2, 6])
    in_another_process()
    kept(jit(never), NUMBERS, known_by="scaled")


def test_a_program_that_jax_has_in_its_own_cache_is_kept(folder: Path):
    jit(scaled).lower(*NUMBERS).compile()  # writes to JAX's cache, or reads from it
    jax.clear_caches()
    kept(jit(scaled), NUMBERS, known_by="scaled")
    in_another_process()
    result = kept(jit(never), NUMBERS, known_by="scaled")(*NUMBERS)
    np.testing.assert_array_equal(result["values"], [0, 2, 6])


def test_a_folder_that_cannot_be_written_stops_nothing(folder: Path):
    folder.touch()
    kept(jit(scaled), NUMBERS, known_by="scaled")(*NUMBERS)
    in_another_process()
    kept(jit(scaled), NUMBERS, known_by="scaled")(*NUMBERS)


def test_nothing_is_kept_of_a_package_that_changed_meanwhile(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    kept_programs._code_and_machine.cache_clear()
    monkeypatch.setattr(kept_programs, "_STARTED", 0.0)
    kept(jit(scaled), NUMBERS, known_by="scaled")
    in_another_process()
    assert not folder.exists()
    kept_programs._code_and_machine.cache_clear()


def test_few_programs_are_held():
    for number in range(4):
        kept(jit(scaled), NUMBERS, known_by=str(number))
    assert len(kept_programs.held) == 2
