import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import archive
from archive import elites as module
from tests.archive import reference

RUNS, BATCH, CELLS = 2, 4, 3
# few values, so that ties are common; NaN and infinities among them
FITNESS = st.sampled_from([0.0, 1.0, 1.5, -2.0, 1e30, -1e30, np.nan, np.inf, -np.inf])
TABLES = st.lists(FITNESS, min_size=RUNS * BATCH * CELLS, max_size=RUNS * BATCH * CELLS)

insert = jax.jit(archive.insert)
select = jax.jit(archive.select)
write_in_turn = jax.jit(module._write_in_turn)
write_together = jax.jit(module._write_together)


def empty() -> archive.Archive:
    example = {"name": jax.ShapeDtypeStruct((), jnp.int32), "pixels": jnp.zeros((2, 2), jnp.uint8)}
    return archive.empty(example, runs=RUNS, cells=CELLS)


def children(generation: int) -> dict[str, jax.Array]:
    """Children whose name says run, generation and index, and whose pixels repeat the name."""
    run, child = np.indices((RUNS, BATCH))
    name = 100 * run + 10 * generation + child
    pixels = np.broadcast_to(name[..., None, None], (RUNS, BATCH, 2, 2))
    return {"name": jnp.asarray(name, jnp.int32), "pixels": jnp.asarray(pixels, jnp.uint8)}


def fitness_of(*rows: list[float]) -> jax.Array:
    """Makes the fitness `[1, batch, cells]` of one run."""
    return jnp.array([rows], jnp.float32)


def one_run(cells: int) -> archive.Archive:
    return archive.empty(jnp.int32(0), runs=1, cells=cells)


def items(batch: int) -> jax.Array:
    return jnp.arange(10, 10 + batch, dtype=jnp.int32)[None]


@given(st.lists(TABLES, min_size=1, max_size=6))
def test_insert_equals_the_oracle_over_any_sequence(tables):
    elites = empty()
    expected = [{} for _ in range(RUNS)]
    for generation, values in enumerate(tables):
        table = np.array(values, np.float32).reshape(RUNS, BATCH, CELLS)
        offered = children(generation)
        elites, info = insert(elites, offered, jnp.asarray(table))
        found, seen, names = jax.device_get((elites, info, offered["name"]))
        for run in range(RUNS):
            before = dict(expected[run])
            batch = list(zip(names[run].tolist(), table[run].tolist(), strict=True))
            assert reference.insert(expected[run], batch) == seen.num_invalid[run]
            for cell in range(CELLS):
                fitness, name = expected[run].get(cell, (-np.inf, 0))
                changed = before.get(cell) != expected[run].get(cell)
                assert found.fitness[run, cell] == fitness
                assert found.items["name"][run, cell] == name
                assert (found.items["pixels"][run, cell] == name).all()
                assert seen.winner[run, cell] == (name % 10 if changed else archive.NOBODY)


@given(TABLES)
def test_both_ways_to_write_rows_give_the_same(values):
    elites, offered = empty(), children(3)
    table = np.array(values, np.float32).reshape(RUNS, BATCH, CELLS)
    best = jnp.asarray(table.argmax(axis=1), jnp.int32)
    is_written = jnp.asarray(table[:, 0] > 0)
    in_turn, together = (
        write(elites.items, offered, best, is_written) for write in (write_in_turn, write_together)
    )
    jax.tree.map(np.testing.assert_array_equal, in_turn, together)


def test_insert_lets_one_child_take_every_cell():
    elites, info = insert(one_run(3), items(2), fitness_of([1, 1, 1], [2, 2, 2]))
    assert info.winner.tolist() == [[1, 1, 1]]
    assert elites.items.tolist() == [[11, 11, 11]]


def test_insert_keeps_the_elite_on_ties():
    elites, _ = insert(one_run(1), items(1), fitness_of([2]))
    elites, info = insert(elites, jnp.array([[99]], jnp.int32), fitness_of([2]))
    assert info.winner.tolist() == [[archive.NOBODY]]
    assert elites.items.tolist() == [[10]]


def test_insert_takes_the_earliest_child_on_ties():
    _, info = insert(one_run(1), items(3), fitness_of([1], [3], [3]))
    assert info.winner.tolist() == [[1]]


def test_insert_takes_the_next_float_up():
    elites, _ = insert(one_run(1), items(1), fitness_of([1.0]))
    above = float(np.nextafter(np.float32(1), np.float32(2)))
    elites, info = insert(elites, items(1), fitness_of([above]))
    assert info.winner.tolist() == [[0]]
    assert float(elites.fitness[0, 0]) == above


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_insert_never_lets_a_value_that_is_not_finite_in(value):
    elites, info = insert(one_run(2), items(2), fitness_of([value, 1], [value, value]))
    assert elites.fitness.tolist() == [[-np.inf, 1]]
    assert info.winner.tolist() == [[archive.NOBODY, 0]]
    assert info.num_invalid.tolist() == [3]


