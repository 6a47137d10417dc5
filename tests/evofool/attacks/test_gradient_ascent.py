import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from evofool import Card, Classifier, UserError
from evofool.attacks.ascent_step import ASCENTS, Ascent, _blur, _blur_weights
from evofool.attacks.gradient_ascent import gradient_ascent

SHAPE, CLASSES = (6, 5, 3), 4
WEIGHTS = np.random.default_rng(0).normal(size=(90, CLASSES)).astype(np.float32) / 8
MEAN = (100.0, 120.0, 140.0)


def linear(*, factor=1.0, **card) -> Classifier:
    facts = {"name": "toy", "labels": ("background", "a", "b", "c")}
    return Classifier(
        card=Card(**{"input_shape": SHAPE, "outputs": CLASSES, "mean": MEAN} | facts | card),
        params=jnp.asarray(factor * WEIGHTS),
        apply=lambda weights, images: (images - 0.5).reshape(len(images), -1) @ weights,
    )


def by_the_book(x, settings, target):
    """The authors' loop, one image at a time, in float64 and with the gradient of p itself."""
    mean, path = np.array(MEAN), []
    for number in range(settings.steps):
        x = np.clip(x + mean, 0, 255) - mean
        logits = ((x + mean) / 255 - 0.5).reshape(-1) @ WEIGHTS.astype(np.float64)
        p = np.exp(logits - logits.max())
        p /= p.sum()
        path.append(p[target])
        gradient = p[target] * (WEIGHTS[:, target] - WEIGHTS @ p).reshape(SHAPE) / 255
        gain = min(settings.early_gain, settings.late_gain * (1 - p[target]))
        if number == settings.steps - 1:
            break
        x = x + min(settings.max_rate, gain / np.sum(gradient**2)) * gradient
        x = x * (1 - settings.decay)
        if settings.blur and number % settings.blur_every == 0:
            x = np.stack([gaussian_filter(x[..., i], settings.blur) for i in range(3)], axis=-1)
        for values, percentile in (
            (np.linalg.norm(x, axis=-1), settings.small_norm),
            (None, settings.small_benefit),
        ):
            if percentile:
                values = np.abs((-gradient * x).sum(axis=-1)) if values is None else values
                x[values < np.percentile(values, percentile)] = 0
    return np.rint(x + mean), path


@pytest.mark.parametrize("name", ASCENTS)
def test_all_settings_do_what_the_authors_loop_does(name):
    settings = ASCENTS[name]
    settings = Ascent(**{**vars(settings), "steps": 60, "max_rate": 1e12})
    noise = jax.random.normal(jax.random.fold_in(jax.random.key(3), 1), SHAPE)
    found = gradient_ascent(linear(), [2, 3], settings=settings, starts=2, seed=3)
    for row, target in ((1, 2), (3, 3)):
        image, path = by_the_book(np.asarray(noise, np.float64), settings, target)
        np.testing.assert_allclose(found.path[row], path, rtol=2e-3)
        off = np.abs(found.attack.images[row].astype(int) - image)
        # a pixel at the percentile may fall on either side of it
        assert (off > 1).mean() <= 0.1 if settings.small_norm else off.max() <= 1


def test_the_class_is_reached_and_the_milestones_are_those_of_the_path():
    settings = Ascent(steps=300, early_gain=0.05)
    found = gradient_ascent(linear(factor=4.0), 1, settings=settings, starts=3)
    assert found.attack.success.all()
    assert (found.attack.confidence > 0.99).all()
    first = found.first[0]
    assert first[1] == np.argmax(found.path[0] > 0.99) > 0
    assert first[0] < first[1]
    assert (found.attack.l2 > 0).all()
    assert (found.attack.queries == 301).all()


def test_a_milestone_that_is_not_reached_is_minus_one():
    found = gradient_ascent(linear(), [1], settings=Ascent(steps=2))
    assert found.first[0, 1:].tolist() == [-1, -1, -1]


@pytest.mark.parametrize("deviation", [0.3, 0.4, 1.5])
def test_the_blur_is_that_of_scipy(deviation):
    levels = np.random.default_rng(1).normal(size=(2, 9, 8, 3)).astype(np.float32)
    expected = gaussian_filter(levels, (0, deviation, deviation, 0))
    found = _blur(jnp.asarray(levels), jnp.asarray(_blur_weights(deviation)))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_probabilities_next_to_nothing_do_not_stop_it():
    steep = linear(factor=300.0)  # p underflows in float32
    settings = Ascent(steps=200, max_rate=1e38)
    starts = [gradient_ascent(steep, t, settings=Ascent(steps=1)).path[0, 0] for t in range(4)]
    worst = int(np.argmin(starts))
    assert starts[worst] < 1e-20
    assert gradient_ascent(steep, worst, settings=settings).attack.success.all()


def test_it_goes_on_from_the_file_with_the_same_bits(tmp_path):
    settings, file = Ascent(steps=70), tmp_path / "ascent.npz"

    def interrupt(done, total):
        assert total == 70
        if done == 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gradient_ascent(linear(), [1, 2], settings=settings, save=file, report=interrupt)
    reports = []
    resumed = gradient_ascent(
        linear(), [1, 2], settings=settings, save=file, report=lambda *given: reports.append(given)
    )
    assert reports == [(70, 70)]
    whole = gradient_ascent(linear(), [1, 2], settings=settings)
    jax.tree.map(np.testing.assert_array_equal, resumed, whole)
    with pytest.raises(UserError, match="is of another attack"):
        gradient_ascent(linear(), [1, 3], settings=settings, save=file)


def test_channels_of_bgr_means_are_turned_round():
    dark = linear(mean=(10.0, 10.0, 200.0), channel_order="BGR")
    first = gradient_ascent(dark, 1, settings=Ascent(steps=1)).attack.images[0]
    assert first[..., 0].mean() > 190
    assert first[..., 2].mean() < 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"settings": "plian"}, "did you mean 'plain'"),
        ({"starts": 0}, "starts is 0; expected 1 or more"),
        ({"target": 4}, "target has 4; expected 0..3"),
        ({"target": np.array([1.5])}, "expected indices of classes"),
    ],
)
def test_mistakes_are_explained(arguments, message):
    with pytest.raises(UserError, match=message):
        gradient_ascent(linear(), **{"target": 1} | arguments)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "expected 1 or more"),
        ({"decay": 1.0}, "below 1"),
        ({"late_gain": 0.0}, "above 0"),
        ({"blur": 0.2}, "0.3 pixels or more"),
        ({"small_norm": 100.0}, "a percentile"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(UserError, match=message):
        Ascent(**settings)


def test_a_classifier_outside_jax_has_no_gradients():
    outside = Classifier(card=linear().card, params=(), apply=lambda _, x: x, kind="probabilities")
    with pytest.raises(UserError, match="only its outputs: finite-differences, one-pixel"):
        gradient_ascent(outside, 1)
