"""The command that examines an installation, a classifier and the cost of a run: doctor."""

from pathlib import Path

from evofool.cli.exit_codes import FAILED, OK
from evofool.cli.flags import ConfigFile, Json, Settings, check_settings
from evofool.cli.numbers import MaybeDevices
from evofool.cli.startup import start_jax


def doctor(
    *,
    config: Settings,
    preset: str | None = None,
    config_file: ConfigFile = None,
    trust_code: bool = False,
    data: Path | None = None,
    images: Path | None = None,
    labels: Path | None = None,
    invert: bool = False,
    devices: MaybeDevices = None,
    as_json: Json = False,
) -> int:
    """Checks the installation and a classifier; forecasts a run.

    It lists devices, versions, data sets and weights; describes the classifier and how images are
    preprocessed for it; forecasts time and memory of the run that the settings describe, from a
    trial of two seconds; and checks that the classifier recognises digits, or the first hundred of
    your own labelled photographs; of a model in a file it says which of the usual preprocessings
    fits them best. The exit code is 1 if a check fails.

      evofool doctor
      evofool doctor --preset mnist-direct --generations 5000 --runs 5
      evofool doctor --classifier lenet --weights mine.safetensors
      evofool doctor --classifier NAME --weights nets --images val --labels val.csv

    Args:
        config: settings of the run to forecast.
        preset: as in evolve.
        config_file: as in evolve.
        trust_code: as in evolve.
        data: folder of data sets; by default that of EVOFOOL_DATA, or the user cache.
        images: folder of labelled photographs.
        labels: CSV file with the columns file and index, as for accuracy.
        invert: exchange dark and bright in these photographs.
        devices: number of JAX devices to split the processor into; by default one per core.
        as_json: print JSON.
    """
    del preset, config_file, trust_code  # are in config already
    check_settings(config)
    start_jax(devices=devices, evolves=True)
    from evofool.cli.console import output, print_json
    from evofool.cli.tables import diagnosis_table
    from evofool.runs import doctor

    diagnosis = doctor(config, data_dir=data, images=images, labels=labels, invert=invert)
    if as_json:
        print_json(diagnosis.to_dict())
    else:
        output().print(diagnosis_table(diagnosis))
    return OK if diagnosis.passed else FAILED
