"""Labelled pictures in a folder for every class: `folder/starfish/*.jpg`."""

from pathlib import Path

from PIL import Image

from evofool.classifiers import Card
from evofool.errors import UserError
from evofool.labelled import Labelled
from evofool.labels import resolve_class


def read_image_folder(folder: str | Path, card: Card) -> list[Labelled]:
    """Finds the pictures in a folder's subfolders, each named after a class.

    Args:
        folder: holds a subfolder for every class, named by label, index or WordNet id; subfolders
            and files whose names begin with a dot are left out, and so are files that no format
            of pictures has the ending of.
        card: of the classifier that the classes are those of.

    Returns:
        The pictures, sorted by folder and name.

    Raises:
        UserError: there is no such folder, it has no subfolders, one of them is no class, or none
            holds a picture.
    """
    path = Path(folder)
    if not path.is_dir():
        raise UserError(f"images is {str(path)!r}, which is no folder; give the pictures' folder")
    classes = sorted(child for child in path.iterdir() if child.is_dir() and _is_shown(child))
    if not classes:
        raise UserError(
            f"{path} has no subfolders; expected one for every class, named after it, or give a "
            "CSV file of labels"
        )
    endings = Image.registered_extensions()
    rows = []
    for subfolder in classes:
        try:
            index = resolve_class(card, subfolder.name) - card.class_offset
        except UserError as error:
            raise UserError(f"{subfolder}: {error}") from error
        rows += [
            Labelled(file, index)
            for file in sorted(subfolder.iterdir())
            if file.suffix.lower() in endings and _is_shown(file)
        ]
    if not rows:
        raise UserError(f"the subfolders of {path} hold no pictures; expected {path}/CLASS/*.jpg")
    return rows


def _is_shown(path: Path) -> bool:
    return not path.name.startswith(".")
