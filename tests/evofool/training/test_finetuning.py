import numpy as np
import pytest
from PIL import Image

import evofool
from evofool.classifiers.classifier import Classifier
from evofool.support.errors import UserError
from evofool.training.finetuning import fine_tune, measure_change
from evofool.training.loop import Examples, TrainConfig
from evofool.training.recipes import train_network
from tests.evofool.halves import CARD, halves

SHORT = TrainConfig(epochs=2, batch_size=20, learning_rate=1e-2, weight_decay=0.0)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory) -> Classifier:
    images, labels = halves(100, 0)
    return train_network(
        tmp_path_factory.mktemp("networks") / "halves.safetensors",
        CARD,
        Examples(images, labels, np.ones(100, np.float32)),
        test=halves(20, 1),
        config=SHORT,
    )


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
