import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import evofool
from evofool.classifiers.architectures.lenet import lenet_card
from evofool.classifiers.classifier import Classifier, make_network
from evofool.classifiers.loading import load_classifier, read_classifier, write_classifier
from evofool.support.errors import UserError
from evofool.training.augmentation import flip_and_shift
from evofool.training.fooling_class import (
    add_fooling_class,
    extend,
    fine_tune,
    measure_change,
    mix,
    new_output_only,
    outputs_of,
    with_class,
)
from evofool.training.loop import Examples, TrainConfig
from evofool.training.recipes import train_network
from tests.evofool.halves import CARD, dark, halves


def test_a_class_joins_at_the_end_and_what_was_said_of_the_weights_goes():
    card = load_classifier("lenet").card
    more = with_class(card, "none of these")
    assert (more.outputs, more.labels) == (11, (*card.labels, "none of these"))
    assert (more.sha256, more.test_accuracy, more.probe, more.notes) == ("", None, (), "")
    assert (more.input_shape, more.scale) == (card.input_shape, card.scale)


def test_a_label_that_is_there_is_refused():
    with pytest.raises(UserError, match="label is '7', which lenet has already"):
        with_class(lenet_card(), "7")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory) -> Classifier:
    """A linear classifier that knows the halves."""
    images, labels = halves(200, 0)
    return train_network(
        tmp_path_factory.mktemp("networks") / "halves.safetensors",
        CARD,
        Examples(images, labels, np.ones(200, np.float32)),
        test=halves(50, 1),
        config=TrainConfig(epochs=10, batch_size=20, learning_rate=1e-2),
        augment=flip_and_shift,
    )


HEAD = TrainConfig(epochs=4, batch_size=20, learning_rate=3e-2, weight_decay=0.0)
SHORT = TrainConfig(epochs=2, batch_size=20, learning_rate=1e-2, weight_decay=0.0)


@pytest.fixture(scope="module")
def tuned(classifier, tmp_path_factory) -> Classifier:
    return add_fooling_class(
        classifier,
        tmp_path_factory.mktemp("tuned") / "tuned.safetensors",
        photographs=halves(40, 2)[0],
        fooling=dark(120, 3),
        test=halves(50, 1),
        classes=2,
        head=HEAD,
        config=dataclasses.replace(HEAD, learning_rate=1e-3),
    )


def found(classifier: Classifier, levels: np.ndarray) -> np.ndarray:
    return outputs_of(classifier, levels).argmax(axis=1)


@pytest.mark.slow
def test_fooling_images_get_the_new_class_and_photographs_keep_theirs(classifier, tuned):
    images, labels = halves(50, 4)
    assert np.mean(found(tuned, dark(50, 5)) == 2) > 0.9
    assert np.mean(found(classifier, images) == labels) > 0.9
    assert np.mean(found(tuned, images) == found(classifier, images)) > 0.9


def test_the_network_is_written_with_a_card_that_says_what_it_is(tuned, tmp_path_factory):
    card = tuned.card
    assert (card.name, card.outputs, card.labels[-1]) == ("tuned", 3, "fooling")
    assert "halves (sha256" in card.notes
    assert "40 photographs and on 120 fooling images as a class 'fooling', over-weight 7" in (
        card.notes
    )
    assert card.test_accuracy > 0.9


def test_only_the_new_output_learns_at_first(classifier):
    more = make_network(with_class(classifier.card)).apply
    params = extend(classifier.params, make_network(with_class(classifier.card)).shapes)
    images = jnp.asarray(dark(4, 0) / np.float32(255))
    apply = new_output_only(more, classifier.params)
    gradient = jax.grad(lambda params: jnp.sum(apply(params, images) ** 2))(params)
    np.testing.assert_array_equal(apply(params, images), more(params, images))
    for leaf in jax.tree.leaves(gradient):
        assert not np.any(leaf[..., :2])
        assert np.all(leaf[..., 2:] != 0)


