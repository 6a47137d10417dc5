"""The command line as a whole: its help, and that no mistake ends in a traceback."""

import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest

import evofool.runs
from evofool import Run
from evofool.cli import COMMANDS, main

FLAGS = {
    "evolve": [
        *("--classifier", "--weights", "--encoding", "--generations", "--batch-size", "--runs"),
        *("--seed", "--classes", "--out", "--preset", "--config", "--overwrite", "--devices"),
        *("--no-cache", "--quiet", "--json", "--cppn.weight-rate", "--direct.crossover"),
    ],
    "resume": ["RUN", "--generations", "--devices", "--no-cache", "--quiet", "--json"],
    "inspect": ["RUN", "--run-index", "--class", "--group", "--sort", "--top", "--all", "--json"],
    "compare": [
        *("RUNS", "--by", "--over", "--measure", "--baseline", "--csv", "--plot", "--json"),
    ],
    "sweep": [
        *("PLAN", "--out", "--backend", "--workers", "--address", "--retries", "--trust-code"),
        *("--quiet", "--json"),
    ],
    "transfer": ["RUN", "MODELS", "--weights", "--run-index", "--csv", "--trust-code", "--json"],
    "animate": ["--class", "--to", "--lineage", "--loop", "--fps", "--zoom", "--out"],
    "render": ["RUN", "--class", "--size", "--aspect", "--palette", "--favourites", "--out"],
    "descent": ["RUN", "--class", "--out", "--run-index"],
    "gallery": [
        *("RUN", "--out", "--run-index", "--class", "--group", "--sort", "--per-page", "--page"),
    ],
    "export": ["RUN", "--out"],
    "poster": ["RUN", "--out", "--count", "--size", "--least"],
    "quiz": [
        *("RUN", "--out", "--questions", "--seed", "--data", "--judge", "--judge-weights"),
        "--json",
    ],
    "verify": ["RUN", "--tolerance", "--json"],
    "survive": ["RUN", "--wear", "--seed", "--out", "--json"],
    "classify": [
        *("IMAGES", "--classifier", "--weights", "--combine", "--top", "--exact", "--json"),
    ],
    "accuracy": [
        *("--classifier", "--weights", "--combine", "--images", "--labels", "--exact", "--json"),
    ],
    "train": [
        *("NETWORK", "--data", "--out", "--seed", "--epochs", "--decay", "--examples"),
        *("--augment", "--activation", "{relu,sigmoid}", "--width", "--quiet"),
        *("--adversarial", "{none,fgsm,vat}", "--epsilon"),
    ],
    "corrupt": [
        *("--classifier", "--weights", "--dataset", "--data", "--images", "--labels", "--limit"),
        *("--shuffle", "--rows", "--tiles", "--blur", "--recolor", "--seed", "--out", "--json"),
    ],
    "attack": [
        *("NAME", "IMAGES", "--classifier", "--weights", "--combine", "--label", "--out", "--json"),
    ],
    "fine-tune": [
        *("CLASSIFIER", "--out", "--images", "--runs", "--labels", "--weights", "--overweight"),
        *("--hold-out", "--epochs", "--seed", "--quiet"),
    ],
    "reproduce": [
        *("NAME", "--list", "--scale", "{full,small}", "--seeds", "--on", "--out", "--data"),
        *("--weights", "--photographs", "--labels", "--again", "--quiet", "--json"),
    ],
    "card": ["ADDRESS", "--out"],
    "breed": [
        *("RUN", "--favourites", "--classes", "--numbers", "--children", "--out", "--overwrite"),
        *("--classifier", "--weights", "--trust-code", "--json"),
    ],
    "site": ["RUNS", "--out", "--title", "--strict"],
    "serve": [
        *("RUN", "--live", "--generations", "--classifier", "--weights", "--trust-code"),
        *("--photographs", "--host", "--port", "--token", "--devices"),
    ],
    "audit": [
        *("ADDRESS", "--out", "--weights", "--combine", "--images", "--labels", "--dataset"),
        *("--budget", "--seed", "--fail-if", "--metrics", "--expect-accuracy", "--golden"),
        *("--baseline", "--not-worse-than", "--replay", "--try", "--max-seconds", "--json"),
    ],
    "audit-diff": ["BEFORE", "AFTER", "--json"],
    "data fetch": ["NAME", "--dir", "--url"],
    "weights convert": ["FILE", "--family", "--out", "--name", "--labels", "--card"],
    "weights fetch": ["NAME", "--out", "--url", "--quiet"],
    "polish": ["RUN", "--steps", "--rounds", "--widen", "--expect", "--out", "--devices"],
    "doctor": [
        "--data",
        "--images",
        "--labels",
        "--json",
        "--preset",
        "--config",
        "--generations",
        "--devices",
    ],
}


