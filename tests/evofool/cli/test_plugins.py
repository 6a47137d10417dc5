import json

import pytest

import evofool
from evofool.cli import main
from evofool.support import PLUGINS
from tests.evofool import fourier

OWN = """
import evofool
import jax.numpy as jnp

def doubt(log_probabilities):
    return -log_probabilities.max(axis=1)

evofool.register_fitness("doubt", doubt)
evofool.register_activation("saw", lambda p: 2 * (p / 8 - jnp.floor(p / 8)) - 1)
"""


@pytest.mark.slow
def test_commands_know_what_the_files_of_the_environment_register(monkeypatch, tmp_path, capsys):
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    monkeypatch.setenv(PLUGINS, f"{tmp_path / 'own.py'}:{fourier.FILE}")
    out = str(tmp_path / "run")
    settings = ["--classifier", "mock:10", "--batch-size", "20", "--generations", "2", "--quiet"]
    assert (
        main(["evolve", *settings, "--fitness", "doubt", "--encoding", "fourier", "--out", out])
        == 0
    )
    assert evofool.Run(out).config.fitness == "doubt"
    assert main(["verify", out]) == 0
    other = [*settings, "--cppn.activations", "saw", "gaussian", "--out", str(tmp_path / "saw")]
    assert main(["evolve", *other]) == 0
    assert main(["inspect", str(tmp_path / "saw"), "--class", "7", "--json"]) == 0
    capsys.readouterr()


def test_without_them_a_run_says_what_it_needs(tmp_path, cppn_run, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    content = json.loads((cppn_run.folder / "config.json").read_text(encoding="utf-8"))
    content["config"]["encoding"] = "theirs"
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    assert main(["inspect", str(folder)]) == 2
    assert "a file that the variable EVOFOOL_PLUGINS names" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "message"), [("no.py", "there is no file"), ("no_such_module_x", "no_such_module_x")]
)
def test_a_plugin_that_is_not_there_is_named(place, message, monkeypatch, capsys):
    monkeypatch.setenv(PLUGINS, place)
    assert main(["inspect", "nothing"]) == 2
    assert message in capsys.readouterr().err
