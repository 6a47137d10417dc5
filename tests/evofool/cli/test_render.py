"""render and descent as commands."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evofool import Run
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