def test_a_new_output_starts_as_the_mean_of_the_others(classifier):
    shapes = make_network(with_class(classifier.card)).shapes
    images = dark(3, 0)
    before = outputs_of(classifier, images)
    params = extend(classifier.params, shapes)
    apply = make_network(with_class(classifier.card)).apply
    after = np.asarray(apply(params, jnp.asarray(images) / 255))
    np.testing.assert_allclose(after[:, :2], before, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(after[:, 2], before.mean(axis=1), rtol=1e-4, atol=1e-4)


def test_fooling_images_count_as_much_as_was_asked(classifier):
    photographs, _ = halves(20, 6)
    examples = mix(classifier, photographs, dark(60, 7), 0.25)
    assert len(examples.labels) == 3 * 20 + 60  # the photographs three times
    is_fooling = examples.labels[:, 2] == 1
    weight = [examples.weights[chosen].sum() for chosen in (is_fooling, ~is_fooling)]
    assert weight[0] / weight[1] == pytest.approx(0.25)
    kept = jax.nn.softmax(outputs_of(classifier, photographs))
    np.testing.assert_allclose(examples.labels[20:40, :2], kept, rtol=1e-6)
    np.testing.assert_array_equal(examples.images[40:60], photographs)


def test_an_over_weight_of_nothing_is_refused(classifier, tmp_path):
    with pytest.raises(UserError, match=r"overweight is 0\.0; expected more"):
        add_fooling_class(
            classifier,
            tmp_path / "x.safetensors",
            photographs=halves(10, 0)[0],
            fooling=dark(10, 0),
            test=halves(10, 1),
            classes=2,
            overweight=0.0,
        )


def test_where_nothing_can_be_written_nothing_is_trained(classifier, tmp_path):
    (tmp_path / "folder.safetensors").mkdir()
    for out in ("x.npz", "absent/x.safetensors", "folder.safetensors"):
        epochs = []
        with pytest.raises(UserError, match=r"expected a name ending in|cannot write"):
            add_fooling_class(
                classifier,
                tmp_path / out,
                photographs=halves(10, 0)[0],
                fooling=dark(10, 0),
                test=halves(10, 1),
                classes=2,
                head=SHORT,
                on_epoch=epochs.append,
            )
        assert not epochs


def test_the_weights_that_are_fine_tuned_are_kept(tmp_path):
    path = tmp_path / "first.safetensors"
    network = make_network(CARD)
    params = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), network.shapes)
    card = write_classifier(path, CARD, params)
    with pytest.raises(UserError, match="holds the weights that are fine-tuned; choose another"):
        add_fooling_class(
            Classifier(card=card, params=params, apply=network.apply),
            path,
            photographs=halves(10, 0)[0],
            fooling=dark(10, 0),
            test=halves(10, 1),
            classes=2,
        )
    assert read_classifier(path).card == card


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder with a subfolder per class."""
    folder = tmp_path_factory.mktemp("photographs")
    for number, (image, label) in enumerate(zip(*halves(12, 2), strict=True)):
        (folder / CARD.labels[label]).mkdir(exist_ok=True)
        Image.fromarray(image[..., 0]).save(folder / CARD.labels[label] / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(classifier, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "random"
    return evofool.evolve(
        classifier, encoding="direct", generations=0, batch_size=10, runs=2, out=out
    )


@pytest.mark.slow
def test_photographs_in_folders_and_elites_of_runs_make_a_new_network(
    classifier, photographs, run, tmp_path
):
    tuned = fine_tune(
        classifier,
        tmp_path / "new.safetensors",
        images=photographs,
        fooling=[run],
        hold_out=0.25,
        head=SHORT,
        config=SHORT,
    )
    assert (tuned.photographs, tuned.fooling, tuned.change.n) == (9, 4, 3)
    assert tuned.classifier.card.labels == ("up", "down", "fooling")
    loaded = evofool.load_classifier("new", weights=tmp_path)
    assert loaded.card == tuned.classifier.card
    images, labels = halves(30, 3)
    assert measure_change(classifier, loaded, images, labels).n == 30


def test_change_counts_what_is_right_the_same_and_rejected():
    def reads(first: int, outputs: int) -> Classifier:
        """A classifier whose outputs are pixels."""
        card = evofool.Card(
            name="pixels", input_shape=(1, 5, 1), outputs=outputs, labels=tuple("abc"[:outputs])
        )
        return Classifier(
            card=card, params=(), apply=lambda params, x: x[:, 0, first : first + outputs, 0]
        )

    before, after = [0, 1, 0, 1, 0], [0, 1, 1, 2, 2]  # of five images
    images = np.zeros((5, 1, 5, 1), np.uint8)
    images[np.arange(5), 0, before] = images[np.arange(5), 0, np.add(after, 2)] = 255
    change = measure_change(reads(0, 2), reads(2, 3), images, np.array([0, 0, 1, 1, 0]))
    assert change.accuracy_before == 3 / 5
    assert change.accuracy == 2 / 5
    assert change.unchanged == 2 / 5
    assert change.rejected == 2 / 5
    assert change.n == 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hold_out": 1.0}, "hold_out is 1.0; expected a share between 0 and 1"),
        ({"hold_out": 0.01}, "too few to learn from and to test"),
        ({"fooling": []}, "fooling names no runs"),
        ({"images": "nowhere"}, "which is no folder"),
        ({"label": "up"}, "label is 'up', which halves has already"),
        ({"overweight": -1.0}, "overweight is -1.0; expected more than 0"),
    ],
)
def test_what_cannot_be_used_is_named(classifier, photographs, run, tmp_path, settings, message):
    given = {"images": photographs, "fooling": [run]} | settings
    with pytest.raises(UserError, match=message.replace(".", r"\.")):
        fine_tune(classifier, tmp_path / "new.safetensors", **given)
    assert not list(tmp_path.iterdir())


def test_runs_of_other_images_are_refused(classifier, photographs, tmp_path):
    settings = {"encoding": "direct", "generations": 0, "batch_size": 4}
    other = evofool.evolve("mock:3:8x8x1", **settings, out=tmp_path / "run")
    with pytest.raises(UserError, match=r"images of shape \(8, 8, 1\); expected \(20, 20, 1\)"):
        fine_tune(classifier, tmp_path / "new.safetensors", images=photographs, fooling=[other])
