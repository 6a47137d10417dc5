import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import archive
from evofool.cli import main
from evofool.evolution import checkpoint
from evofool.evolution.generation import Item, RunState
from evofool.evolution.manifest import History
from evofool.support.errors import UserError

CELLS = 5
MICRO_BATCHES = [(0, 8), (3, 4)]
HISTORY: History = {
    "micro_batches": MICRO_BATCHES,
    "settings": {},
    "lineage": {},
    "metrics": {"lines": 0, "sha256": ""},
}


def state_of(generation: int, *, size: int = 8) -> RunState:
    """A state whose every array says its generation."""
    genome = jnp.full((1, CELLS, size, size, 1), generation, jnp.uint8)
    born = jnp.full((1, CELLS, 2), generation, jnp.int32)
    fitness = jnp.full((1, CELLS), generation, jnp.float32)
    elites = archive.Archive(Item(genome, born, born), fitness)
    return RunState(jnp.int32(generation + 1), jnp.arange(1, dtype=jnp.uint32), elites)


def save(folder: Path, *generations: int, keep: int = 3) -> None:
    writer = checkpoint.CheckpointWriter(folder, keep=keep)
    for generation in generations:
        writer.save(state_of(generation), HISTORY)
    writer.close()


def load(folder: Path) -> tuple[int | None, list[str]]:
    """Reads the newest whole checkpoint, checks it, and returns its generation and warnings."""
    warnings: list[str] = []
    newest = checkpoint.load_newest(folder, warnings.append)
    if newest is None:
        return None, warnings
    generation, table, _ = newest
    expected = checkpoint.flatten(state_of(generation))
    assert table.keys() == expected.keys()
    assert all((table[name] == expected[name]).all() for name in expected)
    return generation, warnings


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of generations 10 and 20; copy before changing anything."""
    folder = tmp_path_factory.mktemp("saved") / "checkpoints"
    save(folder, 10, 20)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy of the two checkpoints that a test may damage."""
    return Path(shutil.copytree(saved, tmp_path / "checkpoints"))


def test_checkpoint_gives_back_every_array_bit_for_bit(saved):
    _, table, _ = checkpoint.load_newest(saved, pytest.fail)
    state = state_of(20)
    restored = checkpoint.unflatten(table, state)
    assert checkpoint.table_sha256(checkpoint.flatten(restored)) == checkpoint.table_sha256(
        checkpoint.flatten(state)
    )
    assert restored.archive.items.genome.dtype == np.uint8


def test_checkpoints_hold_no_pickles(saved):
    names = [path.name for path in saved.rglob("*") if path.is_file()]
    assert names
    assert not [name for name in names if "pickle" in name or name.endswith(".pkl")]


def test_newest_checkpoint_is_read(saved):
    assert load(saved) == (20, [])


def test_no_folder_means_no_checkpoint_yet(tmp_path):
    assert load(tmp_path / "nothing") == (None, [])


def test_newest_few_are_kept(tmp_path):
    save(tmp_path / "checkpoints", 0, 5, 10, 15, keep=2)
    assert checkpoint.saved_generations(tmp_path / "checkpoints") == [10, 15]


def test_the_micro_batches_of_a_run_are_stored(saved):
    newest = checkpoint.load_newest(saved, pytest.fail)
    assert newest is not None
    assert newest.micro_batches == MICRO_BATCHES


@pytest.mark.skipif(sys.platform != "linux", reason="counts file descriptors in /proc")
def test_many_checkpoints_leave_no_threads_and_no_file_descriptors(tmp_path):
    writer = checkpoint.CheckpointWriter(tmp_path / "checkpoints", keep=2)
    counts = []
    for generation in range(16):
        writer.save(state_of(generation), HISTORY)
        counts.append((threading.active_count(), len(os.listdir("/proc/self/fd"))))
    (threads, descriptors), (_, more_descriptors) = counts[5], counts[-1]
    deadline = time.monotonic() + 10
    while threading.active_count() > threads + 2 and time.monotonic() < deadline:
        time.sleep(0.05)  # on a busy machine, threads that have done their work are still there
    assert threading.active_count() <= threads + 2  # ten of each were left, and three descriptors
    assert more_descriptors <= descriptors + 5
    writer.close()


def test_a_writer_goes_on_where_another_stopped(folder):
    save(folder, 30)
    assert checkpoint.saved_generations(folder) == [10, 20, 30]
    assert load(folder) == (30, [])


