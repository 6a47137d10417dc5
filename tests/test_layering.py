"""Arrows point one way, from room to lower room; a package's `__init__` is its only door.

Imports count wherever they stand: in functions, and under TYPE_CHECKING as well.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.doors import DOORS, PACKAGES, ROOMS, ROOT, public

# What may be imported by what comes later. The configuration, and its fields as keyword arguments,
# stand between the rooms: they need the lowest only, and most rooms read them. The public names of
# evofool are for the command line alone.
ORDER = (
    *(
        "cppn",
        "archive",
        "evofool.support",
        "evofool.presets",
        "evofool.config",
        "evofool.settings",
    ),
    "evofool.drawing",
    *(f"evofool.{room}" for room in ROOMS[1:]),
)
# Tests of something else than the module beside them.
NOT_OF_ONE_MODULE = {
    "classifiers/architectures/test_digit_networks.py": "what networks for MNIST have in common",
    "cli/test_main.py": "all commands",
    "evolution/test_kill.py": "whole processes",
    "runs/test_remote_runs.py": "runs by URL, and what they need",
    "test_tutorials.py": "the programs of the documentation",
}


class Import(NamedTuple):
    """One imported name: `from module import name`, or `import module`, where name is empty.

    Attributes:
        runs: when it does: "loaded" with the file, "called" with a function, or "typing", under
            TYPE_CHECKING.
    """

    file: Path
    line: int
    module: str
    name: str
    runs: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}: {self.module} {self.name}"


@cache
def files_of(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def nodes_of(node: ast.AST, runs: str = "loaded") -> Iterator[tuple[ast.AST, str]]:
    """Walks a tree; says of every node when it runs: "loaded", "typing" or "called"."""
    for child in ast.iter_child_nodes(node):
        where = runs
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            where = "called"
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            where = "typing"
        yield child, where
        yield from nodes_of(child, where)


@cache
def imports_of(file: Path) -> list[Import]:
    found = []
    for node, runs in nodes_of(tree_of(file)):
        if isinstance(node, ast.Import):
            found += [Import(file, node.lineno, alias.name, "", runs) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: write imports in full"
            module = node.module or ""
            found += [Import(file, node.lineno, module, alias.name, runs) for alias in node.names]
    return found


def imports_in(*folders: str) -> Iterator[Import]:
    return (found for folder in folders for file in files_of(folder) for found in imports_of(file))


def module_of(file: Path) -> str:
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def place_of(module: str) -> int:
    """Returns the place of a module in `ORDER`; evofool's public names come last."""
    places = (place for place, package in enumerate(ORDER) if is_within(module, package))
    return next(places, len(ORDER) - 1)


def full_name(found: Import) -> str:
    """Names the module that is imported: `from evofool import config` imports evofool.config."""
    return f"{found.module}.{found.name}" if found.module == "evofool" else found.module


def test_no_room_imports_from_a_higher_one():
    upward = [
        str(found)
        for found in imports_in("evofool")
        if found.module.split(".")[0] in PACKAGES
        and place_of(full_name(found)) > place_of(module_of(found.file))
    ]
    assert upward == []


def test_every_room_is_in_the_order():
    folders = {path.parent.name for path in (ROOT / "evofool").glob("*/__init__.py")}
    assert folders == set(ROOMS)


def test_cppn_and_archive_stand_alone():
    inward = [
        str(found)
        for package in ("cppn", "archive")
        for found in imports_in(package)
        if found.module.split(".")[0] in {*PACKAGES, "tests", "scripts"} - {package}
    ]
    assert inward == []


def test_nothing_imports_tests_or_scripts():
    wrong = [f for f in imports_in(*PACKAGES) if f.module.split(".")[0] in ("tests", "scripts")]
    assert wrong == []


def test_packages_are_entered_by_their_doors():
    beside = []
    for door in set(DOORS) - {"evofool"}:
        # benchmarks, among the scripts, take evofool apart
        folders = PACKAGES if door.startswith("evofool") else (*PACKAGES, "scripts")
        beside += [
            str(found)
            for found in imports_in(*folders)
            if found.module.startswith(f"{door}.") and not is_within(module_of(found.file), door)
        ]
    assert beside == []


def test_only_public_names_are_imported():
    private = [
        str(found)
        for found in imports_in(*PACKAGES, "scripts")
        if found.module in DOORS
        and found.name
        and not is_within(module_of(found.file), found.module)
        and found.name not in public(found.module)
    ]
    assert private == []


def test_only_public_names_are_used_of_a_package():
    wrong = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {node.value.id}.{node.attr}"
        for folder in ("evofool", "scripts")
        for file in files_of(folder)
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("cppn", "archive")
        and node.attr not in public(node.value.id)
    ]
    assert wrong == []


def test_no_module_is_imported_in_a_circle():
    modules = {module_of(file): file for package in PACKAGES for file in files_of(package)}
    graph = {
        name: {
            target
            for found in imports_of(file)
            if found.runs != "called"
            for target in (found.module, f"{found.module}.{found.name}")
            if target in modules and not is_within(name, target)
        }
        for name, file in modules.items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a circle: {' <- '.join((*path, name))}"
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_tests_mirror_the_rooms():
    root = ROOT / "tests" / "evofool"
    tests = [path.relative_to(root) for path in sorted(root.rglob("test_*.py"))]
    alone = {
        str(test)
        for test in tests
        if not (ROOT / "evofool" / test.parent / test.name.removeprefix("test_")).exists()
    }
    assert alone == set(NOT_OF_ONE_MODULE)
