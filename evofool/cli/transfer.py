"""The command that shows the elites of a run to other models: transfer."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from evofool.cli.flags import Json, RunFolder
from evofool.cli.numbers import MaybeCount, MaybeIndex
from evofool.cli.startup import start_jax

if TYPE_CHECKING:
    from evofool.runs import TransferMatrix

ROWS_AT_ENDS = 10  # of the table of many elites


def transfer(
    run: RunFolder,
    models: Annotated[tuple[str, ...], tyro.conf.Positional],
    *,
    weights: Path | None = None,
    run_index: MaybeIndex = None,
    top: MaybeCount = None,
    csv: Path | None = None,
    trust_code: bool = False,
    as_json: Json = False,
) -> None:
    """Prints how certain other models are of the elites of a run.

    A row for each elite, a column for each model: the confidence in the class that the image was
    evolved for; the first column is the run's own model. Below, a row for each model: how many
    images have the same likeliest class as with the run's own model, in how many it is the class
    that the image was evolved for, and the median confidence. Images are scaled to the input size
    of each model.

      evofool transfer runs/cppn-0 mlp.safetensors --weights nets
      evofool transfer runs/cppn-0 mine.py:make other.py:make
      evofool transfer runs/imagenet-0 resnet18 resnet50 --weights nets --csv seen.csv

    Args:
        run: run directory.
        models: names or addresses, as after --classifier.
        weights: their weights: the folder of NAME.safetensors, or a file.
        run_index: one of the independent runs of evolve --runs, from 0; by default all.
        top: number of rows from each end of the table of more than 30 elites; by default 10.
        csv: file to write a row for each elite to, with the label that each model gives it.
        trust_code: run the code of the classifier that the run directory names, FILE.py:factory or
            module:factory. A model that is named here is trusted without.
        as_json: print JSON.
    """
    start_jax()
    from evofool.cli.console import print_json
    from evofool.runs import Run, transfer_matrix, write_csv

    matrix = transfer_matrix(
        Run(run, trust_code=trust_code), models, weights=weights, run_index=run_index
    )
    if csv is not None:
        write_csv(csv, matrix.rows())
    if as_json:
        print_json({"run": run, "models": _summaries(matrix), "elites": matrix.rows()})
    else:
        _print(matrix, top or ROWS_AT_ENDS)


def _summaries(matrix: "TransferMatrix") -> list[dict[str, object]]:
    import numpy as np

    return [
        {
            "model": name,
            "same_label": float(same.mean()),
            "hits": float(judgement.hits.mean()),
            "median_confidence": float(np.median(judgement.confidence)),
        }
        for name, judgement, same in zip(
            matrix.models, matrix.judgements, matrix.same_label, strict=True
        )
    ]


def _print(matrix: "TransferMatrix", ends: int) -> None:
    from functools import partial

    from evofool.cli.console import make_table, output
    from evofool.runs import MOST_BY_CLASS
    from evofool.support import percent, rounded_percent

    writers = [partial(percent, step=step) for step in matrix.resolutions]
    rows: list[list[object]] = [
        [
            elite.class_index,
            elite.label,
            *(write(one) for write, one in zip(writers, confidences, strict=True)),
        ]
        for elite, confidences in zip(matrix.elites, matrix.confidence.T, strict=True)
    ]
    hidden = len(rows) - 2 * ends if len(rows) > MOST_BY_CLASS else 0
    caption = f"and {hidden} between these" if hidden > 0 else ""
    if hidden > 0:
        rows[ends : len(rows) - ends] = [["..."] * (2 + len(matrix.models))]
    console = output()
    console.print(make_table(["class", "label", *matrix.models], rows, caption=caption))
    console.print()
    lines = [
        [
            summary["model"],
            rounded_percent(float(str(summary["same_label"]))),
            rounded_percent(float(str(summary["hits"]))),
            write(float(str(summary["median_confidence"]))),
        ]
        for summary, write in zip(_summaries(matrix), writers, strict=True)
    ]
    console.print(make_table(["model", "same label", "hits", "median"], lines))
