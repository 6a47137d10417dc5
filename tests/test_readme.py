"""The examples of the README and of the site, as they stand there, and what they name."""

import re
from pathlib import Path

import pytest

import evofool
from evofool.classifiers import check_classifier, load_classifier
from evofool.cli import COMMANDS, main
from tests.documents import DOCUMENTS, README, blocks_of, commands_in
from tests.doors import ROOT

OWN = (ROOT / "docs/own-classifier.md").read_text(encoding="utf-8")
MODULES = dict(re.findall(r"```python\n# (\w+)\.py\n(.*?)```", OWN, re.DOTALL))


def test_the_readme_is_short():
    assert len(README.read_bytes()) <= 9000


def test_the_site_shows_a_function_a_flax_module_and_a_model_outside_jax():
    assert set(MODULES) == {"mine", "mine_in_flax", "mine_outside_jax"}


@pytest.mark.parametrize("name", MODULES)
def test_classifiers_of_ones_own_run(name, tmp_path, monkeypatch):
    (tmp_path / f"{name}.py").write_text(MODULES[name], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    check_classifier(load_classifier(f"{name}:make"))
    run = evofool.evolve(
        f"{name}:make", encoding="direct", generations=2, batch_size=4, out=tmp_path / "run"
    )
    assert len(run.elites()) == run.card.classes


def test_the_documents_name_commands_and_flags_that_exist(capsys: pytest.CaptureFixture[str]):
    blocks = [
        block
        for document in DOCUMENTS
        for _, block in blocks_of(document.read_text(encoding="utf-8"))
    ]
    commands = [words for block in blocks for words in commands_in(block)]
    assert len(commands) > 100
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


def test_the_map_of_rooms_has_every_room():
    map_ = (ROOT / "docs/house.md").read_text(encoding="utf-8")
    mapped = re.findall(r"^\| `evofool/(\w+)/` \|", map_, flags=re.MULTILINE)
    rooms = {door.parent.name for door in ROOT.glob("evofool/*/__init__.py")}
    assert set(mapped) == rooms


def test_every_public_name_has_a_place_on_the_page_of_its_room():
    stub = (ROOT / "evofool/__init__.pyi").read_text(encoding="utf-8")
    index = (ROOT / "docs/api/index.md").read_text(encoding="utf-8")
    for room, name in re.findall(r"^from \.(\w+) import (\w+) as", stub, flags=re.MULTILINE):
        page = (ROOT / f"docs/api/{room}.md").read_text(encoding="utf-8")
        has_place = re.search(rf"(\W{name}[,\]]|^::: \S+\.{name}$)", page, flags=re.MULTILINE)
        assert has_place, f"add {name} to docs/api/{room}.md, and to index.md beside it"
        assert f"`{name}`" in index, f"add {name} to docs/api/index.md"
