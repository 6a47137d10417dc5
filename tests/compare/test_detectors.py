"""Detectors and their measures, beside pytorch-ood's."""

import numpy as np
import pytest

from tests.compare.peers import mend_torchvision

torch = pytest.importorskip("torch")
mend_torchvision(torch)  # pytorch-ood imports it; nothing here uses it
detector = pytest.importorskip("pytorch_ood.detector")
metrics = pytest.importorskip("pytorch_ood.metrics")

from evofool.audits.detectors import _energy, _entropy, _max_logit, _msp, _Shown  # noqa: E402
from evofool.audits.separation import separate  # noqa: E402
from evofool.classifiers.scores import log_odds  # noqa: E402


@pytest.fixture(scope="module")
def logits() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 3, (200, 10)).astype(np.float32)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (_msp, "MaxSoftmax"),
        (_max_logit, "MaxLogit"),
        (_energy, "EnergyBased"),
        (_entropy, "Entropy"),
    ],
)
def test_scores_order_images_as_theirs(logits: np.ndarray, ours, theirs: str):
    odds = np.asarray(log_odds(logits))
    shown = _Shown(np.zeros((len(logits), 1, 1, 1), np.uint8), logits, odds, None)
    other = -getattr(detector, theirs).score(torch.tensor(logits)).numpy()
    np.testing.assert_array_equal(np.argsort(ours(shown)), np.argsort(other))
    if theirs != "MaxSoftmax":  # ours are log-odds, which do not saturate
        np.testing.assert_allclose(ours(shown), other, rtol=1e-4)


def test_areas_are_theirs():
    generator = np.random.default_rng(1)
    real, fooling = generator.normal(1, 1, 150), generator.normal(0, 1, 90)
    found = separate(real, fooling, seed=0)
    scores = torch.tensor(-np.concatenate([real, fooling]))
    labels = torch.tensor(np.repeat([1, -1], [150, 90]))
    auroc = metrics.AUROC()
    auroc.update(scores, labels)
    assert found["auroc"]["value"] == pytest.approx(float(auroc.compute()["AUROC"]), abs=1e-6)
    # theirs joins the points by lines, ours by steps
    aupr = metrics.AUPR()
    aupr.update(scores, labels)
    assert found["aupr"]["value"] == pytest.approx(float(aupr.compute()["AUPR-OUT"]), abs=0.01)
