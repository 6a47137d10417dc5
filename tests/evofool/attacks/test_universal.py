import jax.numpy as jnp
import numpy as np
import pytest

from evofool import UserError
from evofool.attacks.universal import _into_ball, add_change, universal
from tests.evofool.attacks.networks import FLAT, NEEDED, classes_of, curved, flat, levels, linear

IMAGES = levels(140)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_one_change_fools_on_most_images_and_on_others(norm):
    labels = classes_of(curved(), IMAGES)
    epsilon = {"linf": 0.25, "l2": 1.0}[norm]
    found = universal(
        curved(), IMAGES[:100], labels[:100], epsilon=epsilon, norm=norm, rate=0.5, passes=3
    )
    assert found.rates[-1] >= 0.5
    assert found.attack.success.mean() == found.rates[-1]
    size = np.abs(found.change).max() if norm == "linf" else np.linalg.norm(found.change)
    assert 0 < size <= 255 * epsilon
    others = add_change(curved(), IMAGES[100:], labels[100:], found.change)
    assert others.success.mean() > 0.3
    noise = np.random.default_rng(0).permutation(found.change.flatten()).reshape(found.change.shape)
    shuffled = add_change(curved(), IMAGES[100:], labels[100:], noise)
    assert others.success.mean() > 2 * shuffled.success.mean()


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("count", [1, 5])
def test_few_images_do_whose_border_is_less_than_a_level_away(count: int, norm: str):
    epsilon = {"linf": 10 / 255, "l2": 0.5}[norm]
    found = universal(flat(), FLAT[:count], 0, epsilon=epsilon, norm=norm)
    assert found.rates.tolist() == [1.0]
    assert np.abs(found.change).sum() >= NEEDED[count - 1]
    assert found.attack.l2.max() < 768**0.5 / 255  # that of every value by one level


def test_more_passes_fool_more_images():
    labels = classes_of(curved(), IMAGES[:3])
    found = universal(curved(), IMAGES[:3], labels, epsilon=0.25, rate=1.0, passes=7)
    assert found.rates[0] < 0.5 < found.rates[-1]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_with_a_target_most_images_and_others_are_taken_for_it(norm: str):
    labels = classes_of(curved(), IMAGES)
    images, labels = IMAGES[labels != 2], labels[labels != 2]
    options = {"epsilon": {"linf": 0.3, "l2": 1.5}[norm], "norm": norm, "passes": 5}
    found = universal(curved(), images[:80], labels[:80], target=2, **options)
    assert found.rates[-1] >= 0.8
    assert found.attack.success.mean() == found.rates[-1]
    np.testing.assert_array_equal(found.attack.success, found.attack.label == 2)
    size = np.abs(found.change).max() if norm == "linf" else np.linalg.norm(found.change)
    assert 0 < size <= 255 * options["epsilon"]
    others = add_change(curved(), images[80:], labels[80:], found.change, target=2)
    noise = np.random.default_rng(0).permutation(found.change.flatten()).reshape(found.change.shape)
    shuffled = add_change(curved(), images[80:], labels[80:], noise, target=2)
    assert others.success.mean() > 0.8 > 0.3 > shuffled.success.mean()


@pytest.mark.parametrize("count", [1, 3])
def test_with_a_target_few_images_do(count: int):
    found = universal(flat(), FLAT[:count], 0, target=1, epsilon=10 / 255)
    assert found.rates.tolist() == [1.0]
    assert found.attack.label.tolist() == [1] * count


@pytest.mark.parametrize("target", [None, 2])
def test_it_goes_on_from_the_file_with_the_same_bits(tmp_path, target):
    labels, file = classes_of(curved(), IMAGES), tmp_path / "universal.npz"
    labels[labels == target] = 3  # which is wrong, and no matter here
    options = {"epsilon": 0.1, "rate": 1.0, "passes": 2, "target": target}

    def interrupt(done, total):
        assert total == 280
        if done == 140:  # the second part of the first pass
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        universal(curved(), IMAGES, labels, save=file, report=interrupt, **options)
    reports = []
    resumed = universal(
        curved(), IMAGES, labels, save=file, report=lambda *x: reports.append(x), **options
    )
    assert reports[0] == (140, 280)
    whole = universal(curved(), IMAGES, labels, **options)
    np.testing.assert_array_equal(resumed.change, whole.change)
    np.testing.assert_array_equal(resumed.rates, whole.rates)
    with pytest.raises(UserError, match="made for other target"):
        universal(curved(), IMAGES, labels, save=file, **options | {"target": (labels + 1) % 4})


def test_balls():
    change = jnp.full((2, 2, 1), 3.0)
    assert np.asarray(_into_ball(change, 2.0, "linf")).max() == 2.0
    assert np.linalg.norm(_into_ball(change, 2.0, "l2")) == pytest.approx(2.0)
    np.testing.assert_array_equal(_into_ball(change, 7.0, "l2"), change)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "l1"}, "unknown norm"),
        ({"rate": 0.0}, "rate is 0"),
        ({"passes": 0}, "passes 0"),
        ({"epsilon": 10.0}, "divide by 255"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(UserError, match=message):
        universal(linear(), levels(), 0, **options)


def test_a_change_has_the_shape_of_images():
    with pytest.raises(UserError, match="the change has shape"):
        add_change(linear(), levels(), 0, np.zeros((5, 6, 3), np.int16))
