"""Data sets: what they hold, where they are published, how they are found and fetched."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from evofool.support import UserError, download, sha256_of, unknown_name, user_cache

MOST_BYTES = 256 * 2**20  # of a file of a data set, packed or not


class Dataset(NamedTuple):
    """Labelled images for training and for testing.

    Attributes:
        train_images: levels 0..255.
        train_labels: class indices.
        test_images: levels 0..255.
        test_labels: class indices.
        is_lossy: whether the images are a compressed copy of the published ones.
    """

    train_images: UInt8[np.ndarray, "train height width channels"]
    train_labels: UInt8[np.ndarray, " train"]
    test_images: UInt8[np.ndarray, "test height width channels"]
    test_labels: UInt8[np.ndarray, " test"]
    is_lossy: bool = False

    def __repr__(self) -> str:
        height, width, channels = self.train_images.shape[1:]
        return (
            f"Dataset({len(self.train_images):,} training and {len(self.test_images):,} test "
            f"images of {height}x{width}x{channels}{', lossy' if self.is_lossy else ''})"
        )


class Source(NamedTuple):
    """The places where a data set is published, and the files it consists of.

    Attributes:
        files: file name -> sha256, hexadecimal.
        mirrors: base addresses of the files, tried in order.
        forms: other sets of files with the same images, better ones first; paths relative to a
            folder that is searched.
        folders: where others keep the files, in a folder that is searched.
    """

    files: dict[str, str]
    mirrors: tuple[str, ...]
    forms: tuple[tuple[str, ...], ...] = ()
    folders: tuple[str, ...] = ()


_BINARY = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
_JPEG = tuple(name.replace(".bin", ".npz") for name in _BINARY)
_SUBSET = ("data_batch_1_first4000.bin.gz", "test_batch_first1000.bin.gz")

SOURCES = {
    "mnist": Source(
        files={
            "train-images-idx3-ubyte.gz": (
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
            ),
            "train-labels-idx1-ubyte.gz": (
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
            ),
            "t10k-images-idx3-ubyte.gz": (
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
            ),
        },
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
        ),
        folders=("MNIST/raw", "raw"),  # torchvision's
    ),
    "cifar10": Source(
        files={
            # its published md5 is c32a1d4ab5d03f1284b67883e8d87530
            "cifar-10-binary.tar.gz": (
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
            ),
        },
        mirrors=("https://www.cs.toronto.edu/~kriz",),
        forms=(
            *(tuple(f"cifar-10-batches-bin/{name}" for name in _BINARY), _BINARY),
            *(tuple(f"cifar10-jpeg/{name}" for name in _JPEG), _JPEG),
            *(tuple(f"cifar10-lossless-subset/{name}" for name in _SUBSET), _SUBSET),
        ),
    ),
}


def find_data(name: str, data_dir: str | Path | None = None) -> Path:
    """Returns the folder that holds the files of a data set.

    Args:
        name: a key of `SOURCES`.
        data_dir: the only folder to search; by default the usual places are searched.

    Raises:
        UserError: the data set is unknown, or not found; the message lists the folders searched.
    """
    return find_files(name, data_dir)[0].parent


def find_files(name: str, data_dir: str | Path | None = None) -> tuple[Path, ...]:
    """Returns the files of a data set.

    Args:
        name: a key of `SOURCES`.
        data_dir: the only folder to search; by default the usual places are searched.

    Returns:
        Paths in the order of `Source.files`, or of the form that was found instead.

    Raises:
        UserError: as `find_data`.
    """
    if name not in SOURCES:
        raise unknown_name("data set", name, SOURCES)
    source, tried = SOURCES[name], []
    for root in [Path(data_dir)] if data_dir is not None else usual_places():
        for folder in (root, root / name):
            for form in (tuple(source.files), *source.forms):
                for inner in ("", *source.folders):
                    paths = tuple(_as_named(folder / inner / file) for file in form)
                    if all(path.is_file() for path in paths):
                        return paths
            tried.append(str(folder))
    raise UserError(
        f"the data set {name} is not in {', '.join(tried) or 'any folder'}; "
        f"get it with: evofool data fetch {name}, or set EVOFOOL_DATA to its folder"
    )


def fetch(
    name: str,
    directory: str | Path | None = None,
    *,
    url: str | None = None,
    report: Callable[[str], None] = print,
) -> Path:
    """Downloads a data set and checks the sha256 of every file.

    Files that are already there, with the right checksum, are not fetched again. A file gets its
    name only when it is complete and its checksum is right, so a broken download leaves nothing
    behind.

    Args:
        name: a key of `SOURCES`.
        directory: folder for the subfolder `name`; by default the user cache.
        url: base address to use instead of the public mirrors.
        report: called with a line of text for each step.

    Returns:
        The folder with the files.

    Raises:
        UserError: there is no network, a file is not found or has another checksum, or the disk
            is full.
    """
    if name not in SOURCES:
        raise unknown_name("data set", name, SOURCES)
    source = SOURCES[name]
    folder = (user_cache() if directory is None else Path(directory)) / name
    for file, sha256 in source.files.items():
        path = folder / file
        if path.exists() and sha256_of(path) == sha256:
            report(f"{path} is in place")
            continue
        mirrors = (url,) if url else source.mirrors
        addresses = [f"{mirror.rstrip('/')}/{file}" for mirror in mirrors]
        download(addresses, path, sha256=sha256, report=report)
    return folder


def usual_places() -> list[Path]:
    """Returns the folders that are searched for data: the last is the user cache, if any."""
    folder = os.environ.get("EVOFOOL_DATA")
    places = [Path(folder)] if folder else []
    with contextlib.suppress(UserError):
        places.append(user_cache())
    return places


def _as_named(path: Path) -> Path:
    """Returns the path of a file under the first of the names that it is found under.

    It may be unpacked; then 7-Zip and Kaggle call "train-images-idx3-ubyte" also
    "train-images.idx3-ubyte", and Kaggle's archive has a folder of the same name around it.
    """
    plain = path.with_name(path.name.removesuffix(".gz"))
    packed = plain.with_name(f"{plain.name}.gz")
    dotted = plain.with_name(plain.name.replace("-idx", ".idx"))
    within = [folder / name.name for folder in (plain, dotted) for name in (plain, dotted)]
    names = (packed, plain, dotted, dotted.with_name(f"{dotted.name}.gz"), *within)
    return next((name for name in names if name.is_file()), packed)
