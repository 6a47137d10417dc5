import csv
import json
from pathlib import Path

import numpy as np
import pytest

import evofool
from evofool import Run, load_classifier, quiz
from evofool.reports.blind_quiz import nearest_labels
from tests.evofool.real_data import data_folder


def test_the_same_seed_gives_the_same_quiz(cppn_run: Run, tmp_path: Path):
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        quiz(cppn_run, tmp_path / name, seed=seed)
    for file in ("sheet.png", "answer_key.json", "answer_key.csv"):
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


def test_without_training_pictures_the_quiz_says_why(direct_run: Run, tmp_path: Path):
    made = quiz(direct_run, tmp_path)
    assert made.nearest_right is None
    assert "not a classifier of 28x28 digits" in made.nearest_missing


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
