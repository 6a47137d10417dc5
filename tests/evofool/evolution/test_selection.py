import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import evofool
from archive import NOBODY
from evofool import UserError
from evofool.classifiers.loading import load_classifier
from evofool.evaluation import forward
from evofool.evolution.selection import SingleClass, best_of_class, make_selection
from evofool.evolution.sharding import NO_CHILD
from evofool.runs.run import Run
from tests.evofool.loop import KilledError, Killer, Planned, config_of, evolve, loop_for

CARD = load_classifier("mock:5:8x8x1").card
BATCH, POPULATION = 15, 4  # three children for each of five classes


def single(encoding: str = "direct", **settings):
    small = {"algorithm": "single-class", "population": POPULATION, "batch_size": BATCH}
    return config_of(encoding, **small | settings)


def loop(encoding: str = "direct", **settings) -> Planned:
    return loop_for(single(encoding, **settings))


values = st.sampled_from([-np.inf, np.nan, np.inf, -1.0, -0.0, 0.0, 0.5, 2.0, 3.0])


@settings(max_examples=60)
@given(
    hnp.arrays(np.float32, (2, 6), elements=values),
    hnp.arrays(np.float32, (2, 8), elements=st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0, 4.0])),
)
def test_the_best_of_parents_and_children_survive_and_survivors_keep_their_cell(own, elites):
    """Two runs, two classes of four members and three children each, against sorted lists."""
    selection = SingleClass((3, 1), 4)
    fitness = np.full((2, 6, 5), np.nan, np.float32)
    fitness[:, 0::2, 3], fitness[:, 1::2, 1] = own[:, 0::2], own[:, 1::2]
    found = selection.champions_of_batch(jnp.asarray(fitness), jnp.asarray(elites))
    challengers, child = np.asarray(found.fitness), np.asarray(found.child)
    wins = challengers > elites
    after = np.where(wins, challengers, elites)
    for run in range(2):
        assert found.num_invalid[run] == np.sum(~np.isfinite(own[run]))
        for of_class in range(2):
            cells = slice(4 * of_class, 4 * of_class + 4)
            offered = own[run, of_class::2]
            everyone = [*elites[run, cells], *offered[np.isfinite(offered)]]
            assert sorted(after[run, cells]) == sorted(everyone)[-4:]
            winners = child[run, cells][wins[run, cells]]
            assert len(set(winners.tolist())) == len(winners)
            assert (winners % 2 == of_class).all()
            assert (own[run, winners] == challengers[run, cells][wins[run, cells]]).all()
            # of equal children the earliest are taken
            for index in set(range(of_class, 6, 2)) - set(winners.tolist()):
                later = [w for w in winners if own[run, w] == own[run, index] and w > index]
                assert not later


def test_cells_without_a_challenger_say_so():
    selection = SingleClass((0,), 3)
    found = selection.champions_of_batch(jnp.ones((1, 2, 1)), jnp.zeros((1, 3)))
    assert np.asarray(found.child).tolist() == [[0, 1, NO_CHILD]]
    assert np.asarray(found.fitness).tolist() == [[1, 1, -np.inf]]


def test_parents_are_drawn_uniformly_from_the_filled_cells_of_the_childs_own_class():
    selection = SingleClass((4, 2), 3)
    fitness = jnp.array([1.0, -jnp.inf, 2.0, -jnp.inf, 5.0, -jnp.inf])
    words = jax.random.bits(jax.random.key(0), (4000, 1))
    drawn = np.asarray(selection.parents(words, jnp.arange(4000), fitness))[:, 0]
    assert set(drawn[0::2]) == {0, 2}
    assert set(drawn[1::2]) == {4}
    assert abs(np.mean(drawn[0::2] == 0) - 0.5) < 0.05


def test_a_run_has_parents_once_every_class_has_a_member():
    selection = SingleClass((0, 1), 2)
    for fitness, expected in (
        ([-np.inf, 1, 2, -np.inf], True),
        ([1, 1, -np.inf, -np.inf], False),
    ):
        assert bool(selection.has_parents(jnp.array(fitness, jnp.float32))) is expected


def test_best_of_class_is_the_highest_of_each_classs_cells():
    fitness = np.array([[1.0, 3.0, -2.0, -np.inf]])
    assert best_of_class(fitness, 2).tolist() == [[3.0, -2.0]]
    assert best_of_class(fitness, 1).tolist() == fitness.tolist()


def test_children_must_be_shared_equally_by_the_classes():
    with pytest.raises(UserError, match=r"batch_size is 13.*multiple of the 5 classes.*: 15"):
        make_selection(single(batch_size=13), CARD)
    assert make_selection(single(classes=("1", "3", "4")), CARD).cells == 3 * POPULATION


