"""gallery and poster as commands."""

from pathlib import Path

import pytest
from PIL import Image

from evofool import Run
from tests.evofool.cli.running import output_of


def test_gallery_writes_a_sheet(cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    one, both = tmp_path / "one.png", tmp_path / "both.jpg"
    output_of(capsys, "gallery", cppn_run.folder, "--out", one, "--run-index", 1)
    output_of(capsys, "gallery", cppn_run.folder, "--out", both)
    with Image.open(one) as first, Image.open(both) as second:
        assert first.width == second.width
        assert first.height < second.height


def test_gallery_writes_a_file_per_page(
    imagenet_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    dogs = ["gallery", imagenet_run.folder, "--group", "dogs", "--per-page", 60]
    shown = output_of(capsys, *dogs, "--out", tmp_path / "dogs.jpg").split()
    assert [Path(path).name for path in shown] == ["dogs-01.jpg", "dogs-02.jpg"]
    assert output_of(capsys, *dogs, "--out", tmp_path / "one.png", "--page", 2).split() == [
        str(tmp_path / "one.png")
    ]
    two = ["--class", "starfish", "n02119789"]
    output_of(capsys, "gallery", imagenet_run.folder, *two, "--out", tmp_path / "two.png")
    with Image.open(tmp_path / "one.png") as many, Image.open(tmp_path / "two.png") as few:
        assert few.width < many.width


def test_the_gallery_of_a_finished_run_is_one_page(imagenet_run: Run):
    with Image.open(imagenet_run.folder / "gallery.png") as image:
        assert image.height < 3000
