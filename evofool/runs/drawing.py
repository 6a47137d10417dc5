"""Elites drawn anew, at any resolution."""

from pathlib import Path

from PIL import Image

from evofool.runs.frames import Size
from evofool.runs.run import Run


def render(
    run: str | Path | Run, name: str | int, *, size: Size = 1024, run_index: int = 0
) -> Image.Image:
    """Draws a CPPN elite anew, at any resolution.

    Args:
        run: a run directory.
        name: of the class, its index or label.
        size: pixels along the longer side, or (width, height); where these have other proportions
            than the image that was evolved, more of the plane is drawn around it.
        run_index: which of the independent runs.

    Raises:
        UserError: no such run or class, or its images are directly encoded.
    """
    return Run.open(run).elite(name, run_index).render(size)
