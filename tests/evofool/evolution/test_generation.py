import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from archive import NOBODY
from evofool.classifiers.scores import two_best
from evofool.config import make_config
from evofool.evaluation import forward
from tests.evofool.loop import CHUNK, config_of, evolved_on, loop_for, loop_of

GOLDEN = Path(__file__).parents[2] / "golden" / "evolution.json"
ENCODINGS = pytest.mark.parametrize("encoding", ["direct", "cppn"])


def all_equal(first, second) -> bool:
    same = jax.tree.map(lambda a, b: bool((np.asarray(a) == np.asarray(b)).all()), first, second)
    return jax.tree.all(same)


@ENCODINGS
@pytest.mark.parametrize(
    "stops",
    [
        (4, 6),
        pytest.param((1, 2, 3, 4, 5, 6), marks=pytest.mark.slow),
        pytest.param((1, 1, 0, 6), marks=pytest.mark.slow),
    ],
)
def test_results_do_not_depend_on_how_generations_are_grouped_into_calls(encoding, stops):
    loop = loop_of(encoding)
    assert all_equal(loop.run(7, stops=stops), loop.run(7, stops=(6,)))


def test_a_call_ends_after_a_chunk_however_far_off_the_stop_is():
    loop = loop_of()
    state, _, count, had_room = loop.advance(loop.start(0), 10**6)
    assert int(count) == int(state.next_generation) == CHUNK
    assert bool(had_room)


def test_a_call_logs_what_each_generation_left():
    loop = loop_of()
    _, logs, count, _ = loop.advance(loop.start(0), 4)
    assert int(count) == 4
    for generation in range(4):
        alone = loop.run(0, stops=(generation + 1,))
        assert (logs.fitness[generation] == alone.archive.fitness).all()
    assert (np.asarray(logs.parents)[0] == -1).all()
    assert (np.asarray(logs.parents)[1:4] >= 0).all()
    assert (np.asarray(logs.winner)[0] != NOBODY).all()
    assert not np.asarray(logs.num_invalid)[:4].any()


@pytest.mark.parametrize(
    ("encoding", "runs"),
    [
        ("direct", 3),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [("direct", 5), ("cppn", 3), ("cppn", 5)]
        ),
    ],
)
def test_every_run_of_many_equals_the_single_run_of_its_seed(encoding, runs):
    together = loop_of(encoding, runs=runs)
    state = together.run(*range(40, 40 + runs), stops=(4,))
    alone = loop_of(encoding)
    expected = [alone.sha256(alone.run(40 + run, stops=(4,)), 0) for run in range(runs)]
    assert [together.sha256(state, run) for run in range(runs)] == expected
    assert len(set(expected)) == runs


DEVICES_SCRIPT = """
import jax
jax.config.update("jax_num_cpu_devices", 4)
from tests.evofool.evolution.test_generation import DEVICES_CASES
from tests.evofool.loop import evolved_on

for name, config in DEVICES_CASES.items():
    for devices in ((2,), (4,), (4, 2)):
        print(name, *devices, *evolved_on(config, *devices, stops=(2, 4)))
"""
DEVICES_CASES = {
    "cppn": config_of("cppn", runs=2),
    "color": config_of("direct", runs=2, classifier="mock:1000:32x32x3"),
    "populations": config_of("cppn", runs=2, algorithm="single-class", population=4, batch_size=15),
}


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_devices():
    # six micro-batches: shared evenly by 1 and 2 devices, unevenly by 4
    printed = subprocess.run(
        [sys.executable, "-c", DEVICES_SCRIPT],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
    )
    assert printed.returncode == 0, printed.stderr
    lines = printed.stdout.splitlines()
    for name, config in DEVICES_CASES.items():
        shas = " ".join(evolved_on(config, 1, stops=(4,)))
        found = [line for line in lines if line.startswith(name)]
        assert found == [f"{name} {devices} {shas}" for devices in ("2", "4", "4 2")]


def test_the_archive_is_updated_in_place():
    """Neither the device's temporary memory nor its results hold a second archive."""
    config = make_config(
        classifier="mock:500:32x32x3", encoding="direct", batch_size=40, micro_batch=8
    )
    loop = loop_for(config)
    state = loop.start(0)
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
    compiled = loop.loop.advance.lower(
        loop.classifier.params, loop.rates, state, np.int32(9), np.float32(np.inf)
    ).compile()
    memory = compiled.memory_analysis()
    children = 40 * 32 * 32 * 3
    logs = 6 * (2 * 500 + 40 + 1) * 4
    assert memory.alias_size_in_bytes >= size
    assert memory.output_size_in_bytes < size + logs + 4096
    # the children, one micro-batch of float images a few times over, and fitness
    assert memory.temp_size_in_bytes < 2 * children + 4 * (8 * 32 * 32 * 3 * 4) + 20 * 500 * 4 * 8
    assert memory.temp_size_in_bytes < size / 2


