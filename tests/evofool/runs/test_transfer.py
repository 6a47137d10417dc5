import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import evofool
from evofool import Card, Classifier, UserError
from evofool.runs.transfer import look


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transfer") / "run"
    settings = {"encoding": "direct", "generations": 3, "batch_size": 20, "runs": 2}
    return evofool.evolve("lenet", **settings, out=folder)


def shifted(classifier: Classifier) -> Classifier:
    """The same network, which takes every digit for the next."""
    return dataclasses.replace(
        classifier, apply=lambda w, x: jnp.roll(classifier.apply(w, x), 1, axis=1)
    )


@pytest.mark.slow
def test_the_same_network_sees_the_same(run):
    found = evofool.transfer(run, "lenet")
    assert len(found.elites) == 20
    assert found.same_label.all()
    np.testing.assert_array_equal(found.before.log_odds, found.after.log_odds)
    np.testing.assert_allclose(
        found.before.confidence, [elite.confidence for elite in found.elites], rtol=1e-4
    )


def test_labels_and_confidences_are_those_of_the_other_network(run):
    found = evofool.transfer(run, shifted(run.classifier))
    np.testing.assert_array_equal(found.after.top, (found.before.top + 1) % 10)
    assert not found.same_label.any()
    previous = evofool.transfer(run, run.classifier)
    assert not found.after.hits[previous.before.hits].any()


def test_elites_of_one_run_can_be_shown(run):
    found = evofool.transfer(run, "lenet", run_index=1)
    assert [elite.run_index for elite in found.elites] == [1] * 10
    assert found.after.classes.tolist() == list(range(10))


def test_images_are_scaled_for_a_network_of_another_size(run):
    card = Card(name="large", input_shape=(56, 56, 1), outputs=10, labels=tuple("0123456789"))

    def apply(weights, images):
        assert images.shape[1:] == (56, 56, 1)
        return run.classifier.apply(weights, images[:, ::2, ::2])

    found = evofool.transfer(run, Classifier(card=card, params=run.classifier.params, apply=apply))
    assert np.corrcoef(found.before.log_odds, found.after.log_odds)[0, 1] > 0.5


def test_background_is_no_class():
    card = Card(name="b", input_shape=(2, 2, 1), outputs=4, labels=tuple("xyz"), class_offset=1)
    classifier = Classifier(
        card=card, params=(), apply=lambda w, x: jnp.tile(jnp.array([9.0, 0, 2, 1]), (len(x), 1))
    )
    seen = look(classifier, np.zeros((3, 2, 2, 1), np.float32), [0, 1, 2])
    assert seen.top.tolist() == [1, 1, 1]
    assert seen.hits.tolist() == [False, True, False]
    rest = np.exp(9) + np.exp([0, 2, 1]).sum()
    np.testing.assert_allclose(seen.confidence, np.exp([0, 2, 1]) / rest, rtol=1e-5)


def test_a_network_of_other_classes_is_refused(run):
    with pytest.raises(UserError, match="'mock:7' tells 7 classes apart"):
        evofool.transfer(run, "mock:7")
