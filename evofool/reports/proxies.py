"""Stand-ins for a person who looks at pictures: training pictures, and another network."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from evofool.classifiers import Card, Classifier
from evofool.data import load_mnist
from evofool.errors import UserError
from evofool.evaluator import evaluate
from evofool.levels import from_levels
from evofool.run import Picture, Run, to_image

Pictures = UInt8[np.ndarray, "batch height width channels"]

MICRO_BATCH = 10  # pictures that the judge classifies together
CHUNK = 10_000  # training pictures compared at a time


def nearest_classes(
    run: Run, pictures: Pictures, data_dir: str | Path | None
) -> tuple[list[int | None], str]:
    """Finds the class of the training picture nearest to each picture.

    Args:
        run: that the pictures are from.
        pictures: to find neighbours for.
        data_dir: folder with MNIST; looked for in the usual places unless given.

    Returns:
        Class indices, all None when there are no training pictures; and why there are none.

    Raises:
        UserError: `data_dir` is given and does not hold MNIST.
    """
    nothing: list[int | None] = [None] * len(pictures)
    if run.card.input_shape != (28, 28, 1) or run.card.labels[:10] != tuple("0123456789"):
        return nothing, f"{run.card.name!r} is not a classifier of 28x28 digits"
    try:
        mnist = load_mnist(data_dir)
    except UserError as error:
        if data_dir is not None:
            raise
        return nothing, str(error)
    return [*nearest_labels(pictures, mnist.train_images, mnist.train_labels)], ""


def nearest_labels(
    pictures: UInt8[np.ndarray, "batch height width channels"],
    examples: UInt8[np.ndarray, "examples height width channels"],
    labels: UInt8[np.ndarray, " examples"],
) -> list[int]:
    """Returns the label of the example nearest to each picture, the first of equals."""
    wanted = pictures.reshape(len(pictures), -1).astype(np.float32)
    best = np.full(len(wanted), np.inf, np.float32)
    found = np.zeros(len(wanted), int)
    for start in range(0, len(examples), CHUNK):
        part = examples[start : start + CHUNK].reshape(-1, wanted.shape[1]).astype(np.float32)
        # |a - b|^2 without |a|^2, which is the same for all examples
        distance = np.sum(part * part, axis=1) - 2 * wanted @ part.T
        nearest = np.argmin(distance, axis=1)
        smallest = distance[np.arange(len(wanted)), nearest]
        found = np.where(smallest < best, labels[start + nearest], found)
        best = np.minimum(best, smallest)
    return [int(label) for label in found]


def check_judge(run: Run, judge: Classifier) -> None:
    """Makes sure that a network can judge a run's pictures.

    Raises:
        UserError: it is the one that they fool, tells other classes apart, or wants colour where
            they are grey or the other way round.
    """
    card = judge.card
    if card.sha256 == run.card.sha256 and (card.sha256 or card == run.card):
        raise UserError(
            f"the judge {card.name!r} is the classifier that {run.folder} fools; give an "
            "independent one, for instance other weights with --judge-weights"
        )
    if card.classes != run.card.classes:
        raise UserError(
            f"the judge {card.name!r} tells {card.classes} classes apart, {run.folder} has "
            f"pictures of {run.card.classes}; give a judge for the same classes"
        )
    if card.input_shape[2] != run.card.input_shape[2]:
        raise UserError(
            f"the judge {card.name!r} wants pictures of shape {card.input_shape}, those of "
            f"{run.folder} have {run.card.input_shape}; give a judge with as many channels"
        )


def judged_classes(judge: Classifier, pictures: Pictures) -> list[int]:
    """Returns the class that a network finds in each picture, -1 for the background.

    Classes are those of the network's card, in its order. Pictures of another size than it wants
    are scaled to it, whole, as its card says.
    """
    found: list[int] = []
    for start in range(0, len(pictures), MICRO_BATCH):
        part = pictures[start : start + MICRO_BATCH]
        scaled = np.stack([_scaled(picture, judge.card) for picture in part])
        outputs = evaluate(judge, from_levels(scaled), MICRO_BATCH)
        found += [max(int(best) - judge.card.class_offset, -1) for best in outputs.argmax(axis=1)]
    return found


def _scaled(picture: Picture, card: Card) -> np.ndarray:
    """Returns the picture at the size of the card's input."""
    if picture.shape == card.input_shape:
        return picture
    height, width, _ = card.input_shape
    method = Image.Resampling[card.interpolation.upper()]
    image = to_image(picture).resize((width, height), method)
    return np.asarray(image).reshape(card.input_shape)
