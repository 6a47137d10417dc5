"""The README's own examples, as they stand there, and what the documents name."""

import re
import shlex
from pathlib import Path

import pytest

import evofool
from evofool.classifiers import check_classifier, load_classifier
from evofool.cli import COMMANDS, main

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = [README, *sorted((ROOT / "docs").glob("*.md"))]
TEXT = README.read_text(encoding="utf-8")
MODULES = dict(re.findall(r"```python\n# (\w+)\.py\n(.*?)```", TEXT, re.DOTALL))


def test_the_readme_shows_a_function_a_flax_module_and_a_model_outside_jax():
    assert set(MODULES) == {"mine", "mine_in_flax", "mine_outside_jax"}


@pytest.mark.parametrize("name", MODULES)
def test_the_readmes_classifiers_run(name, tmp_path, monkeypatch):
    (tmp_path / f"{name}.py").write_text(MODULES[name], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    check_classifier(load_classifier(f"{name}:make"))
    run = evofool.evolve(
        f"{name}:make", encoding="direct", generations=2, batch_size=4, out=tmp_path / "run"
    )
    assert len(run.elites()) == run.card.classes


def commands_of(document: Path) -> list[list[str]]:
    """The commands in a document's blocks of code, without comments and what follows a pipe."""
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    fenced = "\n".join(text.split("```")[1::2])
    lines = re.findall(r"^(evofool .*)$", fenced, flags=re.MULTILINE)
    lines += re.findall(r"^ {4}(evofool .*)$", text, flags=re.MULTILINE)
    return [shlex.split(line.split(" &")[0], comments=True)[1:] for line in lines]


def test_the_documents_name_commands_and_flags_that_exist(capsys: pytest.CaptureFixture[str]):
    commands = [words for document in DOCUMENTS for words in commands_of(document)]
    assert len(commands) > 30
    unknown = []
    for words in commands:
        name = next(n for n in (" ".join(words[:2]), words[0]) if n in COMMANDS)
        subcommand = words[1:2] if name == "attack" else []
        with pytest.raises(SystemExit):
            main([*name.split(), *subcommand, "--help"])
        shown = capsys.readouterr().out
        flags = [word.split("=")[0] for word in words if word.startswith("--")]
        unknown += [f"{name} {flag}" for flag in flags if f" {flag} " not in shown]
    assert unknown == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_and_paths_of_documents_lead_somewhere(document: Path):
    text = document.read_text(encoding="utf-8")
    links = [target.split("#")[0] for target in re.findall(r"\]\((?!http)([^)]+)\)", text)]
    paths = re.findall(r"`((?:evofool|cppn|archive|tests|scripts|docs)/[\w/.-]*)`", text)
    missing = [link for link in links if not (document.parent / link).exists()]
    missing += [path for path in paths if not (ROOT / path).exists()]
    assert missing == []


def test_the_map_of_rooms_has_every_room_in_order():
    map_ = (ROOT / "docs/house.md").read_text(encoding="utf-8")
    mapped = re.findall(r"^\| `evofool/(\w+)/` \|", map_, flags=re.MULTILINE)
    in_readme = re.findall(r"^\| `(\w+)/` \|", TEXT, flags=re.MULTILINE)
    rooms = {door.parent.name for door in ROOT.glob("evofool/*/__init__.py")}
    assert set(mapped) == rooms
    assert in_readme == mapped
