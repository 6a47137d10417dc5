import dataclasses
import os
import shutil
import signal
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import evofool
from evofool.classifiers.loading import load_classifier
from evofool.evolution import checkpoint, loop, session
from evofool.evolution.reporting import Quiet
from evofool.support.errors import UserError
from tests.evofool.loop import (
    CLASSIFIER,
    KilledError,
    Killer,
    Told,
    config_of,
    evolve,
    lines_of,
    records_of,
)

ENCODINGS = pytest.mark.parametrize("encoding", ["direct", "cppn"])


@pytest.mark.parametrize(
    "settings",
    [{"checkpoint_every": 1}, {"checkpoint_every": 100}, {"checkpoint_every": 4}],
    ids=str,
)
def test_checkpoints_change_nothing(tmp_path, whole, settings):
    assert evolve(tmp_path / "run", config_of(generations=12, **settings))[0] == whole


@pytest.mark.parametrize("chunk", [1, 3])
def test_the_length_of_a_call_changes_nothing(tmp_path, whole, monkeypatch, chunk):
    monkeypatch.setattr(session, "MAX_CHUNK", chunk)
    monkeypatch.setattr(loop, "MAX_CHUNK", chunk)
    assert evolve(tmp_path / "run", config_of(generations=12))[0] == whole


def test_fewer_lines_of_metrics_change_nothing_else(tmp_path, whole):
    sparse, _ = evolve(tmp_path / "run", config_of(generations=12, log_every=5))
    assert sparse.archive_sha256 == whole.archive_sha256
    assert sparse.records == whole.records
    assert sparse.lines == [line for line in whole.lines if line["generation"] in (0, 5, 10, 12)]


def test_metrics_have_one_line_per_generation_and_run(tmp_path):
    evolve(tmp_path / "run", config_of(generations=3, runs=2, seed=8))
    lines = lines_of(tmp_path / "run")
    places = [(line["generation"], line["run"], line["seed"]) for line in lines]
    assert places == [(g, r, 8 + r) for g in range(4) for r in range(2)]
    assert [line["evaluations"] for line in lines[::2]] == [13, 26, 39, 52]
    assert all(line["num_invalid"] == 0 for line in lines)
    assert all(line["replacements"] == 5 for line in lines[:2])


@pytest.mark.parametrize("encoding", ["direct", pytest.param("cppn", marks=pytest.mark.slow)])
def test_runs_side_by_side_equal_runs_alone(tmp_path, encoding):
    together, _ = evolve(tmp_path / "many", config_of(encoding, generations=4, runs=3, seed=20))
    for run in range(3):
        alone, _ = evolve(tmp_path / f"{run}", config_of(encoding, generations=4, seed=20 + run))
        assert together.archive_sha256[run] == alone.archive_sha256[0]
        mine = [line | {"run": 0} for line in together.lines if line["run"] == run]
        assert mine == alone.lines
        assert [(0, *r[1:]) for r in together.records if r[0] == run] == alone.records


def test_as_many_evaluations_as_children_and_a_population_to_start_with(tmp_path):
    _, outcome = evolve(tmp_path / "run", config_of(generations=4, runs=2))
    assert outcome.reason == "generations"
    assert outcome.evaluations == 2 * 13 * 5
    assert int(outcome.state.next_generation) == 5


def test_no_generations_leave_the_initial_population(tmp_path):
    evolved, outcome = evolve(tmp_path / "run", config_of(generations=0))
    assert outcome.reason == "generations"
    assert [line["generation"] for line in evolved.lines] == [0]
    assert checkpoint.saved_generations(tmp_path / "run" / "checkpoints") == [0]


def test_evolution_stops_before_it_would_exceed_the_evaluations(tmp_path):
    _, outcome = evolve(tmp_path / "run", config_of(generations=100, max_evaluations=13 * 4 + 12))
    assert outcome.evaluations == 13 * 4
    assert outcome.reason == "generations"


