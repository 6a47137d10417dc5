"""render and descent as commands."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import Run
from evofool.cli import main
from tests.evofool.cli.running import output_of


def test_render_draws_at_the_size_asked_for(
    cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "seven.png"
    output_of(capsys, "render", cppn_run.folder, "--class", 7, "--size", 100, "--out", out)
    with Image.open(out) as image:
        assert (image.size, image.mode) == ((100, 100), "L")


def test_render_at_the_native_size_is_the_image_that_was_scored(
    cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "seven.png"
    output_of(capsys, "render", cppn_run.folder, "--class", 7, "--size", 28, "--out", out)
    with Image.open(out) as image:
        np.testing.assert_array_equal(np.asarray(image), cppn_run["7"].image()[..., 0])


def test_render_takes_width_and_height(
    cppn_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "seven.png"
    output_of(capsys, "render", cppn_run.folder, "--class", 7, "--size", "60x20", "--out", out)
    with Image.open(out) as image:
        assert image.size == (60, 20)


@pytest.mark.parametrize("size", ["10x", "x", "1_0", "٣", "9x9x9", "-5", "1e3", "", "0", "5x0"])
def test_a_size_that_is_none_is_refused(
    size: str, cppn_run: Run, in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    flags = ["--class", "7", f"--size={size}", "--out", "seven.png"]
    with pytest.raises(SystemExit) as refused:
        main(["render", str(cppn_run.folder), *flags])
    assert refused.value.code == 2
    assert "or two as WIDTHxHEIGHT" in " ".join(capsys.readouterr().err.split())
    assert not Path("seven.png").exists()
