"""train lenet and data fetch as commands; what they do is tested beside their functions."""

import dataclasses
import hashlib
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from evofool import data, load_classifier, training
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


def test_training_prints_every_epoch_and_the_accuracy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Training takes minutes: this one only shows that the flags arrive."""
    given = {}

    def train(out, *, on_epoch, **options):
        given.update(options, out=out)
        if on_epoch is not None:
            on_epoch(training.Epoch(1, 1, 0.25, 0.9, 3.0))
        classifier = load_classifier("mock:10")
        card = dataclasses.replace(classifier.card, test_accuracy=0.9)
        return dataclasses.replace(classifier, card=card)

    monkeypatch.setattr(training, "train_lenet", train)
    flags = ["--out", "w.safetensors", "--data", "sets", "--seed", "3", "--activation", "sigmoid"]
    assert main(["train", "lenet", *flags]) == 0
    assert given == {
        "out": Path("w.safetensors"),
        "data": Path("sets"),
        "seed": 3,
        "activation": "sigmoid",
    }
    assert capsys.readouterr().out.splitlines() == [
        "epoch 1/1: loss 0.2500, test accuracy 0.9000, 3.0 s",
        "w.safetensors: test accuracy 0.9000",
    ]
    assert main(["train", "lenet", *flags, "--quiet"]) == 0
    assert capsys.readouterr().out == "w.safetensors: test accuracy 0.9000\n"
