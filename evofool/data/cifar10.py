"""CIFAR-10: 60,000 photographs of 32x32 pixels in ten classes.

Three forms are read: the published binary batches, in their archive or unpacked; the same batches
with every image as a JPEG file, which is lossy; and the first 4000 training and 1000 test images of
the published ones, which show how much the JPEG files lose.

References:
    A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009,
    https://www.cs.toronto.edu/~kriz/cifar.html
"""

import io
import itertools
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from evofool.classifiers import CIFAR10_LABELS
from evofool.data.datasets import MOST_BYTES, Dataset, find_files
from evofool.support import UserError, check_file, gunzipped, read_arrays, read_bytes

SIDE, CHANNELS = 32, 3
RECORD = 1 + CHANNELS * SIDE * SIDE  # bytes: the label, then the planes red, green, blue
PER_BATCH = 10_000
PER_SUBSET = {"data_batch_1_first4000": 4_000, "test_batch_first1000": 1_000}
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")

_DAMAGED = (
    *(OSError, EOFError, ValueError, KeyError, TypeError),
    *(zlib.error, tarfile.TarError, zipfile.BadZipFile),
)


class Cifar10Batch(NamedTuple):
    """A part of CIFAR-10.

    Attributes:
        images: levels 0..255, RGB.
        labels: class indices.
    """

    images: UInt8[np.ndarray, "batch 32 32 3"]
    labels: UInt8[np.ndarray, " batch"]


def load_cifar10(data_dir: str | Path | None = None) -> Dataset:
    """Reads CIFAR-10: 50,000 and 10,000 colour images of 32x32.

    Args:
        data_dir: the only folder to search; by default the usual places are searched.

    Returns:
        The data set, with three channels, RGB. `is_lossy` is true when only JPEG files were found.
        When only the subset was found, it holds 4,000 and 1,000 images.

    Raises:
        UserError: it is not found, or a file is damaged or of another format.
    """
    paths = find_files("cifar10", data_dir)
    *train, test = _read_archive(paths[0]) if len(paths) == 1 else [_read(path) for path in paths]
    return Dataset(
        np.concatenate([batch.images for batch in train]),
        np.concatenate([batch.labels for batch in train]),
        *test,
        is_lossy=paths[0].suffix == ".npz",
    )


def load_cifar10_tests(data_dir: str | Path | None = None) -> Cifar10Batch:
    """Reads the test images of CIFAR-10 alone; otherwise as `load_cifar10`.

    Args:
        data_dir: the only folder to search; by default the usual places are searched.

    Raises:
        UserError: as `load_cifar10`, but for files of training images, which are not opened.
    """
    paths = find_files("cifar10", data_dir)
    return _read_archive(paths[0])[-1] if len(paths) == 1 else _read(paths[-1])


def _read(path: Path) -> Cifar10Batch:
    if path.suffix == ".npz":
        return _read_jpeg(path)
    return _read_binary(path, PER_SUBSET.get(_stem(path), PER_BATCH))


def _stem(path: Path) -> str:
    return path.name.split(".")[0]


def _read_archive(path: Path) -> list[Cifar10Batch]:
    """Reads the batches out of the published archive; nothing is unpacked onto the disk."""
    batches: dict[str, Cifar10Batch] = {}
    check_file(path, most_bytes=MOST_BYTES)
    try:
        with tarfile.open(path) as packed:
            for member in packed:  # one pass, since seeking back would unpack from the start again
                name = _stem(Path(member.name))
                if name not in BATCHES or not member.isfile():
                    continue
                where, content = f"{path}, {member.name}", packed.extractfile(member)
                if content is None or member.size != PER_BATCH * RECORD:
                    raise _wrong_size(where, member.size, PER_BATCH)
                batches[name] = _parse(content.read(), where)
    except UserError:
        raise
    except _DAMAGED as error:
        raise _damaged(str(path), error) from error
    missing = [name for name in BATCHES if name not in batches]
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}; delete it and fetch cifar10 again")
    return [batches[name] for name in BATCHES]


def _read_binary(path: Path, count: int) -> Cifar10Batch:
    try:
        content = read_bytes(path, most_bytes=MOST_BYTES)
        content = gunzipped(content, MOST_BYTES) if path.suffix == ".gz" else content
    except UserError:
        raise
    except _DAMAGED as error:
        raise _damaged(str(path), error) from error
    if len(content) != count * RECORD:
        raise _wrong_size(str(path), len(content), count)
    return _parse(content, str(path))


def _parse(content: bytes, where: str) -> Cifar10Batch:
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    planes = records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    return Cifar10Batch(images, _checked(records[:, 0], where))


def _read_jpeg(path: Path) -> Cifar10Batch:
    """Reads an `.npz` of `labels` [n], `offsets` [n + 1] and `jpeg`, all JPEG files in a row."""
    try:
        arrays = read_arrays(path, most_bytes=MOST_BYTES)
        labels, offsets, files = (arrays[key] for key in ("labels", "offsets", "jpeg"))
    except KeyError as error:
        raise _damaged(str(path), error) from error
    except UserError as error:
        raise UserError(f"{error}; delete it and fetch cifar10 again") from error
    if (
        (labels.shape, labels.dtype) != ((PER_BATCH,), np.uint8)
        or (offsets.shape, offsets.dtype.kind) != ((PER_BATCH + 1,), "i")
        or (files.ndim, files.dtype) != (1, np.uint8)
        or np.any(np.diff(offsets, prepend=0, append=len(files)) < 0)
    ):
        raise UserError(
            f"{path}: expected labels [{PER_BATCH}] and jpeg as unsigned bytes, and rising offsets "
            f"[{PER_BATCH + 1}] into jpeg; the file is damaged or is something else"
        )
    content = files.tobytes()
    images = np.empty((PER_BATCH, SIDE, SIDE, CHANNELS), np.uint8)
    for index, (start, stop) in enumerate(itertools.pairwise(offsets)):
        images[index] = _decode(content[start:stop], f"{path}, image {index}")
    return Cifar10Batch(images, _checked(labels, str(path)))


def _decode(content: bytes, where: str) -> UInt8[np.ndarray, "32 32 3"]:
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
            levels = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise _damaged(where, error) from error
    if levels.shape != (SIDE, SIDE, CHANNELS):
        raise UserError(f"{where} has shape {levels.shape}; expected {(SIDE, SIDE, CHANNELS)}")
    return levels


def _checked(labels: UInt8[np.ndarray, " batch"], where: str) -> UInt8[np.ndarray, " batch"]:
    if labels.max() >= len(CIFAR10_LABELS):
        raise UserError(f"{where}: labels go up to {labels.max()}; expected 0..9")
    return labels


def _wrong_size(where: str, size: int, count: int) -> UserError:
    return UserError(
        f"{where} holds {size} bytes; expected {count * RECORD}, {count} images of {RECORD}: it "
        "was cut short or is something else"
    )


def _damaged(where: str, error: Exception) -> UserError:
    return UserError(f"{where} is damaged ({error}); delete it and fetch cifar10 again")
