from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import NOBODY
from evofool.evolution import lineage, lineage_files
from evofool.evolution.generation import Log
from evofool.evolution.lineage import Lineage, Recorder, Step, class_changes
from evofool.support.errors import UserError
from tests.evofool.loop import CHUNK, config_of, evolve, loop_of

RUNS, BATCH, CELLS = 2, 3, 4


def log_of(winner: np.ndarray, parents: np.ndarray) -> Log:
    fitness = np.zeros((len(winner), winner.shape[1]), np.float32)
    return Log(fitness, winner, parents, np.zeros(len(winner), np.int32))


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[np.ndarray, np.ndarray]]:
    """Winners `[runs, cells]` and parents `[runs, batch, 2]` of a few generations."""
    child = st.integers(NOBODY, BATCH - 1)
    cell = st.integers(0, CELLS - 1)
    generations = draw(st.integers(1, 5))

    def table(values: st.SearchStrategy[int], *shape: int) -> np.ndarray:
        size = int(np.prod(shape))
        flat = draw(st.lists(values, min_size=size, max_size=size))
        return np.array(flat, np.int32).reshape(shape)

    first = table(st.integers(0, BATCH - 1), RUNS, CELLS)  # everyone finds an empty archive
    history = [(first, np.full((RUNS, BATCH, 2), -1, np.int32))]
    for _ in range(generations):
        history.append((table(child, RUNS, CELLS), table(cell, RUNS, BATCH, 2)))
    return history


def slow_records(history: list[tuple[np.ndarray, np.ndarray]]) -> tuple[set, list[list[int]]]:
    """The records as a set of tuples, and class changes by generation and run."""
    records, changes = set(), []
    holder: dict[tuple[int, int], tuple[int, int]] = {}
    for generation, (winner, parents) in enumerate(history):
        changes.append([0] * RUNS)
        entered = {}
        for run in range(RUNS):
            for cell in range(CELLS):
                child = int(winner[run, cell])
                if child == NOBODY:
                    continue
                first, mate = parents[run, child].tolist()
                ids = [holder[run, c] if generation else (-1, -1) for c in (first, mate)]
                origin = first if generation else -1
                records.add((run, generation, child, *ids[0], origin, *ids[1]))
                changes[-1][run] += origin not in (cell, -1)
                entered[run, cell] = (generation, child)
        holder |= entered
    return records, changes


@given(histories())
def test_recorder_equals_the_slow_one(history):
    recorder = Recorder(np.zeros((RUNS, CELLS, 2), np.int32))
    expected, expected_changes = slow_records(history)
    for generation, (winner, parents) in enumerate(history):
        changes = recorder.add(generation, log_of(winner, parents))
        assert changes.tolist() == expected_changes[generation]
    found = [tuple(map(int, record)) for part in recorder._pending for record in part]
    assert len(found) == len(set(found))
    assert set(found) == expected


def record(generation: int, child: int, parent: tuple[int, int], cell: int, mate=(-1, -1)) -> tuple:
    return (0, generation, child, *parent, cell, *mate)


@pytest.fixture
def family() -> Lineage:
    """(3, 1) <- (2, 0) <- (0, 4), with (1, 2) <- (0, 7) as the mate of (2, 0)."""
    rows = [
        record(0, 4, (-1, -1), -1),
        record(0, 7, (-1, -1), -1),
        record(1, 2, (0, 7), 3),
        record(2, 0, (0, 4), 5, mate=(1, 2)),
        record(3, 1, (2, 0), 5),
    ]
    return Lineage(np.array(rows, lineage_files.RECORD))


def test_descent_goes_back_to_generation_0_by_first_parents(family):
    steps = family.descent(0, (3, 1), cell=8)
    assert steps == [
        Step(3, 1, 8, None),
        Step(2, 0, 5, (1, 2)),
        Step(0, 4, 5, None),
    ]
    assert class_changes(steps) == 1


def test_ancestry_holds_mates_too_and_everyone_once_oldest_first(family):
    records = family.ancestry(0, (3, 1))
    ids = [(int(r["generation"]), int(r["child"])) for r in records]
    assert ids == [(0, 4), (0, 7), (1, 2), (2, 0), (3, 1)]
    assert len(family.ancestry(0, (1, 2))) == 2


@given(histories(), st.randoms(use_true_random=False))
def test_lines_equal_a_walk_from_record_to_record(history, random):
    records, _ = slow_records(history)
    by_id = {record[:3]: record for record in records}
    shuffled = sorted(records)
    random.shuffle(shuffled)
    family = Lineage(np.array(shuffled, lineage_files.RECORD))
    assert [tuple(map(int, record)) for record in family.records] == sorted(records)
    for run, *born in by_id:
        walk, pending, kin = [], (run, *born), {(run, *born)}
        while pending in by_id:
            walk.append(pending[1:])
            pending = (run, *by_id[pending][3:5])
        for _ in history:  # as many times as there are generations
            kin |= {(run, *by_id[one][at : at + 2]) for one in kin for at in (3, 6)} & set(by_id)
        assert [step[:2] for step in family.descent(run, tuple(born), 0)] == walk
        ancestry = family.ancestry(run, tuple(born))
        assert [tuple(map(int, record)) for record in ancestry] == sorted(by_id[k] for k in kin)


def test_a_child_without_a_record_is_an_error_of_the_user(family):
    for unknown in ((2, 1), (3, 2), (7, 0), (0, 1_000_000)):
        with pytest.raises(UserError, match="has no record of 1 of the children"):
            family.descent(0, unknown, 0)
    with pytest.raises(UserError, match="has no record of 2 of the children"):
        Lineage(family.records[2:])
    with pytest.raises(UserError, match="has no record"):
        Lineage(family.records[:0]).ancestry(0, (0, 0))


