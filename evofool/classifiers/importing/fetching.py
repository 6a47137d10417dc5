"""Fetches the weights that torchvision publishes."""

from collections.abc import Callable
from pathlib import Path

from evofool.classifiers.importing.converting import convert_weights
from evofool.classifiers.importing.published import FILES, TORCHVISION
from evofool.classifiers.importing.state_dicts import has_torch, torch_is_missing
from evofool.classifiers.loading import read_classifier
from evofool.support import UserError, download, sha256_of, unknown_name, user_cache


def fetch_weights(
    name: str,
    *,
    out: str | Path | None = None,
    url: str | None = None,
    report: Callable[[str], None] = print,
) -> Path:
    """Downloads weights, checks them and converts them.

    The name of a published file contains the first digits of its sha256, which are checked. The
    file is deleted once it is converted. Weights that are already in the folder are not fetched
    again.

    Args:
        name: a key of `FILES`, for instance "resnet18".
        out: folder for the weights and their card; by default in the user cache.
        url: address of a folder with the published files, instead of torchvision's.
        report: called with a line of text for each step.

    Returns:
        The folder.

    Raises:
        UserError: PyTorch, which is needed to read the file, is not installed; there is no
            network; the file is not found or has another checksum; or the disk is full.
    """
    if name not in FILES:
        raise unknown_name("published weights", name, FILES)
    family, file = FILES[name]
    folder = user_cache() / "weights" if out is None else Path(out)
    target, path = folder / f"{name}.safetensors", folder / file
    if _is_made_from(target, file):
        report(f"{target} is in place")
        return folder
    if not has_torch():  # checked before the download, not after it
        raise torch_is_missing(f"{file} (a pickle)")
    digits = FILES[name].digits
    if path.exists() and sha256_of(path).startswith(digits):
        report(f"{path} is in place")
    else:
        address = f"{(url or TORCHVISION).rstrip('/')}/{file}"
        download([address], path, sha256=digits, report=report)
    report(f"converting {path}")
    convert_weights(path, family=family, out=folder, name=name)
    path.unlink()
    return folder


def _is_made_from(target: Path, file: str) -> bool:
    """Returns whether `target` is complete and was converted from the published file."""
    try:
        return target.exists() and file in read_classifier(target).card.notes
    except UserError:
        return False
