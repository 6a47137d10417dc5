import dataclasses
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import evofool
from evofool import Card, Classifier, load_classifier
from evofool.classifiers import usual_cards
from evofool.classifiers.classifier import make_network
from evofool.evaluation.selftest import (
    check_digits,
    check_drawn_digits,
    check_photographs,
    check_scale,
    drawn_digits,
)
from evofool.support import ModelWarning
from tests.evofool.real_data import data_folder


@pytest.fixture(scope="module")
def lenet() -> Classifier:
    return load_classifier("lenet")


def test_the_shipped_classifier_recognises_drawn_digits(lenet: Classifier):
    assert check_drawn_digits(lenet).passed


@pytest.mark.parametrize("seed", range(3))
def test_a_classifier_without_its_weights_is_noticed(lenet: Classifier, seed: int):
    params = make_network(lenet.card).init(jax.random.key(seed))
    check = check_drawn_digits(dataclasses.replace(lenet, params=params))
    assert not check.passed


@pytest.mark.parametrize("factor", [255.0, 1 / 255, -1.0])
def test_an_input_on_the_wrong_scale_is_noticed(lenet: Classifier, factor: float):
    def apply(params, images):
        return lenet.apply(params, jnp.asarray(images) * factor)

    check = check_drawn_digits(dataclasses.replace(lenet, apply=apply))
    assert not check.passed


def test_digits_are_asked_of_classifiers_of_digits_only(lenet: Classifier, tmp_path: Path):
    assert [check.name for check in check_digits(lenet, tmp_path)] == ["drawn digits"]
    assert check_digits(load_classifier("mock:10"), tmp_path) == []


def outside(classifier: Classifier, factor: float) -> Classifier:
    """The classifier as a model outside JAX, whose author scales images by a factor."""
    apply = jax.jit(lambda images: jax.nn.softmax(classifier.apply(classifier.params, images)))
    card = dataclasses.replace(classifier.card, probe=())
    return dataclasses.replace(
        classifier,
        card=card,
        kind="probabilities",
        apply=lambda _, images: np.asarray(apply(jnp.asarray(images) * factor)),
    )


@pytest.mark.parametrize(("factor", "passes"), [(1.0, True), (255.0, False)])
def test_images_of_nothing_tell_a_wrong_scale(lenet: Classifier, factor: float, passes: bool):
    model = outside(lenet, factor)
    assert check_drawn_digits(model).passed  # accuracy does not tell
    check = check_scale(model)
    assert check.passed is passes
    assert ("check the scale" in check.detail) is not passes


CLASSES = 12
SHADES = np.linspace(0, 1, CLASSES)
CARD = Card(
    name="reds",
    family="own",
    input_shape=(4, 4, 3),
    outputs=CLASSES,
    labels=tuple(f"shade {i}" for i in range(CLASSES)),
    channel_order="RGB",
    mean=(0.0, 0.0, 0.0),
    scale=1.0,
)


def how_red(params: Any, images: Any) -> Any:
    """Logits: how near the amount of red is to that of every class."""
    red = images[..., 0].mean(axis=(1, 2))
    return -10 * abs(red[:, None] - SHADES.astype(np.float32))


REDS = Classifier(card=CARD, params=(), apply=how_red)


@pytest.fixture
def shades(tmp_path: Path) -> dict[str, Path]:
    """An image for each class, from blue to red, and the table of their classes."""
    lines = ["file,index"]
    for index, red in enumerate(np.round(255 * SHADES).astype(int).tolist()):
        Image.new("RGB", (4, 4), (red, 0, 255 - red)).save(tmp_path / f"{index}.png")
        lines.append(f"{index}.png,{index}")
    (tmp_path / "shades.csv").write_text("\n".join(lines))
    return {"images": tmp_path, "labels": tmp_path / "shades.csv"}


def test_a_classifier_that_is_right_passes(shades: dict[str, Path]):
    photographs, channels = check_photographs(REDS, **shades)
    assert photographs.passed
    assert photographs.detail == (
        f"top-1 100.00 %, top-5 100.00 % of the first 12 in {shades['labels']} "
        "(expected 5 right or more); used as they are"
    )
    assert channels.passed
    assert "top-1 0.00 % with red and blue exchanged" in channels.detail


