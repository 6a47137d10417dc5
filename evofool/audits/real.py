"""The real images of an audit: a data set's test images, or labelled files."""

from pathlib import Path

from evofool.audits.subject import Real
from evofool.classifiers import Card
from evofool.evaluation import read_labelled
from evofool.support import UserError


def read_real(
    card: Card,
    *,
    limit: int,
    images: str | Path | None,
    labels: str | Path | None,
    dataset: str | None,
    data: str | Path | None,
    invert: bool,
) -> Real | None:
    """Reads real images, evenly spread over all that there are; None if none are named.

    Args:
        card: of the classifier.
        limit: their largest number.
        images: folder of image files, with `labels`.
        labels: CSV file of their classes.
        dataset: "mnist" or "cifar10".
        data: folder of the data set.
        invert: exchange dark and bright in `images`.

    Raises:
        UserError: arguments that do not go together, files that cannot be read, or images of
            another shape or class than the classifier's.
    """
    if dataset is None and images is None and labels is None:
        if invert or data is not None:
            raise UserError("invert and data are about real images; name them")
        return None
    if (dataset is None) == (images is None) or (images is None) != (labels is None):
        raise UserError("give the real images once: dataset, or images with labels")
    if (invert and images is None) or (data is not None and dataset is None):
        raise UserError("invert is about images, and data about dataset; leave it out")
    read = read_labelled(
        card,
        dataset=dataset,
        data=data,
        images=images,
        labels=labels,
        limit=limit,
        is_spread=True,
        invert=invert,
    )
    if len(read.levels) < 2:
        raise UserError(f"{labels} names one image; an audit needs two real images or more")
    count = len(read.levels)
    source = f"{count} test images of {dataset}" if dataset else f"{count} images of {labels}"
    return Real(read.levels, read.classes, source, tuple(read.actions))