@pytest.mark.parametrize(
    "encoding",
    ["direct", *(pytest.param(name, marks=pytest.mark.slow) for name in ("sbx", "cppn"))],
)
def test_ask_and_tell_equal_advance(encoding):
    made = loop(encoding)
    state, logs, _, _ = made.advance(made.start(11), 3)
    asked = made.start(11)
    for generation in range(3):
        offspring, images = made.loop.by_halves.ask(made.rates, asked)
        outputs = forward.evaluate(made.classifier, np.asarray(images)[0], 5)
        asked, log = made.loop.by_halves.tell(asked, offspring, jnp.asarray(outputs)[None])
        assert (log.winner == logs.winner[generation]).all()
        assert (log.parents == logs.parents[generation]).all()
    assert jax.tree.all(
        jax.tree.map(lambda a, b: bool((a == b).all()), asked.archive.items, state.archive.items)
    )


@pytest.mark.slow
def test_a_population_fills_and_then_improves_within_its_class():
    made = loop("cppn")
    _, logs, count, _ = made.advance(made.start(1), 6)
    fitness = np.asarray(logs.fitness)[:6, 0].reshape(6, 5, POPULATION)
    assert int(count) == 6
    assert (np.isfinite(fitness).sum(axis=2)[:2] == [[3] * 5, [4] * 5]).all()
    assert (np.diff(np.sort(fitness[1:], axis=2), axis=0) >= 0).all()
    winner, parents = np.asarray(logs.winner)[:6, 0], np.asarray(logs.parents)[:6, 0]
    for generation in range(1, 6):
        cells = np.flatnonzero(winner[generation] != NOBODY)
        assert (winner[generation, cells] % 5 == cells // POPULATION).all()
        assert (parents[generation, :, 0] // POPULATION == np.arange(BATCH) % 5).all()


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_runs_nor_on_the_calls():
    together, alone = loop("cppn", runs=2), loop("cppn")
    state = together.run(7, 8, stops=(1, 4))
    for run in range(2):
        expected = alone.sha256(alone.run(7 + run, stops=(4,)), 0)
        assert together.sha256(state, run) == expected


def test_a_target_is_reached_when_the_best_of_every_class_has_reached_it():
    made = loop()
    _, logs, _, _ = made.advance(made.start(0), 6)
    least = best_of_class(np.asarray(logs.fitness)[:6, 0], POPULATION).min(axis=1)
    _, _, count, _ = made.advance(made.start(0), 6, target=float(least[3]))
    assert int(count) == 1 + int(np.argmax(least >= least[3]))


def test_a_class_without_a_finite_fitness_makes_its_run_start_over():
    made = loop()
    outputs = np.zeros((1, BATCH, 5), np.float32)
    outputs[..., 2] = np.nan  # makes the log-odds of every class NaN
    state = made.start(0)
    offspring, _ = made.loop.by_halves.ask(made.rates, state)
    state, log = made.loop.by_halves.tell(state, offspring, jnp.asarray(outputs))
    assert log.num_invalid.tolist() == [BATCH]
    later, _ = made.loop.by_halves.ask(made.rates, state)
    assert (np.asarray(later.parents) == -1).all()


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Run:
    return evofool.evolve(
        config=single("cppn", runs=2, generations=8, target_confidence=None, micro_batch=None),
        out=tmp_path_factory.mktemp("single") / "run",
    )


@pytest.mark.slow
def test_elites_of_a_run_are_the_best_of_each_population(finished):
    assert finished.table["archive.fitness"].shape == (2, 5)
    elites = finished.elites(1)
    assert [elite.output for elite in elites] == list(finished.outputs)
    last = [line for line in finished.metrics if line["run"] == 1][-1]
    assert last["generation"] == 8
    assert last["evaluations"] == 9 * BATCH
    assert last["max_confidence"] == max(elite.confidence for elite in elites)
    assert finished.summary is not None
    assert finished.summary["classes"] == 5
    assert finished.summary["per_run"][1]["min_confidence"] == last["min_confidence"]


@pytest.mark.slow
def test_lines_of_descent_stay_within_their_class(finished):
    for elite in finished.elites(1):
        assert {step.cell for step in elite.steps} == {elite.cell}
        genome = elite.ancestors()[0]
        trim = finished.encoding.trim
        same = jax.tree.map(np.array_equal, trim(genome), trim(elite.genome))
        assert jax.tree.all(same)
    assert not any(line["class_changes"] for line in finished.metrics)
    assert evofool.verify(finished).passed


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path):
    config = single("cppn", generations=8, checkpoint_every=3)
    whole, _ = evolve(tmp_path / "whole", config)
    with pytest.raises(KilledError):
        evolve(tmp_path / "killed", config, reporter=Killer(5))
    resumed, _ = evolve(tmp_path / "killed", config)
    assert resumed == whole