def test_insert_never_mixes_runs():
    fitness = jnp.zeros((RUNS, BATCH, CELLS)).at[0].set(5.0)
    elites, _ = insert(empty(), children(0), fitness)
    assert elites.fitness.tolist() == [[5.0] * CELLS, [0.0] * CELLS]
    assert (np.asarray(elites.items["name"]) // 100 == [[0], [1]]).all()


def test_insert_of_many_runs_equals_single_runs():
    fitness = jax.random.normal(jax.random.key(3), (RUNS, BATCH, CELLS))
    together, info = insert(empty(), children(0), fitness)
    for run in range(RUNS):
        example = jax.tree.map(lambda x: x[0, 0], empty().items)
        single = archive.empty(example, runs=1, cells=CELLS)
        offered = jax.tree.map(lambda x, r=run: x[r : r + 1], children(0))
        alone, info_alone = insert(single, offered, fitness[run : run + 1])
        same = jax.tree.map(lambda a, b, r=run: bool((a[r] == b[0]).all()), together, alone)
        assert jax.tree.all(same)
        assert (info.winner[run] == info_alone.winner[0]).all()


def test_insert_gives_the_same_with_and_without_jit():
    fitness = jax.random.normal(jax.random.key(4), (RUNS, BATCH, CELLS)).at[0, 0, 0].set(jnp.nan)
    compiled = insert(empty(), children(0), fitness)
    plain = archive.insert(empty(), children(0), fitness)
    same = jax.tree.map(lambda a, b: bool((a == b).all()) and a.dtype == b.dtype, compiled, plain)
    assert jax.tree.all(same)


def test_insert_carries_a_thousand_cells():
    fitness = jax.random.normal(jax.random.key(5), (1, 7, 1000))
    elites, info = insert(one_run(1000), items(7), fitness)
    assert (elites.fitness == fitness.max(axis=1)).all()
    assert (elites.items == 10 + fitness.argmax(axis=1)).all()
    assert (info.winner == fitness.argmax(axis=1)).all()


@pytest.mark.parametrize("shape", [(1, BATCH, CELLS), (RUNS, BATCH, CELLS + 1)])
def test_insert_refuses_a_fitness_table_of_another_shape(shape):
    with pytest.raises(ValueError, match=rf"runs=2, batch, cells=3.*got \({shape[0]}"):
        archive.insert(empty(), children(0), jnp.zeros(shape))


@pytest.mark.parametrize(("runs", "cells"), [(0, 3), (3, 0)])
def test_empty_refuses_an_archive_of_nothing(runs, cells):
    with pytest.raises(ValueError, match=f"got {runs} and {cells}"):
        archive.empty(jnp.int32(0), runs=runs, cells=cells)


def test_empty_has_zero_items_and_no_elites():
    elites = empty()
    assert (elites.fitness == -jnp.inf).all()
    assert elites.fitness.shape == (RUNS, CELLS)
    assert {name: (leaf.shape, leaf.dtype) for name, leaf in elites.items.items()} == {
        "name": ((RUNS, CELLS), jnp.int32),
        "pixels": ((RUNS, CELLS, 2, 2), jnp.uint8),
    }
    assert not any(leaf.any() for leaf in jax.tree.leaves(elites.items))


WORDS = st.one_of(st.sampled_from([0, 1, 2**16, 2**31, 2**32 - 1]), st.integers(0, 2**32 - 1))


@given(st.lists(WORDS, min_size=8, max_size=8), st.lists(st.booleans(), min_size=6, max_size=6))
def test_select_equals_exact_integer_arithmetic(words, is_filled):
    fitness = jnp.where(jnp.array(is_filled), 1.0, -jnp.inf)
    chosen = select(jnp.array(words, jnp.uint32), fitness)
    filled = [cell for cell, yes in enumerate(is_filled) if yes]
    assert chosen.tolist() == reference.select(words, filled)


@pytest.mark.parametrize("cells", [1, 10, 1000, 65535, 65536, 87364, 200_000])
def test_select_is_exact_at_the_borders_of_every_share(cells):
    borders = [-(-cell * 2**32 // cells) for cell in range(0, cells, max(1, cells // 50))]
    words = [word + step for word in borders for step in (-1, 0) if word + step >= 0]
    chosen = select(jnp.array(words, jnp.uint32), jnp.zeros(cells))
    assert chosen.tolist() == reference.select(words, list(range(cells)))


def test_select_is_uniform_over_the_filled_cells(key):
    fitness = jnp.array([3.0, -jnp.inf, -1e30, 0.0, 1e30, -jnp.inf, 7.0])
    chosen = select(jax.random.bits(key, (100_000,)), fitness)
    counts = np.bincount(chosen, minlength=7)
    assert counts[[1, 5]].tolist() == [0, 0]
    assert stats.chisquare(counts[[0, 2, 3, 4, 6]]).pvalue > 1e-4


def test_select_from_an_empty_archive_gives_cell_0():
    assert select(jnp.array([0, 2**32 - 1], jnp.uint32), jnp.full(3, -jnp.inf)).tolist() == [0, 0]