def files_of(generation: Path) -> list[Path]:
    return sorted(path for path in generation.rglob("*") if path.is_file())


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 4, len(content), max(1, len(content) // 4)):
        content[place] ^= 0x10
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
def test_damage_to_any_file_is_noticed_or_harmless(saved, tmp_path, damage):
    noticed = []
    for number, original in enumerate(files_of(saved / "20")):
        folder = Path(shutil.copytree(saved, tmp_path / str(number)))
        path = folder / original.relative_to(saved)
        if path.stat().st_size == 0:
            continue
        damage(path)
        generation, warnings = load(folder)  # which checks what was read
        if generation == 10:
            noticed.append(path)
            assert len(warnings) == 1
            assert "checkpoint of generation 20 is damaged" in warnings[0]
        else:
            assert (generation, warnings) == (20, [])
    assert len(noticed) >= 2


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
def test_damage_to_the_arrays_is_noticed(folder, damage):
    for path in files_of(folder / "20" / "state" / "d"):
        damage(path)
    generation, warnings = load(folder)
    assert generation == 10
    assert "generation 20 is damaged" in warnings[0]


def test_a_checkpoint_cut_down_to_its_folder_is_passed_over(folder):
    shutil.rmtree(folder / "20")
    (folder / "20").mkdir()
    generation, warnings = load(folder)
    assert generation == 10
    assert len(warnings) == 1


def test_bytes_that_were_exchanged_without_a_trace_are_noticed(folder, tmp_path):
    # a whole checkpoint whose arrays are not those that its manifest was written for
    save(tmp_path / "other", 20)
    shutil.rmtree(folder / "20" / "state")
    shutil.copytree(folder / "10" / "state", folder / "20" / "state")
    generation, warnings = load(folder)
    assert generation == 10
    assert "not those that were written" in warnings[0]


def test_half_written_checkpoints_are_ignored(folder):
    half = folder / "30.orbax-checkpoint-tmp"
    shutil.copytree(folder / "20", half)
    assert load(folder) == (20, [])
    save(folder, 40)
    assert load(folder) == (40, [])


def test_all_checkpoints_damaged_is_an_error_that_says_so(folder):
    for generation in ("10", "20"):
        for path in files_of(folder / generation):
            path.unlink()
    with pytest.raises(UserError, match=r"none of the 2 checkpoints in .* can be used; .*resume"):
        load(folder)


def edit_manifest(checkpoint: Path, **changes: object) -> None:
    path = checkpoint / "_CHECKPOINT_METADATA"
    metadata = json.loads(path.read_text())
    metadata["custom_metadata"] |= changes
    path.write_text(json.dumps(metadata))


def test_checkpoint_of_a_newer_schema_is_refused_by_name(folder):
    edit_manifest(folder / "20", schema=99)
    with pytest.raises(UserError, match=r"has schema 99, .* reads up to 2; use a newer version"):
        load(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"micro_batches": [[0, 9]]},
        {"micro_batches": None},
        {"settings": {"config.seed": "0"}},
        {"sha256": "0"},
        {"seal": "0"},
        {"schema": "2"},
    ],
    ids=str,
)
def test_a_manifest_that_was_edited_is_not_believed(folder, changes):
    edit_manifest(folder / "20", **changes)
    if "schema" in changes:
        with pytest.raises(UserError, match="schema is '2'; expected 2"):
            load(folder)
    else:
        generation, warnings = load(folder)
        assert generation == 10
        assert len(warnings) == 1


def test_checkpoint_with_other_random_keys_is_refused(saved, monkeypatch):
    monkeypatch.setattr(checkpoint, "PRNG", "rbg")
    with pytest.raises(UserError, match="made with threefry2x32 random keys, not rbg"):
        load(saved)


def test_unflatten_refuses_arrays_of_another_shape():
    table = checkpoint.flatten(state_of(3, size=8))
    with pytest.raises(UserError, match=r"genome should be uint8 \(1, 5, 9, 9, 1\), found"):
        checkpoint.unflatten(table, state_of(3, size=9))
    del table["archive.fitness"]
    with pytest.raises(UserError, match=r"fitness should be float32 .*, found nothing"):
        checkpoint.unflatten(table, state_of(3, size=8))


