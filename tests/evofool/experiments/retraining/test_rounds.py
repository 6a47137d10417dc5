import numpy as np
import pytest

from evofool.classifiers.architectures.linear import linear_card
from evofool.classifiers.loading import read_classifier
from evofool.data.datasets import Dataset
from evofool.experiments.bench.arrays import flatten, restore
from evofool.experiments.bench.lab import Lab, images_of
from evofool.experiments.retraining.experiment import Measures
from evofool.experiments.retraining.rounds import Plan, retrain
from evofool.training import recipes
from evofool.training.loop import TrainConfig

pytestmark = pytest.mark.slow

PLAN = Plan(
    network="linear",
    card=linear_card(),
    config=TrainConfig(epochs=2, batch_size=16),
    examples=50,
    tests=30,
    rounds=2,
    first_runs=2,
    later_runs=1,
    generations=1,
    steps=3,
    batch_size=6,
    longer_runs=2,
    longer=3,
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """Images whose class is the row that is bright."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (100, 28, 28, 1), np.uint8)
    labels = np.arange(100).astype(np.uint8) % 10
    images[np.arange(100), 2 * labels + 3] = 255
    return Dataset(images[:60], labels[:60], images[60:], labels[60:])


@pytest.fixture(scope="module")
def made(tmp_path_factory, digits, direct_lab):
    """A series of rounds, the lab they were done in, and how often anything was trained."""
    out, trained = tmp_path_factory.mktemp("out"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lab, "dataset", lambda lab: digits)
        train = recipes.train_network

        def counted(path, card, examples, **settings):
            trained.append(examples)
            return train(path, card, examples, **settings)

        patch.setattr(recipes, "train_network", counted)
        for _ in range(2):
            lab = direct_lab("retraining", out)
            series = retrain(lab, PLAN, 0)
        yield series, lab, trained


def test_every_round_learns_the_images_of_all_before_it(made):
    rounds = made[0].rounds
    # two images per class and run: of the first generation and of the last
    assert [one.training_set for one in rounds] == [50, 50 + 40, 50 + 40 + 20]
    assert [one.fooling_share for one in rounds] == pytest.approx([0, 40 / 90, 60 / 110])


def test_networks_have_a_class_for_fooling_images_from_the_first_retraining_on(made):
    _, lab, _ = made
    cards = [
        read_classifier(lab.out / "networks" / f"retrained-linear-0-{number:02d}.safetensors")
        for number in range(3)
    ]
    assert [one.card.outputs for one in cards] == [10, 11, 11]
    assert cards[1].card.labels[10] == "fooling"


def test_what_is_learned_are_elites_of_the_first_and_of_the_last_generation(made):
    _, lab, trained = made
    first = lab.evolve(
        lab.out / "networks" / "retrained-linear-0-00.safetensors",
        generations=0,
        runs=2,
        batch_size=6,
        classes=tuple(map(str, range(10))),
    )
    last = lab.evolve(
        lab.out / "networks" / "retrained-linear-0-00.safetensors",
        generations=1,
        runs=2,
        batch_size=6,
        classes=tuple(map(str, range(10))),
    )
    fooling = trained[1].images[50:]
    assert (trained[1].labels[50:] == 10).all()
    np.testing.assert_array_equal(fooling[:10], images_of(first, first.elites(0)))
    np.testing.assert_array_equal(fooling[30:], images_of(last, last.elites(1)))


def test_images_are_evolved_for_the_classes_of_the_data_set_alone(made):
    rounds = made[0].rounds
    assert [one.confidence.shape for one in rounds] == [(2, 10), (1, 10), (1, 10)]
    assert rounds[0].images.shape == (10, 28, 28, 1)


def test_the_last_elites_are_polished_and_nothing_learns_from_that(made):
    series, lab, trained = made
    assert all(done.polished.shape == done.confidence.shape for done in series.rounds)
    assert all((done.polished >= done.confidence).all() for done in series.rounds)
    assert all(done.polished_median > done.median for done in series.rounds)
    assert len(trained[-1].images) == series.rounds[-1].training_set
    assert series.longer.polished.shape == (2, 10)
    assert np.median(series.longer.polished) > series.longer.final
    # every run is counted once: a generation and its first, or four; three steps and two looks
    evolved = 6 * (2 + 1 + 1) + 6 * 2 * (2 + 1 + 1) + 6 * 4 * 2
    assert lab.evaluations == evolved + 10 * (3 + 2) * (2 + 1 + 1 + 2)


def test_errors_are_shares_of_the_test_images(made):
    for one in made[0].rounds:
        assert (one.error * 30) == pytest.approx(round(one.error * 30))
        assert one.rejected <= one.error
        assert one.error_among_classes <= one.error
    assert made[0].rounds[0].rejected == 0


def test_rounds_that_were_done_are_not_done_again(made):
    _, _, trained = made
    assert len(trained) == 3  # in two calls


def test_the_last_network_is_fooled_for_longer(made):
    longer = made[0].longer
    assert longer.generations.tolist() == [0, 1, 2, 3]
    assert longer.medians.shape == (4, 2)
    assert (np.diff(longer.medians, axis=0) >= 0).all()  # elites only become better
    assert longer.final == np.median(longer.medians[3])


def test_a_series_is_cached_as_arrays(made):
    (restored,) = restore(Measures, flatten(Measures([made[0]]))).series
    for saved, original in zip(restored.rounds, made[0].rounds, strict=True):
        assert saved.error == original.error
        np.testing.assert_array_equal(saved.images, original.images)
    np.testing.assert_array_equal(restored.longer.medians, made[0].longer.medians)