@pytest.mark.slow
def test_children_of_a_run_without_elites_are_made_at_random():
    """As if each generation were the first, until an image has a finite fitness."""
    loop = loop_of("sbx", runs=2)
    state = loop.start(3, 4)
    asked, _ = loop.loop.by_halves.ask(loop.rates, state)
    outputs = np.full((2, 13, 5), np.nan, np.float32)
    outputs[1] = np.arange(5)  # the second run has elites from the start
    state, log = loop.loop.by_halves.tell(state, asked, jnp.asarray(outputs))
    assert (np.asarray(log.parents) == -1).all()
    assert log.num_invalid.tolist() == [13 * 5, 0]
    later, images = loop.loop.by_halves.ask(loop.rates, state)
    assert (np.asarray(later.parents)[0] == -1).all()
    assert (np.asarray(later.parents)[1] >= 0).all()
    assert not all_equal(later.genomes[0], asked.genomes[0])
    assert 0.4 < np.asarray(images)[0].mean() < 0.6


@pytest.mark.parametrize("encoding", ["direct", pytest.param("cppn", marks=pytest.mark.slow)])
def test_another_micro_batch_changes_last_bits_at_most(encoding):
    state = loop_of(encoding).run(3, stops=(4,))
    other = loop_of(encoding, micro_batch=13).run(3, stops=(4,))
    assert all_equal(state.archive.items, other.archive.items)
    np.testing.assert_allclose(state.archive.fitness, other.archive.fitness, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "encoding",
    ["direct", *(pytest.param(name, marks=pytest.mark.slow) for name in ("sbx", "cppn"))],
)
def test_ask_and_tell_equal_advance(encoding):
    loop = loop_of(encoding)
    state, logs, _, _ = loop.advance(loop.start(11), 3)
    asked = loop.start(11)
    for generation in range(3):
        offspring, images = loop.loop.by_halves.ask(loop.rates, asked)
        outputs = forward.evaluate(loop.classifier, np.asarray(images)[0], 5)
        asked, log = loop.loop.by_halves.tell(asked, offspring, jnp.asarray(outputs)[None])
        assert (log.winner == logs.winner[generation]).all()
        assert (log.parents == logs.parents[generation]).all()
    assert int(asked.next_generation) == 3
    assert all_equal(asked.archive.items, state.archive.items)
    # compiled apart from the loop, the classifier may round differently
    np.testing.assert_allclose(asked.archive.fitness, state.archive.fitness, rtol=1e-4, atol=1e-4)


def test_asked_images_are_the_images_on_the_grid_of_levels():
    loop = loop_of()
    offspring, images = loop.loop.by_halves.ask(loop.rates, loop.start(0))
    assert images.shape == (1, 13, 8, 8, 1)
    levels = np.asarray(images) * 255
    assert np.abs(levels - np.rint(levels)).max() < 1e-4
    assert (np.rint(levels).reshape(1, 13, -1) == np.asarray(offspring.genomes)).all()


def test_elites_remember_who_they_are_and_what_the_classifier_saw():
    loop = loop_of()
    state = loop.start(5)
    offspring, images = loop.loop.by_halves.ask(loop.rates, state)
    outputs = forward.evaluate(loop.classifier, np.asarray(images)[0], 5)
    best = np.asarray(two_best(jnp.asarray(outputs)))
    elites = loop.run(5, stops=(1,)).archive.items
    born = np.asarray(elites.born)[0]
    assert (born[:, 0] == 0).all()
    assert (np.asarray(elites.best)[0] == best[born[:, 1]]).all()
    assert (np.asarray(elites.genome)[0] == np.asarray(offspring.genomes)[0, born[:, 1]]).all()


def test_other_seeds_give_other_results():
    loop = loop_of()
    shas = {loop.sha256(loop.run(seed, stops=(2,)), 0) for seed in (0, 1, 2, 2**32 - 1)}
    assert len(shas) == 4


def test_fitness_never_falls_and_rises_with_generations():
    loop = loop_of()
    _, logs, _, _ = loop.advance(loop.start(0), CHUNK)
    fitness = np.asarray(logs.fitness)
    assert (np.diff(fitness, axis=0) >= 0).all()
    assert (fitness[-1] > fitness[0]).all()


