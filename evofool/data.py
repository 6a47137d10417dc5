"""Data sets: where they lie, how they are read, and how they are fetched.

A data set is looked for in the folder given, in `$EVOFOOL_DATA` and in the user cache
(`$XDG_CACHE_HOME/evofool`, `~/.cache/evofool`); in each, either the folder itself or a subfolder
named after the data set may hold its files.
"""

import gzip
import hashlib
import http.client
import math
import os
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from evofool.errors import UserError, unknown_name
from evofool.files import replacing, user_cache

TIMEOUT_SECONDS = 30  # without a byte from the server
CHUNK_BYTES = 1 << 16


class Dataset(NamedTuple):
    """Labelled pictures, for training and for testing.

    Attributes:
        train_images: levels 0..255.
        train_labels: class indices.
        test_images: levels 0..255.
        test_labels: class indices.
    """

    train_images: UInt8[np.ndarray, "train height width channels"]
    train_labels: UInt8[np.ndarray, " train"]
    test_images: UInt8[np.ndarray, "test height width channels"]
    test_labels: UInt8[np.ndarray, " test"]


class Source(NamedTuple):
    """How a data set is published.

    Attributes:
        files: file name -> sha256, hexadecimal.
        mirrors: base addresses that hold the files, tried in order.
    """

    files: dict[str, str]
    mirrors: tuple[str, ...]


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
    ),
}


def load_mnist(data_dir: str | Path | None = None) -> Dataset:
    """Reads MNIST: 60,000 and 10,000 grey digits of 28x28.

    Args:
        data_dir: folder to look in before the usual places.

    Returns:
        The data set, with one channel.

    Raises:
        UserError: it is not found, or a file is damaged or not what its name says.
    """
    folder = find_data("mnist", data_dir)
    parts = []
    for prefix, count in (("train", 60_000), ("t10k", 10_000)):
        images = read_idx(_plain_or_gz(folder, f"{prefix}-images-idx3-ubyte"), dimensions=3)
        labels = read_idx(_plain_or_gz(folder, f"{prefix}-labels-idx1-ubyte"), dimensions=1)
        if images.shape != (count, 28, 28) or labels.shape != (count,):
            raise UserError(
                f"{folder}: {prefix} files hold images {list(images.shape)} and labels "
                f"{list(labels.shape)}; expected [{count}, 28, 28] and [{count}]"
            )
        if labels.max() > 9:
            raise UserError(f"{folder}: {prefix} labels go up to {labels.max()}; expected 0..9")
        parts += [images[..., None], labels]
    return Dataset(*parts)


def read_idx(path: Path, *, dimensions: int) -> UInt8[np.ndarray, "..."]:
    """Reads an idx file of unsigned bytes, gzipped (.gz) or plain.

    The format: two zero bytes, 8 for "unsigned byte", the number of dimensions, every dimension
    as a big-endian int32, then the values, the last dimension fastest.

    Args:
        path: the file.
        dimensions: how many it must have: 3 for pictures, 1 for labels.

    Raises:
        UserError: the file cannot be read, is cut short or too long, or holds something else.
    """
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(
            f"{path} is not a whole gzip file: {error}; delete it and fetch it again"
        ) from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    expected = bytes([0, 0, 8, dimensions])
    if content[:4] != expected:
        kinds = {3: "pictures", 1: "labels"}
        raise UserError(
            f"{path} starts with {content[:4].hex(' ') or 'nothing'}; expected "
            f"{expected.hex(' ')} (idx file of {kinds.get(dimensions, 'bytes')}): it is named "
            "wrongly or is something else"
        )
    start = 4 + 4 * dimensions
    shape = np.frombuffer(content[4:start].ljust(start - 4, b"\0"), ">u4").tolist()
    if len(content) != start + math.prod(shape):
        raise UserError(
            f"{path} holds {len(content)} bytes; expected {start + math.prod(shape)} for shape "
            f"{shape}: it was cut short or damaged; delete it and fetch it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def find_data(name: str, data_dir: str | Path | None = None) -> Path:
    """Finds the folder that holds the files of a data set.

    Args:
        name: a key of `SOURCES`.
        data_dir: folder to look in first; when given, nowhere else is looked.

    Raises:
        UserError: there is no such data set, or it is nowhere; says where it was looked for.
    """
    if name not in SOURCES:
        raise unknown_name("data set", name, SOURCES)
    tried = []
    for root in [Path(data_dir)] if data_dir is not None else _usual_places():
        for folder in (root, root / name):
            if all(_plain_or_gz(folder, file).exists() for file in SOURCES[name].files):
                return folder
            tried.append(str(folder))
    raise UserError(
        f"the data set {name} is not in {', '.join(tried)}; "
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

    Files that are there already, and right, are not fetched again. A file takes its name only
    when it is whole and right, so a broken download leaves nothing behind.

    Args:
        name: a key of `SOURCES`.
        directory: where to put the subfolder `name`; the user cache unless given.
        url: base address to use instead of the public mirrors.
        report: is told, a line each, what is being done.

    Returns:
        The folder with the files.

    Raises:
        UserError: no network, not found, wrong contents, or no room on the disk.
    """
    if name not in SOURCES:
        raise unknown_name("data set", name, SOURCES)
    files, mirrors = SOURCES[name]
    folder = (_usual_places()[-1] if directory is None else Path(directory)) / name
    for file, sha256 in files.items():
        path = folder / file
        if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            report(f"{path} is in place")
            continue
        failures = []
        for mirror in (url,) if url else mirrors:
            address = f"{mirror.rstrip('/')}/{file}"
            report(f"fetching {address}")
            try:
                _download(address, path, sha256)
                break
            except _FetchError as error:
                failures.append(f"{address}: {error}")
        else:
            raise UserError(f"cannot fetch {file}: {'; '.join(failures)}")
    return folder


class _FetchError(Exception):
    """The server did not give the right file; says why."""


def _download(address: str, path: Path, sha256: str) -> None:
    digest = hashlib.sha256()
    with replacing(path) as temporary, temporary.open("wb") as file:
        for chunk in _stream(address):
            file.write(chunk)
            digest.update(chunk)
        if digest.hexdigest() != sha256:
            raise _FetchError(f"sha256 is {digest.hexdigest()}, expected {sha256}: another file")


def _stream(address: str) -> Iterator[bytes]:
    """Yields the body of an answer; every failure of the network becomes a `_FetchError`.

    (They are `OSError`s, which must not be mistaken for those of the disk being written to.)
    """
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as response:
            expected, received = response.headers.get("Content-Length"), 0
            while chunk := response.read(CHUNK_BYTES):
                received += len(chunk)
                yield chunk
    except urllib.error.HTTPError as error:
        raise _FetchError(f"the server answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _FetchError(f"no connection ({error.reason})") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _FetchError(f"the connection failed ({error})") from error
    if expected is not None and received != int(expected):
        raise _FetchError(f"the connection broke after {received} of {expected} bytes")


def _usual_places() -> list[Path]:
    """Returns the folders that data is looked for in; the last is the user cache."""
    named = os.environ.get("EVOFOOL_DATA")
    return [*([Path(named)] if named else []), user_cache()]


def _plain_or_gz(folder: Path, file: str) -> Path:
    """Returns the path of a file, without `.gz` if only the unpacked one is there."""
    plain = folder / file.removesuffix(".gz")
    packed = folder / f"{plain.name}.gz"
    return plain if plain.exists() and not packed.exists() else packed
