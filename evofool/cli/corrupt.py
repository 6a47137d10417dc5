"""The command that measures a classifier's accuracy on corrupted images: corrupt."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from evofool.cli.flags import Json, refuse_unused
from evofool.cli.lines import say
from evofool.cli.numbers import MaybeCount, MaybePositive, MaybeSeed
from evofool.cli.startup import start_jax
from evofool.config import EvolveConfig
from evofool.support import UserError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from evofool.classifiers import Card
    from evofool.evaluation import Corrupted, Recognized
    from evofool.images import Levels

SHOWN = 10  # images in a strip


def corrupt(
    *,
    classifier: str = EvolveConfig.classifier,
    weights: Path | None = None,
    dataset: Literal["mnist", "cifar10"] | None = None,
    data: Path | None = None,
    images: Path | None = None,
    labels: Path | None = None,
    invert: bool = False,
    limit: MaybeCount = None,
    shuffle: MaybeCount = None,
    rows: bool = False,
    tiles: MaybeCount = None,
    blur: MaybePositive = None,
    recolor: str | None = None,
    seed: MaybeSeed = None,
    out: Path | None = None,
    as_json: Json = False,
) -> None:
    """Measures a classifier's accuracy on corrupted images.

    Give one corruption: pixels shuffled within windows, tiles exchanged, Gaussian blur, or levels
    replaced by a table. The table shows accuracy, the median confidence in the likeliest class and
    the median confidence in the right class. The images are the test images of a data set, or a
    folder with a CSV file as for evofool accuracy.

      evofool corrupt --dataset mnist --shuffle 7 --rows
      evofool corrupt --dataset mnist --recolor blondes --out recolored
      evofool corrupt --classifier NAME --weights nets --images val --labels val.csv --tiles 32

    Args:
        classifier: a name such as lenet, the address of a model such as timm:resnet18, "a+b" for an
            ensemble, or module:factory.
        weights: .safetensors file, or the folder that holds NAME.safetensors.
        dataset: use the test images of mnist or cifar10.
        data: folder of the data set; by default that of EVOFOOL_DATA, or the user cache.
        images: use the images of this folder.
        labels: CSV file of these images, with the columns file and index.
        invert: exchange dark and bright in these images first, for instance in black digits on
            white paper.
        limit: use only so many images, the first ones.
        shuffle: shuffle pixels within windows of this side, in pixels.
        rows: with --shuffle, shuffle whole rows of each window.
        tiles: exchange tiles of this side, in pixels.
        blur: blur by a Gaussian of this standard deviation, in pixels.
        recolor: replace levels by a table: blondes, random, invert, or a text file of 256 levels.
        seed: seed of random corruptions; by default 0.
        out: folder for strip.png: ten images before and after.
        as_json: print JSON.
    """
    if sum(flag is not None for flag in (shuffle, tiles, blur, recolor)) != 1:
        raise UserError("give one corruption: --shuffle, --tiles, --blur or --recolor")
    if rows and shuffle is None:
        raise UserError("--rows needs --shuffle and the side of a window")
    if (dataset is None) == (images is None) or (images is None) != (labels is None):
        raise UserError("give the images: either --dataset, or --images with --labels")
    if invert and images is None:
        raise UserError("--invert is about --images; to invert a data set, use --recolor invert")
    if dataset is None:
        refuse_unused("without --dataset", data=data)
    if blur is not None or recolor not in (None, "random"):
        refuse_unused("on a corruption that is not random", seed=seed is not None)
    start_jax()
    from dataclasses import asdict

    from evofool.classifiers import check_classifier, load_classifier, resolution
    from evofool.cli.console import print_json
    from evofool.evaluation import corrupt, read_labelled
    from evofool.images import save_image
    from evofool.support import rounded_percent

    name, corruption = _corruption(shuffle, rows, tiles, blur, recolor, seed or 0)
    loaded = load_classifier(classifier, weights=weights)
    check_classifier(loaded)
    levels, classes, actions = read_labelled(
        loaded.card,
        dataset=dataset,
        data=data,
        images=images,
        labels=labels,
        limit=limit,
        invert=invert,
    )
    result = corrupt(loaded, levels, classes, corruption)
    if out is not None:
        truth = f"{loaded.card.name}; true labels: {_labels_of(loaded.card, classes)}"
        before = (truth, levels, result.recognized)
        after = (name, result.images, result.recognized_after)
        save_image(_strip(loaded.card, [before, after]), out / "strip.png")
    if as_json:
        facts = {
            "classifier": loaded.card.name,
            "corruption": name,
            "n": result.n,
            "actions": actions,
            "unchanged": result.unchanged,
        }
        print_json(facts | {"before": asdict(result.before), "after": asdict(result.after)})
        return
    _print_table(name, result, resolution(loaded))
    unchanged = rounded_percent(result.unchanged, digits=2)
    say(f"{loaded.card.name}: {result.n} images; the likeliest class is unchanged for {unchanged}")
    for line in actions:
        say(line)
    if out is not None:
        say(f"images: {out / 'strip.png'}")


def _print_table(name: str, result: "Corrupted", step: float) -> None:
    """Prints what was recognised before and after a corruption; `step` as of `percent`."""
    from evofool.cli.console import make_table, output
    from evofool.support import percent

    table = [
        [
            state,
            f"{100 * tally.accuracy:.2f} %",
            percent(tally.confidence, step=step),
            percent(tally.label_confidence, step=step),
        ]
        for state, tally in (("original", result.before), (name, result.after))
    ]
    columns = ["images", "accuracy", "median confidence", "in the right class"]
    output().print(make_table(columns, table))


def _corruption(
    shuffle: int | None,
    rows: bool,
    tiles: int | None,
    blur: float | None,
    recolor: str | None,
    seed: int,
) -> tuple[str, "Callable[[Levels], Levels]"]:
    """Returns the corruption that is not None, with its name."""
    from evofool.images import corruptions, intensity_table

    if shuffle is not None:
        name = f"{'rows' if rows else 'pixels'} shuffled in {shuffle}x{shuffle} windows"
        corruption = partial(corruptions.shuffle_pixels, window=shuffle, rows_only=rows, seed=seed)
        return name, corruption
    if tiles is not None:
        name = f"{tiles}x{tiles} tiles exchanged"
        return name, partial(corruptions.exchange_tiles, tile=tiles, seed=seed)
    if blur is not None:
        return f"blurred, sigma {blur:g}", partial(corruptions.blur, sigma=blur)
    assert recolor is not None
    table = intensity_table(recolor, seed=seed)
    return f"recoloured: {recolor}", partial(corruptions.recolor, table=table)


def _shown(count: int) -> "np.ndarray":
    """Returns the indices of the images in the strip, evenly spread over all `count`."""
    import numpy as np

    return np.unique(np.linspace(0, count - 1, SHOWN).astype(int))


def _labels_of(card: "Card", classes: "np.ndarray") -> str:
    from evofool.classifiers import first_name

    return ", ".join(first_name(card.labels[classes[i]]) for i in _shown(len(classes)))


def _strip(card: "Card", rows: "Sequence[tuple[str, Levels, Recognized]]") -> "Image.Image":
    """Draws some of the images, each row under its heading.

    Args:
        card: of the classifier.
        rows: heading, images and what the classifier recognised in them.
    """
    from evofool.classifiers import first_name
    from evofool.images import Section, draw_sheet, thumbnail

    sections = []
    for heading, levels, recognized in rows:
        shown = _shown(len(levels))
        captions = [
            (
                first_name(card.labels[recognized.classes[i]]),
                f"{100 * recognized.confidence[i]:.1f} %",
            )
            for i in shown
        ]
        sections.append(Section(heading, [thumbnail(levels[i]) for i in shown], captions))
    return draw_sheet(sections)
