import json
from typing import NamedTuple

import numpy as np
import pytest

from evofool.config import make_config
from evofool.experiments.bench.lab import Lab, run_name
from evofool.experiments.bench.supplies import Supplies
from evofool.support.errors import UserError


class Pair(NamedTuple):
    number: float
    text: str


class Measures(NamedTuple):
    values: np.ndarray
    pairs: dict[str, list[Pair]]


def make_lab(out, seeds=1):
    return Lab(
        experiment="trial",
        domain="mnist",
        scale="small",
        seeds=seeds,
        out=out,
        supplies=Supplies(),
    )


@pytest.mark.slow
def test_run_is_evolved_once_and_shared(tmp_path):
    first, second = make_lab(tmp_path), make_lab(tmp_path)
    made = first.evolve("lenet", generations=2, batch_size=10)
    stamp = (made.folder / "summary.json").stat().st_mtime_ns
    found = second.evolve("lenet", generations=2, batch_size=10)
    assert found.folder == made.folder == tmp_path / "runs" / "lenet-cppn-2x10-seed0"
    assert (found.folder / "summary.json").stat().st_mtime_ns == stamp
    assert first.evaluations == second.evaluations == 30
    assert first.seconds == second.seconds > 0


@pytest.mark.slow
def test_run_counts_once_in_a_lab(tmp_path):
    lab = make_lab(tmp_path)
    for _ in range(2):
        lab.evolve("lenet", generations=1, batch_size=10)
    assert lab.evaluations == 20


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_arrays_of_a_process_that_was_killed_are_not_taken_for_those_of_another_key(
    tmp_path, monkeypatch
):
    lab = make_lab(tmp_path)
    lab.arrays("some", lambda: {"a": np.zeros(2)}, key=2)

    def die(path, value):
        raise KeyboardInterrupt

    monkeypatch.setattr("evofool.experiments.bench.lab.write_json", die)
    with pytest.raises(KeyboardInterrupt):
        lab.arrays("some", lambda: {"a": np.zeros(3)}, key=3)
    monkeypatch.undo()
    assert lab.arrays("some", lambda: {"a": np.ones(2)}, key=2)["a"].tolist() == [1, 1]


def test_a_network_without_its_card_is_made_again(tmp_path):
    made = []

    def make(path):
        made.append(path)
        path.write_text("weights")
        if len(made) > 1:  # the first time it is killed before that
            path.with_suffix(".json").write_text("card")

    paths = [make_lab(tmp_path).train("net", make) for _ in range(3)]
    assert made == paths[:2]


def test_measures_are_made_once_for_a_number_of_seeds(tmp_path):
    calls = []

    def measure(lab) -> Measures:
        calls.append(lab.seeds)
        return Measures(np.arange(lab.seeds), {"a/b": [Pair(1.5, "x")]})

    for seeds in (2, 2, 3):
        found = make_lab(tmp_path, seeds=seeds).measures(measure)
        assert found.values.tolist() == list(range(seeds))
        assert found.pairs == {"a/b": [Pair(1.5, "x")]}
    assert calls == [2, 3]


def test_measures_of_a_version_that_measured_less_are_refused(tmp_path):
    class Before(NamedTuple):
        values: np.ndarray

    class After(NamedTuple):
        values: np.ndarray
        number: float

    def measured_before(lab) -> Before:
        return Before(np.zeros(2))

    def measure(lab) -> After:
        return After(np.zeros(2), 1.5)

    make_lab(tmp_path).measures(measured_before)
    with pytest.raises(UserError, match="steps holds measures of an older version; remove it"):
        make_lab(tmp_path).measures(measure)


@pytest.mark.slow
def test_a_run_is_polished_once_and_counts_what_polishing_adds(tmp_path):
    settings = {"encoding": "direct", "generations": 2, "batch_size": 10}
    first, second = make_lab(tmp_path), make_lab(tmp_path)
    for lab in (first, second):
        run = lab.evolve("lenet", **settings)
        polished = lab.polish(run, steps=3)
        assert lab.evaluations == 30 + 10 * (3 + 2)
        assert (polished.confidences >= run.confidences).all()
    assert first.seconds == second.seconds > 0
    # what `evolve` makes of the same settings
    assert first.evolve("lenet", **settings, polish={"steps": 3}).folder == polished.folder
