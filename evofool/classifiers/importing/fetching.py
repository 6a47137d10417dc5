"""Weights from where torchvision publishes them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from evofool.classifiers.importing.converting import convert_weights
from evofool.classifiers.importing.published import FILES, TORCHVISION
from evofool.classifiers.importing.state_dicts import has_torch, torch_is_missing
from evofool.classifiers.loading import read_classifier
from evofool.support import UserError, download, unknown_name, user_cache


def fetch_weights(
    name: str,
    *,
    out: str | Path | None = None,
    url: str | None = None,
    report: Callable[[str], None] = print,
) -> Path:
    """Downloads weights, checks them and converts them.

    The published file's name carries the first digits of its sha256, which are what is checked.
    It is kept only until it is converted; one that is in the folder already is not fetched again.

    Args:
        name: a key of `FILES`, for instance "resnet18".
        out: folder for the weights and their card; in the user cache unless given.
        url: address of a folder with the published files, instead of torchvision's.
        report: is told, a line each, what is being done.

    Returns:
        The folder.

    Raises:
        UserError: PyTorch, which alone can read the file, is not installed; no network, not
            found, wrong contents, or no room on the disk.
    """
    if name not in FILES:
        raise unknown_name("published weights", name, FILES)
    family, file = FILES[name]
    folder = user_cache() / "weights" if out is None else Path(out)
    target, path = folder / f"{name}.safetensors", folder / file
    if _is_made_from(target, file):
        report(f"{target} is in place")
        return folder
    if not has_torch():  # better known before the download than after it
        raise torch_is_missing(f"{file} (a pickle)")
    digits = FILES[name].digits
    if path.exists() and _sha256(path).startswith(digits):
        report(f"{path} is in place")
    else:
        address = f"{(url or TORCHVISION).rstrip('/')}/{file}"
        download([address], path, sha256=digits, report=report)
    report(f"converting {path}")
    convert_weights(path, family=family, out=folder, name=name)
    path.unlink()
    return folder


def _is_made_from(target: Path, file: str) -> bool:
    """Says whether `target` is whole and was converted from the published file."""
    try:
        return target.exists() and file in read_classifier(target).card.notes
    except UserError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
