"""The README's own examples, as they stand there."""

import re
from pathlib import Path

import pytest

import evofool
from evofool.classifiers.classifier import check_classifier
from evofool.classifiers.loading import load_classifier

README = Path(__file__).parents[1] / "README.md"
MODULES = dict(re.findall(r"```python\n# (\w+)\.py\n(.*?)```", README.read_text(), re.DOTALL))


def test_the_readme_shows_a_function_a_flax_module_and_a_model_outside_jax():
    assert set(MODULES) == {"mine", "mine_in_flax", "mine_outside_jax"}


@pytest.mark.parametrize("name", MODULES)
def test_the_readmes_classifiers_run(name, tmp_path, monkeypatch):
    (tmp_path / f"{name}.py").write_text(MODULES[name])
    monkeypatch.syspath_prepend(tmp_path)
    check_classifier(load_classifier(f"{name}:make"))
    run = evofool.evolve(f"{name}:make", generations=2, batch_size=4, out=tmp_path / "run")
    assert len(run.elites()) == run.card.classes