def test_evolution_stops_when_every_cell_reached_the_target():
    loop = loop_of()
    _, logs, _, _ = loop.advance(loop.start(0), CHUNK)
    worst = np.asarray(logs.fitness).min(axis=(1, 2))
    target = float(worst[2])
    first = int(np.argmax(worst >= target))
    state, _, count, _ = loop.advance(loop.start(0), CHUNK, target=target)
    assert int(count) == first + 1 == int(state.next_generation)


def nan_where_dark(loop):
    """The loop's classifier, but NaN for images whose first pixel is below one half."""

    def apply(params, images):
        is_dark = images[:, 0, 0, 0] < 0.5
        return jnp.where(is_dark[:, None], jnp.nan, loop.classifier.apply(params, images))

    return dataclasses.replace(loop.classifier, apply=apply)


def test_images_that_give_nan_are_counted_and_never_become_elites():
    loop = loop_of()
    state = loop.start(2)
    counts = []
    for _ in range(3):
        offspring, images = loop.loop.by_halves.ask(loop.rates, state)
        outputs = nan_where_dark(loop).apply(loop.classifier.params, images[0])
        state, log = loop.loop.by_halves.tell(state, offspring, outputs[None])
        num_dark = int(np.sum(np.asarray(images)[0, :, 0, 0, 0] < 0.5))
        counts.append(num_dark)
        assert int(log.num_invalid[0]) == 5 * num_dark
        elites = np.asarray(state.archive.items.genome)[0]
        assert (elites[:, 0] > 127).all()
        assert np.isfinite(np.asarray(state.archive.fitness)).all()
    assert 0 < counts[0] < 13


@ENCODINGS
def test_other_weights_rates_seeds_and_ends_need_no_compilation(encoding):
    loop = loop_of(encoding)
    loop.run(0, stops=(1, 2))
    before = loop.loop.advance._cache_size()
    other = jax.tree.map(lambda x: (x * 0.5).astype(x.dtype), loop.rates)
    params = jax.tree.map(lambda x: -x, loop.classifier.params)
    changed = loop.advance(loop.start(77), 5, target=3.0, rates=other, params=params)[0]
    assert loop.loop.advance._cache_size() == before
    assert not all_equal(changed, loop.run(77, stops=(5,)))


@pytest.mark.parametrize(
    ("encoding", "changes", "is_same"),
    [
        ("cppn", {"seed": 9, "generations": 7}, True),
        ("cppn", {"cppn": {"weight_rate": 0.9, "add_node_rate": 0.0}}, True),
        ("cppn", {"cppn": {"weight_eta": 3.0}}, False),
        ("direct", {"direct": {"mutation_rate": 0.9, "halve_every": 3}}, True),
        ("direct", {"direct": {"color": "hsv"}}, True),  # the classifier sees grey
        ("direct", {"batch_size": 14}, False),
        ("direct", {"classes": ("0", "1")}, False),
    ],
)
def test_runs_that_differ_in_seed_and_rates_share_a_compiled_loop(encoding, changes, is_same):
    make = loop_for.__wrapped__  # anew, not what other tests have left
    one, other = make(config_of(encoding)), make(config_of(encoding, **changes))
    assert (one.loop is other.loop) is is_same


def test_changed_rates_and_weights_change_results_without_compiling_them_in():
    loop = loop_of()
    plain = loop.run(0, stops=(3,))
    still = loop.rates._replace(mutation_rate=np.float32(0))
    unchanged = loop.advance(loop.start(0), 3, rates=still)[0]
    # without mutation the initial population is all there ever is
    assert np.asarray(unchanged.archive.items.born)[..., 0].max() == 0
    assert np.asarray(plain.archive.items.born)[..., 0].max() > 0


def facts(encoding: str) -> dict:
    """What tests/golden/evolution.json holds of an encoding: seed 0 after six generations."""
    loop = loop_of(encoding)
    state = loop.run(0, stops=(6,))
    return {
        "born": np.asarray(state.archive.items.born)[0].tolist(),
        "best": np.asarray(state.archive.items.best)[0].tolist(),
        "log_odds": np.round(np.asarray(state.archive.fitness, float)[0], 3).tolist(),
    }


@pytest.mark.parametrize("encoding", ["direct", "sbx", "cppn"])
def test_first_generations_are_those_of_the_golden_file(encoding):
    golden = json.loads(GOLDEN.read_text())["encodings"][encoding]
    found = facts(encoding)
    assert found["born"] == golden["born"]
    assert found["best"] == golden["best"]
    # other kinds of machines round differently
    np.testing.assert_allclose(found["log_odds"], golden["log_odds"], atol=5e-3)