def test_the_table_of_flags_has_every_command():
    assert FLAGS.keys() == COMMANDS.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_flags_and_examples(command: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as exit_:
        main([*command.split(), "--help"])
    assert exit_.value.code == 0
    shown = capsys.readouterr().out
    assert f"\n  evofool {command} " in shown
    missing = [flag for flag in FLAGS[command] if flag not in shown]
    assert not missing


@pytest.mark.parametrize("arguments", [[], ["--help"], ["help"]])
def test_without_a_command_all_are_listed(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {command} " in shown for command in COMMANDS)


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.split() == ["evofool", version("evofool")]


def test_help_does_not_load_jax():
    code = (
        "import sys, evofool.cli\n"
        "try: evofool.cli.main(['evolve', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'jax', 'flax', 'rich', 'matplotlib'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def complaint(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Runs a command that must be refused; returns what it says, on one line."""
    try:
        code = main(arguments)
    except SystemExit as exit_:  # tyro's own refusals
        code = exit_.code
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    return " ".join(captured.err.replace("│", " ").split())


MISTAKES = {
    "evolv": "did you mean 'evolve'?",
    "train lenett --out w.safetensors": "did you mean 'lenet'",
    "data fetch mnis": "did you mean 'mnist'?",
    "evolve --clasifier mock:10": "--classifier STR",
    "evolve --cppn.weight-rat 0.1": "--cppn.weight-rate FLOAT",
    "evolve --encoding cpn": "valid: cppn, direct",
    "evolve --classifier mock:x": "expected mock:CLASSES",
    "evolve --classifier no_such_module:make": "no module 'no_such_module'",
    "evolve --classifier :make": "expected module:factory",
    "evolve --preset mnist-cpn": "did you mean 'mnist-cppn'",
    "evolve --config nowhere.toml": "cannot read nowhere.toml",
    "evolve --classifier mock:10 --classes 3 clas-7": "did you mean 'class 7'",
    "evolve --classifier mock:10 --classes 10": "unknown class '10'",
    "evolve --classifier mock:10 --classes 3 3": "one class twice",
    "evolve --batch-size 0": "batch_size is 0; expected 1..1048576",
    "evolve --batch-size many": "'many' is not a whole number from 0",
    "evolve --cppn.weight-rate 1.5": "cppn.weight_rate is 1.5; expected a probability",
    "evolve --classifier mock:10 --cppn.color rgb": "the classifier wants 1 channel(s)",
    "evolve --classifier mock:10 --cppn.activations sin": "did you mean 'sine'",
    "evolve --classifier mock:10 --cppn.activations sine sine": "expected each function once",
    "evolve --max-evaluations 3": "less than the initial population",
    "evolve --classifier mock:10 --devices 0": "'0' is not a whole number from 1 to 256",
    "evolve --weights nowhere.safetensors": "no weights at nowhere.safetensors",
    "resume nowhere": "nowhere is not a run directory",
    "resume {direct} --generations 3": "can only be extended",
    "inspect nowhere": "nowhere is not a run directory",
    "inspect {direct} --class 8": "evolved for class 3, class 7, class 9",
    "inspect {direct} --class clas7": "did you mean 'class 7'",
    "inspect {direct} --run-index 1": "run index is 1; expected 0..0",
    "compare": "no run directory given",
    "compare {cppn} --csv a.csv": "--csv has no effect without --by",
    "compare {cppn} --by color": "unknown setting 'color'",
    "sweep nowhere.toml": "cannot read nowhere.toml",
    "compare {direct} nowhere": "nowhere is not a run directory",
    "render {direct} --class 7 --out seven.png": "directly encoded",
    "render {cppn} --class 7 --size 0 --out seven.png": "'0' is not a number of pixels from 1",
    "descent {direct} --class 8 --out line.png": "evolved for class 3, class 7, class 9",
    "gallery {direct} --out sheet": "no known image format",
    "gallery {direct} --out sheet.png --run-index 4": "run index is 4",
    "export {direct} --out {direct}": "is not empty",
    "poster {direct} --out wall --count 1 --least 0": "directly encoded",
    "evolve --micro-batch 201": "micro_batch is 201; expected at most batch_size, which is 200",
    "evolve --overwrite": "--overwrite has no effect without --out",
    "evolve --direct.mutation-rate 0.5": "--direct.mutation-rate has no effect with",
    "evolve --preset mnist-direct --cppn.color=hsv": "--cppn.color has no effect with --encoding d",
    "evolve --encoding direct --direct.mutation waves --direct.halve-every 5": (
        "--direct.halve-every has no effect with --direct.mutation waves"
    ),
    "evolve --population 7": "--population has no effect with --algorithm map-elites",
    "evolve --polish.widen 4": "--polish.widen has no effect with --polish 0",
    "evolve --preset imagenet-polished --polish 0 --polish.gain=3": "--polish.gain has no effect",
    "evolve --encoding direct --polish 5 --polish.widen 4": "has no effect with --encoding direct",
    "evolve --combine min": "--combine has no effect on 'lenet', which is no ensemble",
    "doctor --combine min": "--combine has no effect",
    "classify a.png --classifier lenet --combine min": "--combine has no effect",
    "attack fgsm a.png --classifier lenet --combine min": "--combine has no effect",
    "inspect {cppn} --class 3 --sort class": "--sort has no effect with --class",
    "inspect {cppn} --class 3 --group dogs --all": "--group, --all have no effect with --class",
    "inspect {cppn} --json --top 3": "--top has no effect with --json",
    "corrupt --classifier lenet --dataset mnist --blur 1 --seed 0": "--seed has no effect",
    "corrupt --classifier lenet --images . --labels l.csv --blur 1 --data .": "--data has no",
    "reproduce regular --list --scale small --seeds 3": "--name, --seeds have no effect",
    "poster {cppn} --out wall --least 1.1": "'1.1' is not a number from 0 to 1",
    "quiz {direct} --out quiz --judge mock:10": "is the classifier that",
    "quiz {direct} --out quiz --judge mock:3": "tells 3 classes apart",
    "quiz {direct} --out quiz --judge-weights w.safetensors": "needs --judge",
    "verify {direct} --tolerance -1": "'-1' is not a number from 0 to 1",
    "train lenet --out w.safetensors --data nowhere": "mnist is not in nowhere",
    "train lenet --out w.safetensors --activation tanh": "invalid choice 'tanh'",
    "attack fgms a.png --classifier mock:10": "did you mean 'fgsm'",
    "attack fgsm --classifier mock:10": "no images to attack",
    "attack fgsm a.png --classifier mock:10": "there is no image a.png",
    "attack deepfool a.png --classifier mock:10 --pixels 3": "deepfool takes no pixels",
    "attack fgsm a.png --classifier mock:10 --epsilon much": "Error parsing --epsilon",
    "doctor --preset mnist": "did you mean 'mnist-cppn'",
}


@pytest.mark.parametrize("arguments", MISTAKES)
def test_mistakes_are_explained(
    arguments: str,
    cppn_run: Run,
    direct_run: Run,
    in_tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    filled = arguments.format(cppn=cppn_run.folder, direct=direct_run.folder)
    assert MISTAKES[arguments] in complaint(filled.split(), capsys)


LONG = "a" * 300  # letters: more than a file system allows
TOO_LONG = [
    *(f"{command} {LONG}" for command in ("inspect", "resume", "verify", "compare")),
    f"render {LONG} --class 3 --out a.png",
    f"gallery {LONG} --out a.png",
    f"gallery {{direct}} --out {LONG}.png",
    f"export {{direct}} --out {LONG}",
    f"quiz {{direct}} --out {LONG}",
    f"quiz {{direct}} --out quiz --judge {LONG} --judge-weights {LONG}",
    f"poster {{cppn}} --out {LONG} --least 0 --count 1",
    f"evolve --classifier mock:10 --out {LONG}",
    f"evolve --config {LONG}.toml",
    f"evolve --classifier a --weights {LONG}",
    f"classify {LONG}.png --classifier mock:10",
    f"classify a.png --classifier a --weights {LONG}",
    f"accuracy --classifier mock:10 --images {LONG} --labels a.csv",
    f"corrupt --classifier mock:10 --images . --labels {LONG}.csv --blur 1",
    f"attack fgsm {LONG}.png --classifier mock:10",
    f"train lenet --out {LONG}.safetensors",
    f"train lenet --out a.safetensors --data {LONG}",
    f"weights convert {LONG}.safetensors --family resnet18 --out .",
    f"doctor --classifier a --weights {LONG}",
]


@pytest.mark.parametrize("arguments", TOO_LONG, ids=lambda text: text.replace(LONG, "LONG"))
def test_names_that_are_too_long_are_refused_in_one_line(
    arguments: str,
    cppn_run: Run,
    direct_run: Run,
    in_tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    (in_tmp_path / "a.png").touch()
    filled = arguments.format(cppn=cppn_run.folder, direct=direct_run.folder)
    code = main(filled.split())
    said = capsys.readouterr().err
    assert len(said.splitlines()) <= 1
    if sys.version_info < (3, 14):  # to which such a file is one that is not there
        assert (code, "File name too long" in said) == (2, True)
    assert code in (1, 2)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError(13, "Permission denied", "run/config.json"), "run/config.json: Permi"),
        (OSError(5, "Input/output error"), "line"),
        (OSError("odd"), "odd"),
    ],
)
def test_what_the_operating_system_refuses_is_one_line(
    error: OSError,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(evofool.runs, "Run", fail)
    assert expected in complaint(["inspect", "run"], capsys)


def test_an_unknown_key_of_the_configuration_file_offers_the_nearest(
    in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (in_tmp_path / "mine.toml").write_text("[cppn]\nweight_rat = 0.2\n")
    said = complaint(["evolve", "--config", "mine.toml"], capsys)
    assert "did you mean 'cppn.weight_rate'" in said


BAD_CLASSIFIERS = """
    import jax.numpy as jnp
    from evofool.classifiers import Card, Classifier

    def make(function):
        card = Card(
            name="bad", family="mine", input_shape=(8, 8, 1), outputs=4, labels=tuple("abcd"),
            channel_order="grey", mean=(0.0,), scale=1.0,
        )
        return Classifier(card=card, params=(), apply=function)

    def nan():
        return make(lambda params, images: jnp.full((len(images), 4), jnp.nan))

    def narrow():
        return make(lambda params, images: images[:, 0, :3, 0])

    def constant():
        return make(lambda params, images: jnp.ones((len(images), 4)))
"""


@pytest.mark.parametrize(
    ("factory", "expected"),
    [("nan", "NaN"), ("narrow", "expected (8, 4)"), ("constant", "same output")],
)
def test_a_useless_classifier_is_refused_before_the_run(
    factory: str, expected: str, in_tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (in_tmp_path / "bad_classifiers.py").write_text(textwrap.dedent(BAD_CLASSIFIERS))
    said = complaint(["evolve", "--classifier", f"bad_classifiers:{factory}"], capsys)
    assert expected in said
    assert not (in_tmp_path / "runs").exists()