def test_evolution_stops_once_every_class_of_every_run_is_certain_enough(tmp_path):
    config = config_of(generations=100, runs=2, target_confidence=0.9)
    evolved, outcome = evolve(tmp_path / "run", config)
    assert outcome.reason == "target_confidence"
    last = [line["min_confidence"] for line in evolved.lines[-2:]]
    before = [line["min_confidence"] for line in evolved.lines[-4:-2]]
    assert min(last) >= 0.9 > min(before)
    reached = evolved.lines[-1]["generation"]
    assert checkpoint.saved_generations(tmp_path / "run" / "checkpoints")[-1] == reached


def test_evolution_stops_after_the_wall_time(tmp_path):
    _, outcome = evolve(tmp_path / "run", config_of(generations=10**6, max_seconds=0.001))
    assert outcome.reason == "max_seconds"
    assert int(outcome.state.next_generation) < 10**6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_at_the_next_chunk_with_a_checkpoint_there(tmp_path, whole, number):
    class Interrupter(Told):
        def progress(self, generation, last, lines):
            super().progress(generation, last, lines)
            if len(self.generations) == 2:
                os.kill(os.getpid(), number)

    before = signal.getsignal(signal.SIGINT)
    told = Interrupter()
    config = config_of(generations=12, checkpoint_every=100)
    _, outcome = evolve(tmp_path / "run", config, reporter=told)
    assert outcome.reason == "interrupted"
    reached = told.generations[-1]
    assert len(told.generations) == 2
    assert checkpoint.saved_generations(tmp_path / "run" / "checkpoints") == [reached]
    assert signal.getsignal(signal.SIGINT) == before
    resumed, outcome = evolve(tmp_path / "run", config)
    assert resumed == whole
    assert outcome.evaluations == (12 - reached) * 13


def test_a_second_ctrl_c_interrupts_at_once_and_says_how_to_go_on(tmp_path):
    class Impatient(Quiet):
        def progress(self, generation, last, lines):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match=r"go on with 'evofool resume .*run'"):
        evofool.evolve(config=config_of(generations=12), out=tmp_path / "run", reporter=Impatient())


def test_a_run_in_a_thread_needs_no_signals(tmp_path, whole):
    results = []
    config = config_of(generations=12, checkpoint_every=5)
    thread = threading.Thread(target=lambda: results.append(evolve(tmp_path / "run", config)[0]))
    thread.start()
    thread.join()
    assert results == [whole]


@pytest.mark.parametrize("generation", [0, 5, 6, 11])
def test_a_run_that_died_and_was_resumed_equals_one_that_did_not(tmp_path, whole, generation):
    config = config_of(generations=12, checkpoint_every=5)
    with pytest.raises(KilledError):
        evolve(tmp_path / "run", config, reporter=Killer(generation))
    assert evolve(tmp_path / "run", config)[0] == whole


def test_a_run_may_be_extended(tmp_path, whole):
    evolve(tmp_path / "run", config_of(generations=7, checkpoint_every=5))
    assert evolve(tmp_path / "run", config_of(generations=12, checkpoint_every=5))[0] == whole


def test_a_checkpoint_beyond_the_end_of_the_run_is_refused(tmp_path):
    evolve(tmp_path / "run", config_of(generations=7))
    with pytest.raises(UserError, match=r"a checkpoint of generation 7, but .* generation 5"):
        evolve(tmp_path / "run", config_of(generations=5))


def test_a_run_that_logs_rarely_may_be_extended(tmp_path):
    evolve(tmp_path / "run", config_of(generations=7, log_every=5))
    extended = evolve(tmp_path / "run", config_of(generations=12, log_every=5))[0]
    assert extended == evolve(tmp_path / "whole", config_of(generations=12, log_every=5))[0]


def test_carrying_out_a_finished_run_again_changes_nothing(tmp_path, whole):
    config = config_of(generations=12, log_every=5)
    first, _ = evolve(tmp_path / "run", config)
    again, outcome = evolve(tmp_path / "run", config)
    assert again == first
    assert outcome.evaluations == 0


