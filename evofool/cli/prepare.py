"""The commands around a run: train lenet, data fetch, doctor."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from evofool.cli.settings import ConfigFile, Json, Settings
from evofool.cli.startup import start_jax

if TYPE_CHECKING:
    from evofool.diagnosis import Diagnosis


def train_lenet(
    *,
    out: Path,
    data: Path | None = None,
    seed: int = 0,
    activation: Literal["relu", "sigmoid"] = "relu",
    quiet: bool = False,
) -> None:
    """Trains a LeNet on MNIST and prints its test accuracy after every epoch.

    Writes the weights as safetensors and, beside them, a card that says how they were made. The
    same seed gives the same weights.

      evofool train lenet --out mine.safetensors
      evofool train lenet --data data/mnist --out other.safetensors --seed 1
      evofool evolve --classifier lenet --weights other.safetensors

    Args:
        out: file for the weights, ending in .safetensors.
        data: folder with MNIST; else $EVOFOOL_DATA and the user cache are tried.
        seed: of the initial weights and of the order of the examples.
        activation: relu as in the paper, or sigmoid.
        quiet: no progress.
    """
    start_jax()
    from evofool.training import train_lenet

    report = None if quiet else lambda epoch: print(epoch, flush=True)
    trained = train_lenet(out, data=data, seed=seed, activation=activation, on_epoch=report)
    print(f"{out}: test accuracy {trained.card.test_accuracy:.4f}")


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
    devices: int | None = None,
    as_json: Json = False,
) -> int:
    """Shows what was found, forecasts a run, and tests the classifier. Exit code 1 if that fails.

    Devices, versions, data and weights; time and memory of the run that the settings describe,
    from a trial of two seconds; and whether the classifier recognises digits as it should.

      evofool doctor
      evofool doctor --preset mnist-direct --generations 5000 --runs 5
      evofool doctor --classifier lenet --weights mine.safetensors

    Args:
        config: the run to forecast.
        preset: as in evolve.
        config_file: as in evolve.
        data: folder with data sets; else $EVOFOOL_DATA and the user cache are tried.
        devices: devices that JAX makes of the processor; chosen by the encoding unless given.
        as_json: print JSON.
    """
    del preset, config_file  # are in config already
    start_jax(devices=devices, encoding=config.encoding)
    from evofool.cli.printing import print_json
    from evofool.diagnosis import doctor

    found = doctor(config, data_dir=data)
    if as_json:
        print_json(found.to_dict())
    else:
        _print_diagnosis(found)
    return 0 if found.passed else 1


def _print_diagnosis(found: "Diagnosis") -> None:
    from rich.table import Table
    from rich.text import Text

    from evofool.cli.printing import duration, gigabytes, output

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
