import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest

import evofool
from evofool import Run, UserError
from evofool.classifiers.loading import load_classifier
from evofool.evolution.checkpoint import archive_sha256
from evofool.evolution.reporting import Quiet
from tests.evofool.loop import CLASSIFIER, KilledError, Killer, lines_of, records_of

SMALL = {"encoding": "direct", "batch_size": 13, "micro_batch": 5, "checkpoint_every": 2}


def evolve(out: Path | None, **settings) -> Run:
    return evofool.evolve(CLASSIFIER, out=out, **SMALL | settings)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Run:
    return evolve(tmp_path_factory.mktemp("finished") / "run", generations=6, runs=2, seed=3)


def test_a_run_leaves_what_the_documents_promise(finished):
    names = {path.name for path in finished.folder.iterdir()}
    assert names == {
        "config.json",
        "checkpoints",
        "lineage",
        "metrics.jsonl",
        "summary.json",
        "gallery.png",
        "convergence.png",
    }


def test_summary_says_what_the_run_reached(finished):
    summary = json.loads((finished.folder / "summary.json").read_text())
    last = [line for line in finished.metrics if line["generation"] == 6]
    expected = {
        "encoding": "direct",
        "classifier": CLASSIFIER,
        "seed": 3,
        "runs": 2,
        "generations": 6,
        "evaluations": 7 * 13 * 2,
        "stopped_by": "generations",
        "target_reached": None,
        "classes": 5,
        "min_confidence": min(line["min_confidence"] for line in last),
        "median_confidence": np.median([line["median_confidence"] for line in last]),
    }
    assert {name: summary[name] for name in expected} == expected
    assert [run["seed"] for run in summary["per_run"]] == [3, 4]
    for name in ("evals_per_second", "compile_seconds", "wall_seconds"):
        assert summary[name] > 0
    assert len(summary["archive_sha256"]) == 64


def test_summary_sha256_is_that_of_the_checkpoint(finished, tmp_path):
    alone = evolve(tmp_path / "alone", generations=6, seed=4)
    assert alone.summary["per_run"][0]["archive_sha256"] == alone.summary["archive_sha256"]
    assert finished.summary["per_run"][1]["archive_sha256"] == alone.summary["archive_sha256"]


def test_configuration_is_written_before_anything_is_compiled(tmp_path):
    class Witness(Quiet):
        seen = None

        def message(self, text):
            if text == "compiling":
                self.seen = json.loads((tmp_path / "run" / "config.json").read_text())

    witness = Witness()
    run = evolve(tmp_path / "run", generations=0, reporter=witness)
    assert witness.seen == run.manifest
    assert run.manifest["config"]["micro_batch"] == 5
    assert run.manifest["platform"]["backend"] == "cpu"


