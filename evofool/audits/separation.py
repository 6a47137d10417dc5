"""How well a score tells fooling images from real ones: AUROC, AUPR, FPR95.

A score is higher for real images. Fooling images are what is to be detected: the positives of
AUROC and AUPR. FPR95 is the share of fooling images that pass where 95 % of the real ones do.
"""

from typing import TypedDict

import numpy as np
from jaxtyping import Float

from evofool.audits.figures import Estimate, bootstrapped
from evofool.audits.scikit import scikit, unchecked

Scores = Float[np.ndarray, " images"]
PASSED = 0.95  # share of real images that pass a detector's threshold


class Separation(TypedDict):
    """How well a score separates.

    Attributes:
        auroc: probability that a real image scores higher than a fooling one, ties counted half.
        aupr: average precision of finding fooling images among both.
        fpr95: share of fooling images that pass where 95 % of the real ones do.
        threshold: the score at which these 95 % pass.
    """

    auroc: Estimate
    aupr: Estimate
    fpr95: Estimate
    threshold: float


def separate(real: Scores, fooling: Scores, *, seed: int) -> Separation:
    """Measures how well a score separates real from fooling images.

    Args:
        real: scores of real images, at least one.
        fooling: scores of fooling images, at least one.
        seed: of the bootstrap intervals.
    """
    measures = {"auroc": auroc, "aupr": aupr, "fpr95": fpr95}
    with unchecked():  # a bootstrap calls each of them hundreds of times
        estimates = {
            name: bootstrapped(measure, real, fooling, seed=seed)
            for name, measure in measures.items()
        }
    return {**estimates, "threshold": passing(real)}  # type: ignore[typeddict-item]


def auroc(real: Scores, fooling: Scores) -> float:
    """Returns the area under the ROC curve."""
    return float(scikit("metrics").roc_auc_score(*_labelled(real, fooling)))


def aupr(real: Scores, fooling: Scores) -> float:
    """Returns the average precision, with fooling images as positives."""
    return float(scikit("metrics").average_precision_score(*_labelled(real, fooling)))


def fpr95(real: Scores, fooling: Scores) -> float:
    """Returns the share of fooling images that pass where 95 % of the real ones do."""
    return float(np.mean(fooling >= passing(real)))


def passing(real: Scores) -> float:
    """Returns the highest threshold that at least 95 % of the real images reach."""
    ordered = np.sort(real)
    return float(ordered[int(np.floor((1 - PASSED) * len(ordered) + 1e-9))])


def _labelled(real: Scores, fooling: Scores) -> tuple[np.ndarray, np.ndarray]:
    """Returns 1 for each fooling image and 0 for each real one, and how unreal each is."""
    truth = np.concatenate([np.zeros(len(real)), np.ones(len(fooling))])
    return truth, -np.concatenate([real, fooling])
