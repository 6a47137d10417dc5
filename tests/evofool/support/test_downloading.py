import email.message
import hashlib
import io
import urllib.request
from urllib.response import addinfourl

import pytest

from evofool.support import downloading
from evofool.support.downloading import download
from evofool.support.errors import UserError
from tests.evofool.local_server import serving

CONTENT = b"a file" * 20_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def address(tmp_path):
    """Of a local server that has `file`."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served/file").write_bytes(CONTENT)
    with serving(tmp_path / "served") as (address, _):
        yield address


def refusal(address, path, sha256=SHA256):
    """Downloads what cannot be had; returns what is said of it."""
    with pytest.raises(UserError) as caught:
        download([address], path, sha256=sha256, report=lambda line: None)
    return str(caught.value)


@pytest.mark.parametrize("digits", [64, 8])
def test_a_file_is_checked_by_all_digits_or_the_first(digits, address, tmp_path):
    path = tmp_path / "new/folder/file"
    download([f"{address}/file"], path, sha256=SHA256[:digits], report=lambda line: None)
    assert path.read_bytes() == CONTENT
    wrong = "0" * digits
    assert f"expected {wrong}: another file" in refusal(f"{address}/file", path, wrong)
    assert path.read_bytes() == CONTENT


def test_addresses_are_tried_in_order(address, tmp_path):
    lines = []
    addresses = [f"{address}/{path}" for path in ("absent", "cut/file", "file", "never")]
    download(addresses, tmp_path / "file", sha256=SHA256, report=lines.append)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert lines == [f"fetching {address}" for address in addresses[:3]]


def test_a_long_download_reports_the_megabytes_received(address, tmp_path, monkeypatch):
    monkeypatch.setattr(downloading, "SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(downloading, "CHUNK_BYTES", 40_000)
    lines = []
    download([f"{address}/file"], tmp_path / "file", sha256=SHA256, report=lines.append)
    assert lines == [
        f"fetching {address}/file",
        "0.0 MB received",
        "0.1 MB received",
        "0.1 MB received",
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("absent", "the server answered 404 File not found"),
        ("cut/file", "the connection broke after 9 of 1000 bytes"),
    ],
)
def test_a_failed_download_is_described_and_leaves_nothing(path, message, address, tmp_path):
    said = refusal(f"{address}/{path}", tmp_path / "new/file")
    assert said == f"cannot fetch file: {address}/{path}: {message}"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:9", "no connection"),
        ("nonsense", "unknown url type"),
        ("gopher://host", "no connection (unknown url type: gopher)"),
    ],
)
def test_an_address_that_does_not_answer_is_described(url, message, tmp_path):
    assert message in refusal(f"{url}/file", tmp_path / "file")


def test_a_length_that_is_no_number_is_one_more_failure(tmp_path, monkeypatch):
    def answer(address, timeout):
        headers = email.message.Message()
        headers["Content-Length"] = "many"
        return addinfourl(io.BytesIO(CONTENT), headers, address)

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    assert "the connection failed" in refusal("http://host/file", tmp_path / "file")


def test_a_full_disk_is_not_taken_for_the_network(address, tmp_path, monkeypatch):
    def full(address):
        raise OSError(28, "No space left on device")
        yield b""

    monkeypatch.setattr(downloading, "_stream", full)
    assert f"no room to write {tmp_path}/new/file" in refusal(
        f"{address}/file", tmp_path / "new/file"
    )
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made_is_described(address, tmp_path):
    (tmp_path / "in the way").write_text("")
    assert "cannot write" in refusal(f"{address}/file", tmp_path / "in the way/file")
