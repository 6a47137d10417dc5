from pathlib import Path

import numpy as np
import pytest

from evofool import Run
from evofool.audits.evidence import NO_CLASS, borrowed, evolve_run, evolved, of_nothing, reached
from evofool.audits.nothing import NOTHINGS
from evofool.audits.workshop import Workshop
from evofool.classifiers import load_classifier
from tests.evofool.audits.conftest import subject_of


@pytest.mark.slow
def test_evaluations_needed_are_those_of_the_first_checkpoint_with_that_confidence(tmp_path: Path):
    run = evolve_run(
        load_classifier("mock:10"),
        "cppn",
        Workshop(tmp_path, total=1),
        folder=tmp_path / "run",
        evaluations=400,
        runs=2,
        batch=20,
        seed=3,
    )
    found = reached(run, 0.9)
    assert found.shape == (2, 10)
    np.testing.assert_array_equal(found >= 0, run.confidences >= 0.9)
    early = reached(run, 0.5)
    assert (early[found >= 0] <= found[found >= 0]).all()
    assert len(np.unique(early)) > 2
    assert set(found[found >= 0] % 20) == {0}


def test_elites_of_all_runs_are_drawn(cppn_run: Run):
    evidence = evolved(cppn_run, "cppn")
    assert len(evidence.images) == 20
    assert evidence.evaluations == 13 * 30 * 2
    np.testing.assert_array_equal(evidence.aimed, np.tile(np.arange(10), 2))


def test_images_of_nothing_are_made_for_no_class():
    subject = subject_of(load_classifier("mock:10"))
    for source in NOTHINGS:
        evidence = of_nothing(subject, source)
        assert set(evidence.aimed) == {NO_CLASS}
        assert not evidence.is_aimed


def test_grey_images_are_borrowed_at_another_size_and_in_colour(cppn_run: Run):
    import dataclasses

    subject = subject_of(load_classifier("mock:10"))
    other = dataclasses.replace(subject, classifier=load_classifier("mock:4:20x33x3"))
    images = borrowed(other, evolved(cppn_run, "control")).images
    assert (images.shape, images.dtype) == ((20, 20, 33, 3), np.uint8)
    assert (images[..., 0] == images[..., 2]).all()
