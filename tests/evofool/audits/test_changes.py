import jax.numpy as jnp
import numpy as np
import pytest

from evofool.audits.changes import HOPS, SIZES, change_a_little
from evofool.audits.workshop import Workshop
from evofool.classifiers import Card, Classifier
from tests.evofool.audits.conftest import TINY, outside, subject_of


@pytest.fixture
def workshop(tmp_path) -> Workshop:
    return Workshop(tmp_path, total=1)


def linear(masked: bool) -> Classifier:
    """Two classes by the mean of the image; masked, without a gradient anywhere."""

    def apply(params, images):
        mean = jnp.mean(images, axis=(1, 2, 3)) - 0.3
        if masked:
            mean = jnp.round(mean * 255) / 255
        return jnp.stack([mean, -mean], axis=1) * 20

    card = Card(name="linear", input_shape=(28, 28, 1), outputs=2, labels=("bright", "dark"))
    return Classifier(card=card, params=None, apply=apply)


def test_success_rises_with_size_and_with_strength(workshop: Workshop):
    part = change_a_little(subject_of(linear(masked=False)), workshop)
    for name in ("fgsm", "pgd", "apgd-ce"):
        rates = part["success"][name]
        assert rates == sorted(rates)
        assert rates[-1] == 1
    assert all(check["passed"] for check in part["checks"])
    assert np.greater_equal(part["success"]["pgd"], part["success"]["random"]).all()
    assert part["metrics"][f"success.pgd@{SIZES[-1]}"]["value"] == 1
    assert "apgd-dlr" not in part["success"]  # two classes have no third logit


def test_apgd_is_compared_with_pgd_on_its_own_images(mock: Classifier, workshop: Workshop):
    part = change_a_little(subject_of(mock), workshop)
    assert part["images"]["apgd-ce"] == part["images"]["apgd-dlr"] == TINY.adaptive
    names = [check["name"] for check in part["checks"]]
    assert "apgd at least as strong as pgd" in names
    assert f"apgd with {SIZES[-1]} levels" in names
    for loss in ("ce", "dlr"):  # sizes beyond the one that changes all are not tried
        rates = part["success"][f"apgd-{loss}"]
        tried = rates.index(1) + 1 if 1 in rates else len(SIZES)
        shown = TINY.adaptive * tried * (TINY.adaptive_steps + 1)
        assert part["queries"][f"apgd-{loss}"] == shown


def test_masked_gradients_are_not_taken_for_robustness(workshop: Workshop):
    part = change_a_little(subject_of(linear(masked=True)), workshop)
    failed = [check for check in part["checks"] if not check["passed"]]
    assert failed
    assert all("gradients are masked" in check["detail"] for check in failed)


def test_models_outside_jax_are_attacked_by_their_outputs(mock: Classifier, workshop: Workshop):
    part = change_a_little(subject_of(outside(mock)), workshop)
    assert set(part["success"]) == {"random", "finite-differences", "hop-skip-jump"}
    assert part["queries"]["finite-differences"] >= 28 * 28
    assert part["success"]["hop-skip-jump"][-1] == 1
    assert part["queries"]["hop-skip-jump"] > HOPS * 100
