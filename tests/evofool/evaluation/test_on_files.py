import dataclasses
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from evofool import Card, Classifier, UserError, accuracy, classify
from evofool.evaluation.on_files import CHUNK, summarize_actions
from tests.evofool.real_data import data_folder

CLASSES = 12
CARD = Card(
    name="rows",
    family="own",
    input_shape=(CLASSES, 4, 3),
    outputs=CLASSES + 1,
    class_offset=1,
    labels=tuple(f"row {i}, line {i}" for i in range(CLASSES)),
    ids=tuple(f"n{i:08d}" for i in range(CLASSES)),
    channel_order="RGB",
    mean=(0.0, 0.0, 0.0),
    scale=1.0,
    interpolation="nearest",
)


def brightness(params: Any, images: Any) -> Any:
    """Logits: ten times the brightness of every row; output 0, background, is always 1."""
    rows = 10 * images.mean(axis=(2, 3))
    return jnp.concatenate([jnp.ones((len(images), 1)), rows], axis=1)


ROWS = Classifier(card=CARD, params=(), apply=brightness)


def image(path: Path, row: int, *, second: int | None = None, scale: int = 1) -> Path:
    """Writes an image that is white in one row and grey in another."""
    levels = np.zeros((CLASSES, 4, 3), np.uint8)
    levels[row] = 255
    if second is not None:
        levels[second] = 127
    Image.fromarray(levels).resize((4 * scale, CLASSES * scale), 0).save(path)
    return path


def labelled(folder: Path, indices: list[int], *, shift: int = 0) -> dict[str, Path]:
    """Writes images of these classes and the table that says so."""
    lines = ["file,index"]
    for number, index in enumerate(indices):
        image(folder / f"{number}.png", index)
        lines.append(f"{number}.png,{index + shift}")
    (folder / "labels.csv").write_text("\n".join(lines))
    return {"images": folder, "labels": folder / "labels.csv"}


def test_the_likeliest_classes_are_named_best_first(tmp_path: Path):
    (found,) = classify(image(tmp_path / "a.png", 7, second=3), ROWS, top=2)
    assert found.image == str(tmp_path / "a.png")
    assert found.actions == ()
    first, second = found.guesses
    assert (first.index, first.label, first.id) == (7, "row 7, line 7", "n00000007")
    assert (second.index, second.label) == (3, "row 3, line 3")
    logits = np.array([1.0, 10.0, 10 * 127 / 255, *[0.0] * 10])
    softmax = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose([first.confidence, second.confidence], softmax[1:3], rtol=1e-5)


def test_no_more_classes_are_named_than_there_are(tmp_path: Path):
    (found,) = classify([image(tmp_path / "a.png", 7)], ROWS, top=100)
    assert sorted(guess.index for guess in found.guesses) == [*range(CLASSES)]


def test_images_are_classified_alike_alone_and_among_others(tmp_path: Path):
    paths = [image(tmp_path / f"{i}.png", i % CLASSES) for i in range(CHUNK + 3)]
    found = classify(paths, ROWS, top=1)
    assert [one.guesses[0].index for one in found] == [i % CLASSES for i in range(CHUNK + 3)]
    assert classify(paths[-1], ROWS, top=1) == found[-1:]


def test_what_was_done_to_images_is_summed_up(tmp_path: Path):
    card = dataclasses.replace(CARD, input_shape=(CLASSES, CLASSES, 3))
    square = dataclasses.replace(ROWS, card=card)
    sizes = [(12, 12), (24, 24), (24, 24), (6, 6)]
    for number, size in enumerate(sizes):
        Image.new("RGB", size, "red").save(tmp_path / f"{number}.png")
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    assert summarize_actions(one.actions for one in classify(paths, square)) == [
        "2 images resized 24x24 -> 12x12 (nearest)",
        "1 image enlarged 6x6 -> 12x12 (nearest)",
    ]
    for number in range(10):
        Image.new("RGB", (20 + number, 20), "red").save(tmp_path / f"{number}.png")
    paths = [tmp_path / f"{number}.png" for number in range(10)]
    assert summarize_actions(one.actions for one in classify(paths, square)) == [
        "9 images resized from various sizes -> 12x12 (crop 20, nearest)",
        "1 image resized from various sizes -> 12x12 (nearest)",
    ]


def test_accuracy_counts_the_first_guess_and_the_first_five(tmp_path: Path):
    given = labelled(tmp_path, [0, 1, 2, 3])
    image(tmp_path / "1.png", 8, second=1)  # row 1 comes second
    image(tmp_path / "2.png", 0, second=11)  # row 2 comes fourth, after 1
    image(tmp_path / "3.png", 11, second=10)  # row 3 comes sixth, after 0, 1, 2
    found = accuracy(ROWS, **given)
    assert (found.top1, found.top5, found.n) == (0.25, 0.75, 4)


def test_accuracy_is_told_as_it_goes_and_can_stop_early(tmp_path: Path):
    given = labelled(tmp_path, [i % CLASSES for i in range(CHUNK + 5)])
    seen = []
    found = accuracy(ROWS, **given, on_chunk=lambda *counts: seen.append(counts))
    assert (found.top1, found.top5, found.n) == (1.0, 1.0, CHUNK + 5)
    assert seen == [(CHUNK, CHUNK + 5), (CHUNK + 5, CHUNK + 5)]
    assert accuracy(ROWS, **given, limit=7).n == 7


