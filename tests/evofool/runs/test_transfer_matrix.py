import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import evofool
from evofool import Classifier, Run, UserError
from tests.evofool.cli.running import output_of


def reversed_outputs(classifier: Classifier) -> Classifier:
    return dataclasses.replace(classifier, apply=lambda w, x: classifier.apply(w, x)[:, ::-1])


def test_a_row_for_each_model_is_what_transfer_finds(direct_run: Run):
    other = reversed_outputs(direct_run.classifier)
    matrix = evofool.transfer_matrix(direct_run, [direct_run.classifier, other])
    assert matrix.models == ("mock:10", "mock:10 (2)", "mock:10 (3)")
    found = evofool.transfer(direct_run, other)
    np.testing.assert_array_equal(matrix.confidence[2], found.after.confidence)
    np.testing.assert_array_equal(matrix.confidence[1], matrix.confidence[0])
    np.testing.assert_array_equal(matrix.same_label[2], found.same_label)
    np.testing.assert_allclose(
        matrix.confidence[0], [elite.confidence for elite in direct_run.elites()], rtol=1e-4
    )


def test_models_of_other_classes_and_none_are_refused(direct_run: Run):
    with pytest.raises(UserError, match="tells 4 classes apart"):
        evofool.transfer_matrix(direct_run, ["mock:4"])
    with pytest.raises(UserError, match="models is empty"):
        evofool.transfer_matrix(direct_run, [])


def test_the_command_prints_and_writes_the_matrix(
    cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    command = ("transfer", cppn_run.folder, "mock:10", "--run-index", 1)
    shown = output_of(capsys, *command, "--csv", tmp_path / "m.csv").splitlines()
    assert shown[0].split()[:2] == ["class", "label"]
    assert len(shown) == 1 + 10 + 1 + 1 + 2
    content = json.loads(output_of(capsys, *command, "--json"))
    assert [model["same_label"] for model in content["models"]] == [1.0, 1.0]
    rows = list(csv.DictReader((tmp_path / "m.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["label"] for row in rows] == [elite["label"] for elite in content["elites"]]
    assert rows[7]["confidence mock:10"] == rows[7]["confidence mock:10 (2)"]