def test_sha256_depends_on_names_dtypes_shapes_and_bytes_but_not_on_their_order():
    table = {"a": np.arange(4, dtype=np.int32), "b": np.zeros((2, 3), np.float32)}
    sha = checkpoint.table_sha256(table)
    assert checkpoint.table_sha256(dict(reversed(table.items()))) == sha
    changed = [
        {"c": table["a"], "b": table["b"]},
        table | {"a": table["a"].view(np.uint32)},
        table | {"b": table["b"].T},
        table | {"a": np.array([0, 1, 2, 4], np.int32)},
    ]
    assert len({sha, *map(checkpoint.table_sha256, changed)}) == 5


def save_large(folder: Path) -> None:
    """Saves a checkpoint of 4 MB: noise, which does not compress."""
    writer = checkpoint.CheckpointWriter(folder, keep=3)
    state = state_of(30)
    noise = np.random.default_rng(0).integers(0, 256, (1, 5, 900, 900, 1), np.uint8)
    elites = state.archive._replace(items=state.archive.items._replace(genome=noise))
    writer.save(state._replace(archive=elites), HISTORY)
    writer.close()


@pytest.fixture
def small_files() -> Iterator[None]:
    """Files of this process may have 1 MB."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


# Orbax leaves coroutines of a failed save to the garbage collector, which closes them too late.
ignores_what_orbax_leaves = pytest.mark.filterwarnings(
    "ignore:Exception ignored:pytest.PytestUnraisableExceptionWarning"
)


@ignores_what_orbax_leaves
def test_a_limit_on_file_sizes_is_a_clear_error_and_leaves_earlier_checkpoints(folder, small_files):
    with pytest.raises(UserError, match=r"no room to write .*free some space and resume"):
        save_large(folder)
    assert load(folder) == (20, [])
    assert checkpoint.saved_generations(folder) == [10, 20]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB; needs the right to mount one."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mounted)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a file system")
    yield mounted
    subprocess.run(["umount", str(mounted)], check=True)


def resize(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)


@ignores_what_orbax_leaves
def test_a_full_disk_is_a_clear_error_and_leaves_earlier_checkpoints(saved, small_disk):
    folder = Path(shutil.copytree(saved, small_disk / "checkpoints"))
    with pytest.raises(UserError, match=r"no room to write .*free some space and resume"):
        save_large(folder)
    assert load(folder) == (20, [])
    resize(small_disk)
    save_large(folder)
    assert checkpoint.saved_generations(folder) == [10, 20, 30]


@pytest.mark.slow
@ignores_what_orbax_leaves
def test_a_run_that_fills_the_disk_says_so_and_goes_on_when_there_is_room(
    small_disk, tmp_path, capsys
):
    # a checkpoint takes 0.3 MB, the metrics of a generation 3 kB
    flags = ["--classifier", "mock:10:32x32x3", "--encoding", "direct", "--batch-size", "20"]
    flags += ["--runs", "8", "--generations", "40", "--checkpoint-every", "5", "--quiet"]
    assert main(["evolve", *flags, "--out", str(small_disk / "run")]) == 2
    assert re.fullmatch(
        r"evofool: no room to write .*: No space left on device; free some space and resume\n",
        capsys.readouterr().err,
    )
    assert checkpoint.saved_generations(small_disk / "run" / "checkpoints")
    resize(small_disk)
    assert main(["resume", str(small_disk / "run"), "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["evolve", *flags, "--out", str(tmp_path / "whole")]) == 0
    shas = [
        json.loads((folder / "summary.json").read_text())["archive_sha256"]
        for folder in (small_disk / "run", tmp_path / "whole")
    ]
    assert shas[0] == shas[1]


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file"):
        checkpoint.CheckpointWriter(tmp_path / "file" / "checkpoints", keep=1)


@pytest.mark.parametrize("name", ["a%20b#c?d", "*", "line\nend", "{x};$'~ "])
def test_a_folder_has_nearly_any_name(tmp_path, name):
    save(tmp_path / name, 10)
    assert load(tmp_path / name) == (10, [])


@pytest.mark.parametrize("name", ["run[1]", "back\\slash"])
def test_names_that_the_library_misreads_are_refused_before_the_work(tmp_path, name):
    with pytest.raises(UserError, match="rename the folder"):
        checkpoint.CheckpointWriter(tmp_path / name, keep=1)
