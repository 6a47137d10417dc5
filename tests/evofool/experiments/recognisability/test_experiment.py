import numpy as np
import pytest
from PIL import Image

from evofool.experiments.recognisability.measures import (
    NEAR,
    Answers,
    Compared,
    match_certainty,
    nearest,
)
from evofool.experiments.recognisability.report import confirmation_rows
from evofool.experiments.report import judge


def test_as_many_images_as_possible_get_a_partner_of_equal_certainty():
    near = 0.6 * NEAR
    # the first could take either; only if it takes the lower one is the upper left for the second
    ours, theirs = match_certainty(np.array([0.0, 2 * near, 9.0]), np.array([near, -near]))
    assert dict(zip(ours.tolist(), theirs.tolist(), strict=True)) == {0: 1, 1: 0}


def test_images_far_from_all_others_have_no_partner():
    ours, theirs = match_certainty(np.array([0.0, 1.0]), np.array([2 * NEAR, 1 + 2 * NEAR]))
    assert ours.tolist() == theirs.tolist() == []


def test_the_nearest_example_is_that_in_the_same_direction_from_the_mean():
    examples = np.array([[11.0, 10.0], [9.0, 10.0], [10.0, 12.0], [10.0, 8.0]])
    images = np.array([[15.0, 10.1], [10.0, 10.5]])
    found, cosines = nearest(images, examples, np.array([-1, -1]))
    assert found.tolist() == [0, 2]
    np.testing.assert_allclose(cosines, [5 / np.hypot(5, 0.1), 1.0])


def test_an_image_is_not_its_own_nearest_example():
    examples = np.array([[2.0, 1.0], [2.0, -1.0], [-4.0, 0.0]])
    found, cosines = nearest(examples, examples, np.arange(3))
    assert found.tolist()[:2] == [1, 0]
    assert cosines.max() < 1


def compared(elites: np.ndarray, reals: np.ndarray) -> Compared:
    """Pairs of images by what one judge gives them, in log-odds; it confirms what is above 0."""

    def answers(odds: np.ndarray) -> Answers:
        classes, hits = np.arange(len(odds)) % 10, odds[None] > 0
        return Answers(classes, np.full(len(odds), 3.0), hits, odds[None], odds[None] / 10, hits)

    pairs = np.arange(len(reals))
    return Compared(answers(elites), pairs, pairs, answers(reals), np.ones(len(reals), bool))


def test_only_elites_with_partners_are_tested():
    one = compared(np.array([-2.0, -1.0, 100.0]), np.array([1.0, 2.0]))
    [test] = one.tests("judged")
    assert (test.superiority, test.n_a, test.n_b) == (0.0, 2, 2)


@pytest.mark.parametrize(
    ("shift", "outcome"), [(-5.0, "reproduced"), (-2.5, "in part"), (0.0, "differs")]
)
def test_judges_have_to_reject_elites_and_confirm_equally_certain_real_images(shift, outcome):
    odds = np.linspace(-1, 4, 20)
    rows = confirmation_rows("CPPN", compared(odds + shift, odds))
    assert judge(rows).outcome == outcome


def test_judges_that_reject_everything_confirm_the_paper_in_part():
    odds = np.linspace(-4, -1, 20)
    assert judge(confirmation_rows("CPPN", compared(odds, odds))).outcome == "in part"


@pytest.mark.slow
@pytest.mark.data
def test_elites_and_real_images_are_asked_the_same(at_small_scale):
    report, folder = at_small_scale("recognisability", "mnist")
    assert "people were not asked" in report.findings.verdict.because
    judges, neighbours, classes = report.findings.tables
    assert [row[0] for row in judges.rows] == ["CPPN", "direct"]
    assert len(neighbours.rows) == 2 * 3, "pixels, and the features of two networks"
    assert {row[0] for row in classes.rows} == set(map(str, range(10)))
    quiz, answers, _ = (folder / image.file for image in report.findings.images)
    assert max(quiz.stat().st_size, answers.stat().st_size) < 500_000
    with Image.open(quiz) as blind, Image.open(answers) as told:
        assert blind.width == told.width
        assert blind.height < told.height, "the answers take more lines"
