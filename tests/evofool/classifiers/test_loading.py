import dataclasses

import jax
import numpy as np
import pytest

from evofool.classifiers import loading
from evofool.classifiers.architectures.lenet import lenet_card
from evofool.classifiers.card import Card
from evofool.classifiers.classifier import make_network
from evofool.classifiers.loading import (
    load_classifier,
    read_classifier,
    shipped_names,
    write_classifier,
)
from evofool.config import make_config
from evofool.evolution.plan import configure, load_configured
from evofool.support.errors import UserError
from evofool.support.lock import locked


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two LeNets with random weights: `lenet` and `mine`."""
    folder = tmp_path_factory.mktemp("weights")
    params = make_network(lenet_card()).init(jax.random.key(0))
    for name in ("lenet", "mine"):
        card = dataclasses.replace(lenet_card(), name=name)
        write_classifier(folder / f"{name}.safetensors", card, params)
    return folder


def test_a_classifier_survives_writing(folder):
    again = read_classifier(folder / "mine.safetensors")
    assert again.card.name == "mine"
    expected = make_network(lenet_card()).init(jax.random.key(0))
    jax.tree.map(np.testing.assert_array_equal, again.params, expected)


@pytest.mark.parametrize(
    ("name", "weights", "found"),
    [
        ("lenet", "", "lenet"),
        ("mine", "", "mine"),
        ("mine", "mine.safetensors", "mine"),
        ("lenet", "mine.safetensors", "mine"),
    ],
)
def test_weights_are_a_file_or_a_folder(name, weights, found, folder):
    assert load_classifier(name, weights=folder / weights).card.name == found


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("lennet", None, "unknown classifier 'lennet'; did you mean 'lenet'? valid: "),
        ("other", "mine.safetensors", "holds weights of 'mine' (family 'lenet'), not of 'other'"),
        ("resnet18", None, "any other network needs weights, the folder with resnet18.safetensors"),
        ("mime", "", "'mime'; did you mean 'mine'? valid: lenet, mine"),
        ("mine", "nowhere", "no weights at"),
        ("mock:10", "mine.safetensors", "takes no weights"),
    ],
)
def test_names_that_do_not_fit_are_explained(name, weights, message, folder):
    with pytest.raises(UserError) as caught:
        load_classifier(name, weights=None if weights is None else folder / weights)
    assert message in str(caught.value)


def test_a_folder_without_weights_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no weights at .*mine\.safetensors"):
        load_classifier("mine", weights=tmp_path)


def test_weights_without_their_card_are_refused(folder, tmp_path):
    (tmp_path / "lenet.safetensors").write_bytes((folder / "lenet.safetensors").read_bytes())
    with pytest.raises(UserError, match=r"has no card, lenet\.json, .* make the weights again"):
        load_classifier("lenet", weights=tmp_path)


class KilledError(Exception):
    """Stands for a process that ends without a chance to do anything."""


def test_a_process_that_is_killed_leaves_no_card_that_is_about_other_weights(
    folder, tmp_path, monkeypatch
):
    path = tmp_path / "new" / "lenet.safetensors"
    classifier = load_classifier("lenet", weights=folder)
    card, params = dataclasses.replace(classifier.card, name="lenet"), classifier.params
    write_classifier(path, card, params)

    def die(card, path):
        raise KilledError

    monkeypatch.setattr(Card, "write", die)
    with pytest.raises(KilledError):
        write_classifier(path, card, params)
    with pytest.raises(UserError, match="make the weights again"):
        read_classifier(path)
    monkeypatch.undo()
    write_classifier(path, card, params)
    assert read_classifier(path).card.sha256 == card.sha256
    assert {file.name for file in path.parent.iterdir()} == {"lenet.safetensors", "lenet.json"}


def test_weights_and_card_are_written_by_one_process_at_a_time(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "PATIENCE", 0.05)
    classifier = load_classifier("lenet", weights=folder)
    path = tmp_path / "lenet.safetensors"
    with locked(path), pytest.raises(UserError, match="is being written by process"):
        write_classifier(path, classifier.card, classifier.params)


def test_the_lenet_ships():
    assert "lenet" in shipped_names()


MODULE = """
from evofool.classifiers import load_classifier

def factory():
    return load_classifier("mock:3")

def wrong():
    return 3
"""


def test_a_factory_in_the_working_directory_is_found(in_tmp_path):
    (in_tmp_path / "my_classifiers.py").write_text(MODULE)
    assert load_classifier("my_classifiers:factory").card.outputs == 3
    with pytest.raises(UserError, match="gave a int; expected an evofool"):
        load_classifier("my_classifiers:wrong")
    with pytest.raises(UserError, match="'fatcory'; did you mean 'factory'"):
        load_classifier("my_classifiers:fatcory")
    with pytest.raises(UserError, match="there is no module 'my_clasifiers'"):
        load_classifier("my_clasifiers:factory")


def test_what_fails_in_a_module_of_ones_own_is_named_with_its_line(in_tmp_path):
    (in_tmp_path / "my_import.py").write_text("import not_a_module_at_all\n")
    (in_tmp_path / "my_syntax.py").write_text("def (:\n")
    (in_tmp_path / "my_card.py").write_text(
        "from evofool import Card\n\ndef make():\n    return build()\n\n"
        "def build():\n    return Card(nam='mine')\n"
    )
    with pytest.raises(UserError, match=r"my_import:make failed: ModuleNotFoundError.*py, line 1"):
        load_classifier("my_import:make")
    with pytest.raises(UserError, match=r"my_syntax:make failed: SyntaxError: .*py, line 1"):
        load_classifier("my_syntax:make")
    with pytest.raises(
        UserError, match=r"my_card:make failed: TypeError: .+ \(.*my_card\.py, line 7\)$"
    ) as caught:
        load_classifier("my_card:make")
    assert isinstance(caught.value.__cause__, TypeError)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("raise evofool.UserError('no key')", "no key"),
        ("return evofool.load_classifier('lennet')", "'lennet'"),
    ],
)
def test_what_evofool_refuses_a_module_of_ones_own_is_said_to_come_from_there(
    in_tmp_path, line: str, says: str
):
    (in_tmp_path / "my_model.py").write_text(f"import evofool\n\ndef make():\n    {line}\n")
    with pytest.raises(
        UserError, match=rf"my_model.py:make failed: .*{says}.*my_model\.py, line 4"
    ):
        load_classifier("my_model.py:make")


@pytest.mark.parametrize("preset", ["imagenet-cppn", "imagenet-direct"])
def test_presets_for_imagenet_ask_for_a_classifier(preset):
    with pytest.raises(UserError, match="give --classifier NAME --weights DIR"):
        load_configured(make_config(preset=preset))


def test_a_model_outside_jax_has_no_other_fitness():
    outside = dataclasses.replace(load_classifier("mock:5"), kind="probabilities")
    with pytest.raises(UserError, match="'mock:5' runs outside JAX"):
        configure(outside, make_config(fitness="probability"))


def test_fitness_by_probability_ends_where_float32_does():
    config = make_config(classifier="mock:5", fitness="probability")
    classifier = load_configured(config)
    certain = jax.tree.map(lambda weights: 100 * weights, classifier.params)
    images = np.random.default_rng(0).random((4, 28, 28, 1), np.float32)
    fitness = np.asarray(classifier.apply(certain, jax.device_put(images)))
    assert classifier.kind == "log_odds"
    assert np.isfinite(fitness).all()
    assert fitness.max() < 17
