"""MNIST: 70,000 handwritten digits, in four files of the idx format, gzipped or plain."""

import gzip
import hashlib
import math
import zlib
from pathlib import Path

import jax
import numpy as np
from jaxtyping import UInt8

from evofool.classifiers import load_classifier
from evofool.data.datasets import MOST_BYTES, Dataset, find_files
from evofool.images import from_levels
from evofool.support import UserError, gunzipped, read_bytes

# of the training images and labels, then of the test images and labels
_SHA256 = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"
_TRIED = 200  # test images that the LeNet is shown, where the checksum is another
_LEAST_RIGHT = 0.8  # of them; of other images it gets about one in ten


def load_mnist(data_dir: str | Path | None = None) -> Dataset:
    """Reads MNIST: 60,000 and 10,000 grey digits of 28x28.

    Args:
        data_dir: the only folder to search; by default the usual places are searched.

    Returns:
        The data set, with one channel.

    Raises:
        UserError: it is not found, a file is damaged or of another format, or holds other images.
    """
    paths = find_files("mnist", data_dir)
    folder, parts = paths[0].parent, []
    for prefix, count, files in (("train", 60_000, paths[:2]), ("t10k", 10_000, paths[2:])):
        images, labels = read_idx(files[0], dimensions=3), read_idx(files[1], dimensions=1)
        if images.shape != (count, 28, 28) or labels.shape != (count,):
            raise UserError(
                f"{folder}: {prefix} files hold images {list(images.shape)} and labels "
                f"{list(labels.shape)}; expected [{count}, 28, 28] and [{count}]"
            )
        if labels.max() > 9:
            raise UserError(f"{folder}: {prefix} labels go up to {labels.max()}; expected 0..9")
        parts += [images[..., None], labels]
    dataset = Dataset(*parts)
    _check_digits(dataset, folder)
    return dataset


def _check_digits(dataset: Dataset, folder: Path) -> None:
    """Refuses other images in files of the same names: those of Fashion-MNIST, KMNIST and EMNIST.

    The published digits are known by their checksum. Others, for instance with corrected labels,
    pass if the LeNet that comes with the package reads them as labelled.
    """
    checksum = hashlib.sha256()
    for array in dataset[:4]:
        checksum.update(np.ascontiguousarray(array).data)
    if checksum.hexdigest() == _SHA256:
        return
    lenet = load_classifier("lenet")
    images = from_levels(dataset.test_images[:_TRIED])
    outputs = np.asarray(jax.jit(lenet.apply)(lenet.params, images))
    right = int(np.sum(outputs.argmax(axis=1) == dataset.test_labels[:_TRIED]))
    if right < _LEAST_RIGHT * len(images):
        raise UserError(
            f"{folder} holds files of MNIST's names, but not its digits: of the first "
            f"{len(images)} test images, a network for MNIST reads {right} as they are labelled. "
            "Fashion-MNIST, KMNIST and EMNIST have files of the same names; give MNIST's folder"
        )


def read_idx(path: Path, *, dimensions: int) -> UInt8[np.ndarray, "..."]:
    """Reads an idx file of unsigned bytes, gzipped (.gz) or plain.

    The format: two zero bytes, 8 for "unsigned byte", the number of dimensions, every dimension
    as a big-endian int32, then the values, the last dimension fastest.

    Args:
        path: the file.
        dimensions: expected number of dimensions: 3 for images, 1 for labels.

    Raises:
        UserError: the file cannot be read, is too short or too long, or is of another format.
    """
    try:
        content = read_bytes(path, most_bytes=MOST_BYTES)
        content = gunzipped(content, MOST_BYTES) if path.suffix == ".gz" else content
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(
            f"{path} is not a whole gzip file: {error}; delete it and fetch it again"
        ) from error
    expected = bytes([0, 0, 8, dimensions])
    if content[:4] != expected:
        kinds = {3: "images", 1: "labels"}
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