def test_resuming_a_finished_run_returns_it(finished):
    before = (finished.folder / "summary.json").stat().st_mtime_ns
    assert evofool.resume(finished.folder).summary == finished.summary
    assert (finished.folder / "summary.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("generation", [0, 5])
def test_resuming_a_run_that_died_gives_the_run_that_did_not(tmp_path, finished, generation):
    with pytest.raises(KilledError):
        evolve(tmp_path / "run", generations=6, runs=2, seed=3, reporter=Killer(generation))
    assert Run(tmp_path / "run").summary is None
    resumed = evofool.resume(tmp_path / "run")
    assert resumed.summary["archive_sha256"] == finished.summary["archive_sha256"]
    assert lines_of(resumed.folder) == lines_of(finished.folder)
    assert records_of(resumed.folder) == records_of(finished.folder)


def test_a_run_that_died_while_it_was_extended_is_not_taken_for_finished(tmp_path, finished):
    run = evolve(tmp_path / "run", generations=3, runs=2, seed=3)
    with pytest.raises(KilledError):
        evofool.resume(run, generations=6, reporter=Killer(4))
    with pytest.raises(UserError, match=r"is not finished; go on with 'evofool resume "):
        _ = Run(tmp_path / "run").finished
    resumed = evofool.resume(tmp_path / "run")
    assert resumed.finished == resumed.summary
    assert resumed.summary["archive_sha256"] == finished.summary["archive_sha256"]


def test_only_an_extension_changes_the_configuration(tmp_path):
    with pytest.raises(KilledError):
        evolve(tmp_path / "run", generations=6, reporter=Killer(1))
    path = tmp_path / "run" / "config.json"
    begun = json.loads(path.read_text())
    before = path.stat().st_mtime_ns
    evofool.resume(tmp_path / "run")
    assert path.stat().st_mtime_ns == before
    evofool.resume(tmp_path / "run", generations=8)
    assert json.loads(path.read_text()) == begun | {"config": begun["config"] | {"generations": 8}}


def test_a_run_cannot_be_made_shorter(finished):
    with pytest.raises(UserError, match=r"generations is 5, .* can only be extended"):
        evofool.resume(finished, generations=5)


def test_a_run_is_not_resumed_with_other_weights(tmp_path):
    with pytest.raises(KilledError):
        evolve(tmp_path / "run", generations=6, reporter=Killer(1))
    inside = load_classifier(CLASSIFIER)
    other = dataclasses.replace(inside, card=dataclasses.replace(inside.card, sha256="f00"))
    with pytest.raises(UserError, match=r"evolved for weights with sha256 .*now has f00"):
        evofool.resume(tmp_path / "run", classifier=other)


def test_a_classifier_of_ones_own_serves_to_evolve_and_to_resume(tmp_path):
    inside = load_classifier(CLASSIFIER)
    card = dataclasses.replace(inside.card, name="my own")
    own = dataclasses.replace(inside, card=card)
    with pytest.raises(KilledError):
        evofool.evolve(own, out=tmp_path / "run", generations=4, reporter=Killer(2), **SMALL)
    with pytest.raises(UserError, match="my own"):
        evofool.resume(tmp_path / "run")
    resumed = evofool.resume(tmp_path / "run", classifier=own)
    assert resumed.summary["classifier"] == "my own"
    plain = evolve(tmp_path / "plain", generations=4)
    assert resumed.summary["archive_sha256"] == plain.summary["archive_sha256"]


def test_runs_without_a_name_are_numbered(in_tmp_path):
    folders = [evolve(None, generations=0, seed=7).folder for _ in range(2)]
    assert folders == [Path("runs/direct-7"), Path("runs/direct-7-2")]
    named = evofool.evolve(
        CLASSIFIER, preset="mnist-direct", generations=0, batch_size=13, micro_batch=5
    )
    assert named.folder == Path("runs/mnist-direct-0")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"classes": ("class 9",)}, "unknown class 'class 9'"),
        ({"classes": ("1", "class 1")}, "name one class twice"),
        ({"max_evaluations": 12}, "max_evaluations is 12"),
        ({"encoding": "cppn", "cppn": {"color": "rgb"}}, "cppn.color is 'rgb'"),
        ({"encoding": "cppn", "cppn": {"activations": ["sin"]}}, "unknown activation 'sin'"),
        ({"generations": -1}, "generations is -1"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(tmp_path, settings, says):
    with pytest.raises(UserError, match=says):
        evolve(tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_a_configuration_and_settings_exclude_each_other(tmp_path):
    with pytest.raises(UserError, match="either config, or preset"):
        evofool.evolve(config=evofool.make_config(), seed=3, out=tmp_path)


def test_what_is_no_classifier_is_not_taken_for_the_default(tmp_path):
    with pytest.raises(UserError, match=r"of type EvolveConfig; expected a name .*config="):
        evofool.evolve(evofool.make_config(), out=tmp_path)
    with pytest.raises(UserError, match="classifier is 'mock:10', and config says 'lenet'"):
        evofool.evolve("mock:10", config=evofool.make_config(), out=tmp_path)


def test_a_subset_of_the_classes_evolves_alone(tmp_path):
    run = evolve(tmp_path / "run", generations=2, classes=("class 3", "0"))
    assert [elite.label for elite in run.elites()] == ["class 0", "class 3"]
    assert run.summary["classes"] == 2
    with pytest.raises(UserError, match="no elite for class 2"):
        run.elite(2)


def test_sha256_leaves_spare_room_out():
    from tests.evofool.loop import loop_of

    loop = loop_of("cppn")
    elites = jax.device_get(loop.run(0, stops=(2,)).archive)
    roomy = elites._replace(
        items=elites.items._replace(genome=loop.encoding.grow(elites.items.genome))
    )
    trim = loop.encoding.trim
    assert archive_sha256(elites, trim) == archive_sha256(roomy, trim)
    other = elites._replace(fitness=np.nextafter(elites.fitness, np.float32(np.inf)))
    assert archive_sha256(other, trim) != archive_sha256(elites, trim)