@pytest.mark.parametrize(("shift", "where"), [(1, "before"), (-1, "after")])
def test_indices_that_are_off_by_one_are_refused(shift: int, where: str, tmp_path: Path):
    given = labelled(tmp_path, [*range(1, CLASSES - 1)], shift=shift)
    with pytest.raises(UserError) as caught:
        accuracy(ROWS, **given)
    assert f"0.0 % of the images are taken for their class, but 100.0 % for the class {where}" in (
        said := str(caught.value)
    )
    assert "class_offset (1) are off by one; class 0 is 'row 0, line 0', output 1" in said
    assert accuracy(ROWS, **given, check_offset=False).top1 == 0.0


def test_a_class_offset_that_is_off_by_one_is_refused(tmp_path: Path):
    card = dataclasses.replace(CARD, class_offset=0, labels=("none", *CARD.labels), ids=())
    with pytest.raises(UserError, match=r"100.0 % for the class after it.*class_offset \(0\)"):
        accuracy(dataclasses.replace(ROWS, card=card), **labelled(tmp_path, [*range(CLASSES)]))


def test_a_classifier_that_is_merely_wrong_gets_its_figure(tmp_path: Path):
    given = labelled(tmp_path, [(5 * i) % CLASSES for i in range(CLASSES)])
    turned = dataclasses.replace(
        ROWS, apply=lambda params, images: brightness(params, images[:, ::-1])
    )
    assert accuracy(turned, **given).top1 == 0.0


def nan_for_white(params: Any, images: Any) -> Any:
    white = images[:, 0, 0, 0] == 1.0
    is_flat = (images == images[:, :1, :1]).all(axis=(1, 2, 3))
    return jnp.where((white & ~is_flat)[:, None], jnp.nan, brightness(params, images))


def test_useless_requests_are_explained(tmp_path: Path):
    path = image(tmp_path / "a.png", 7)
    with pytest.raises(UserError, match="top is 0; expected 1 or more"):
        classify(path, ROWS, top=0)
    with pytest.raises(UserError, match="no images to classify"):
        classify([], ROWS)
    with pytest.raises(UserError, match="limit is 0; expected 1 or more"):
        accuracy(ROWS, **labelled(tmp_path, [3]), limit=0)
    with pytest.raises(UserError, match="weights is 'nets', but the classifier given has its own"):
        classify(path, ROWS, weights="nets")
    with pytest.raises(UserError, match=r"there is no image .*b\.png"):
        classify([path, tmp_path / "b.png"], ROWS)
    with pytest.raises(UserError, match=r"a\.png is 4x12; mock:10 is given 28x28, and exact"):
        classify(path, "mock:10", exact=True)
    broken = dataclasses.replace(ROWS, apply=lambda params, images: images[:, 0, :3, 0])
    with pytest.raises(UserError, match="its card says 13 outputs"):
        classify(path, broken)


def test_a_classifier_without_an_answer_is_refused(tmp_path: Path):
    paths = [image(tmp_path / "7.png", 7), image(tmp_path / "0.png", 0)]
    broken = dataclasses.replace(ROWS, apply=nan_for_white)
    with pytest.raises(UserError, match=r"gives no numbers \(NaN\) for .*0\.png"):
        classify(paths, broken)


@pytest.mark.parametrize("name", ["lenet", "mock:10", "mock:10+mock:10:20x20x1"])
def test_classifiers_are_named(name: str, tmp_path: Path):
    levels = np.zeros((28, 28), np.uint8)
    levels[4:24, 13:16] = 255
    Image.fromarray(levels).save(tmp_path / "one.png")
    (found,) = classify(tmp_path / "one.png", name, top=1)
    if name == "lenet":
        assert found.guesses[0].label == "1"
        assert found.guesses[0].id == ""
    assert found.guesses[0].confidence > 0.1


def test_a_model_outside_jax_is_classified_by(tmp_path: Path):
    def apply(params: Any, images: np.ndarray) -> np.ndarray:
        rows = images.mean(axis=(2, 3)) + 0.01
        return np.concatenate([np.zeros_like(rows[:, :1]), rows], 1) / rows.sum(1, keepdims=True)

    outside = dataclasses.replace(ROWS, apply=apply, kind="probabilities")
    (found,) = classify(image(tmp_path / "a.png", 7), outside, top=1)
    assert found.guesses[0].index == 7
    assert found.guesses[0].confidence == pytest.approx(1.01 / 1.12)


@pytest.mark.slow
@pytest.mark.data
def test_a_real_network_recognises_photographs():
    """The figures that the folder of weights states for these 1000 photographs."""
    folder = data_folder()
    found = accuracy(
        "mobilenet_v1_0.25_128",
        weights=folder / "imagenet-models",
        images=folder / "imagenet/samples",
        labels=folder / "imagenet/samples_index.csv",
    )
    assert (found.top1, found.top5, found.n) == (0.468, 0.728, 1000)
    assert found.actions == (
        "1000 images resized from various sizes -> 128x128 (crop 224, bicubic)",
    )
