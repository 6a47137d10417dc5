import gzip
import hashlib
import http.server
import threading
from pathlib import Path

import numpy as np
import pytest

from evofool import data
from evofool.errors import UserError
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
        (b"", "starts with nothing; expected 00 00 08 03 (idx file of pictures)"),
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


FILES = {"one.gz": b"first file", "two.gz": b"second file" * 20_000}
SHA256 = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}


@pytest.fixture
def toy(monkeypatch):
    """A data set of two files without any mirror."""
    monkeypatch.setitem(data.SOURCES, "toy", data.Source(SHA256, ()))


def put(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("inside", ["", "toy"])
@pytest.mark.parametrize("place", ["argument", "variable", "cache"])
def test_data_is_found_in_each_place(place, inside, toy, tmp_path, monkeypatch):
    monkeypatch.delenv("EVOFOOL_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = put((tmp_path / "cache" / "evofool" if place == "cache" else tmp_path / "d") / inside)
    if place == "variable":
        monkeypatch.setenv("EVOFOOL_DATA", str(tmp_path / "d"))
    found = data.find_data("toy", tmp_path / "d" if place == "argument" else None)
    assert found == folder


def test_unpacked_files_count(toy, tmp_path):
    put(tmp_path, {"one": b"", "two.gz": b""})
    assert data.find_data("toy", tmp_path) == tmp_path


def test_missing_data_says_where_it_was_looked_for(toy, tmp_path, monkeypatch):
    put(tmp_path / "named", {"one.gz": b""})  # incomplete
    monkeypatch.setenv("EVOFOOL_DATA", str(tmp_path / "named"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(UserError) as caught:
        data.find_data("toy")
    places = [tmp_path / "named", tmp_path / "named/toy", tmp_path / "cache/evofool/toy"]
    assert all(str(place) in str(caught.value) for place in places)
    assert "evofool data fetch toy" in str(caught.value)


@pytest.mark.parametrize("function", [data.find_data, data.fetch])
def test_an_unknown_data_set_offers_the_known(function):
    with pytest.raises(UserError, match="unknown data set 'mnits'; did you mean 'mnist'"):
        function("mnits")


@pytest.fixture
def server(tmp_path):
    """A local HTTP server; gives its folder, its address and the paths asked for."""
    folder, asked = put(tmp_path / "served"), []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def do_GET(self):
            asked.append(self.path)
            if self.path.startswith("/cut/"):
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"only this")
            else:
                super().do_GET()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def test_fetch_gets_every_file_once(server, toy, tmp_path):
    _, address, asked = server
    lines = []
    folder = data.fetch("toy", tmp_path / "new", url=address, report=lines.append)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert data.find_data("toy", tmp_path / "new") == folder
    assert lines == [f"fetching {address}/one.gz", f"fetching {address}/two.gz"]
    (folder / "one.gz").write_bytes(b"damaged")
    data.fetch("toy", tmp_path / "new", url=address + "/", report=lines.append)
    assert (folder / "one.gz").read_bytes() == FILES["one.gz"]
    assert asked == ["/one.gz", "/two.gz", "/one.gz"]


def test_fetch_goes_on_to_the_next_mirror(server, toy, tmp_path, monkeypatch):
    _, address, asked = server
    mirrors = (f"{address}/absent", f"{address}/cut", address)
    monkeypatch.setitem(data.SOURCES, "toy", data.Source(SHA256, mirrors))
    folder = data.fetch("toy", tmp_path / "new", report=lambda line: None)
    assert (folder / "two.gz").read_bytes() == FILES["two.gz"]
    assert asked[:3] == ["/absent/one.gz", "/cut/one.gz", "/one.gz"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/absent", "the server answered 404 File not found"),
        ("/cut", "the connection broke after 9 of 1000 bytes"),
    ],
)
def test_a_failed_download_is_described_and_leaves_nothing(path, message, server, toy, tmp_path):
    with pytest.raises(UserError) as caught:
        data.fetch("toy", tmp_path / "new", url=server[1] + path, report=lambda line: None)
    assert message in str(caught.value)
    assert "cannot fetch one.gz" in str(caught.value)
    assert list((tmp_path / "new" / "toy").iterdir()) == []


def test_other_contents_than_published_are_refused(server, toy, tmp_path):
    folder, address, _ = server
    (folder / "one.gz").write_bytes(b"something else")
    with pytest.raises(UserError, match=f"expected {SHA256['one.gz']}: another file"):
        data.fetch("toy", tmp_path / "new", url=address, report=lambda line: None)
    assert list((tmp_path / "new" / "toy").iterdir()) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:9", "no connection"),
        ("nonsense", "unknown url type"),
        ("gopher://host", "no connection (unknown url type: gopher)"),
    ],
)
def test_an_address_that_does_not_answer_is_described(url, message, toy, tmp_path):
    with pytest.raises(UserError) as caught:
        data.fetch("toy", tmp_path, url=url, report=lambda line: None)
    assert message in str(caught.value)


def test_a_full_disk_is_not_taken_for_the_network(server, toy, tmp_path, monkeypatch):
    def full(address):
        raise OSError(28, "No space left on device")
        yield b""

    monkeypatch.setattr(data, "_stream", full)
    with pytest.raises(UserError, match=r"no room to write .*one\.gz"):
        data.fetch("toy", tmp_path / "new", url=server[1], report=lambda line: None)
    assert list((tmp_path / "new" / "toy").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_described(server, toy, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot write"):
        data.fetch("toy", tmp_path / "file", url=server[1], report=lambda line: None)


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


@pytest.mark.data
def test_mnist_is_read_in_its_order():
    mnist = data.load_mnist(data_folder())
    assert mnist.train_images.shape == (60_000, 28, 28, 1)
    assert mnist.test_images.shape == (10_000, 28, 28, 1)
    assert mnist.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(mnist.train_labels).tolist() == counts
