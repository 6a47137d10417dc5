import numpy as np
import pytest

from evofool.audits.calibration import BINS, calibration_error, reliability


def test_what_is_right_as_often_as_it_says_is_calibrated():
    confidences = np.repeat([0.25, 0.75], 400)
    right = np.concatenate([np.arange(400) % 4 == 0, np.arange(400) % 4 > 0])
    assert calibration_error(confidences, right) == pytest.approx(0)


def test_the_error_is_the_gap_weighted_by_images():
    confidences = np.array([0.9] * 6 + [0.5] * 4)
    right = np.array([True] * 3 + [False] * 3 + [True] * 4)
    # 6 of 10 are right in half of the cases instead of .9, 4 of 10 always instead of .5
    assert calibration_error(confidences, right) == pytest.approx(0.6 * 0.4 + 0.4 * 0.5)


def test_every_image_is_in_one_bin():
    confidences = np.linspace(0, 1, 301)
    bins = reliability(confidences, confidences > 0.5)
    assert sum(part["n"] for part in bins) == 301
    assert len(bins) == BINS
    assert all(p["low"] <= p["confidence"] <= p["high"] for p in bins)
