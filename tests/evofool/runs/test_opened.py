"""A run directory whose settings are none, or others than those it was made with, is refused."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import evofool
from evofool import Run, UserError
from tests.evofool.editing import edit, edit_config


@pytest.fixture
def folder(direct_run: Run, tmp_path: Path) -> Path:
    """A copy that a test may edit."""
    return Path(shutil.copytree(direct_run.folder, tmp_path / "run"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"schema": 99}, "has schema 99, and this version of evofool reads up to 1; use a newer"),
        ({"schema": None}, "schema is null; expected 1"),
        ({"evofool": "99.0"}, "was made by evofool 99.0, and this is .*; use that version or a"),
        ({"evofool": ["1"]}, r"evofool is \['1'\]; expected a version"),
        ({"config": None}, "config is null; expected an object"),
        ({"config": "seed"}, "config is 'seed'; expected an object"),
        ({"classifier": []}, r"classifier is \[\]; expected an object"),
        ({"platform": None}, "platform is null"),
        ({"platform": {"jax": 1}}, "platform.jax is 1; expected text"),
        ({"micro_batches": [[0]]}, r"micro_batches\[0\] is \[0\]; expected a list of 2"),
    ],
    ids=str,
)
def test_a_config_json_that_is_none_is_refused_with_file_and_member(
    folder: Path, changes: dict[str, object], says: str
):
    edit(folder / "config.json", **changes)
    for use in (Run, evofool.resume, evofool.verify):
        with pytest.raises(UserError, match=f"config.json.*{says}"):
            use(folder)


@pytest.mark.parametrize("member", ["config", "classifier", "platform", "schema", "evofool"])
def test_a_config_json_without_a_member_is_refused(folder: Path, member: str):
    manifest = json.loads((folder / "config.json").read_text())
    del manifest[member]
    (folder / "config.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match=f"config.json.* {member}"):
        Run(folder)


def test_settings_are_refused_with_their_file(folder: Path):
    edit_config(folder, batch_size="many")
    with pytest.raises(UserError, match=r"config.json: batch_size is 'many'; expected a whole"):
        Run(folder)


@pytest.mark.filterwarnings("ignore::evofool.support.DamagedFileWarning")
@pytest.mark.parametrize(
    "changes", [{"runs": 3}, {"classes": ["1", "2", "4", "5"]}, {"encoding": "cppn"}]
)
def test_arrays_that_do_not_fit_the_settings_are_refused(folder: Path, changes: dict[str, object]):
    edit_config(folder, **changes)
    with pytest.raises(UserError, match=r"checkpoints/.* config.json"):
        Run(folder).all_elites()


@pytest.mark.filterwarnings("ignore::evofool.support.DamagedFileWarning")
@pytest.mark.parametrize("size", [None, 10**6])
def test_any_micro_batch_in_the_settings_draws_the_elites(
    direct_run: Run, folder: Path, size: object
):
    edit_config(folder, micro_batch=size)
    for mine, its in zip(Run(folder).elites(), direct_run.elites(), strict=True):
        np.testing.assert_array_equal(mine.image(), its.image())


def test_an_ensemble_that_is_given_gets_the_fitness_of_the_run(direct_run: Run):
    ensemble = evofool.load_classifier("mock:10+mock:10")
    run = Run(direct_run.folder, classifier=ensemble)
    assert run.classifier is ensemble
    run = Run(direct_run.folder, classifier=ensemble)
    run.config = dataclasses.replace(run.config, fitness="probability")
    assert run.classifier.members == (ensemble,)
    seen = Run(direct_run.folder, classifier=run.classifier)
    seen.config = run.config
    assert seen.classifier is run.classifier
