"""The command that damages images and asks a classifier again: corrupt."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evofool.cli.flags import Json
from evofool.cli.startup import start_jax
from evofool.support import UserError

if TYPE_CHECKING:
    from evofool.classifiers import Classifier

SHOWN = 10  # images in a strip


def corrupt(
    *,
    classifier: str,
    weights: Path | None = None,
    dataset: Literal["mnist", "cifar10"] | None = None,
    data: Path | None = None,
    images: Path | None = None,
    labels: Path | None = None,
    limit: int | None = None,
    shuffle: int | None = None,
    rows: bool = False,
    tiles: int | None = None,
    blur: float | None = None,
    recolor: str | None = None,
    seed: int = 0,
    out: Path | None = None,
    as_json: Json = False,
) -> None:
    """Damages labelled images and counts how often a classifier is still right.

    One kind of damage at a time: pixels shuffled within windows, tiles that change places,
    Gaussian blur, or levels replaced by a table. The table says how many images are recognised
    before and after, and how sure the classifier is of its likeliest class and of the right one.
    The images are the test images of a data set, or a folder with a CSV file as for
    'evofool accuracy'.

      evofool corrupt --classifier lenet --dataset mnist --shuffle 7 --rows
      evofool corrupt --classifier lenet --dataset mnist --recolor blondes --out recolored
      evofool corrupt --classifier NAME --weights nets --images val --labels val.csv --tiles 32

    Args:
        classifier: name, "a+b" for several at once, or module:factory.
        weights: safetensors file, or the folder it is in.
        dataset: mnist or cifar10.
        data: folder of the data set; else $EVOFOOL_DATA and the user cache are tried.
        images: folder of images, instead of a data set.
        labels: CSV file with the columns file and index, of the images in the folder.
        limit: only so many images, from the first on.
        shuffle: side in pixels of windows whose pixels are shuffled.
        rows: with --shuffle, exchange the rows of a window as wholes.
        tiles: side in pixels of tiles that change places.
        blur: standard deviation of a Gaussian, in pixels.
        recolor: blondes, random, invert, or a text file with 256 levels.
        seed: of what is random.
        out: folder for strip.png, ten of the images before and after.
        as_json: print JSON.
    """
    if sum(flag is not None for flag in (shuffle, tiles, blur, recolor)) != 1:
        raise UserError("give one kind of damage: --shuffle, --tiles, --blur or --recolor")
    if rows and shuffle is None:
        raise UserError("--rows says how --shuffle is done; give --shuffle with a window")
    if (dataset is None) == (images is None) or (images is None) != (labels is None):
        raise UserError("give the images: either --dataset, or --images with --labels")
    if limit is not None and limit < 1:
        raise UserError(f"limit is {limit}; expected 1 or more images")
    start_jax()
    from dataclasses import asdict

    from evofool.classifiers import check_classifier, load_classifier
    from evofool.cli.console import make_table, output, print_json
    from evofool.evaluation import corrupt
    from evofool.images import percent, save_image

    name, corruption = _corruption(shuffle, rows, tiles, blur, recolor, seed)
    loaded = load_classifier(classifier, weights=weights)
    check_classifier(loaded)
    levels, classes = _images(loaded, dataset, data, images, labels, limit)
    found = corrupt(loaded, levels, classes, corruption)
    if out is not None:
        strip = _strip(loaded, name, levels, classes, found)
        save_image(strip, out / "strip.png")
    if as_json:
        facts = {field: getattr(found, field) for field in ("n", "unchanged")}
        facts |= {"before": asdict(found.before), "after": asdict(found.after)}
        print_json({"classifier": loaded.card.name, "corruption": name, **facts})
        return
    lines = [
        [
            when,
            f"{100 * one.accuracy:.2f} %",
            percent(one.confidence),
            percent(one.label_confidence),
        ]
        for when, one in (("as they are", found.before), (name, found.after))
    ]
    columns = ["images", "accuracy", "median confidence", "in the right class"]
    output().print(make_table(columns, lines))
    print(f"{found.n} images; {found.unchanged:.2%} keep their likeliest class")
    if out is not None:
        print(f"images: {out / 'strip.png'}")


def _corruption(
    shuffle: int | None,
    rows: bool,
    tiles: int | None,
    blur: float | None,
    recolor: str | None,
    seed: int,
) -> tuple[str, Callable[[Any], Any]]:
    """Returns the damage that the one flag given asks for, and its name."""
    from evofool.images import corruptions, intensity_table

    if shuffle is not None:
        name = f"{'rows' if rows else 'pixels'} shuffled in {shuffle}x{shuffle} windows"
        settings = {"window": shuffle, "rows_only": rows, "seed": seed}
        return name, partial(corruptions.shuffle_pixels, **settings)
    if tiles is not None:
        name = f"{tiles}x{tiles} tiles exchanged"
        return name, partial(corruptions.exchange_tiles, tile=tiles, seed=seed)
    if blur is not None:
        return f"blurred, sigma {blur:g}", partial(corruptions.blur, sigma=blur)
    assert recolor is not None
    table = intensity_table(recolor, seed=seed)
    return f"recoloured: {recolor}", partial(corruptions.recolor, table=table)


def _images(
    classifier: "Classifier",
    dataset: str | None,
    data: Path | None,
    images: Path | None,
    labels: Path | None,
    limit: int | None,
) -> tuple[Any, Any]:
    """Reads the images, levels 0..255, and their classes."""
    import numpy as np

    from evofool.data import load_cifar10, load_mnist, read_labels, read_photographs

    if dataset is not None:
        found = {"mnist": load_mnist, "cifar10": load_cifar10}[dataset](data)
        return found.test_images[:limit], found.test_labels[:limit]
    assert images is not None
    assert labels is not None
    rows = read_labels(labels, classifier.card, images=images)[:limit]
    prepared = read_photographs([row.path for row in rows], classifier.card)
    return np.stack([one.levels for one in prepared]), np.array([row.index for row in rows])


def _strip(classifier: "Classifier", name: str, images: Any, classes: Any, found: Any) -> Any:
    """Draws some of the images, evenly spread over all, before and after."""
    import numpy as np

    from evofool.classifiers import first_name
    from evofool.images import Section, draw_sheet, thumbnail

    some = np.unique(np.linspace(0, len(images) - 1, SHOWN).astype(int))
    card = classifier.card

    def row(heading: str, shown: Any, recognized: Any) -> Section:
        captions = [
            (
                first_name(card.labels[recognized.classes[one]]),
                f"{100 * recognized.confidence[one]:.1f} %",
            )
            for one in some
        ]
        return Section(heading, [thumbnail(shown[one]) for one in some], captions)

    truth = ", ".join(first_name(card.labels[classes[one]]) for one in some)
    return draw_sheet(
        [
            row(f"{card.name}; the images show {truth}", images, found.recognized),
            row(name, found.images, found.recognized_after),
        ]
    )
