import numpy as np
import pytest

from evofool import UserError
from evofool.attacks.finite_differences import finite_differences, output_map
from evofool.attacks.gradient_sign import gradient_signs
from evofool.attacks.inputs import prepare
from tests.evofool.attacks.networks import WEIGHTS, classes_of, curved, levels, linear, outside


@pytest.mark.parametrize("step", [1 / 255, 0.05])
@pytest.mark.parametrize("make", [linear, outside])
def test_differences_of_a_linear_classifier_are_its_weights(make, step):
    found = output_map(make(), levels()[0], step=step)
    label, target = 1, 2  # log-probabilities differ as logits do
    lead = (found.change[..., label] - found.change[..., target]).reshape(-1)
    np.testing.assert_allclose(lead, step * (WEIGHTS[:, label] - WEIGHTS[:, target]), atol=2e-5)
    np.testing.assert_array_equal(
        found.signs(label, target).reshape(-1), np.sign(WEIGHTS[:, label] - WEIGHTS[:, target])
    )


def test_probabilities_change_as_a_loop_over_pixels_says():
    classifier, image = curved(), levels()[0]

    def probabilities(image):
        logits = np.asarray(classifier.apply(classifier.params, image[None]), np.float64)[0]
        return np.exp(logits) / np.exp(logits).sum()

    base = image.astype(np.float32) / 255
    found = output_map(classifier, image, step=0.1, of="probabilities")
    np.testing.assert_allclose(found.base, probabilities(base), rtol=1e-5)
    for place in np.ndindex(image.shape):
        moved, step = base.copy(), 0.1 if base[place] <= 0.9 else -0.1
        moved[place] += step
        expected = (probabilities(moved) - probabilities(base)) * np.sign(step)
        np.testing.assert_allclose(found.change[place], expected, atol=1e-6)


def test_small_steps_agree_with_the_gradient():
    images = levels(3)
    labels = classes_of(linear(), images)
    found = finite_differences(linear(), images, labels, target=(labels + 1) % 4, epsilon=0.1)
    # with two classes left, log-odds of the target rise with its lead
    task = prepare(linear(), images, labels, (labels + 1) % 4)
    agreement = np.mean(np.sign(found.images.astype(int) - images) == gradient_signs(task))
    assert agreement > 0.7


def test_the_target_is_reached_and_the_article_defends():
    images = levels(10)
    labels = classes_of(linear(), images)
    target = (labels + 1) % 4
    attacked = finite_differences(linear(), images, labels, target=target, epsilon=0.2)
    defended = finite_differences(
        linear(), images, labels, target=target, epsilon=0.2, as_written=True
    )
    assert attacked.success.all()
    assert not defended.success.any()
    assert (attacked.queries == 92).all()


def test_without_a_target_it_is_the_runner_up():
    images = levels(6)
    labels = classes_of(linear(), images)
    outputs = (images / 255 - 0.5).reshape(6, -1) @ WEIGHTS
    outputs[np.arange(6), labels] = -np.inf
    free = finite_differences(linear(), images, labels, epsilon=0.1)
    aimed = finite_differences(linear(), images, labels, target=outputs.argmax(axis=1), epsilon=0.1)
    np.testing.assert_array_equal(free.images, aimed.images)


def test_finished_maps_are_kept(tmp_path):
    file, images = tmp_path / "maps.npz", levels(3)

    def interrupt(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finite_differences(linear(), images, 0, epsilon=0.1, save=file, report=interrupt)
    reports = []
    resumed = finite_differences(
        linear(), images, 0, epsilon=0.1, save=file, report=lambda *given: reports.append(given)
    )
    assert reports == [(3, 3)]
    whole = finite_differences(linear(), images, 0, epsilon=0.1)
    np.testing.assert_array_equal(resumed.images, whole.images)
    with pytest.raises(UserError, match="is of another attack"):
        finite_differences(linear(), images, 1, epsilon=0.1, save=file)


@pytest.mark.parametrize(
    ("given", "message"),
    [({"step": 0.0}, "step is 0"), ({"step": 0.6}, "up to 0.5"), ({"of": "logit"}, "'logits'")],
)
def test_options_are_checked(given, message):
    with pytest.raises(UserError, match=message):
        output_map(linear(), levels()[0], **given)
