"""Can anyone tell what the images are? A sheet without labels, its key, and two proxies."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from evofool.classifiers import Classifier, label_of, with_views
from evofool.data import load_mnist
from evofool.evaluation import evaluate
from evofool.images import (
    Section,
    draw_sheet,
    from_levels,
    save_image,
    thumbnail,
)
from evofool.runs.exporting import write_csv
from evofool.runs.folders import result_folder
from evofool.runs.gallery import name_on_sheets
from evofool.runs.run import Elite, Run
from evofool.support import JsonValue, UserError, printable, replacing, write_json

MOST_QUESTIONS = 50  # unless more are asked for
MOST_CHOICES = 30  # more classes than that have a file of their own


@dataclass(frozen=True, kw_only=True)
class Quiz:
    """A quiz as written.

    Attributes:
        folder: holds sheet.png, the same with answers as answers.png, answer_key.json,
            answer_key.csv and choices.txt.
        questions: number of images.
        elites: number of images that they were drawn from.
        choices: number of classes to choose from; guessing is right once in so many.
        nearest_right: images whose nearest training image has their class; None if unknown.
        nearest_missing: why that is unknown; empty when it is known.
        judge_right: images that the judge takes for their class; None without a judge.
        judge_scaled: whether the judge saw them scaled to another size.
    """

    folder: Path
    questions: int
    elites: int
    choices: int
    nearest_right: int | None
    nearest_missing: str
    judge_right: int | None
    judge_scaled: bool


def quiz(
    run: str | Path | Run,
    out: str | Path,
    *,
    questions: int | None = None,
    seed: int = 0,
    judge: Classifier | None = None,
    data_dir: str | Path | None = None,
) -> Quiz:
    """Writes a blind sheet of shuffled elites, its answer key, and what two proxies say.

    The proxies tell whether an image resembles its class without asking a person: the class of
    the nearest training image, by Euclidean distance of the pixels, and the class that an
    independent network finds.

    Args:
        run: a run directory; the elites of all its independent runs are drawn from.
        out: folder to write; made when it is not there.
        questions: number of images; all up to 50, and 50 of more than that, unless given.
        seed: of the choice and the order; the same seed gives the same sheet.
        judge: an independent network for the same classes, in the same order. Images are
            scaled to the size that it wants.
        data_dir: folder with MNIST; looked for in the usual places unless given.

    Raises:
        UserError: not a run directory, `out` is not empty, fewer elites than questions, the judge
            is not independent or is for other images, or `data_dir` is given and does not hold
            MNIST.
    """
    run = Run.open(run)
    if judge is not None:
        check_judge(run, judge)
    every = run.all_elites()
    if questions is None:
        questions = min(len(every), MOST_QUESTIONS)
    if not 1 <= questions <= len(every):
        raise UserError(f"questions is {questions}; expected 1..{len(every)}, the elites there are")
    elites = list(every)
    random.Random(seed).shuffle(elites)
    elites = elites[:questions]
    images = np.stack(list(run.images(elites)))
    nearest, nearest_missing = nearest_classes(run, images, data_dir)
    judged = [None] * questions if judge is None else judged_classes(judge, images)
    key = [
        _answer(number, elite, near, by_judge)
        for number, (elite, near, by_judge) in enumerate(
            zip(elites, nearest, judged, strict=True), start=1
        )
    ]
    content = {"run": str(run.folder), "seed": seed, "answers": key}
    with result_folder(out, content) as folder:
        _write_sheets(folder, images, elites, list(run.card.labels))
        write_json(folder / "answer_key.json", content)
        write_csv(folder / "answer_key.csv", key)
    return Quiz(
        folder=folder,
        questions=questions,
        elites=len(every),
        choices=run.card.classes,
        nearest_right=None if nearest_missing else _right(key, "nearest_index"),
        nearest_missing=nearest_missing,
        judge_right=None if judge is None else _right(key, "judge_index"),
        judge_scaled=judge is not None and judge.card.input_shape != run.card.input_shape,
    )


def _write_sheets(folder: Path, images: np.ndarray, elites: list[Elite], labels: list[str]) -> None:
    """Writes the sheet, the sheet with its answers, and the classes to choose from."""
    few = len(labels) <= MOST_CHOICES
    choices = ", ".join(labels) if few else f"one of the {len(labels)} classes of choices.txt"
    question = f"What does each image show: {choices}, or none of these?"
    shown = [thumbnail(image) for image in images]
    numbers = [[str(number)] for number in range(1, len(shown) + 1)]
    answers = [
        [f"{number}: {name_on_sheets(elite)}", elite.run.percent(elite.confidence)]
        for (number,), elite in zip(numbers, elites, strict=True)
    ]
    save_image(draw_sheet([Section(question, shown, numbers)]), folder / "sheet.png")
    answered = Section(
        "What each image was evolved for, and how certain of it the classifier is.",
        shown,
        answers,
    )
    save_image(draw_sheet([answered]), folder / "answers.png")
    with replacing(folder / "choices.txt") as temporary:
        temporary.write_text("".join(f"{printable(label)}\n" for label in labels), encoding="utf-8")


def _answer(
    number: int, elite: Elite, nearest: int | None, judged: int | None
) -> dict[str, JsonValue]:
    card = elite.run.card

    def label(index: int | None) -> str | None:
        return None if index is None else label_of(card, index + card.class_offset)

    return {
        "number": number,
        "class_index": elite.class_index,
        "label": elite.label,
        "confidence": elite.confidence,
        "run_index": elite.run_index,
        "nearest_index": nearest,
        "nearest_label": label(nearest),
        "judge_index": judged,
        "judge_label": label(judged),
    }


def _right(key: list[dict[str, JsonValue]], column: str) -> int:
    return sum(line[column] == line["class_index"] for line in key)


Images = UInt8[np.ndarray, "batch height width channels"]

MICRO_BATCH = 10  # images that the judge classifies together
CHUNK = 10_000  # training images compared at a time


def nearest_classes(
    run: Run, images: Images, data_dir: str | Path | None
) -> tuple[list[int | None], str]:
    """Finds the class of the training image nearest to each image.

    Args:
        run: that the images are from.
        images: to find neighbours for.
        data_dir: folder with MNIST; looked for in the usual places unless given.

    Returns:
        Class indices, all None when there are no training images; and why there are none.

    Raises:
        UserError: `data_dir` is given and does not hold MNIST.
    """
    nothing: list[int | None] = [None] * len(images)
    if run.card.input_shape != (28, 28, 1) or run.card.labels[:10] != tuple("0123456789"):
        return nothing, f"{run.card.name!r} is not a classifier of 28x28 digits"
    try:
        mnist = load_mnist(data_dir)
    except UserError as error:
        if data_dir is not None:
            raise
        return nothing, str(error)
    return [*nearest_labels(images, mnist.train_images, mnist.train_labels)], ""


def nearest_labels(
    images: UInt8[np.ndarray, "batch height width channels"],
    examples: UInt8[np.ndarray, "examples height width channels"],
    labels: UInt8[np.ndarray, " examples"],
) -> list[int]:
    """Returns the label of the example nearest to each image, the first of equals."""
    pixels = images.reshape(len(images), -1).astype(np.float32)
    best = np.full(len(pixels), np.inf, np.float32)
    label_of_best = np.zeros(len(pixels), int)
    for start in range(0, len(examples), CHUNK):
        part = examples[start : start + CHUNK].reshape(-1, pixels.shape[1]).astype(np.float32)
        # |a - b|^2 without |a|^2, which is the same for all examples
        distance = np.sum(part * part, axis=1) - 2 * pixels @ part.T
        nearest = np.argmin(distance, axis=1)
        smallest = distance[np.arange(len(pixels)), nearest]
        label_of_best = np.where(smallest < best, labels[start + nearest], label_of_best)
        best = np.minimum(best, smallest)
    return [int(label) for label in label_of_best]


def check_judge(run: Run, judge: Classifier) -> None:
    """Makes sure that a network can judge a run's images.

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
            f"images of {run.card.classes}; give a judge for the same classes"
        )
    if card.input_shape[2] != run.card.input_shape[2]:
        raise UserError(
            f"the judge {card.name!r} wants images of shape {card.input_shape}, those of "
            f"{run.folder} have {run.card.input_shape}; give a judge with as many channels"
        )


def judged_classes(judge: Classifier, images: Images) -> list[int]:
    """Returns the likeliest class of each image, -1 for the background.

    Classes are those of the network's card, in its order. Images of another size than it takes
    are scaled to it as everywhere else (`with_views`: bicubic, whole).
    """
    height, width, channels = images.shape[1:]
    judge = with_views(judge, (height, width, channels))
    outputs = evaluate(judge, from_levels(images), MICRO_BATCH)
    return [max(int(best) - judge.card.class_offset, -1) for best in outputs.argmax(axis=1)]
