import hashlib
from pathlib import Path

import pytest

from evofool import data
from evofool.support.errors import UserError
from tests.evofool.local_server import serving

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
    """A local server of the two files; gives its folder, its address and the paths asked for."""
    folder = put(tmp_path / "served")
    with serving(folder) as (address, asked):
        yield folder, address, asked


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


def test_other_contents_than_published_are_refused(server, toy, tmp_path):
    folder, address, _ = server
    (folder / "one.gz").write_bytes(b"something else")
    with pytest.raises(UserError, match=f"expected {SHA256['one.gz']}: another file"):
        data.fetch("toy", tmp_path / "new", url=address, report=lambda line: None)
    assert not (tmp_path / "new").exists()