def test_a_network_for_the_other_order_of_channels_is_noticed(shades: dict[str, Path]):
    wrong = dataclasses.replace(
        REDS, apply=lambda params, images: how_red(params, images[..., ::-1])
    )
    photographs, channels = check_photographs(wrong, **shades)
    assert not photographs.passed
    assert not channels.passed
    assert "top-1 100.00 % with red and blue exchanged" in channels.detail


def test_channels_are_exchanged_in_the_order_that_other_runtimes_accept(shades: dict[str, Path]):
    def ask(params: Any, images: Any) -> Any:
        assert all(stride > 0 for stride in images.strides)
        powers = np.exp(how_red(params, images))
        return powers / powers.sum(axis=1, keepdims=True)

    model = dataclasses.replace(REDS, apply=ask, kind="probabilities")
    photographs, channels = check_photographs(model, **shades)
    assert photographs.passed
    assert channels.passed


@pytest.mark.parametrize("is_outside", [False, True])
@pytest.mark.parametrize(
    ("right", "wrong"),
    [("prep=levels&bgr", {}), ("prep=inception", {"prep": "caffe"}), ("prep=imagenet", {})],
)
def test_the_usual_preprocessing_that_fits_is_found(right, wrong, is_outside, shades):
    card = usual_cards(dataclasses.replace(CARD, layout="NHWC"))[right]

    def how_red_is_it(images: Any) -> Any:  # of what the right card makes of an image
        values = (images / np.asarray(card.scale) + np.asarray(card.mean)) / 255
        values = values[..., ::-1] if card.channel_order == "BGR" else values
        return how_red((), np.asarray(values) if is_outside else values)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)  # that it is computed outside
        model = evofool.from_function(
            how_red_is_it, input=(4, 4, 3), labels=list(CARD.labels), **wrong
        )
    check = check_photographs(model, **shades)[-1]
    assert not check.passed
    assert f"best of 9 usual ones: ?{right} 100.00 %" in check.detail
    assert check.detail.endswith(f"use ?{right}")
    said = evofool.from_function(how_red_is_it, card=card) if not is_outside else None
    assert said is None or check_photographs(said, **shades)[-1].passed


def test_another_order_of_the_classes_is_noticed(shades: dict[str, Path]):
    mixed = np.arange(CLASSES) * 5 % CLASSES
    wrong = dataclasses.replace(
        REDS, apply=lambda params, images: how_red(params, images)[:, mixed]
    )
    photographs, channels = check_photographs(wrong, **shades)
    assert not photographs.passed
    assert channels.passed


def test_a_classifier_of_grey_images_has_no_channels_to_exchange(shades: dict[str, Path]):
    assert [check.name for check in check_photographs(load_classifier("mock:12"), **shades)] == [
        "photographs"
    ]


def test_a_table_that_cannot_be_used_fails_the_check(shades: dict[str, Path]):
    (check,) = check_photographs(REDS, images=shades["images"], labels=Path("nowhere.csv"))
    assert (check.name, check.passed) == ("photographs", False)
    assert "cannot read nowhere.csv" in check.detail


@pytest.mark.slow
@pytest.mark.data
def test_a_real_network_passes_and_needs_its_order_of_channels():
    folder = data_folder()
    network = load_classifier("mobilenet_v1_0.25_128", weights=folder / "imagenet-models")
    given = {
        "images": folder / "imagenet/samples",
        "labels": folder / "imagenet/samples_index.csv",
    }
    photographs, channels = check_photographs(network, **given)
    assert photographs.passed
    assert "top-1 47.00 %, top-5 77.00 % of the first 100 in" in photographs.detail
    assert channels.passed
    assert "top-1 23.00 % with red and blue exchanged" in channels.detail


def test_photographs_of_black_digits_on_white_can_be_inverted(tmp_path: Path):
    for number, image in enumerate(drawn_digits()):
        Image.fromarray(255 - image[..., 0]).save(tmp_path / f"{number}.png")
    rows = [f"{number}.png,{number}" for number in range(10)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,index", *rows]), encoding="utf-8")
    given = {"images": tmp_path, "labels": tmp_path / "labels.csv"}
    (noticed,) = check_photographs(load_classifier("lenet"), **given)
    assert "10 images dark on a bright ground" in noticed.detail
    (inverted,) = check_photographs(load_classifier("lenet"), **given, invert=True)
    assert "top-1 90.00 %" in inverted.detail
    assert inverted.passed
