import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import evofool
from evofool import Run, UserError, load_classifier, quiz
from evofool.runs.quiz import check_judge, judged_classes, nearest_labels
from tests.evofool.real_data import data_folder


def test_the_same_seed_gives_the_same_quiz(cppn_run: Run, tmp_path: Path):
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        quiz(cppn_run, tmp_path / name, seed=seed)
    for file in ("sheet.png", "answers.png", "answer_key.json", "answer_key.csv"):
        one, again, other = (
            (tmp_path / name / file).read_bytes() for name in ("one", "again", "other")
        )
        assert one == again
        assert one != other


def test_the_key_is_a_shuffle_of_all_elites(cppn_run: Run, tmp_path: Path):
    made = quiz(cppn_run, tmp_path)
    assert (made.questions, made.choices) == (20, 10)
    key = json.loads((tmp_path / "answer_key.json").read_text())["answers"]
    assert [line["number"] for line in key] == list(range(1, 21))
    asked = [(line["run_index"], line["class_index"]) for line in key]
    every = [(run, index) for run in range(2) for index in range(10)]
    assert sorted(asked) == every
    assert asked != every
    with (tmp_path / "answer_key.csv").open(newline="") as stream:
        assert [line["label"] for line in csv.DictReader(stream)] == [k["label"] for k in key]


def test_the_judge_is_counted(direct_run: Run, tmp_path: Path):
    # the same network under another name: it recognises exactly what it was fooled by
    judge = load_classifier("mock:10:28x28x1")
    made = quiz(direct_run, tmp_path, judge=judge)
    key = json.loads((tmp_path / "answer_key.json").read_text())["answers"]
    assert made.judge_right == sum(line["judge_label"] == line["label"] for line in key) == 3


def test_without_training_images_the_quiz_says_why(direct_run: Run, tmp_path: Path):
    made = quiz(direct_run, tmp_path)
    assert made.nearest_right is None
    assert "not a classifier of 28x28 digits" in made.nearest_missing


def test_of_a_thousand_elites_fifty_are_asked_for(imagenet_run: Run, tmp_path: Path):
    made = quiz(imagenet_run, tmp_path / "fifty", seed=1)
    assert (made.questions, made.elites, made.choices) == (50, 1000, 1000)
    key = json.loads((tmp_path / "fifty/answer_key.json").read_text())["answers"]
    assert len({line["class_index"] for line in key}) == 50
    again = quiz(imagenet_run, tmp_path / "three", seed=1, questions=3)
    fewer = json.loads((again.folder / "answer_key.json").read_text())["answers"]
    assert fewer == key[:3]
    with (
        Image.open(tmp_path / "fifty/sheet.png") as sheet,
        Image.open(tmp_path / "three/sheet.png") as small,
    ):
        assert sheet.height > 3 * small.height


def test_more_questions_than_elites_are_refused(direct_run: Run, tmp_path: Path):
    for questions in (0, 4):
        with pytest.raises(UserError, match=rf"questions is {questions}; expected 1\.\.3"):
            quiz(direct_run, tmp_path, questions=questions)
    assert not list(tmp_path.iterdir())


def test_the_classes_to_choose_from_are_written_down(imagenet_run: Run, tmp_path: Path):
    quiz(imagenet_run, tmp_path, questions=2)
    choices = (tmp_path / "choices.txt").read_text(encoding="utf-8").splitlines()
    assert choices == list(imagenet_run.card.labels)


def test_a_judge_of_another_size_is_shown_scaled_images(imagenet_run: Run, tmp_path: Path):
    made = quiz(imagenet_run, tmp_path, judge=load_classifier("mock:1000:12x20x3"))
    key = json.loads((tmp_path / "answer_key.json").read_text())["answers"]
    assert made.judge_scaled
    # other labels, the same order: what counts is the index, and names are the run's
    assert all(line["judge_label"] == imagenet_run.card.labels[line["judge_index"]] for line in key)
    assert made.judge_right == sum(line["judge_index"] == line["class_index"] for line in key)


def test_nearest_labels_are_those_of_a_plain_search():
    generator = np.random.default_rng(0)
    examples = generator.integers(0, 256, (300, 4, 4, 1), np.uint8)
    labels = generator.integers(0, 10, 300).astype(np.uint8)
    images = generator.integers(0, 256, (20, 4, 4, 1), np.uint8)
    expected = []
    for image in images:
        distances = [int(np.sum((image.astype(int) - example) ** 2)) for example in examples]
        expected.append(int(labels[int(np.argmin(distances))]))
    assert nearest_labels(images, examples, labels) == expected


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
    images = np.stack(list(direct_run.images(direct_run.elites())))
    found = judged_classes(dataclasses.replace(mock, card=card), images)
    assert found == [index - offset for index in (3, 7, 9)]


def test_images_are_scaled_for_the_judge_and_parts_do_not_matter():
    judge = load_classifier("mock:10:8x8x1")
    coarse = np.random.default_rng(0).integers(0, 256, (23, 2, 2, 1), np.uint8)
    small, large = (coarse.repeat(n, axis=1).repeat(n, axis=2) for n in (4, 16))
    scaled = judged_classes(judge, large)
    assert np.mean(np.equal(scaled, judged_classes(judge, small))) > 0.8
    assert scaled == [judged_classes(judge, image[None])[0] for image in large]
    assert len(set(scaled)) > 1
