import io
import os
import zipfile

import numpy as np
import pytest

from evofool.support.arrays import read_array, read_arrays, write_arrays
from evofool.support.errors import UserError

RECORD = np.dtype([("cell", "<i4"), ("fitness", "<f4")])


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.zeros((0, 4), np.uint8),
        np.array("text"),
        np.zeros(3, RECORD),
    ],
    ids=["floats", "fortran", "empty", "text", "records"],
)
def test_what_numpy_writes_is_read(array, tmp_path):
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", x=array, y=np.ones(2))
    np.savez_compressed(tmp_path / "b.npz", x=array)
    for found in (
        read_array(tmp_path / "a.npy", most_bytes=1000),
        read_arrays(tmp_path / "a.npz", most_bytes=2000)["x"],
        read_arrays(tmp_path / "b.npz", most_bytes=2000)["x"],
    ):
        np.testing.assert_array_equal(found, array, strict=True)
        assert found.flags.writeable or not found.size


def test_arrays_are_written_under_the_name_given_whatever_it_ends_in(tmp_path):
    for name in ("a.npz", "a", "a.elites"):
        write_arrays(tmp_path / name, {"x": np.ones(2)})
        assert read_arrays(tmp_path / name, most_bytes=1000).keys() == {"x"}
    assert {path.name for path in tmp_path.iterdir()} == {"a.npz", "a", "a.elites"}


def claiming(shape: tuple[int, ...]) -> bytes:
    """A header that promises an array, and none of its values."""
    file = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    np.save(file := io.BytesIO(), array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (claiming((2**40,)), "its header says 8,796,093,022,208"),
        (claiming((-1,)), "damaged"),
        (npy(np.arange(9))[:-8], "holds 64 bytes, and its header says 72"),
        (npy(np.array([{}, []], object)), "Python objects"),
        (b"\x93NUMPY\x01\x00\xff\xff{" + b"(" * 60_000, "damaged"),
        (b"", "damaged"),
    ],
    ids=["huge", "negative", "short", "pickle", "deep", "empty"],
)
def test_what_is_no_array_is_refused_before_memory_is_taken(content, words, tmp_path):
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as packed:
        packed.writestr("x.npy", content)
    for read, name in ((read_array, "a.npy"), (read_arrays, "a.npz")):
        with pytest.raises(UserError, match=words) as caught:
            read(tmp_path / name, most_bytes=2**20)
        assert "allow_pickle" not in str(caught.value)


def test_an_archive_that_unpacks_to_much_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros(10**6, np.uint8))
    assert (tmp_path / "bomb.npz").stat().st_size < 10_000
    with pytest.raises(UserError, match="unpacks to 1,000,128 bytes; expected at most 10,000"):
        read_arrays(tmp_path / "bomb.npz", most_bytes=10_000)


def test_a_named_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    for read in (read_array, read_arrays):
        with pytest.raises(UserError, match="no regular file"):
            read(tmp_path / "pipe.npz", most_bytes=100)
