import dataclasses

import numpy as np
import pytest

import evofool
from evofool import Run, UserError, load_classifier
from evofool.reports.proxies import check_judge, judged_classes, nearest_labels
from tests.evofool.real_data import data_folder


def test_nearest_labels_are_those_of_a_plain_search():
    generator = np.random.default_rng(0)
    examples = generator.integers(0, 256, (300, 4, 4, 1), np.uint8)
    labels = generator.integers(0, 10, 300).astype(np.uint8)
    pictures = generator.integers(0, 256, (20, 4, 4, 1), np.uint8)
    expected = []
    for picture in pictures:
        distances = [int(np.sum((picture.astype(int) - example) ** 2)) for example in examples]
        expected.append(int(labels[int(np.argmin(distances))]))
    assert nearest_labels(pictures, examples, labels) == expected


@pytest.mark.data
def test_a_real_digit_is_its_own_nearest_neighbour():
    mnist = evofool.load_mnist(data_folder() / "mnist")
    chosen = [0, 9_999, 10_000, 59_999]
    found = nearest_labels(mnist.train_images[chosen], mnist.train_images, mnist.train_labels)
    assert found == mnist.train_labels[chosen].tolist()


def test_the_classifier_that_was_fooled_is_no_judge(direct_run: Run):
    with pytest.raises(UserError, match=r"is the classifier that .* fools; give an independent"):
        check_judge(direct_run, direct_run.classifier)


def test_the_same_weights_are_no_judge_whatever_they_are_called(direct_run: Run):
    run = Run(direct_run.folder)
    run.card = dataclasses.replace(run.card, sha256="feed")
    card = dataclasses.replace(run.card, name="another", input_shape=(56, 56, 1))
    with pytest.raises(UserError, match="the judge 'another' is the classifier"):
        check_judge(run, dataclasses.replace(direct_run.classifier, card=card))


@pytest.mark.parametrize(
    ("judge", "reason"),
    [("mock:11", "tells 11 classes apart, .* of 10"), ("mock:10:28x28x3", "as many channels")],
)
def test_a_judge_for_something_else_is_refused(direct_run: Run, judge: str, reason: str):
    with pytest.raises(UserError, match=reason):
        check_judge(direct_run, load_classifier(judge))


@pytest.mark.parametrize("offset", [0, 1])
def test_a_judge_names_the_class_and_not_the_output(direct_run: Run, offset: int):
    mock = load_classifier("mock:10")
    card = dataclasses.replace(mock.card, class_offset=offset, labels=mock.card.labels[offset:])
    pictures = np.stack(list(direct_run.pictures(direct_run.elites())))
    found = judged_classes(dataclasses.replace(mock, card=card), pictures)
    assert found == [index - offset for index in (3, 7, 9)]


def test_pictures_are_scaled_for_the_judge_and_parts_do_not_matter():
    judge = load_classifier("mock:10:8x8x1")
    grey = np.random.default_rng(0).integers(0, 256, (23, 8, 8, 1), np.uint8)
    large = grey.repeat(4, axis=1).repeat(4, axis=2)
    nearest = dataclasses.replace(judge.card, interpolation="nearest")
    scaled = judged_classes(dataclasses.replace(judge, card=nearest), large)
    assert scaled == judged_classes(judge, grey)
    assert len(set(scaled)) > 1
