import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import data
from evofool.data import cifar10
from evofool.support.errors import UserError
from tests.evofool.local_server import serving
from tests.evofool.real_data import data_folder

COUNT = 12  # images in a batch of these tests
RANDOM = np.random.default_rng(0)
LABELS = {name: RANDOM.integers(0, 10, COUNT).astype(np.uint8) for name in cifar10.BATCHES}
RAMP = np.linspace(0, 255, 32).astype(np.uint8)


def levels(number: int) -> np.ndarray:
    """Smooth, so that JPEG loses little; no two are equal."""
    planes = np.broadcast_arrays(RAMP, RAMP[:, None], np.uint8(2 * number))
    return np.stack(planes, axis=-1)


IMAGES = {
    name: np.stack([levels(COUNT * batch + i) for i in range(COUNT)])
    for batch, name in enumerate(cifar10.BATCHES)
}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(cifar10, "PER_BATCH", COUNT)
    subset = {"data_batch_1_first4000": COUNT, "test_batch_first1000": COUNT}
    monkeypatch.setattr(cifar10, "PER_SUBSET", subset)


def binary(name: str, labels: np.ndarray | None = None) -> bytes:
    """A batch as it is published."""
    planes = IMAGES[name].transpose(0, 3, 1, 2).reshape(COUNT, -1)
    labels = LABELS[name] if labels is None else labels
    return np.concatenate([labels[:, None], planes], axis=1).astype(np.uint8).tobytes()


def jpeg(name: str, **changes: np.ndarray) -> bytes:
    """A batch of JPEG files."""
    files = []
    for image in IMAGES[name]:
        Image.fromarray(image).save(file := io.BytesIO(), "JPEG", quality=90)
        files.append(file.getvalue())
    arrays = {
        "labels": LABELS[name],
        "offsets": np.cumsum([0, *map(len, files)]),
        "jpeg": np.frombuffer(b"".join(files), np.uint8),
    }
    np.savez(content := io.BytesIO(), **(arrays | changes))
    return content.getvalue()


def archive(files: dict[str, bytes]) -> bytes:
    with tarfile.open(fileobj=(content := io.BytesIO()), mode="w:gz") as packed:
        for name, values in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(values)
            packed.addfile(member, io.BytesIO(values))
    return content.getvalue()


def published() -> dict[str, bytes]:
    """The files of the archive, in the order of the real one, which is none."""
    names = ("data_batch_1", "data_batch_4", "data_batch_2", "data_batch_3", "data_batch_5")
    batches = {f"{name}.bin": binary(name) for name in (*names, "test_batch")}
    return {"readme.html": b"text", **batches}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def check(found: data.Dataset, *, tolerance: int = 0) -> None:
    """Compares what was read with what was written."""
    for name, labels in zip(cifar10.BATCHES, np.split(found.train_labels, 5), strict=False):
        np.testing.assert_array_equal(labels, LABELS[name])
    np.testing.assert_array_equal(found.test_labels, LABELS["test_batch"])
    expected = np.concatenate([IMAGES[name] for name in cifar10.BATCHES[:5]]).astype(int)
    assert np.abs(found.train_images - expected).max() <= tolerance
    assert np.abs(found.test_images - IMAGES["test_batch"].astype(int)).max() <= tolerance


