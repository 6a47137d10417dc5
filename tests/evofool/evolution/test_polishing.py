"""Polishing in the compiled loop: exact, whatever the devices, and never to the worse."""

import functools
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from evofool.config import PolishConfig
from evofool.evolution.loop import compile_polish
from evofool.evolution.polishing import Climb, next_cells
from tests.evofool.loop import config_of, loop_for

POLISH = {"steps": 3, "widen": 2, "batch_size": 4}  # 5 cells: two generations, one of them not full
SETTINGS = {"runs": 2, "polish": POLISH, "cppn": {"max_nodes": 24, "max_connections": 80}}

DEVICES_SCRIPT = """
import jax
jax.config.update("jax_num_cpu_devices", 4)
from tests.evofool.evolution.test_polishing import polished_on
for devices in (1, 2, 4):
    print(*polished_on(devices))
"""


def polished_on(devices: int, *, encoding: str = "cppn") -> list[str]:
    """Returns the SHA-256 of each run, evolved for three generations and polished in two."""
    loop = loop_for(config_of(encoding, generations=3, **SETTINGS))
    state = loop.run(7, 8, stops=(4,))
    plan = loop.plan
    polish = compile_polish(
        plan,
        encoding=loop.encoding,
        micro_batch=plan.polish_micro_batch,
        devices=jax.devices()[:devices],
    )
    state = polish.place(jax.device_get(state))
    before = np.asarray(state.archive.fitness)
    for _ in range(2):
        state, logs, count, had_room = polish.advance(
            loop.classifier.params, plan.climb, state, np.int32(99), np.float32(np.inf)
        )
        assert had_room
        assert count == 1
        assert logs.parents.shape == (1, 2, 4, 1)
    assert int(state.next_generation) == 6
    after = np.asarray(state.archive.fitness)
    assert (after >= before).all()
    assert (after > before).any()
    return [loop.sha256(state, run) for run in range(2)]


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_devices():
    printed = subprocess.run(
        [sys.executable, "-c", DEVICES_SCRIPT],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert printed.returncode == 0, printed.stderr
    one, two, four = printed.stdout.splitlines()
    assert one == two == four


def test_each_cell_is_climbed_from_once_in_a_round():
    loop = loop_for(config_of("direct", generations=3, **SETTINGS))
    plan = loop.plan
    polish = compile_polish(plan, encoding=loop.encoding, micro_batch=2)
    state = loop.run(7, 8, stops=(4,))
    parents = []
    for _ in range(2):
        state, logs, *_ = polish.advance(
            loop.classifier.params, plan.climb, state, np.int32(99), np.float32(np.inf)
        )
        parents.append(np.asarray(logs.parents)[0, 0, :, 0])
    first, second = parents
    assert first.tolist() == [0, 1, 2, 3]
    assert second.tolist() == [4, 4, 4, 4]  # there are no more cells


def test_other_gains_and_steps_are_not_compiled_anew():
    plans = [
        loop_for(config_of("direct", generations=3, polish=POLISH | changed)).plan
        for changed in ({}, {"steps": 5}, {"gain": 0.5})
    ]
    programs = {
        id(compile_polish(plan, encoding=plan.encoding, micro_batch=2).advance) for plan in plans
    }
    assert len(programs) == 1


def cells_of_rounds(polish: PolishConfig, fitness: np.ndarray) -> list[np.ndarray]:
    """Returns the cells that climb in each generation of each round, while no fitness changes."""
    turns = polish.generations_of(len(fitness))
    climb = Climb(
        starts=np.cumsum([7, *turns], dtype=np.int32),
        steps=np.int32(1),
        gain=np.float32(1),
        cells=np.arange(len(fitness), dtype=np.int32),
    )
    batch = polish.batch_of(len(fitness))
    choose = jax.jit(functools.partial(next_cells, batch=batch))
    chosen = [choose(climb, np.int32(g), fitness) for g in range(7, 7 + sum(turns))]
    return [np.stack(part) for part in np.split(np.array(chosen), np.cumsum(turns)[:-1])]


def test_all_cells_climb_once_in_every_round_in_order():
    fitness = np.random.default_rng(0).normal(size=10).astype(np.float32)
    rounds = cells_of_rounds(PolishConfig(steps=1, rounds=2, batch_size=4), fitness)
    for cells in rounds:
        np.testing.assert_array_equal(cells, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 9, 9]])


@pytest.mark.parametrize(("cells", "weakest"), [(100, 0.5), (97, 0.3), (1000, 0.25), (5, 0.01)])
def test_later_rounds_are_for_the_weakest_of_hands_that_hold_every_cell(cells: int, weakest: float):
    polish = PolishConfig(steps=1, rounds=3, weakest=weakest, batch_size=4)
    fitness = np.random.default_rng(0).normal(size=cells).astype(np.float32)
    first, *later = cells_of_rounds(polish, fitness)
    assert set(first.ravel()) == set(range(cells))
    for turn, chosen in enumerate(later, 1):
        wanted = max(1, cells * weakest**turn)
        assert wanted <= chosen.size < wanted + 4 + 1e-6 or chosen.size == 4
        assert len(set(chosen.ravel())) == chosen.size
        for hand, taken in enumerate(chosen):
            held = np.arange(hand, cells, len(chosen))
            np.testing.assert_array_equal(taken, held[np.argsort(fitness[held])[:4]])


def test_the_weakest_elite_of_all_climbs_in_every_round():
    polish = PolishConfig(steps=1, rounds=4, weakest=0.4, batch_size=8)
    fitness = np.random.default_rng(1).normal(size=1000).astype(np.float32)
    for chosen in cells_of_rounds(polish, fitness):
        assert np.argmin(fitness) in chosen
