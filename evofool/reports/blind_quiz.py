"""Can anyone tell what the pictures are? A sheet without labels, its key, and two proxies."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from evofool.classifiers import Classifier
from evofool.data import load_mnist
from evofool.errors import UserError
from evofool.evaluator import evaluate
from evofool.files import write_json
from evofool.labels import label_of
from evofool.reports.exporting import new_folder, write_csv
from evofool.reports.images import save_image
from evofool.reports.sheets import quiz_sheet
from evofool.run import Elite, Run

MICRO_BATCH = 10  # pictures that the judge classifies together
CHUNK = 10_000  # training pictures compared at a time


@dataclass(frozen=True, kw_only=True)
class Quiz:
    """A quiz as written.

    Attributes:
        folder: holds sheet.png, answer_key.json and answer_key.csv.
        questions: number of pictures.
        choices: number of classes to choose from; guessing is right once in so many.
        nearest_right: pictures whose nearest training picture has their class; None if unknown.
        nearest_missing: why that is unknown; empty when it is known.
        judge_right: pictures that the judge takes for their class; None without a judge.
    """

    folder: Path
    questions: int
    choices: int
    nearest_right: int | None
    nearest_missing: str
    judge_right: int | None


def quiz(
    run: str | Path | Run,
    out: str | Path,
    *,
    seed: int = 0,
    judge: Classifier | None = None,
    data_dir: str | Path | None = None,
) -> Quiz:
    """Writes a blind sheet of shuffled elites, its answer key, and what two proxies say.

    The proxies tell whether a picture resembles its class without asking a person: the label of
    the nearest training picture, by Euclidean distance of the pixels, and the label that an
    independent network gives.

    Args:
        run: a run directory; all its independent runs are in the quiz.
        out: folder to write; made when it is not there.
        seed: of the order; the same seed gives the same sheet.
        judge: an independent network for pictures of the same shape.
        data_dir: folder with MNIST; looked for in the usual places unless given.

    Raises:
        UserError: not a run directory, `out` is not empty, the judge is not independent or wants
            other pictures, or `data_dir` is given and does not hold MNIST.
    """
    run = Run.open(run)
    if judge is not None:
        _check_judge(run, judge)
    elites = [elite for index in range(run.config.runs) for elite in run.elites(index)]
    random.Random(seed).shuffle(elites)
    pictures = np.stack(list(run.pictures(elites)))
    nearest, nearest_missing = _nearest(run, pictures, data_dir)
    judged = [None] * len(elites) if judge is None else _labels(judge, pictures)
    key = [
        _answer(number, elite, near, by_judge)
        for number, (elite, near, by_judge) in enumerate(
            zip(elites, nearest, judged, strict=True), start=1
        )
    ]
    folder = new_folder(out)
    save_image(quiz_sheet(pictures, list(run.card.labels)), folder / "sheet.png")
    write_json(folder / "answer_key.json", {"run": str(run.folder), "seed": seed, "answers": key})
    write_csv(folder / "answer_key.csv", key)
    return Quiz(
        folder=folder,
        questions=len(elites),
        choices=run.card.classes,
        nearest_right=None if nearest_missing else _right(key, "nearest_label"),
        nearest_missing=nearest_missing,
        judge_right=None if judge is None else _right(key, "judge_label"),
    )


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


def _nearest(
    run: Run, pictures: np.ndarray, data_dir: str | Path | None
) -> tuple[list[str | None], str]:
    """Returns the nearest neighbours' labels, or why there are none."""
    nothing: list[str | None] = [None] * len(pictures)
    if run.card.input_shape != (28, 28, 1) or run.card.labels[:10] != tuple("0123456789"):
        return nothing, f"{run.card.name!r} is not a classifier of 28x28 digits"
    try:
        mnist = load_mnist(data_dir)
    except UserError as error:
        if data_dir is not None:
            raise
        return nothing, str(error)
    found = nearest_labels(pictures, mnist.train_images, mnist.train_labels)
    return [run.card.labels[label] for label in found], ""


def _check_judge(run: Run, judge: Classifier) -> None:
    if judge.card == run.card:
        raise UserError(
            f"the judge {judge.card.name!r} is the classifier that {run.folder} fools; give an "
            "independent one, for instance other weights with --judge-weights"
        )
    if judge.card.input_shape != run.card.input_shape:
        raise UserError(
            f"the judge {judge.card.name!r} wants pictures of shape {judge.card.input_shape}, "
            f"those of {run.folder} have {run.card.input_shape}"
        )


def _labels(judge: Classifier, pictures: np.ndarray) -> list[str]:
    images: Float[np.ndarray, "batch height width channels"]
    images = pictures.astype(np.float32) / np.float32(255)
    outputs = evaluate(judge, images, MICRO_BATCH)
    return [label_of(judge.card, int(best)) for best in outputs.argmax(axis=1)]


def _answer(number: int, elite: Elite, nearest: str | None, judged: str | None) -> dict[str, Any]:
    return {
        "number": number,
        "class_index": elite.class_index,
        "label": elite.label,
        "confidence": elite.confidence,
        "run_index": elite.run_index,
        "nearest_label": nearest,
        "judge_label": judged,
    }


def _right(key: list[dict[str, Any]], column: str) -> int:
    return sum(line[column] == line["label"] for line in key)