@pytest.mark.parametrize("folder", ["", "cifar10", "cifar-10-batches-bin"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_binary_batches_are_read(folder, suffix, tmp_path):
    files = {
        f"{name}.bin{suffix}": gzip.compress(binary(name)) if suffix else binary(name)
        for name in cifar10.BATCHES
    }
    write(tmp_path / "data" / folder, files)
    found = data.load_cifar10(tmp_path / "data")
    check(found)
    assert not found.is_lossy
    assert "test images of 32x32x3)" in repr(found)
    assert len(repr(found)) < 100


def test_the_archive_is_fetched_and_read_as_it_is(tmp_path, monkeypatch):
    content = archive(published())
    write(tmp_path / "served", {"cifar-10-binary.tar.gz": content})
    sha256 = hashlib.sha256(content).hexdigest()
    source = data.SOURCES["cifar10"]._replace(files={"cifar-10-binary.tar.gz": sha256})
    monkeypatch.setitem(data.SOURCES, "cifar10", source)
    with serving(tmp_path / "served") as (address, asked):
        folder = data.fetch("cifar10", tmp_path / "sets", url=address, report=lambda line: None)
    assert asked == ["/cifar-10-binary.tar.gz"]
    found = data.load_cifar10(tmp_path / "sets")
    check(found)
    assert not found.is_lossy
    assert "test images of 32x32x3)" in repr(found)
    assert len(repr(found)) < 100
    assert [path.name for path in folder.iterdir()] == ["cifar-10-binary.tar.gz"]


@pytest.mark.parametrize("folder", ["", "cifar10-jpeg"])
def test_jpeg_batches_are_read_and_said_to_be_lossy(folder, tmp_path):
    files = {f"{name}.npz": jpeg(name) for name in cifar10.BATCHES}
    write(tmp_path / "data" / folder, files)
    found = data.load_cifar10(tmp_path / "data")
    check(found, tolerance=20)
    assert found.is_lossy


def test_the_subset_is_read_where_there_is_nothing_else(tmp_path):
    files = {
        "data_batch_1_first4000.bin.gz": gzip.compress(binary("data_batch_1")),
        "test_batch_first1000.bin.gz": gzip.compress(binary("test_batch")),
    }
    found = data.load_cifar10(write(tmp_path / "data", files))
    np.testing.assert_array_equal(found.train_images, IMAGES["data_batch_1"])
    np.testing.assert_array_equal(found.test_images, IMAGES["test_batch"])
    write(tmp_path / "data/cifar10-jpeg", {f"{name}.npz": jpeg(name) for name in cifar10.BATCHES})
    assert len(data.load_cifar10(tmp_path / "data").train_labels) == 5 * COUNT


FORMS = {
    "binary": lambda: {f"{name}.bin": binary(name) for name in cifar10.BATCHES},
    "archive": lambda: {"cifar-10-binary.tar.gz": archive(published())},
    "jpeg": lambda: {f"{name}.npz": jpeg(name) for name in cifar10.BATCHES},
    "subset": lambda: {
        f"{name}.bin.gz": gzip.compress(binary(name.rpartition("_")[0]))
        for name in cifar10.PER_SUBSET
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_the_test_images_are_read_alone(form, tmp_path):
    folder = write(tmp_path / "data", FORMS[form]())
    whole = data.load_cifar10(folder)
    if form != "archive":
        min(folder.iterdir()).write_bytes(b"training images are not opened")
    found = data.load_cifar10_tests(folder)
    np.testing.assert_array_equal(found.images, whole.test_images)
    np.testing.assert_array_equal(found.labels, whole.test_labels)


def damaged_binary(content: bytes) -> dict[str, bytes]:
    return {f"{name}.bin": binary(name) for name in cifar10.BATCHES} | {"data_batch_3.bin": content}


def damaged_jpeg(content: bytes) -> dict[str, bytes]:
    return {f"{name}.npz": jpeg(name) for name in cifar10.BATCHES} | {"data_batch_3.npz": content}


def one_archive(content: bytes) -> dict[str, bytes]:
    return {"cifar-10-binary.tar.gz": content}


NAME = "data_batch_3"
GREY = io.BytesIO()
Image.new("L", (32, 32)).save(GREY, "JPEG")
DAMAGED = {
    "cut binary": lambda: (damaged_binary(binary(NAME)[:-1]), "expected 36876, 12 images"),
    "label 10": lambda: (
        damaged_binary(binary(NAME, np.full(COUNT, 10))),
        "data_batch_3.bin: labels go up to 10; expected 0..9",
    ),
    "cut archive": lambda: (
        one_archive(archive(published())[:-2000]),
        "cifar-10-binary.tar.gz is damaged",
    ),
    "no archive": lambda: (one_archive(b"<html>"), "cifar-10-binary.tar.gz is damaged"),
    "incomplete archive": lambda: (
        one_archive(archive({"test_batch.bin": binary("test_batch")})),
        "lacks data_batch_1, data_batch_2",
    ),
    "cut batch in the archive": lambda: (
        one_archive(archive(published() | {"data_batch_3.bin": b"short"})),
        "cifar-10-batches-bin/data_batch_3.bin holds 5 bytes",
    ),
    "no npz": lambda: (damaged_jpeg(b"nothing"), "data_batch_3.npz is damaged"),
    "cut npz": lambda: (damaged_jpeg(jpeg(NAME)[:-100]), "data_batch_3.npz is damaged"),
    "too few labels": lambda: (
        damaged_jpeg(jpeg(NAME, labels=LABELS[NAME][1:])),
        "expected labels [12]",
    ),
    "offsets beyond the end": lambda: (
        damaged_jpeg(jpeg(NAME, offsets=np.arange(COUNT + 1) * 100_000)),
        "rising offsets [13] into jpeg",
    ),
    "cut image": lambda: (
        damaged_jpeg(jpeg(NAME, offsets=np.arange(COUNT + 1) * 10)),
        "data_batch_3.npz, image 0 is damaged",
    ),
    "grey image": lambda: (
        damaged_jpeg(
            jpeg(
                NAME,
                jpeg=np.frombuffer(GREY.getvalue(), np.uint8),
                offsets=np.minimum(np.arange(COUNT + 1), 1) * len(GREY.getvalue()),
            )
        ),
        "image 0 has shape (32, 32); expected (32, 32, 3)",
    ),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_files_are_named(kind, tmp_path):
    files, message = DAMAGED[kind]()
    with pytest.raises(UserError) as caught:
        data.load_cifar10(write(tmp_path / "data", files))
    assert message in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_labels_are_in_the_order_of_the_classes():
    assert data.CIFAR10_LABELS[:3] == ("airplane", "automobile", "bird")
    assert len(set(data.CIFAR10_LABELS)) == 10


@pytest.mark.slow
@pytest.mark.data
def test_the_jpeg_copy_is_near_the_published_images(monkeypatch):
    monkeypatch.undo()
    whole = data.load_cifar10(data_folder() / "cifar10-jpeg")
    assert (whole.is_lossy, len(whole.train_labels), len(whole.test_labels)) == (
        True,
        50_000,
        10_000,
    )
    assert np.bincount(whole.train_labels).tolist() == [5000] * 10
    assert np.bincount(whole.test_labels).tolist() == [1000] * 10
    exact = data.load_cifar10(data_folder() / "cifar10-lossless-subset")
    assert (exact.is_lossy, len(exact.train_labels), len(exact.test_labels)) == (False, 4000, 1000)
    np.testing.assert_array_equal(exact.train_labels, whole.train_labels[:4000])
    np.testing.assert_array_equal(exact.test_labels, whole.test_labels[:1000])
    difference = np.abs(exact.train_images - whole.train_images[:4000].astype(np.float32))
    assert 5 < difference.mean() < 7
