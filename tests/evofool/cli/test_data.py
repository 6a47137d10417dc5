"""data fetch as a command; what it does is tested beside its function."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from evofool import data
from evofool.cli import main


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serves one file as the whole of MNIST; gives its address."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/digits").write_bytes(b"seven")
    sha256 = hashlib.sha256(b"seven").hexdigest()
    monkeypatch.setitem(data.SOURCES, "mnist", data.Source({"digits": sha256}, ()))

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    handler = partial(Silent, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def test_data_is_fetched_from_the_address_given(
    server: str, in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["data", "fetch", "mnist", "--dir", "sets", "--url", server]) == 0
    assert Path("sets/mnist/digits").read_bytes() == b"seven"
    shown = capsys.readouterr().out.splitlines()
    assert shown == [f"fetching {server}/digits", "mnist is in sets/mnist"]
    assert main(["data", "fetch", "mnist", "--dir", "sets", "--url", server, "--quiet"]) == 0
    assert capsys.readouterr().out == "mnist is in sets/mnist\n"


def test_what_the_server_does_not_have_is_an_error_of_the_user(
    server: str, in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["data", "fetch", "mnist", "--dir", "sets", "--url", f"{server}/nowhere"]) == 2
    assert "answered 404" in capsys.readouterr().err
