"""The commands that try a classifier on images in files: classify, accuracy."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from evofool.cli.flags import Json
from evofool.cli.startup import start_jax


def classify(
    images: Annotated[tuple[Path, ...], tyro.conf.Positional],
    *,
    classifier: str,
    weights: Path | None = None,
    combine: Literal["mean", "min"] = "mean",
    top: int = 5,
    exact: bool = False,
    as_json: Json = False,
) -> None:
    """Says what a classifier takes images for.

    The table has the likeliest classes of every image: index, WordNet id where there is one,
    names, and confidence, the softmax probability. Images of another size than the
    classifier's are cropped and scaled as its card says; the last lines say what was done.

      evofool classify cat.jpg dog.png --classifier mobilenet_v1_0.75_192 --weights nets
      evofool classify evolved/*.png --classifier lenet --top 1 --exact

    Args:
        images: image files.
        classifier: name, "a+b" for several at once, or module:factory.
        weights: safetensors file, or the folder it is in.
        combine: of several classifiers, the mean or the least confidence.
        top: classes to name for each image.
        exact: refuse images that are not of the classifier's input size.
        as_json: print JSON.
    """
    start_jax()
    from evofool.classifiers import load_classifier
    from evofool.cli.console import make_table, output, print_json
    from evofool.evaluation import classify, summarize_actions
    from evofool.images import percent

    loaded = load_classifier(classifier, weights=weights, combine=combine)
    classified = classify(images, loaded, top=top, exact=exact)
    if as_json:
        print_json({"classifier": loaded.card.name, "images": classified})
        return
    rows = [
        (
            one.image if guess is one.guesses[0] else "",
            percent(guess.confidence),
            guess.index,
            *([guess.id] if loaded.card.ids else []),
            guess.label,
        )
        for one in classified
        for guess in one.guesses
    ]
    columns = ["image", "confidence", "class", *(["id"] if loaded.card.ids else []), "label"]
    output().print(make_table(columns, rows))
    for line in summarize_actions(one.actions for one in classified):
        print(line)


def accuracy(
    *,
    classifier: str,
    images: Path,
    labels: Path,
    weights: Path | None = None,
    combine: Literal["mean", "min"] = "mean",
    exact: bool = False,
    as_json: Json = False,
) -> None:
    """Counts how often a classifier is right about labelled images: top-1 and top-5.

    The table of labels is a CSV file with the columns file (below the folder of images) and
    index (of the class, counted from 0); further columns are ignored. Low figures mean that
    weights, order of the classes or preprocessing are wrong; indices that are clearly off by one
    are refused.

      evofool accuracy --classifier lenet --images digits --labels digits.csv
      evofool accuracy --classifier squeezenet_v1.0 --weights nets --images val --labels val.csv

    Args:
        classifier: name, "a+b" for several at once, or module:factory.
        images: folder of the images.
        labels: CSV file.
        weights: safetensors file, or the folder it is in.
        combine: of several classifiers, the mean or the least confidence.
        exact: refuse images that are not of the classifier's input size.
        as_json: print JSON.
    """
    start_jax()
    from dataclasses import asdict

    from evofool.classifiers import load_classifier
    from evofool.cli.console import print_json, progress_output
    from evofool.cli.progress import counting
    from evofool.evaluation import accuracy

    loaded = load_classifier(classifier, weights=weights, combine=combine)
    with counting("images", progress_output()) as report:
        found = accuracy(
            loaded,
            images=images,
            labels=labels,
            exact=exact,
            on_chunk=report,
        )
    if as_json:
        print_json({"classifier": loaded.card.name, **asdict(found)})
        return
    print(f"{loaded.card.name}: top-1 {found.top1:.2%}, top-5 {found.top5:.2%} of {found.n} images")
    for line in found.actions:
        print(line)
