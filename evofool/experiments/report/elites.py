"""What the experiments say of runs: confidences of elites, when they were reached, sheets."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

from evofool.classifiers import confidence
from evofool.evolution import NEAR_CERTAIN
from evofool.experiments.bench.lab import Lab
from evofool.experiments.report.findings import Figure, Row
from evofool.experiments.report.render import as_percentage
from evofool.images import save_image
from evofool.runs import Run, gallery, write_convergence
from evofool.support import replacing

MOST_WIDTH, MOST_BYTES = 1400, 490_000  # of a sheet in a report
QUALITIES = range(88, 20, -6)  # of JPEG: the first that fits, or the last
RUNS_ON_A_SHEET = 5


def confidences(run: Run) -> Float[np.ndarray, "runs classes"]:
    """Returns the confidence of every elite."""
    return confidence(run.table["archive.fitness"])


def first_generations(run: Run, measure: str, bar: float) -> list[int]:
    """Returns when a measure of `metrics.jsonl` first reached a bar, for the runs where it did."""
    first: dict[int, int] = {}
    for line in run.metrics:
        if line[measure] >= bar:
            first.setdefault(line["run"], line["generation"])
    return [first[index] for index in sorted(first)]


def certainty_rows(run: Run, *, every: str, soon: str, end: str) -> list[Row]:
    """Returns how certain a run with few classes became, and how soon.

    Args:
        run: with one or more independent runs.
        every: the published generation at which every class reached 99.99 %.
        soon: the published generation at which the median did.
        end: the published median at the end.
    """
    found, runs = confidences(run), run.config.runs
    all_at = first_generations(run, "min_confidence", NEAR_CERTAIN)
    median_at = first_generations(run, "median_confidence", NEAR_CERTAIN)
    last = f"generation {run.generation}"
    return [
        Row(
            what="first generation with every class >= 99.99 %",
            paper=every,
            ours=all_at,
            n=f"{len(all_at)} of {runs} runs get there",
        ),
        Row(
            what="first generation with a median >= 99.99 %",
            paper=soon,
            ours=median_at,
            n=f"{len(median_at)} of {runs} runs get there",
        ),
        Row(
            what=f"median confidence at {last}",
            paper=end,
            ours=np.median(found, axis=1).tolist(),
            unit="%",
            n=f"{found.shape[1]} classes a run",
        ),
        Row(
            what=f"share of elites >= 99.99 % at {last}",
            ours=np.mean(found >= NEAR_CERTAIN, axis=1).tolist(),
            unit="%",
            n=f"{found.size} images",
        ),
    ]


def show_runs(lab: Lab, run: Run, what: str) -> list[Figure]:
    """Leaves the sheet of the first runs and the convergence of all, for a report."""
    shown = min(RUNS_ON_A_SHEET, run.config.runs)
    classes = len(run.outputs)
    (sheet,) = gallery(run, sort="class", per_page=shown * classes, page=1)
    save_image(sheet, lab.folder / "sheet.png")
    write_convergence(run, lab.folder / "convergence.png")
    return [
        Figure(file="sheet.png", caption=f"{what}: {shown} run(s), a row each, best of each class"),
        Figure(file="convergence.png", caption="Confidence over generations, a colour per run"),
    ]


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Writes a sheet of many coloured images as JPEG, as good as a report has room for."""
    factor = min(1.0, MOST_WIDTH / sheet.width)
    size = (round(sheet.width * factor), round(sheet.height * factor))
    scaled = sheet.resize(size, Image.Resampling.LANCZOS)
    for quality in QUALITIES:
        stream = io.BytesIO()
        scaled.save(stream, "JPEG", quality=quality)
        if stream.tell() <= MOST_BYTES:
            break
    with replacing(path) as temporary:
        temporary.write_bytes(stream.getvalue())


def spell(values: Sequence[float]) -> str:
    """Writes shares as percentages, equal ones once: "91.9 % and 93.4 %"."""
    return " and ".join(dict.fromkeys(map(as_percentage, values)))
