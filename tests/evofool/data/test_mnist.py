import gzip
from pathlib import Path

import numpy as np
import pytest

from evofool import data
from evofool.support.errors import UserError
from tests.evofool.real_data import data_folder

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def idx(values: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes()


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("values", [IMAGES, IMAGES[0, 0]])
def test_idx_files_are_read_packed_and_plain(name, values, tmp_path):
    path = tmp_path / name
    path.write_bytes(gzip.compress(idx(values)) if name.endswith("gz") else idx(values))
    np.testing.assert_array_equal(data.read_idx(path, dimensions=values.ndim), values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "starts with nothing; expected 00 00 08 03 (idx file of images)"),
        (idx(IMAGES)[:-1], "holds 39 bytes; expected 40 for shape [2, 3, 4]"),
        (idx(IMAGES) + b"\0", "holds 41 bytes; expected 40 for shape [2, 3, 4]"),
        (idx(IMAGES)[:9], "cut short"),
        (idx(IMAGES[0, 0]), "starts with 00 00 08 01; expected 00 00 08 03"),
        (gzip.compress(idx(IMAGES), mtime=0), "starts with 1f 8b 08"),
    ],
    ids=["empty", "short", "long", "cut header", "labels", "packed"],
)
def test_damaged_and_mislabelled_idx_files_are_described(content, message, tmp_path):
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        data.read_idx(path, dimensions=3)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "content", [idx(IMAGES), gzip.compress(idx(IMAGES), mtime=0)[:-12]], ids=["plain", "cut"]
)
def test_files_that_are_no_whole_gzip_are_refused(content, tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"images\.gz is not a whole gzip file"):
        data.read_idx(path, dimensions=3)


def test_a_missing_idx_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*nothing"):
        data.read_idx(tmp_path / "nothing", dimensions=3)


def tiny_mnist(folder: Path, **changes: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    for prefix, count in (("train", 60_000), ("t10k", 10_000)):
        images, labels = np.zeros((count, 28, 28), np.uint8), np.zeros(count, np.uint8)
        images = changes.get(f"{prefix}_images", images)
        labels = changes.get(f"{prefix}_labels", labels)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t10k_labels": np.zeros(9_999, np.uint8)}, "labels [9999]; expected [10000, 28, 28]"),
        ({"train_images": np.zeros((60_000, 2, 2), np.uint8)}, "hold images [60000, 2, 2]"),
        ({"train_labels": np.full(60_000, 10, np.uint8)}, "train labels go up to 10"),
    ],
)
def test_sets_of_files_that_do_not_match_are_refused(changes, message, tmp_path):
    with pytest.raises(UserError) as caught:
        data.load_mnist(tiny_mnist(tmp_path / "mnist", **changes))
    assert message in str(caught.value)


def dotted(name: str) -> str:
    return name.replace("-idx", ".idx")


@pytest.mark.parametrize(
    ("folder", "rename"),
    [
        ("", dotted),
        ("mnist", dotted),
        ("MNIST/raw", str),
        ("mnist/raw", str),
        ("", lambda name: f"{name}/{name}"),
        ("", lambda name: f"{name}/{dotted(name)}"),
        ("MNIST/raw", lambda name: f"{dotted(name)}.gz"),
    ],
)
def test_files_are_found_under_the_names_that_others_give_them(folder, rename, tmp_path):
    expected = set()
    for file in data.SOURCES["mnist"].files:
        path = tmp_path / folder / rename(file.removesuffix(".gz"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        expected.add(path)
    assert set(data.find_files("mnist", tmp_path)) == expected


def test_another_data_set_under_the_same_names_is_noticed(tmp_path):
    stripes = np.zeros((10_000, 28, 28), np.uint8)
    stripes[:, ::3] = 200
    with pytest.raises(UserError) as caught:
        data.load_mnist(tiny_mnist(tmp_path / "mnist", t10k_images=stripes))
    assert "not its digits: of the first 200 test images" in str(caught.value)
    assert "Fashion-MNIST" in str(caught.value)


@pytest.mark.data
def test_corrected_labels_are_still_mnist(monkeypatch):
    monkeypatch.setattr("evofool.data.mnist._SHA256", "another")
    assert len(data.load_mnist(data_folder()).train_labels) == 60_000


@pytest.mark.data
def test_mnist_is_read_in_its_order():
    mnist = data.load_mnist(data_folder())
    assert mnist.train_images.shape == (60_000, 28, 28, 1)
    assert mnist.test_images.shape == (10_000, 28, 28, 1)
    assert mnist.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(mnist.train_labels).tolist() == counts