def test_a_damaged_newest_checkpoint_costs_only_the_generations_since_the_one_before(
    tmp_path, whole
):
    config = config_of(generations=12, checkpoint_every=5)
    with pytest.raises(KilledError):
        evolve(tmp_path / "run", config, reporter=Killer(11))
    checkpoints = tmp_path / "run" / "checkpoints"
    assert checkpoint.saved_generations(checkpoints) == [5, 10]
    shutil.rmtree(checkpoints / "10" / "state")
    told = Told()
    resumed, outcome = evolve(tmp_path / "run", config, reporter=told)
    assert any("generation 10 is damaged" in text for text in told.messages)
    assert outcome.evaluations == (12 - 5) * 13
    assert resumed == whole
    assert checkpoint.saved_generations(checkpoints) == [5, 10, 12]


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    evolve(tmp_path / "run", config_of(generations=1))
    with pytest.raises(UserError, match=r"seeds should be uint32 \(2,\), found uint32 \(1,\)"):
        evolve(tmp_path / "run", config_of(generations=1, runs=2))


@pytest.mark.parametrize("log_every", [1, 3])
def test_seconds_go_on_rising_over_a_resume(tmp_path, log_every):
    from evofool.evolution import metrics

    config = config_of(generations=6, checkpoint_every=2, log_every=log_every)
    with pytest.raises(KilledError):
        evolve(tmp_path / "run", config, reporter=Killer(5))
    evolve(tmp_path / "run", config)
    seconds = [line["seconds"] for line in metrics.read(tmp_path / "run" / "metrics.jsonl")]
    assert seconds == sorted(seconds)


@pytest.mark.slow
def test_room_to_start_with_changes_nothing_but_the_room(tmp_path):
    told = Told()
    # so many additions that a few generations outgrow eight nodes and eight connections
    growing = {"add_node_rate": 0.9, "add_connection_rate": 0.9, "remove_node_rate": 0.05}
    little = growing | {"max_nodes": 8, "max_connections": 8}
    much = growing | {"max_nodes": 256, "max_connections": 512}
    small, outcome = evolve(
        tmp_path / "small", config_of("cppn", generations=12, cppn=little), reporter=told
    )
    assert outcome.evaluations == 13 * 13
    assert any("outgrew their room" in text for text in told.messages)
    assert small == evolve(tmp_path / "large", config_of("cppn", generations=12, cppn=much))[0]
    # a checkpoint of grown genomes makes room for them by itself
    config = config_of("cppn", generations=14, cppn=little)
    extended, _ = evolve(tmp_path / "small", config)
    assert extended.archive_sha256 != small.archive_sha256
    assert extended.records[: len(small.records)] == small.records


def outside_jax():
    """The mock as a model outside JAX that gives probabilities."""
    inside = load_classifier(CLASSIFIER)

    def apply(params, images):
        return np.asarray(jax.nn.softmax(inside.apply(params, jnp.asarray(images))))

    return dataclasses.replace(inside, apply=apply, kind="probabilities")


def test_a_model_outside_jax_evolves_as_well(tmp_path, whole):
    config = config_of(generations=3)
    evolved, outcome = evolve(tmp_path / "run", config, classifier=outside_jax())
    assert outcome.evaluations == 13 * 4
    expected = [line for line in whole.lines if line["generation"] <= 3]
    for line, other in zip(evolved.lines, expected, strict=True):
        assert line["replacements"] == other["replacements"]
        assert line["median_confidence"] == pytest.approx(other["median_confidence"], rel=1e-3)
    assert evolved.records == [record for record in whole.records if record[1] <= 3]


def test_a_classifier_that_gives_nan_at_times_is_counted_in_the_metrics(tmp_path):
    inside = load_classifier(CLASSIFIER)

    def apply(params, images):
        is_dark = images[:, 0, 0, :] < 0.5
        return jnp.where(is_dark, jnp.nan, inside.apply(params, images))

    classifier = dataclasses.replace(inside, apply=apply)
    evolved, _ = evolve(tmp_path / "run", config_of(generations=2), classifier=classifier)
    assert evolved.lines[0]["num_invalid"] in range(5, 13 * 5, 5)
    assert all(np.isfinite(line["min_confidence"]) for line in evolved.lines)


