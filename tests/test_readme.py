"""The examples of the README and of the site, as they stand there, and what they name."""

import json
import re
import shlex
from pathlib import Path

import pytest

import evofool
from evofool import Run
from evofool.classifiers import check_classifier, load_classifier
from evofool.cli import COMMANDS, main

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [
    page
    for folder in (".", "tutorials", "results", "api")
    for page in sorted((ROOT / "docs" / folder).glob("*.md"))
]
DOCUMENTS = [README, ROOT / "CONTRIBUTING.md", *PAGES]
OWN = (ROOT / "docs/own-classifier.md").read_text(encoding="utf-8")
MODULES = dict(re.findall(r"```python\n# (\w+)\.py\n(.*?)```", OWN, re.DOTALL))
# whose other commands and snippets run as they stand, after `evofool evolve`, whose run is RUN
PAGES_RUN = ("index", "hooks", "reproducibility", "artists")
EXECUTED = [README, *(ROOT / f"docs/{name}.md" for name in PAGES_RUN)]


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


def blocks_of(document: Path) -> list[tuple[str, str]]:
    """Blocks of code, fenced or indented, each with its language if it names one."""
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return fenced + [("", line) for line in re.findall(r"^ {4}(evofool .*)$", text, re.MULTILINE)]


def commands_in(block: str) -> list[list[str]]:
    """The commands of a block, without comments and what follows a pipe or an ampersand."""
    lines = re.findall(r"^(evofool .*)$", block, flags=re.MULTILINE)
    return [
        shlex.split(command.strip(), comments=True)[1:]
        for line in lines
        for command in re.findall(r"evofool [^;]*", line.split(" &")[0])
    ]


def write_favourites(run: Run, path: Path) -> None:
    """Saves two favourites as a browser does."""
    favourites = [
        {
            "run": run.folder.name,
            "seed": elite.seed,
            "run_index": elite.run_index,
            "class_index": elite.class_index,
            "label": elite.label,
            "born": list(elite.born),
        }
        for elite in (run["3"], run["7"])
    ]
    content = {"format": "evofool-favourites", "version": 1, "favourites": favourites}
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.slow
def test_what_documents_show_runs(in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = evofool.evolve(quiet=True)
    (in_tmp_path / "docs").symlink_to(ROOT / "docs")
    seen = []
    for document in EXECUTED:
        write_favourites(Run(run.folder), in_tmp_path / "favourites.json")  # `resume` has others
        for language, block in blocks_of(document):
            if language == "python":
                exec(compile(block, document.name, "exec"), {"__name__": document.stem})
            for name, value in re.findall(r"^export (\w+)=(.*)$", block, flags=re.MULTILINE):
                monkeypatch.setenv(name, value)
            for command in commands_in(block):
                words = [str(run.folder) if word == "RUN" else word for word in command]
                to_be_filled_in = any(word.isupper() for word in words)  # NAME, DIR
                if not to_be_filled_in and words not in seen:
                    assert main(words) == 0, words
                    seen.append(words)


@pytest.mark.slow
def test_what_the_page_of_sweeps_shows_runs(in_tmp_path: Path):
    blocks = blocks_of(ROOT / "docs/sweeps.md")
    plan = next(block for language, block in blocks if language == "toml")
    for many, few in ("seeds = 10", "seeds = 2"), ("generations = 100", "generations = 2"):
        assert many in plan
        plan = plan.replace(many, few)
    Path("rates.toml").write_text(plan, encoding="utf-8")
    for language, block in blocks:
        for words in commands_in(block):
            assert main(words) == 0, words
        if language == "python":
            exec(compile(block, "sweeps.md", "exec"), {"__name__": "sweeps"})
    assert Path("rates.png").exists()


def test_the_documents_name_commands_and_flags_that_exist(capsys: pytest.CaptureFixture[str]):
    blocks = [block for document in DOCUMENTS for _, block in blocks_of(document)]
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
