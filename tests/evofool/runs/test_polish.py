"""Runs that are polished: what comes of it, and that it is exact."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import evofool
from evofool import Run
from evofool.config import PolishConfig
from evofool.evolution.lineage_files import GENOMES, files
from tests.evofool.loop import KilledError, Killer

SETTINGS = {"steps": 6, "widen": 4, "rounds": 2}


@pytest.fixture(scope="module")
def polished(cppn_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two independent runs of ten classes, in two rounds."""
    return evofool.polish(cppn_run, out=tmp_path_factory.mktemp("polished") / "run", **SETTINGS)


def sha256_of(run: Run) -> str:
    return run.finished["archive_sha256"]


def test_every_class_is_at_least_as_certain_and_most_are_more(cppn_run: Run, polished: Run):
    before, after = cppn_run.confidences, polished.confidences
    assert (after >= before).all()
    assert np.mean(after > before) > 0.5


def test_the_run_itself_stays_as_it_is(cppn_run: Run, polished: Run):
    assert polished.folder != cppn_run.folder
    again = Run(cppn_run.folder)
    np.testing.assert_array_equal(again.confidences, cppn_run.confidences)
    assert again.generation == 12


def test_a_polished_run_is_verified_and_exported(polished: Run, tmp_path: Path):
    assert evofool.verify(polished).passed
    evofool.export(polished, out=tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.png"))) == 20


def test_inspect_says_what_was_polished_and_how_large_it_was(polished: Run):
    for facts in evofool.inspect(polished):
        assert 0 <= facts.polished <= SETTINGS["rounds"]
        if facts.polished:
            assert facts.generation > 12
            assert facts.nodes == facts.nodes_before + facts.polished * SETTINGS["widen"]
            assert facts.nodes_before >= 5
            assert facts.connections == facts.connections_before + facts.polished * 4 * (4 + 1)
    assert any(facts.polished == 2 for facts in evofool.inspect(polished))


def test_the_parent_of_a_polished_elite_is_the_elite_it_climbed_from(cppn_run: Run, polished: Run):
    elites = {elite.born for elite in cppn_run.elites(1)}
    lines = [elite.steps for elite in polished.elites(1)]
    assert any(steps[0].generation > 12 for steps in lines)
    for steps in lines:
        evolved = next(step for step in steps if step.generation <= 12)
        assert (evolved.generation, evolved.child) in elites


def test_ancestors_of_a_polished_elite_are_made_again(polished: Run):
    elite = max(polished.elites(0), key=lambda elite: elite.born[0])
    newest, *older = elite.ancestors()
    images = list(polished.draw([newest, *older]))
    np.testing.assert_array_equal(np.round(images[0][0] * 255), elite.image())
    assert len(older) == len(elite.steps) - 1


@pytest.mark.slow
def test_evolving_and_polishing_at_once_gives_the_same(polished: Run, tmp_path: Path):
    both = evofool.evolve(
        "mock:10", batch_size=30, generations=12, runs=2, encoding="cppn",
        polish=SETTINGS, out=tmp_path / "both",
    )  # fmt: skip
    assert sha256_of(both) == sha256_of(polished)
    assert both.metrics[-1]["evaluations"] == 13 * 30 + 2 * 10 * (6 + 2)


def test_a_killed_run_goes_on_to_the_same_bytes(cppn_run: Run, polished: Run, tmp_path: Path):
    folder = tmp_path / "killed"
    with pytest.raises(KilledError):
        evofool.polish(cppn_run, out=folder, reporter=Killer(13), **SETTINGS)
    assert not (folder / "summary.json").exists()
    finished = evofool.resume(folder)
    assert sha256_of(finished) == sha256_of(polished)
    assert [path.name for path in files(folder / "lineage", GENOMES)] == [
        path.name for path in files(polished.folder / "lineage", GENOMES)
    ]
    assert evofool.verify(finished).passed


def test_damage_to_what_polishing_left_is_noticed(polished: Run, tmp_path: Path):
    folder = tmp_path / "copy"
    shutil.copytree(polished.folder, folder)
    path = files(folder / "lineage", GENOMES)[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(evofool.UserError, match=path.name):
        evofool.verify(Run(folder, strict=True))


@pytest.mark.slow
def test_only_the_classes_asked_for_climb(direct_run: Run, tmp_path: Path):
    some = evofool.polish(direct_run, steps=10, classes=["3", "9"], out=tmp_path / "some")
    changed = some.confidences != direct_run.confidences  # of the classes 3, 7 and 9
    np.testing.assert_array_equal(changed, [[True, False, True]])


@pytest.mark.slow
def test_pixels_are_polished_without_new_nodes(direct_run: Run, tmp_path: Path):
    better = evofool.polish(direct_run, steps=10, out=tmp_path / "direct")
    assert (better.confidences > direct_run.confidences).all()
    assert evofool.verify(better).passed
    assert all(facts.nodes_before is None for facts in evofool.inspect(better))


@pytest.mark.slow
@pytest.mark.slow
def test_a_polished_elite_has_one_parent_whatever_evolution_crosses(tmp_path: Path):
    settings = {"encoding": "direct", "direct": {"crossover": "sbx"}, "batch_size": 8}
    run = evofool.evolve("mock:3", generations=2, out=tmp_path / "run", quiet=True, **settings)
    for elite in evofool.polish(run, steps=2, quiet=True):
        polished, *evolved, _ = elite.steps
        assert polished.mate is None
        assert all(step.mate is not None for step in evolved)


def test_more_elites_climb_at_a_time_than_children_were_made(tmp_path: Path):
    """Also where polishing has work for more devices than evolution had."""
    run = evofool.evolve(
        "mock:50:8x8x1", encoding="direct", batch_size=20, generations=5, out=tmp_path / "run"
    )
    better = evofool.polish(run, steps=3, out=tmp_path / "polished")
    born = [elite.born for elite in better.elites()]
    assert max(child for generation, child in born if generation > 5) >= 20
    assert evofool.verify(better).passed
    assert evofool.inspect(better)[0].ancestors > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps is 0; expected 1 or more"),
        ({"rounds": 0}, "polish.rounds is 0; expected 1..1000"),
        ({"weakest": 0.0}, "polish.weakest is 0.0; expected a number in \\(0, 1\\]"),
        ({"weakest": 0.5}, "polish.weakest is 0.5 with rounds 1; expected 2 or more"),
        ({"widen": -1}, "polish.widen is -1; expected 0..4096"),
        ({"gain": float("nan")}, "polish.gain is nan; expected more than 0"),
        ({"classes": ["11"]}, "unknown class '11'"),
    ],
)
def test_what_cannot_be_polished_is_refused_and_leaves_nothing(
    cppn_run: Run, tmp_path: Path, settings: dict, message: str
):
    with pytest.raises(evofool.UserError, match=message):
        evofool.polish(cppn_run, out=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_the_new_run_has_the_name_of_the_run_where_its_path_is_a_dot(
    direct_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(direct_run.folder, tmp_path / "mine")
    (tmp_path / "mine-polished").mkdir()
    (tmp_path / "mine-polished/letter.txt").touch()
    monkeypatch.chdir(tmp_path / "mine")
    with pytest.raises(evofool.UserError, match="/mine-polished is there already, not a run"):
        evofool.polish(".", quiet=True)


def test_a_polished_run_is_neither_polished_nor_extended(polished: Run, tmp_path: Path):
    with pytest.raises(evofool.UserError, match="is polished already; polish the run"):
        evofool.polish(polished, out=tmp_path / "run")
    with pytest.raises(evofool.UserError, match="is polished; evolve the run that it was made"):
        evofool.resume(polished.folder, generations=40)


def test_a_classifier_without_gradients_is_refused(tmp_path: Path):
    def apply(params: None, images: np.ndarray) -> np.ndarray:
        del params
        darkness = 1 - images.mean(axis=(1, 2, 3))
        return np.stack([darkness, 1 - darkness], axis=1).astype(np.float32)

    card = evofool.Card(name="outside", input_shape=(8, 8, 1), outputs=2, labels=("dark", "bright"))
    classifier = evofool.Classifier(card=card, params=None, apply=apply, kind="probabilities")
    with pytest.raises(evofool.UserError, match="runs outside JAX and has no gradients"):
        evofool.evolve(classifier, generations=2, polish={"steps": 3}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_later_rounds_can_be_shorter(tmp_path: Path):
    run = evofool.evolve(
        "mock:50:8x8x1", encoding="direct", batch_size=20, generations=5, out=tmp_path / "run"
    )
    better = evofool.polish(
        run, steps=3, rounds=3, weakest=0.5, out=tmp_path / "polished"
    )  # 32 at a time: two generations for all 50, then one for 25 and one for 13
    assert better.generation == better.last_generation == 5 + 4
    assert better.metrics[-1]["evaluations"] == 6 * 20 + 4 * 32 * (3 + 2)
    assert any(elite.born[0] == 9 for elite in better.elites())
    assert evofool.verify(better).passed


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [True, False])
def test_a_run_that_logs_few_generations_logs_all_of_polishing(at_once: bool, tmp_path: Path):
    climb = {"steps": 2, "rounds": 2}
    run = evofool.evolve(
        "mock:4:8x8x1",
        batch_size=20,
        generations=5,
        log_every=3,
        out=tmp_path / "run",
        polish=PolishConfig(**climb if at_once else {}),
    )
    if not at_once:
        run = evofool.polish(run, out=tmp_path / "polished", **climb)
    assert [line["generation"] for line in run.metrics] == [0, 3, 5, 6, 7]
    assert evofool.verify(run).passed


def test_the_summary_counts_polishing(polished: Run):
    summary = json.loads((polished.folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["generations"] == 14
    assert summary["stopped_by"] == "generations"