def test_files_end_at_checkpoints_and_are_cut_to_one(tmp_path):
    recorder = Recorder(np.zeros((1, CELLS, 2), np.int32))
    for generation in range(6):
        parents = np.full((1, BATCH, 1), 0 if generation else -1, np.int32)
        winner = np.full((1, CELLS), generation % BATCH, np.int32)
        recorder.add(generation, log_of(winner, parents))
        if generation in (2, 5):
            recorder.write(tmp_path, generation)
    recorder.write(tmp_path, 9)  # nothing new: no file
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "gen-00000002.npy",
        "gen-00000005.npy",
    ]
    assert Lineage.load(tmp_path).records["generation"].tolist() == [0, 1, 2, 3, 4, 5]
    lineage_files.cut(tmp_path, 2)
    assert Lineage.load(tmp_path).records["generation"].tolist() == [0, 1, 2]
    lineage_files.cut(tmp_path, -1)
    assert len(Lineage.load(tmp_path).records) == 0


def test_a_damaged_lineage_file_is_named(tmp_path):
    path = tmp_path / "gen-00000001.npy"
    path.write_bytes(b"not an array")
    with pytest.raises(UserError, match=r"gen-00000001.npy is damaged"):
        Lineage.load(tmp_path)
    np.save(path, np.zeros(3))
    with pytest.raises(UserError, match=r"gen-00000001.npy holds float64, expected lineage"):
        Lineage.load(tmp_path)
    header = {"descr": lineage_files.RECORD.descr, "fortran_order": False, "shape": (2**40,)}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
    with pytest.raises(UserError, match=r"gen-00000001.npy holds 0 bytes, and its header says"):
        Lineage.load(tmp_path)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (record(3, 1, (3, 1), 5), "not older than its child"),
        (record(1, 2, (2, 0), 3), "not older than its child"),
        (record(3, 1, (0, 4), 5, mate=(4, 0)), "not older than its child"),
        (record(3, 1, (0, -4), 5), "by a negative number"),
        (record(3, 1, (-1, 7), -1), "by a negative number"),
        (record(3, 1, (-7, -1), -1), "by a negative number"),
        (record(3, -1, (0, 4), 5), "negative number for its run, generation or child"),
        (record(3, 1, (-1, -1), -1, mate=(0, 4)), "a second parent and no first"),
        (record(3, 1, (0, 4), -1), "without the class it held"),
        (record(0, 4, (-1, -1), -1), "a child has two records"),
        (record(3, 2**31 - 1, (2**31 - 2, 0), 3), "not older|has no record|up to"),
    ],
)
def test_records_that_no_run_writes_are_refused(family, row, says):
    records = np.append(family.records, np.array([row], lineage_files.RECORD))
    with pytest.raises(UserError, match=says):
        Lineage(records)


def test_numbers_beyond_the_run_are_refused(family):
    family.check_within(runs=1, children=8, cells=6)
    for sizes, name in (((0, 8, 6), "run"), ((1, 7, 6), "child"), ((1, 8, 5), "parent_cell")):
        with pytest.raises(UserError, match=f"{name} is .; expected below"):
            family.check_within(**dict(zip(("runs", "children", "cells"), sizes, strict=True)))


@pytest.fixture(scope="module")
def evolved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, object]]:
    """Runs of ten generations of every encoding, two runs each, with their last states."""
    runs = {}
    for encoding in ("direct", "sbx", "cppn"):
        folder = tmp_path_factory.mktemp(encoding) / "run"
        config = config_of(encoding, generations=10, runs=2, seed=4)
        runs[encoding] = (folder, evolve(folder, config)[1].state)
    return runs


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["direct", "sbx", "cppn"])
def test_ancestors_made_again_equal_the_elites_bit_for_bit(evolved, encoding):
    folder, state = evolved[encoding]
    elites = jax.device_get(state.archive.items)
    records = Lineage.load(folder / "lineage")
    made, rates = loop_of(encoding).encoding, loop_of(encoding).rates
    run, cell = 1, 2
    born = tuple(map(int, elites.born[run, cell]))
    assert born[0] > 3
    line = lineage.Remade(made, rates, 4 + run)
    line.add_all(records.ancestry(run, born), {})
    same = jax.tree.map(
        lambda again, kept: (np.asarray(again) == kept[run, cell]).all(),
        line.plain()[born],
        elites.genome,
    )
    assert jax.tree.all(same)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["direct", "sbx", "cppn"])
def test_every_elite_descends_from_the_initial_population(evolved, encoding):
    folder, state = evolved[encoding]
    elites = jax.device_get(state.archive.items)
    records = Lineage.load(folder / "lineage")
    for run, cell in np.ndindex(2, 5):
        born = tuple(map(int, elites.born[run, cell]))
        steps = records.descent(run, born, cell)
        generations = [step.generation for step in steps]
        assert generations == sorted(set(generations), reverse=True)
        assert generations[-1] == 0
        assert all((step.mate is not None) <= (encoding == "sbx") for step in steps)


def test_recorder_starts_from_the_elites_of_a_checkpoint():
    loop = loop_of()
    state = loop.run(0, stops=(3,))
    born = np.asarray(state.archive.items.born)
    after, logs, count, _ = loop.advance(state, 3 + CHUNK)
    recorder = Recorder(born)
    for i in range(int(count)):
        recorder.add(3 + i, jax.tree.map(lambda leaf, i=i: np.asarray(leaf[i]), logs))
    assert (recorder._born == np.asarray(after.archive.items.born)).all()
