import json

import numpy as np
import pytest

from evofool.config import make_config
from evofool.experiments.bench.lab import Lab, images_of, run_name
from evofool.experiments.bench.supplies import Supplies
from evofool.support.errors import UserError


def make_lab(out, **settings):
    return Lab(
        experiment="trial",
        domain="mnist",
        scale="small",
        seeds=1,
        out=out,
        supplies=Supplies(),
        **settings,
    )


def test_run_is_evolved_once_and_shared(tmp_path):
    first, second = make_lab(tmp_path), make_lab(tmp_path)
    made = first.evolve("lenet", generations=2, batch_size=10)
    stamp = (made.folder / "summary.json").stat().st_mtime_ns
    found = second.evolve("lenet", generations=2, batch_size=10)
    assert found.folder == made.folder == tmp_path / "runs" / "lenet-cppn-2x10-seed0"
    assert (found.folder / "summary.json").stat().st_mtime_ns == stamp
    assert first.evaluations == second.evaluations == 30
    assert first.seconds == second.seconds > 0


def test_run_counts_once_in_a_lab(tmp_path):
    lab = make_lab(tmp_path)
    for _ in range(2):
        lab.evolve("lenet", generations=1, batch_size=10)
    assert lab.evaluations == 20


def test_run_of_other_settings_is_refused(tmp_path):
    run = make_lab(tmp_path).evolve("lenet", generations=1, batch_size=10)
    manifest = json.loads((run.folder / "config.json").read_text())
    manifest["config"]["cppn"]["weight_eta"] = 3.0
    (run.folder / "config.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="made with another cppn; remove it"):
        make_lab(tmp_path).evolve("lenet", generations=1, batch_size=10)


def test_names_of_runs_tell_settings_apart():
    plain = make_config(classifier="lenet")
    assert run_name(plain) == "lenet-cppn-200x200-seed0"
    others = [
        make_config(classifier="lenet", classes=("7",)),
        make_config(classifier="lenet", classes=("8",)),
        make_config(classifier="lenet", runs=5),
        make_config(classifier="a+b", combine="min"),
        make_config(classifier="lenet", cppn={"weight_rate": 0.2}),
    ]
    assert len({run_name(config) for config in [plain, *others]}) == 6
    # where weights lie and how often a checkpoint is written changes no result
    assert run_name(make_config(classifier="lenet", weights="w", checkpoint_every=9)) == run_name(
        plain
    )


def test_step_is_computed_once_per_key(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"x": (1, 2)}

    for _ in range(2):
        assert make_lab(tmp_path).step("one", compute, key=(3,)) == {"x": [1, 2]}
    assert len(calls) == 1
    make_lab(tmp_path).step("one", compute, key=(4,))
    assert len(calls) == 2


def test_step_keeps_the_evaluations_made_within(tmp_path):
    def compute(lab):
        return lab.evolve("lenet", generations=1, batch_size=10).generation

    first, second = make_lab(tmp_path), make_lab(tmp_path)
    for lab in (first, second):
        assert lab.step("evolve", lambda lab=lab: compute(lab)) == 1
        lab.evolve("lenet", generations=1, batch_size=10)
        assert lab.evaluations == 20
    assert second.seconds == pytest.approx(first.seconds, abs=0.01)


def test_arrays_come_back_as_they_were(tmp_path):
    values = {"a": np.arange(6).reshape(2, 3), "b": np.float32(0.5)}
    for _ in range(2):
        found = make_lab(tmp_path).arrays("some", lambda: values)
        assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert found["b"].dtype == np.float32


def test_lost_arrays_are_computed_anew(tmp_path):
    lab = make_lab(tmp_path)
    lab.arrays("some", lambda: {"a": np.zeros(2)})
    (lab.folder / "steps" / "some.npz").unlink()
    assert lab.arrays("some", lambda: {"a": np.ones(2)})["a"].tolist() == [1, 1]


def test_scores_are_those_of_the_elites(tmp_path):
    lab = make_lab(tmp_path)
    run = lab.evolve("lenet", generations=1, batch_size=10)
    elites = run.elites()
    scores = lab.scores(run.classifier, images_of(run, elites))
    assert scores.shape == (10, 10)
    own = [scores[i, elite.class_index] for i, elite in enumerate(elites)]
    np.testing.assert_allclose(own, [elite.fitness for elite in elites], rtol=1e-4, atol=1e-4)
