"""Fetching weights from a local server; the published files are pickles, so PyTorch is needed."""

import hashlib

import pytest

torch = pytest.importorskip("torch", reason='needs pip install -e ".[compare]"')

from evofool.classifiers.importing import published  # noqa: E402
from evofool.classifiers.importing.fetching import fetch_weights  # noqa: E402
from evofool.classifiers.loading import load_classifier  # noqa: E402
from evofool.cli import main  # noqa: E402
from evofool.support.errors import UserError  # noqa: E402
from tests.compare import networks  # noqa: E402
from tests.evofool.local_server import serving  # noqa: E402


@pytest.fixture(scope="module")
def published_file(tmp_path_factory):
    """A generated squeezenet1_1, named as torchvision names its files."""
    folder = tmp_path_factory.mktemp("served")
    weights = networks.Weights(seed=0)
    networks.squeezenet1_1(weights, torch.zeros(1, 3, 64, 64), 1000)
    torch.save(dict(weights), folder / "new")
    digits = hashlib.sha256((folder / "new").read_bytes()).hexdigest()[:8]
    return (folder / "new").rename(folder / f"squeezenet1_1-{digits}.pth")


@pytest.fixture
def server(published_file, monkeypatch):
    """Serves the file; gives the address and the paths asked for."""
    entry = published.PublishedFile("squeezenet_v1.1", published_file.name)
    monkeypatch.setitem(published.FILES, "squeezenet1_1", entry)
    with serving(published_file.parent) as (address, asked):
        yield address, asked


def test_weights_are_fetched_and_converted_once(server, published_file, tmp_path, capsys):
    address, asked = server
    flags = ["squeezenet1_1", "--out", str(tmp_path), "--url", f"{address}/"]
    assert main(["weights", "fetch", *flags]) == 0
    assert {file.name for file in tmp_path.iterdir()} == {
        "squeezenet1_1.safetensors",
        "squeezenet1_1.json",
    }
    card = load_classifier("squeezenet1_1", weights=tmp_path).card
    assert card.family == "squeezenet_v1.1"
    assert card.labels[0].startswith("tench")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"fetching {address}/{published_file.name}"
    assert shown[-1] == f"use it with --classifier squeezenet1_1 --weights {tmp_path}"
    assert main(["weights", "fetch", *flags, "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines() == shown[-1:]
    assert asked == [f"/{published_file.name}"]


def test_damaged_weights_are_fetched_again(server, tmp_path):
    address, asked = server
    (tmp_path / "squeezenet1_1.safetensors").write_bytes(b"damaged")
    fetch_weights("squeezenet1_1", out=tmp_path, url=address, report=lambda line: None)
    assert len(asked) == 1
    assert load_classifier("squeezenet1_1", weights=tmp_path).card.outputs == 1000


def test_a_file_that_is_there_is_not_fetched(server, published_file, tmp_path):
    address, asked = server
    (tmp_path / published_file.name).write_bytes(published_file.read_bytes())
    lines = []
    fetch_weights("squeezenet1_1", out=tmp_path, url=address, report=lines.append)
    assert lines[0] == f"{tmp_path / published_file.name} is in place"
    assert asked == []


def test_another_file_under_the_name_is_refused(server, tmp_path, monkeypatch, published_file):
    name = "squeezenet1_1-00000000.pth"
    monkeypatch.setitem(
        published.FILES, "squeezenet1_1", published.PublishedFile("squeezenet_v1.1", name)
    )
    (published_file.parent / name).write_bytes(published_file.read_bytes())
    with pytest.raises(UserError, match="expected 00000000: another file"):
        fetch_weights("squeezenet1_1", out=tmp_path, url=server[0], report=lambda line: None)
    assert list(tmp_path.iterdir()) == []
