"""The commands around a run: data fetch, doctor."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from evofool.cli.flags import ConfigFile, Json, Settings
from evofool.cli.startup import start_jax

if TYPE_CHECKING:
    from evofool.runs import Diagnosis


def data_fetch(
    name: Annotated[str, tyro.conf.Positional],
    *,
    dir: Path | None = None,
    url: str | None = None,
    quiet: bool = False,
) -> None:
    """Downloads a data set from its public mirrors and checks the sha256 of every file.

      evofool data fetch mnist
      evofool data fetch cifar10
      evofool data fetch mnist --dir data --url http://localhost:8000/mnist

    Args:
        name: of the data set; mnist or cifar10.
        dir: folder for data sets; the user cache unless given.
        url: address of a folder with the files, instead of the public mirrors.
        quiet: no progress.
    """
    from evofool.data import fetch

    folder = fetch(name, dir, url=url, report=(lambda line: None) if quiet else print)
    print(f"{name} is in {folder}")


def doctor(
    *,
    config: Settings,
    preset: str | None = None,
    config_file: ConfigFile = None,
    data: Path | None = None,
    images: Path | None = None,
    labels: Path | None = None,
    devices: int | None = None,
    as_json: Json = False,
) -> int:
    """Shows what was found, forecasts a run, and tests the classifier. Exit code 1 if that fails.

    Devices, versions, data and weights; what the classifier is, and how images are prepared
    for it; time and memory of the run that the settings describe, from a trial of two seconds;
    and whether the classifier recognises what it should: digits, or labelled photographs of
    yours (the first hundred).

      evofool doctor
      evofool doctor --preset mnist-direct --generations 5000 --runs 5
      evofool doctor --classifier lenet --weights mine.safetensors
      evofool doctor --classifier mobilenet_v1_0.25_128 --weights nets --images val --labels val.csv

    Args:
        config: the run to forecast.
        preset: as in evolve.
        config_file: as in evolve.
        data: folder with data sets; else $EVOFOOL_DATA and the user cache are tried.
        images: folder of labelled photographs.
        labels: CSV file with the columns file and index, as for evofool accuracy.
        devices: devices that JAX makes of the processor; one per core unless given.
        as_json: print JSON.
    """
    del preset, config_file  # are in config already
    start_jax(devices=devices, evolves=True)
    from evofool.cli.console import print_json
    from evofool.runs import doctor

    found = doctor(config, data_dir=data, images=images, labels=labels)
    if as_json:
        print_json(found.to_dict())
    else:
        _print_diagnosis(found)
    return 0 if found.passed else 1


def _print_diagnosis(found: "Diagnosis") -> None:
    from rich.table import Table
    from rich.text import Text

    from evofool.cli.console import duration, gigabytes, output

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    rows = [
        ("versions", ", ".join(f"{name} {version}" for name, version in found.versions.items())),
        ("processor", f"{found.processor}, {found.cores} cores"),
        ("devices", ", ".join(found.devices)),
        ("compiled programs", found.cache or "not kept"),
        *((f"data {name}", where) for name, where in found.data.items()),
        *((f"weights {name}", what) for name, what in found.weights.items()),
    ]
    for facts in found.classifiers:
        rows += [
            ("classifier", f"{facts.name} ({facts.family})"),
            ("  weights", f"sha256 {facts.sha256}" if facts.sha256 else "none in a file"),
            (
                "  outputs",
                f"{facts.outputs}; class 0 is output {facts.class_offset}: {facts.first_class}",
            ),
            ("  images", facts.preprocessing),
        ]
    cost = found.forecast
    if cost is not None:
        rows.append(
            (
                "forecast",
                f"{duration(cost.seconds)} ({duration(cost.compile_seconds)} compiling) at "
                f"{cost.evaluations_per_second:,.0f} evaluations/s; "
                f"{gigabytes(cost.memory_bytes)} of memory"
                + (
                    f", {gigabytes(cost.device_memory_bytes)} on the device"
                    if cost.device_memory_bytes
                    else ""
                ),
            )
        )
    for check in found.checks:
        rows.append(
            (f"test: {check.name}", f"{'ok' if check.passed else 'FAILED'}: {check.detail}")
        )
    for name, what in rows:
        table.add_row(name, Text(what))
    output().print(table)