class Compilations:
    """Counts programs that were compiled rather than found in the persistent cache."""

    def __init__(self):
        self.requests = self.hits = 0
        jax.monitoring.register_event_listener(self._note)

    def _note(self, event: str, **_: object) -> None:
        self.requests += event == "/jax/compilation_cache/compile_requests_use_cache"
        self.hits += event == "/jax/compilation_cache/cache_hits"

    @property
    def misses(self) -> int:
        return self.requests - self.hits


@pytest.mark.parametrize("encoding", ["direct", pytest.param("cppn", marks=pytest.mark.slow)])
def test_a_run_with_other_seed_rates_length_and_weights_compiles_nothing_new(tmp_path, encoding):
    inside = load_classifier(CLASSIFIER)
    retrained = dataclasses.replace(inside, params=jax.tree.map(lambda x: x * 2, inside.params))
    minimum = jax.config.jax_persistent_cache_min_compile_time_secs
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    try:
        evolve(tmp_path / "first", config_of(encoding, generations=3))
        counted = Compilations()
        other = {
            "direct": {"direct": {"mutation_rate": 0.3, "halve_every": 2}},
            "cppn": {"cppn": {"weight_rate": 0.3, "add_node_rate": 0.1}},
        }
        config = config_of(
            encoding, generations=5, seed=99, target_confidence=0.9999, **other[encoding]
        )
        evolve(tmp_path / "second", config, classifier=retrained)
        assert counted.requests == 0
        loop._loop.cache_clear()  # as another process begins
        evolve(tmp_path / "third", config, classifier=retrained)
        assert counted.requests > 0
        assert counted.misses == 0
    finally:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", minimum)


def test_lineage_files_end_where_checkpoints_are(tmp_path):
    evolve(tmp_path / "run", config_of(generations=7, checkpoint_every=3))
    names = sorted(path.name for path in (tmp_path / "run" / "lineage").iterdir())
    assert names == ["gen-00000003.npy", "gen-00000006.npy", "gen-00000007.npy"]
    assert records_of(tmp_path / "run")[0][:2] == (0, 0)
    assert Path(tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").endswith("\n")


class Ticking:
    """A clock on which every look takes a second."""

    def __init__(self):
        self.seconds = 0.0

    def perf_counter(self) -> float:
        self.seconds += 1
        return self.seconds


def test_a_run_stopped_by_the_clock_is_resumed_with_as_much_time_again(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "_next_length", lambda length, seconds: 1)
    settings = config_of(generations=9, max_seconds=12.0)
    monkeypatch.setattr(session, "time", Ticking())
    run = evofool.evolve(config=settings, out=tmp_path / "run")
    reached = []
    while run.summary is not None and run.summary["stopped_by"] == "max_seconds":
        reached.append(run.summary["generations"])
        run = evofool.resume(tmp_path / "run")
    assert len(reached) >= 1
    assert reached == sorted(set(reached))
    assert run.finished["generations"] == 9
    whole = evofool.evolve(config=config_of(generations=9), out=tmp_path / "whole")
    assert run.finished["archive_sha256"] == whole.finished["archive_sha256"]


@pytest.mark.parametrize(
    ("fails", "says"),
    [
        (lambda images: 1 / 0, r"failed on 5 images, inside the loop: ZeroDivisionError"),
        (lambda images: images.sum(), r"returned shape \(\) for 5 images, inside the loop"),
    ],
)
def test_a_jax_model_that_fails_inside_the_loop_is_named(tmp_path, fails, says):
    whole = load_classifier(CLASSIFIER)

    def apply(params, images):
        return whole.apply(params, images) if len(images) == 8 else fails(images)

    settings = {"batch_size": 10, "micro_batch": 5, "generations": 1, "out": tmp_path / "run"}
    with pytest.raises(UserError, match=f"{says}.*evofool resume"):
        evofool.evolve(dataclasses.replace(whole, apply=apply), **settings)
