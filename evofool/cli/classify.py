"""The commands that show image files to a classifier: classify, accuracy."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from evofool.cli.flags import Json, check_combine
from evofool.cli.lines import say
from evofool.cli.numbers import Count
from evofool.cli.startup import start_jax
from evofool.config import EvolveConfig


def classify(
    images: Annotated[tuple[Path, ...], tyro.conf.Positional],
    *,
    classifier: str = EvolveConfig.classifier,
    weights: Path | None = None,
    combine: Literal["mean", "min"] = "mean",
    top: Count = 5,
    exact: bool = False,
    invert: bool = False,
    as_json: Json = False,
) -> None:
    """Classifies images: prints the likeliest classes of each.

    The table has a row for each of the TOP likeliest classes of an image: confidence (the softmax
    probability), class index, WordNet id if the classifier has them, and label. Images of another
    size than the classifier's input are resized and cropped as its card says; the lines below the
    table say how, and what seems wrong with an image.

      evofool classify seven.png --invert
      evofool classify cat.jpg dog.png --classifier mobilenet_v1_0.75_192 --weights nets
      evofool classify evolved/*.png --top 1 --exact

    Args:
        images: image files.
        classifier: a name such as lenet, the address of a model such as timm:resnet18, "a+b" for an
            ensemble, or module:factory.
        weights: .safetensors file, or the folder that holds NAME.safetensors.
        combine: confidence of an ensemble: the mean or the minimum of its members'.
        top: number of classes for each image.
        exact: refuse images of another size than the classifier's input.
        invert: exchange dark and bright, for instance for black digits on white paper.
        as_json: print JSON.
    """
    check_combine(classifier, combine)
    start_jax()
    from evofool.classifiers import load_classifier, resolution
    from evofool.cli.console import make_table, output, print_json
    from evofool.evaluation import classify, summarize_actions
    from evofool.support import percent

    loaded = load_classifier(classifier, weights=weights, combine=combine)
    classified = classify(images, loaded, top=top, exact=exact, invert=invert)
    if as_json:
        print_json({"classifier": loaded.card.name, "images": classified})
        return
    step = resolution(loaded)
    rows = [
        (
            image.image if guess is image.guesses[0] else "",
            percent(guess.confidence, step=step),
            guess.index,
            *([guess.id] if loaded.card.ids else []),
            guess.label,
        )
        for image in classified
        for guess in image.guesses
    ]
    columns = ["image", "confidence", "class", *(["id"] if loaded.card.ids else []), "label"]
    output().print(make_table(columns, rows))
    say(f"classifier: {loaded.card.name}")
    for line in summarize_actions(image.actions for image in classified):
        say(line)


def accuracy(
    *,
    classifier: str = EvolveConfig.classifier,
    images: Path,
    labels: Path,
    weights: Path | None = None,
    combine: Literal["mean", "min"] = "mean",
    exact: bool = False,
    invert: bool = False,
    as_json: Json = False,
) -> None:
    """Measures a classifier's accuracy on labelled images.

    It prints the top-1 and top-5 accuracy. The labels are a CSV file with the columns file (a path
    below the folder of images) and index (of the class, from 0); other columns are ignored. If the
    accuracy is low, weights, class order or preprocessing may be wrong. Labels that are clearly off
    by one are refused.

      evofool accuracy --images digits --labels digits.csv
      evofool accuracy --classifier squeezenet_v1.0 --weights nets --images val --labels val.csv

    Args:
        classifier: a name such as lenet, the address of a model such as timm:resnet18, "a+b" for an
            ensemble, or module:factory.
        images: folder of the images.
        labels: CSV file with the columns file and index.
        weights: .safetensors file, or the folder that holds NAME.safetensors.
        combine: confidence of an ensemble: the mean or the minimum of its members'.
        exact: refuse images of another size than the classifier's input.
        invert: exchange dark and bright, for instance for black digits on white paper.
        as_json: print JSON.
    """
    check_combine(classifier, combine)
    start_jax()
    from dataclasses import asdict

    from evofool.classifiers import load_classifier
    from evofool.cli.console import print_json
    from evofool.cli.progress import counting
    from evofool.evaluation import accuracy
    from evofool.runs import progress_output
    from evofool.support import rounded_percent

    loaded = load_classifier(classifier, weights=weights, combine=combine)
    with counting("images", progress_output()) as report:
        measured = accuracy(
            loaded,
            images=images,
            labels=labels,
            exact=exact,
            invert=invert,
            on_chunk=report,
        )
    if as_json:
        print_json({"classifier": loaded.card.name, **asdict(measured)})
        return
    say(
        f"{loaded.card.name}: top-1 {rounded_percent(measured.top1, digits=2)}, "
        f"top-5 {rounded_percent(measured.top5, digits=2)} of {measured.n} images"
    )
    for line in measured.actions:
        say(line)
