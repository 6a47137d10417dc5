"""The contact sheet of a run: every elite with its label and confidence."""

from pathlib import Path

import numpy as np
from PIL import Image

from evofool.reports.sheets import draw_sheet, percent
from evofool.run import Run


def gallery(run: str | Path | Run, *, run_index: int | None = None) -> Image.Image:
    """Draws a contact sheet: every elite with its label and confidence.

    Args:
        run: a run directory.
        run_index: one of the independent runs; all of them, one after the other, unless given.

    Raises:
        UserError: not a run directory, or there is no such run.
    """
    run = Run.open(run)
    indices = range(run.config.runs) if run_index is None else [run_index]
    elites = [elite for index in indices for elite in run.elites(index)]
    captions = [[elite.label, percent(elite.confidence)] for elite in elites]
    if run.config.runs > 1:
        for elite, caption in zip(elites, captions, strict=True):
            caption.append(f"seed {run.config.seed + elite.run_index}")
    return draw_sheet(np.stack(list(run.pictures(elites))), captions)
