import dataclasses
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from evofool import Run, UserError, verify
from evofool.classifiers.classifier import Classifier
from evofool.runs import verification
from evofool.runs.verification import OTHER_PLATFORM_TOLERANCE, SAME_PLATFORM_TOLERANCE


def test_an_untouched_run_is_verified(cppn_run: Run):
    result = verify(cppn_run.folder)
    assert result.passed
    assert result.elites == 20
    assert result.tolerance == SAME_PLATFORM_TOLERANCE


def copy_with(run: Run, folder: Path, **changes: object) -> Path:
    """Copies a run directory with other members in its config.json; None removes one."""
    copied = folder / "copy"
    shutil.copytree(run.folder, copied)
    manifest = json.loads((copied / "config.json").read_text())
    changed = {name: one for name, one in (manifest | changes).items() if one is not None}
    (copied / "config.json").write_text(json.dumps(changed))
    return copied


def test_another_kind_of_machine_gets_the_wider_tolerance(direct_run: Run, monkeypatch):
    platform = {**direct_run.manifest["platform"], "processor": "abacus"}
    monkeypatch.setattr(verification, "platform_facts", lambda: platform)
    result = verify(direct_run)
    assert not result.is_same_platform
    assert result.tolerance == OTHER_PLATFORM_TOLERANCE


def changed(classifier: Classifier, factor: float) -> Classifier:
    """The same classifier to its card, with other weights."""
    params = jax.tree.map(lambda leaf: leaf * factor, classifier.params)
    return dataclasses.replace(classifier, params=params)


@pytest.mark.filterwarnings("ignore::evofool.support.DamagedFileWarning")
@pytest.mark.parametrize("factor", [0.5, np.nan])
def test_a_classifier_that_scores_otherwise_is_noticed(
    direct_run: Run, tmp_path: Path, factor: float
):
    folder = copy_with(direct_run, tmp_path, fingerprint=None)  # as early versions left it
    result = verify(folder, classifier=changed(direct_run.classifier, factor), strict=False)
    assert not result.passed
    assert result.worst in {"class 3", "class 7", "class 9"}


def test_a_classifier_that_answers_otherwise_than_at_the_start_is_refused(direct_run: Run):
    other = changed(direct_run.classifier, 0.5)
    with pytest.raises(UserError, match="answers test images otherwise, by up to"):
        verify(direct_run, classifier=other)


def test_labels_that_were_exchanged_are_named(direct_run: Run):
    card = direct_run.classifier.card
    other = dataclasses.replace(
        direct_run.classifier, card=dataclasses.replace(card, labels=card.labels[::-1])
    )
    with pytest.raises(UserError, match="labels of 10 classes are others: class 0 is 'class 9'"):
        verify(direct_run, classifier=other)


def test_a_wrong_image_is_noticed(direct_run: Run):
    run = Run(direct_run.folder)
    table = dict(run.table)
    table["archive.items.genome"] = table["archive.items.genome"][:, ::-1]
    run.__dict__["table"] = table
    result = verify(run)
    assert not result.passed
    assert min(result.from_genome, result.from_png) > 0.5


@pytest.mark.filterwarnings("ignore::evofool.support.DamagedFileWarning")
def test_other_weights_are_refused_by_name(direct_run: Run, tmp_path: Path):
    card = {**direct_run.manifest["classifier"], "sha256": "feed"}
    with pytest.raises(UserError, match="evolved for weights with sha256 feed, but"):
        verify(copy_with(direct_run, tmp_path, classifier=card), strict=False)


def test_a_difference_above_the_tolerance_fails(direct_run: Run):
    result = verify(direct_run)
    assert dataclasses.replace(result, from_png=2e-5).passed is False
    assert dataclasses.replace(result, from_png=2e-5, tolerance=1e-4).passed is True
