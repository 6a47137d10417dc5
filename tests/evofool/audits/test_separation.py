import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from evofool.audits.separation import measure, passing, separate


@pytest.mark.parametrize("levels", [4, 1000])
def test_areas_are_those_of_scikit_learn(levels: int):
    generator = np.random.default_rng(levels)
    real = generator.integers(0, levels, 40).astype(float)
    fooling = generator.integers(-levels // 4, levels, 30).astype(float)
    times = [generator.multinomial(n, np.full(n, 1 / n), 5) for n in (40, 30)]
    found = measure(real, fooling, *times)
    for sample, (of_real, of_fooling) in enumerate(zip(*times, strict=True)):
        scores = -np.concatenate([np.repeat(real, of_real), np.repeat(fooling, of_fooling)])
        truth = np.repeat([0, 1], [40, 30])
        assert found.auroc[sample] == pytest.approx(roc_auc_score(truth, scores))
        assert found.aupr[sample] == pytest.approx(average_precision_score(truth, scores))
        bar = passing(np.repeat(real, of_real))
        assert found.fpr95[sample] == pytest.approx(np.mean(np.repeat(fooling, of_fooling) >= bar))


@pytest.mark.parametrize("count", [1, 19, 20, 21, 100, 1000])
def test_95_percent_of_real_images_pass(count: int):
    real = np.random.default_rng(count).permutation(count).astype(float)
    bar = passing(real)
    assert np.mean(real >= bar) >= 0.95
    assert np.mean(real > bar) < 0.95 or count < 20
    assert separate(real, np.array([bar, bar - 0.5]), seed=0)["fpr95"]["value"] == 0.5


def test_intervals_hold_the_values_and_follow_the_seed():
    generator = np.random.default_rng(1)
    real, fooling = generator.normal(1, 1, 80), generator.normal(0, 1, 60)
    one, two = (separate(real, fooling, seed=3) for _ in range(2))
    assert one == two
    for name in ("auroc", "aupr", "fpr95"):
        assert one[name]["low"] <= one[name]["value"] <= one[name]["high"]
    assert one["auroc"]["high"] - one["auroc"]["low"] < 0.3
